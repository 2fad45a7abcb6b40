//! A login inside a session: locked against others, recorded before the user is sent off, stored before
//! it is used; or handed out to be finished elsewhere.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::entropy::Entropy;
use crate::error::{Error, Refusal};
use crate::flow::{Before, Binding, Flow, Grant, Login, RedirectUri, Step};
use crate::http::Request;
use crate::session::access::{Want, client_is_gone, save};
use crate::session::machine::{AfterSave, Lock, Session, State};
use crate::session::record::Record;
use crate::time::UnixTime;
use crate::wire::{AuthorizationUrl, Issuer, Registration, RegistrationKind};

/// A login under way, under the login lock.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) flow: Flow,
    /// Whether the client was written down, so that the user can be sent off.
    recorded: bool,
    /// The issuer of the tokens that are stored, if this login is to another.
    pub(crate) moved_from: Option<Issuer>,
    /// Whether the client was registered for an earlier login: the server may have forgotten it.
    is_old_client: bool,
    /// The `state` of a login that was handed out.
    handed_out: Option<Box<str>>,
}

pub(crate) enum Next {
    Http(Request),
    Browser(AuthorizationUrl),
}

impl Running {
    /// A login that was handed out, back from its user.
    pub(crate) fn handed_out(flow: Flow, state: &str) -> Self {
        Self {
            flow,
            recorded: true,
            moved_from: None,
            is_old_client: false,
            handed_out: Some(state.into()),
        }
    }

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
            let mut binding = (*record.binding).clone();
            if self.refused_scopes {
                binding.requested = None;
            }
            let before = Before::new(binding);
            // The one that was refused may be any of them.
            let is_gone = self.refused_client == Some(self.generation());
            login = login.before(if is_gone || record.is_doubtful(now) {
                before.client_is_gone()
            } else {
                before.elsewhere(record.elsewhere().to_vec())
            });
        }
        if let Some(challenge) = want.challenge {
            login = login.challenge(*challenge);
        }
        match Flow::login(login) {
            Ok(flow) => self.settle(
                Box::new(Running {
                    flow,
                    recorded: false,
                    moved_from: None,
                    is_old_client: false,
                    handed_out: None,
                }),
                now,
            ),
            Err(error) => Lock::Login.release(State::Failed(Box::new(error))),
        }
    }

    /// Where the login stands after an answer.
    pub(crate) fn settle(&mut self, mut running: Box<Running>, now: UnixTime) -> State {
        if let Err(error) = running.flow.step() {
            if let Error::Refused(refusal) = &error {
                self.learn(refusal);
            }
            return Lock::Login.release(State::Failed(Box::new(error)));
        }
        running.flow = match running.flow.into_grant() {
            Ok(Grant { binding, tokens }) => {
                let generation = self.next_generation(now);
                let record = Record::new(generation, now, binding.into(), Some(tokens))
                    .after(self.held.record.as_ref(), running.handed_out);
                return save(record, self.generation(), AfterSave::LoggedIn { tries: 0 });
            }
            Err(flow) => flow,
        };
        if !running.recorded
            && let Some(binding) = running.flow.binding()
        {
            let record = self.registration_record(binding, now);
            let before = self.held.record.as_ref().map(|record| &record.binding.server.issuer);
            running.moved_from = before.filter(|before| **before != binding.server.issuer).cloned();
            running.is_old_client = self.has_registered(&binding.client);
            running.recorded = true;
            if let Some(record) = record {
                return save(record, self.generation(), AfterSave::Registered(running));
            }
        }
        State::Run(running)
    }

    fn has_registered(&self, client: &Registration) -> bool {
        self.held.record.as_ref().is_some_and(|record| {
            let elsewhere = record.elsewhere().iter().map(|known| &known.client);
            client.kind() == RegistrationKind::Dynamic
                && elsewhere.chain([&record.binding.client]).any(|known| known == client)
        })
    }

    /// Nobody came back. A server that has forgotten its client shows a page about that and sends nobody
    /// back, so the next login registers one, unless a grant shows that the client is known.
    pub(crate) fn cancel(&mut self, now: UnixTime) {
        let is_old = matches!(&self.state, State::Run(running) if running.is_old_client);
        if is_old && !self.held.record.as_ref().is_some_and(|record| serves(record, now)) {
            self.refused_client = Some(self.generation());
        }
        // What is left of it is of no use.
        drop(self.give_up(Error::Cancelled));
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
    /// is a grant that still serves: it stays until the new one is there.
    fn registration_record(&self, binding: &Binding, now: UnixTime) -> Option<Record> {
        let known = |record: &Record| {
            record.binding.server == binding.server && record.binding.client == binding.client
        };
        match &self.held.record {
            Some(record) if serves(record, now) => return None,
            Some(record) if known(record) => {
                // A server that has forgotten its client shows a page about that and sends nobody back.
                let is_dynamic = binding.client.kind() == RegistrationKind::Dynamic;
                return if is_dynamic { record.doubting(now + PATIENCE) } else { None };
            }
            _ => {}
        }
        let mut binding = binding.clone();
        // Scopes that were asked for in vain are not asked for again.
        binding.requested = None;
        let record = Record::new(self.next_generation(now), now, binding.into(), None);
        Some(record.after(self.held.record.as_ref(), None))
    }

    /// Takes the login out of the session, to be finished elsewhere or not at all.
    pub(crate) fn give_up(&mut self, why: Error) -> Option<Flow> {
        match core::mem::replace(&mut self.state, State::Failed(Box::new(why))) {
            State::Run(running) => {
                let failed = core::mem::replace(&mut self.state, State::Ready);
                self.state = Lock::Login.release(failed);
                Some(running.flow)
            }
            state => {
                self.state = state;
                None
            }
        }
    }
}

/// How long a login with a client of an earlier login may take until the client is doubted.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// Whether a grant is good for anything.
fn serves(record: &Record, now: UnixTime) -> bool {
    record.can_refresh(now)
        || record.tokens.as_ref().is_some_and(|tokens| tokens.lives(now, Duration::ZERO))
}
