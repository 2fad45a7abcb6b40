//! The client that all profiles of a store share: looked for before one is registered, registered under its
//! lock, and doubted by all or by none.
//!
//! ```text
//!  Register ─▶ Lock ─▶ Load ─┬─ it serves ────────────────▶ (Save: doubted) ─┬─▶ Unlock ─▶ Browser
//!                            ├─ at another port ─▶ Prepare ─┬─ the port is had ─┤
//!                            │                              ▼ it is taken      │
//!                            └─ none, or refused ──────▶ Http ─▶ Save ─────────┘
//!
//!  tokens ─▶ Load ─┬─ doubted ─▶ Save ─▶ Ready
//!                  └─ not ─────────────▶ Ready
//! ```
//!
//! A server that has forgotten a client shows its users a page about that and sends nobody back. So a client
//! is in doubt from the moment that a user is sent off with it until tokens come through it, whoever's they
//! are. Who waited in vain uses it again if that happened meanwhile, and replaces it for all if it did not.
//!
//! A listener that takes any port has another one for each profile, and authorization servers compare redirect
//! URIs. So one record stands for all ports: it names the one that was registered last, and the listener is asked
//! for that before another client is registered in its place.
//!
//! A client that the host brings with a secret, and without saying whose it is, has a record as well: it
//! belongs to the first authorization server that issued tokens to it, for all profiles.
//!
//! ```text
//!  Browser ─▶ Load ─┬─ this server's, or nobody's ─▶ Save ─┬─▶ Http (the secret leaves) ─┬─ tokens ─▶ Save: for good
//!                   │                     ▲                │                             └─ none ─▶ for some minutes
//!                   │                     └── conflict ────┘
//!                   └─ another's ─▶ an error
//! ```
//!
//! It is written down before the secret leaves: of two first logins to different servers, one sends it. What ends
//! a claim that has brought no tokens is time: a server that does not answer keeps the client from no other.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::error::{Error, PeerIncompatible};
use crate::flow::{Binding, RedirectUri, Settings};
use crate::session::access::MAX_LOST_RACES;
use crate::session::login::{PATIENCE, Running};
use crate::session::machine::{Lock, Session, State};
use crate::session::record::{Key, KeyKind, Record};
use crate::session::saving::{AfterSave, save};
use crate::time::UnixTime;
use crate::wire::{Registration, RegistrationKind};

/// Which client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SharedClient {
    /// The one that is registered: one for each issuer and redirect URI, which is without the port if it may
    /// be any.
    Registered { issuer: Box<str>, redirect_uri: Box<str> },
    /// One that the host brings.
    Brought { client_id: Box<str> },
}

impl SharedClient {
    /// The client of a grant, if there is a record of it.
    fn of(binding: &Binding, settings: &Settings) -> Option<Self> {
        let Binding { server, client, .. } = binding;
        if !settings.client_records {
            None
        } else if client.kind == RegistrationKind::Dynamic && !settings.registers_each_profile {
            let issuer = server.issuer.as_str().into();
            Some(Self::Registered { issuer, redirect_uri: client.lasting_redirect_uri() })
        } else if client.kind == RegistrationKind::PreRegistered
            && client.secret().is_some()
            && settings.client_issuer.is_none()
            && settings.provider.is_none()
        {
            Some(Self::Brought { client_id: client.client_id.clone() })
        } else {
            None
        }
    }
}

impl SharedClient {
    fn key(&self, settings: &Settings) -> Key {
        let application = &settings.application;
        match self {
            Self::Registered { issuer, redirect_uri } => {
                Key { kind: KeyKind::Client, ..Key::grant(application, redirect_uri, issuer) }
            }
            Self::Brought { client_id } => {
                Key { kind: KeyKind::ClientIssuer, ..Key::grant(application, client_id, "") }
            }
        }
    }
}

impl Record {
    /// Where else its client is stored, for a program with these settings: under the key that all profiles share.
    #[must_use]
    pub fn client_key(&self, settings: &Settings) -> Option<Key> {
        Some(SharedClient::of(&self.binding, settings)?.key(settings))
    }
}

/// How far a login is with making the client that the host brings its server's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Claim {
    /// Nobody has looked.
    #[default]
    Unknown,
    /// It was no other server's; so often others wrote whose it is meanwhile.
    Free { lost_races: u8 },
    /// That is written down.
    Taken,
}

impl AfterSave {
    /// Whether the record is the client's, and not the session's own.
    pub(crate) fn is_about_client(&self) -> bool {
        matches!(self, Self::Shared(_) | Self::Vouched | Self::Claimed(_) | Self::Cancelled(_))
    }
}

