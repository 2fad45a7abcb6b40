//! A login inside a session: locked against others, recorded before the user is sent off, stored before
//! it is used; or handed out to be finished elsewhere.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::entropy::Entropy;
use crate::error::{Error, Misuse, Refusal};
use crate::flow::{Binding, Flow, Grant, Login, RedirectUri, Settings, Step};
use crate::http::Request;
use crate::session::access::{Want, client_is_gone, save};
use crate::session::machine::{AfterSave, Lock, Session, State};
use crate::session::record::Record;
use crate::time::UnixTime;
use crate::wire::{AuthorizationUrl, Issuer};

/// A login under way.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) flow: Flow,
    /// Whether the client was written down, so that the user can be sent off.
    recorded: bool,
    /// The issuer of the tokens that are stored, if this login is to another.
    pub(crate) moved_from: Option<Issuer>,
    /// Whether the login lock is held. Not by who resumes a login that another one handed out.
    locked: bool,
}

pub(crate) enum Next {
    Http(Request),
    Browser(AuthorizationUrl),
}

impl Running {
    /// The flow's next step.
    pub(crate) fn next(&mut self) -> Result<Next, Error> {
        match self.flow.step()? {
            Step::Http { request, .. } => Ok(Next::Http(request)),
            Step::Browser { url, .. } => Ok(Next::Browser(url)),
            // A flow that is done is stored in the same breath.
            Step::Done(_) => Err(Error::LoginRequired),
        }
    }
}

impl Session {
    /// Starts the login, under its lock.
    pub(crate) fn run(
        &mut self,
        want: Want,
        redirect_uri: RedirectUri,
        entropy: Entropy,
        now: UnixTime,
    ) -> State {
        let mut login = Login::new(Arc::clone(&self.held.settings), redirect_uri, entropy, now);
        if let Some(record) = &self.held.record {
            let mut before = (*record.binding).clone();
            if self.refused_scopes {
                before.requested = None;
            }
            login = login.before(before);
        }
        if self.refused_client == Some(self.generation()) {
            login = login.client_is_gone();
        }
        if let Some(challenge) = want.challenge {
            login = login.challenge(*challenge);
        }
        match Flow::login(login) {
            Ok(flow) => self.settle(
                Box::new(Running { flow, recorded: false, moved_from: None, locked: true }),
                now,
            ),
            Err(error) => unlock(State::Failed(Box::new(error))),
        }
    }

    /// Where the login stands after an answer.
    pub(crate) fn settle(&mut self, mut running: Box<Running>, now: UnixTime) -> State {
        let locked = running.locked;
        if let Err(error) = running.flow.step() {
            if let Error::Refused(refusal) = &error {
                self.learn(refusal);
            }
            return release(locked, State::Failed(Box::new(error)));
        }
        running.flow = match running.flow.into_grant() {
            Ok(Grant { binding, tokens }) => {
                let generation = self.next_generation(now);
                let record = Record::new(generation, now, binding.into(), Some(tokens));
                return save(record, self.generation(), AfterSave::LoggedIn { tries: 0, locked });
            }
            Err(flow) => flow,
        };
        if !running.recorded
            && let Some(binding) = running.flow.binding()
        {
            let record = self.registration_record(binding, now);
            let before = self.held.record.as_ref().map(|record| &record.binding.server.issuer);
            running.moved_from = before.filter(|before| **before != binding.server.issuer).cloned();
            running.recorded = true;
            if let Some(record) = record {
                return save(record, self.generation(), AfterSave::Registered(running));
            }
        }
        State::Run(running)
    }

    /// What the next login does otherwise.
    fn learn(&mut self, refusal: &Refusal) {
        if client_is_gone(refusal) {
            self.refused_client = Some(self.generation());
        }
        self.refused_scopes |= &*refusal.code == "invalid_scope";
    }

    /// What is written before the user is sent off: the client, so that a login that is given up need
    /// not register again, and a store that cannot be written is found out in time. `None` while there
    /// is a grant that may still serve: it stays until the new one is there. A refresh token may, even if
    /// by this clock the client's secret is expired: the clock may be wrong.
    fn registration_record(&self, binding: &Binding, now: UnixTime) -> Option<Record> {
        let serves = |record: &Record| {
            record.tokens.as_ref().is_some_and(|tokens| {
                tokens.refresh_token.is_some() || tokens.lives(now, Duration::ZERO)
            })
        };
        let known = |record: &Record| {
            record.binding.server == binding.server && record.binding.client == binding.client
        };
        if self.held.record.as_ref().is_some_and(|record| serves(record) || known(record)) {
            return None;
        }
        let mut binding = binding.clone();
        // Scopes that were asked for in vain are not asked for again.
        binding.requested = None;
        Some(Record::new(self.next_generation(now), now, binding.into(), None))
    }

    /// Takes the login out of the session, to be finished elsewhere or not at all.
    pub(crate) fn give_up(&mut self, why: Error) -> Option<Flow> {
        match core::mem::replace(&mut self.state, State::Failed(Box::new(why))) {
            State::Run(running) => {
                let failed = core::mem::replace(&mut self.state, State::Ready);
                self.state = release(running.locked, failed);
                Some(running.flow)
            }
            state => {
                self.state = state;
                None
            }
        }
    }

    /// A session that finishes a login which another one handed out. It has no lock, and its turns go
    /// on where the other's stopped: with the browser.
    ///
    /// # Errors
    ///
    /// [`Misuse::ForeignLogin`] if the login is to another server than the settings name,
    /// [`Misuse::ForeignProfile`] if it is for another profile: its tokens are somebody else's.
    pub fn resume(
        settings: Arc<Settings>,
        profile: &str,
        pending: PendingLogin,
    ) -> Result<Self, Error> {
        if *pending.profile != *profile {
            let (expected, found) = (pending.profile, profile.into());
            return Err(Misuse::ForeignProfile { expected, found }.into());
        }
        let resource = pending.flow.binding().map_or("", Binding::resource);
        if !settings.server.is_part_of(resource) {
            let server = settings.server.as_str().into();
            return Err(Misuse::ForeignLogin { server, resource: resource.into() }.into());
        }
        let mut session = Self::new(settings);
        session.state = State::Run(Box::new(Running {
            flow: pending.flow,
            recorded: true,
            moved_from: None,
            locked: false,
        }));
        Ok(session)
    }
}

/// A login that waits for its redirect, detached from the session that began it: it can be stored, and
/// finished by another process with [`Session::resume`].
///
/// # Security
///
/// Serialized, it holds the PKCE verifier: keep it where tokens are kept.
#[derive(Debug, Serialize, Deserialize)]
pub struct PendingLogin {
    profile: Box<str>,
    flow: Flow,
}

impl PendingLogin {
    pub(crate) fn new(profile: &str, flow: Flow) -> Self {
        Self { profile: profile.into(), flow }
    }

    /// Whose tokens the login brings.
    #[must_use]
    pub fn profile(&self) -> &str {
        &self.profile
    }

    /// The URL that the user has to visit; its `state` tells which redirect belongs to this login.
    #[must_use]
    pub fn connect_url(&self) -> Option<AuthorizationUrl> {
        self.flow.authorization_url()
    }
}

/// Releases the login lock if it is held.
pub(crate) fn release(locked: bool, then: State) -> State {
    if locked { unlock(then) } else { then }
}

fn unlock(then: State) -> State {
    State::Unlock(Lock::Login, Box::new(then))
}
