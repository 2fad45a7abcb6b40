//! The client that all profiles of a store share: looked for before one is registered, registered under its
//! lock, and doubted by all or by none.
//!
//! ```text
//!  Register ─▶ Lock ─▶ Load ─┬─ it serves ────────────────▶ (Save: doubted) ─┬─▶ Unlock ─▶ Browser
//!                            ├─ at another port ─▶ Prepare ─┬─ the port is had ─┤
//!                            │                              ▼ it is taken      │
//!                            └─ none, or refused ──────▶ Http ─▶ Save ─────────┘
//! ```
//!
//! A server that has forgotten a client shows its users a page about that and sends nobody back. So a client
//! is in doubt from the moment that a user is sent off with it until tokens come through it, whoever's they
//! are. Who waited in vain uses it again if that happened meanwhile, and replaces it for all if it did not.
//!
//! A listener that takes any port has another one for each profile, and authorization servers compare redirect
//! URIs. So one record stands for all ports: it names the one that was registered last, and the listener is asked
//! for that before another client is registered in its place.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::flow::RedirectUri;
use crate::session::authorization::Snapshot;
use crate::session::claim::Claim;
use crate::session::login::{Login, LoginProgress, PATIENCE};
use crate::session::machine::{Next, Op, Session};
use crate::session::record::Record;
use crate::session::shared::SharedClient;
use crate::session::transaction::{Lock, Saving};
use crate::session::turn::{Ask, Event};
use crate::time::UnixTime;
use crate::wire::{Registration, RegistrationKind};

/// Where a login stands that looks for the client of all profiles. The login lock is held.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Client {
    /// It waits for the client's lock, to register it.
    Lock(Box<LoginProgress>),
    /// A look under that lock at whether it is registered.
    Load(Box<LoginProgress>),
    /// Where the user will come back to, once more: if it can be where the client that is kept here is registered.
    Prepare(Box<LoginProgress>, Box<Record>),
    /// The client is written down, or that it is doubted: the login goes on with it.
    Save(Box<Saving>, Box<LoginProgress>),
}

impl Client {
    pub(crate) fn ask(&self, _: &Snapshot) -> Result<Ask, Error> {
        Ok(match self {
            Self::Lock(_) => Ask::Lock(Lock::Client),
            Self::Load(_) => Ask::Load,
            Self::Prepare(..) => Ask::Prepare,
            Self::Save(..) => Ask::Save,
        })
    }

    pub(crate) fn handle(self, event: Event<'_>, session: &mut Session) -> Next {
        match (self, event) {
            (Self::Lock(progress), Event::Locked) => Next::to(Self::Load(progress)),
            (Self::Load(progress), Event::Loaded(stored, now)) => {
                Next::To(session.client_loaded(progress, stored, now))
            }
            (Self::Prepare(progress, shared), Event::Prepared(redirect_uri, _, now)) => {
                Next::To(session.prepared_again(progress, &shared, redirect_uri, now))
            }
            (Self::Save(_, progress), Event::Saved(now)) => {
                Next::To(Lock::Client.release(session.settle(progress, now)))
            }
            // Somebody logs in without respecting the lock: what this login has registered is good for it.
            (Self::Save(_, progress), Event::Conflict(_)) => {
                Next::To(Lock::Client.release(Login::Run(progress)))
            }
            (Self::Lock(progress), Event::Cancelled) => {
                Next::To(session.take_back(progress.doubts))
            }
            (Self::Load(progress) | Self::Prepare(progress, _), Event::Cancelled) => {
                Next::To(Lock::Client.release(session.take_back(progress.doubts)))
            }
            (client, _) => Next::stay(client),
        }
    }

    pub(crate) fn progress(&self) -> &LoginProgress {
        match self {
            Self::Lock(progress)
            | Self::Load(progress)
            | Self::Prepare(progress, _)
            | Self::Save(_, progress) => progress,
        }
    }
}

