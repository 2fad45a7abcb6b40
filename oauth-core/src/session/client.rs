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
use crate::session::event::{Ask, Event};
use crate::session::known::Known;
use crate::session::next::{Next, To};
use crate::session::progress::{LoginProgress, PATIENCE};
use crate::session::record::Record;
use crate::session::shared::SharedClient;
use crate::session::transaction::{Lock, Saving};
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

    pub(crate) fn handle(self, event: Event<'_>, known: &mut Known) -> Next<Self> {
        match (self, event) {
            (Self::Lock(progress), Event::Locked) => Next::Here(Self::Load(progress)),
            (Self::Load(progress), Event::Loaded(stored, now)) => {
                known.client_loaded(progress, stored, now)
            }
            (Self::Prepare(progress, shared), Event::Prepared(redirect_uri, _, now)) => {
                known.prepared_again(progress, &shared, redirect_uri, now)
            }
            (Self::Save(_, progress), Event::Saved(now)) => {
                Next::Away(Lock::Client.release(To::Settle(progress, now)))
            }
            // Somebody logs in without respecting the lock: what this login has registered is good for it.
            (Self::Save(_, progress), Event::Conflict(_)) => {
                Next::Away(Lock::Client.release(To::Run(progress)))
            }
            (Self::Lock(progress), Event::Cancelled) => Next::Away(To::TakeBack(progress.doubts)),
            (Self::Load(progress) | Self::Prepare(progress, _), Event::Cancelled) => {
                Next::Away(Lock::Client.release(To::TakeBack(progress.doubts)))
            }
            (client, _) => Next::Stay(client),
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

impl Known {
    /// The client's record was read, under its lock.
    fn client_loaded(
        &mut self,
        mut progress: Box<LoginProgress>,
        stored: Option<Record>,
        now: UnixTime,
    ) -> Next<Client> {
        let expected = stored.as_ref().map_or(0, |record| record.generation);
        // One that was put under the wrong key is none.
        let settings = &self.held.settings;
        let is_it = |it: &Record| {
            SharedClient::of(&it.binding, settings).as_ref() == self.shared.as_deref()
        };
        let record = stored.filter(is_it);
        let (Some(record), Some(register)) = (record, progress.flow.registration()) else {
            progress.replaces = Some(expected);
            return To::Run(progress).into();
        };
        let client = &record.binding.client;
        if !register.is_served_by(client, &self.held.settings, now) || self.is_in_vain(&record, now)
        {
            progress.flow.widen(client);
            progress.replaces = Some(expected);
            return To::Run(progress).into();
        }
        let is_elsewhere = register.redirect_uri.as_str() != client.redirect_uri();
        // Who comes back from a page of this login does so to the same place. And what the host was asked for
        // when the login began, it cannot have.
        let is_open = register.instead_of.is_none() && !self.was_asked_for(client);
        if is_elsewhere && is_open {
            return Next::Here(Client::Prepare(progress, record.into()));
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
    ) -> Next<Client> {
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
    ) -> Next<Client> {
        let Record { generation, binding, .. } = shared;
        if let Some(register) = progress.flow.registration()
            && register.redirect_uri.as_str() != binding.client.redirect_uri()
        {
            progress.flow.widen(&binding.client);
            progress.replaces = Some(*generation);
            return To::Run(progress).into();
        }
        progress.flow.adopt(binding.client.clone());
        progress.is_adopted = true;
        match shared.doubting(now + PATIENCE) {
            Some(doubted) => {
                progress.doubts.shared = true;
                Next::Here(Client::Save(Saving::boxed(doubted, *generation), progress))
            }
            None => Lock::Client.release(To::Settle(progress, now)).into(),
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