impl State {
    fn is_about_client(&self) -> bool {
        match self {
            Self::LockClient(_)
            | Self::LoadClient(_)
            | Self::LoadDoubt
            | Self::LoadCancelled(_)
            | Self::LoadIssuer(_)
            | Self::Unlock(Lock::Client, _) => true,
            Self::Save(saving) => saving.then.is_about_client(),
            _ => false,
        }
    }
}

impl Session {
    /// Which record a turn is about.
    pub(crate) fn key_of_turn(&self, profile: &str) -> Key {
        match self.shared.as_deref().filter(|_| self.state.is_about_client()) {
            Some(client) => client.key(&self.held.settings),
            None => self.key(profile),
        }
    }

    /// What comes before a registration, or after it. A login that has to do with neither goes on.
    pub(crate) fn share(
        &mut self,
        mut running: Box<Running>,
        now: UnixTime,
    ) -> Result<Box<Running>, State> {
        let settings = &self.held.settings;
        let shares = settings.client_records && !settings.registers_each_profile;
        let registers = running.flow.registration().filter(|_| shares);
        if let Some(it) = registers {
            let issuer = it.server.issuer.as_str().into();
            let redirect_uri = it.redirect_uri.lasting_part();
            let shared = SharedClient::Registered { issuer, redirect_uri };
            if running.replaces.is_some() {
                return Ok(running);
            }
            self.shared = Some(shared.into());
            return Err(State::LockClient(running));
        }
        let Some(binding) = running.flow.binding() else { return Ok(running) };
        let Some(expected) = running.replaces else {
            let client = SharedClient::of(binding, settings);
            if let Some(client @ SharedClient::Brought { .. }) = client
                && running.has_to_look_whose_it_is()
            {
                self.shared = Some(client.into());
                return Err(State::LoadIssuer(running));
            }
            return Ok(running);
        };
        let mut binding = binding.clone();
        binding.forget_requested();
        running.replaces = None;
        running.is_adopted = false;
        let record = Record::new(now, binding.into(), None);
        Err(save(record, expected, AfterSave::Shared(running)))
    }

    /// The client's record was read, under its lock.
    pub(crate) fn client_loaded(
        &mut self,
        mut running: Box<Running>,
        stored: Option<Record>,
        now: UnixTime,
    ) -> State {
        let expected = stored.as_ref().map_or(0, |record| record.generation);
        // One that was put under the wrong key is none.
        let settings = &self.held.settings;
        let is_it = |it: &Record| {
            SharedClient::of(&it.binding, settings).as_ref() == self.shared.as_deref()
        };
        let record = stored.filter(is_it);
        let (Some(record), Some(register)) = (record, running.flow.registration()) else {
            running.replaces = Some(expected);
            return State::Run(running);
        };
        let client = &record.binding.client;
        if !register.is_served_by(client, &self.held.settings, now) || self.is_in_vain(&record, now)
        {
            running.flow.widen(client);
            running.replaces = Some(expected);
            return State::Run(running);
        }
        let is_elsewhere = register.redirect_uri.as_str() != client.redirect_uri();
        // Who comes back from a page of this login does so to the same place. And what the host was asked for
        // when the login began, it cannot have.
        let is_open = register.instead_of.is_none() && !self.was_asked_for(client);
        if is_elsewhere && is_open {
            return State::PrepareAgain(running, record.into());
        }
        self.take_shared(running, &record, now)
    }

    fn was_asked_for(&self, client: &Registration) -> bool {
        let own = self.held.record.as_ref().map(|own| &own.binding.client);
        own.is_some_and(|own| {
            own.kind == RegistrationKind::Dynamic && own.redirect_uri == client.redirect_uri
        })
    }

    /// Where the user comes back to in the end: where the client is registered, or not.
    pub(crate) fn prepared_again(
        &mut self,
        mut running: Box<Running>,
        shared: &Record,
        redirect_uri: RedirectUri,
        now: UnixTime,
    ) -> State {
        if let Some(register) = running.flow.registration() {
            register.redirect_uri = redirect_uri;
        }
        self.take_shared(running, shared, now)
    }