impl Session {
    /// What comes before a registration, or after it. A login that has to do with neither goes on.
    pub(crate) fn share(
        &mut self,
        mut progress: Box<LoginProgress>,
        now: UnixTime,
    ) -> Result<Box<LoginProgress>, Op> {
        let settings = &self.held.settings;
        let shares = settings.client_records && !settings.registers_each_profile;
        let registers = progress.flow.registration().filter(|_| shares);
        if let Some(it) = registers {
            let issuer = it.server.issuer.as_str().into();
            let redirect_uri = it.redirect_uri.lasting_part();
            let shared = SharedClient::Registered { issuer, redirect_uri };
            if progress.replaces.is_some() {
                return Ok(progress);
            }
            self.shared = Some(shared.into());
            return Err(Client::Lock(progress).into());
        }
        let Some(binding) = progress.flow.binding() else { return Ok(progress) };
        let Some(expected) = progress.replaces else {
            let client = SharedClient::of(binding, settings);
            if let Some(client @ SharedClient::Brought { .. }) = client
                && progress.has_to_look_whose_it_is()
            {
                self.shared = Some(client.into());
                return Err(Claim::Load(progress).into());
            }
            return Ok(progress);
        };
        let mut binding = binding.clone();
        binding.forget_requested();
        progress.replaces = None;
        progress.is_adopted = false;
        let record = Record::new(now, binding.into(), None);
        Err(Client::Save(Saving::new(record, expected), progress).into())
    }

    /// The client's record was read, under its lock.
    fn client_loaded(
        &mut self,
        mut progress: Box<LoginProgress>,
        stored: Option<Record>,
        now: UnixTime,
    ) -> Op {
        let expected = stored.as_ref().map_or(0, |record| record.generation);
        // One that was put under the wrong key is none.
        let settings = &self.held.settings;
        let is_it = |it: &Record| {
            SharedClient::of(&it.binding, settings).as_ref() == self.shared.as_deref()
        };
        let record = stored.filter(is_it);
        let (Some(record), Some(register)) = (record, progress.flow.registration()) else {
            progress.replaces = Some(expected);
            return Login::Run(progress).into();
        };
        let client = &record.binding.client;
        if !register.is_served_by(client, &self.held.settings, now) || self.is_in_vain(&record, now)
        {
            progress.flow.widen(client);
            progress.replaces = Some(expected);
            return Login::Run(progress).into();
        }
        let is_elsewhere = register.redirect_uri.as_str() != client.redirect_uri();
        // Who comes back from a page of this login does so to the same place. And what the host was asked for
        // when the login began, it cannot have.
        let is_open = register.instead_of.is_none() && !self.was_asked_for(client);
        if is_elsewhere && is_open {
            return Client::Prepare(progress, record.into()).into();
        }
        self.take_shared(progress, &record, now)
    }

    fn was_asked_for(&self, client: &Registration) -> bool {
        let own = self.held.record.as_ref().map(|own| &own.binding.client);
        own.is_some_and(|own| {
            own.kind == RegistrationKind::Dynamic && own.redirect_uri == client.redirect_uri
        })
    }

    /// Where the user comes back to in the end: where the client is registered, or not.
    fn prepared_again(
        &mut self,
        mut progress: Box<LoginProgress>,
        shared: &Record,
        redirect_uri: RedirectUri,
        now: UnixTime,
    ) -> Op {
        if let Some(register) = progress.flow.registration() {
            register.redirect_uri = redirect_uri;
        }
        self.take_shared(progress, shared, now)
    }

    /// Goes on with a client that serves, unless its user cannot come back there.
    fn take_shared(
        &mut self,
        mut progress: Box<LoginProgress>,
        shared: &Record,
        now: UnixTime,
    ) -> Op {
        let Record { generation, binding, .. } = shared;
        if let Some(register) = progress.flow.registration()
            && register.redirect_uri.as_str() != binding.client.redirect_uri()
        {
            progress.flow.widen(&binding.client);
            progress.replaces = Some(*generation);
            return Login::Run(progress).into();
        }
        progress.flow.adopt(binding.client.clone());
        progress.is_adopted = true;
        match shared.doubting(now + PATIENCE) {
            Some(doubted) => {
                progress.doubts.shared = true;
                Client::Save(Saving::new(doubted, *generation), progress).into()
            }
            None => Lock::Client.release(self.settle(progress, now)),
        }
    }

    /// Whether another login with the client would be in vain, as far as this session or others know.
    fn is_in_vain(&self, shared: &Record, now: UnixTime) -> bool {
        let client = &shared.binding.client;
        let own = self.held.record.as_ref().filter(|own| {
            own.binding.server.is_same(&shared.binding.server)
                && own.binding.client.client_id == client.client_id
        });
        let was_elsewhere = || {
            let mut known = self.held.record.iter().flat_map(|own| own.elsewhere());
            self.refused().elsewhere && known.any(|known| known.client == *client)
        };
        let is_suspected = own.is_some() && self.is_client_in_doubt(now) || was_elsewhere();
        shared.is_doubtful(now)
            || own.is_some() && self.is_client_refused()
            || is_suspected && shared.is_doubted()
    }
}