    /// Goes on with a client that serves, unless its user cannot come back there.
    fn take_shared(&mut self, mut running: Box<Running>, shared: &Record, now: UnixTime) -> State {
        let Record { generation, binding, .. } = shared;
        if let Some(register) = running.flow.registration()
            && register.redirect_uri.as_str() != binding.client.redirect_uri()
        {
            running.flow.widen(&binding.client);
            running.replaces = Some(*generation);
            return State::Run(running);
        }
        running.flow.adopt(binding.client.clone());
        running.is_adopted = true;
        match shared.doubting(now + PATIENCE) {
            Some(doubted) => {
                running.doubts.shared = true;
                save(doubted, *generation, AfterSave::Shared(running))
            }
            None => Lock::Client.release(self.settle(running, now)),
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

    /// Whose the client is that the host brings was read.
    pub(crate) fn issuer_loaded(
        &mut self,
        mut running: Box<Running>,
        stored: Option<Record>,
        now: UnixTime,
    ) -> State {
        let Some(binding) = running.flow.binding() else { return State::Run(running) };
        // A login that has brought no tokens keeps nobody out for long.
        let claimed = stored.as_ref().filter(|record| !record.is_doubtful(now));
        let found = &binding.server.issuer;
        if let Some(Record { binding: claimed, .. }) = claimed
            && !claimed.server.is_of(found.as_str())
        {
            let (expected, found) = (claimed.server.issuer.as_str().into(), found.as_str().into());
            let error = PeerIncompatible::ForeignClient { expected, found };
            return Lock::Login.release(State::Failed(Box::new(error.into())));
        }
        if !running.flow.is_redeeming() {
            running.claim = Claim::Free { lost_races: 0 };
            return self.settle(running, now);
        }
        if claimed.is_some_and(|record| !record.is_doubted()) {
            running.claim = Claim::Taken;
            return self.settle(running, now);
        }
        let expected = stored.as_ref().map_or(0, |record| record.generation);
        let record = issuer_record(binding, now).doubted(Some(now + PATIENCE));
        save(record, expected, AfterSave::Claimed(running))
    }

    /// It is this server's now.
    pub(crate) fn claimed(&mut self, mut running: Box<Running>, now: UnixTime) -> State {
        running.claim = Claim::Taken;
        self.settle(running, now)
    }

    /// Others have written whose the client is since it was read.
    pub(crate) fn claim_again(mut running: Box<Running>) -> State {
        let lost_races = match running.claim {
            Claim::Free { lost_races } => lost_races,
            Claim::Unknown | Claim::Taken => 0,
        };
        if lost_races >= MAX_LOST_RACES {
            return Lock::Login.release(State::Failed(Box::new(Error::Contended)));
        }
        running.claim = Claim::Free { lost_races: lost_races + 1 };
        State::LoadIssuer(running)
    }

    /// Tokens came through the client: nobody has to doubt it, and it belongs to who issued them.
    pub(crate) fn vouch(&mut self) -> State {
        let binding = self.held.record.as_ref().map(|record| &record.binding);
        match binding.and_then(|binding| SharedClient::of(binding, &self.held.settings)) {
            Some(client) => {
                self.shared = Some(client.into());
                State::LoadDoubt
            }
            None => State::Ready,
        }
    }

    /// What is known of it was read.
    pub(crate) fn doubt_loaded(&self, stored: Option<Record>, now: UnixTime) -> State {
        let Some(own) = &self.held.record else { return State::Ready };
        let is_brought = matches!(self.shared.as_deref(), Some(SharedClient::Brought { .. }));
        let is_same = |shared: &Record| {
            let (binding, own) = (&shared.binding, &own.binding);
            binding.client.client_id == own.client.client_id
                && binding.server.is_of(own.server.issuer.as_str())
        };
        match stored {
            Some(shared) if is_same(&shared) && shared.is_doubted() => {
                save(shared.vouched(), shared.generation, AfterSave::Vouched)
            }
            // A claim that has brought no tokens gives way to who issued some.
            stored if is_brought && stored.as_ref().is_none_or(Record::is_doubted) => {
                let expected = stored.map_or(0, |record| record.generation);
                save(issuer_record(&own.binding, now), expected, AfterSave::Vouched)
            }
            _ => State::Ready,
        }
    }
}

impl Running {
    /// Before the user is sent off, and before the secret leaves.
    fn has_to_look_whose_it_is(&self) -> bool {
        match self.claim {
            Claim::Unknown => true,
            Claim::Free { .. } => self.flow.is_redeeming(),
            Claim::Taken => false,
        }
    }
}

/// The record that says whose a client is which the host brings. Its secret is the host's to keep.
fn issuer_record(binding: &Binding, now: UnixTime) -> Record {
    let mut binding = binding.clone();
    binding.forget_requested();
    binding.client.client_secret = None;
    Record::new(now, binding.into(), None)
}
