//! A login under way: what it knows of its client, where it stands after an answer, and what is written down of it.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::entropy::Entropy;
use crate::error::{Error, Refusal};
use crate::flow::{Before, Binding, Flow, Grant, Login as FlowLogin, RedirectUri, Step};
use crate::http::Endpoint;
use crate::session::cancel::Doubts;
use crate::session::claim::Ownership;
use crate::session::keep::{AfterKeep, Keep};
use crate::session::login::Login;
use crate::session::machine::{Op, Session};
use crate::session::need::Need;
use crate::session::record::Record;
use crate::session::transaction::{Lock, Saving};
use crate::session::trial::Trial;
use crate::session::turn::Ask;
use crate::time::UnixTime;
use crate::wire::{Issuer, Registration, RegistrationKind, ServerMetadata};

/// A login under way, under the login lock.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LoginProgress {
    pub(crate) flow: Flow,
    /// The client that all profiles share, while this login has its lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replaces: Option<u64>,
    /// Whether the client that the host brings is this server's.
    #[serde(default)]
    pub(crate) ownership: Ownership,
    /// Whether the client is one that another profile has registered.
    #[serde(default)]
    pub(crate) is_adopted: bool,
    /// Whether the client was written down, so that the user can be sent off.
    recorded: bool,
    /// The issuer of the tokens that are stored, if this login is to another.
    pub(crate) moved_from: Option<Issuer>,
    /// Whether the server refused the token, for another reason than a scope.
    refused: bool,
    pub(crate) trust: RegistrationTrust,
    /// What it has written down against the client.
    #[serde(default, skip_serializing_if = "Doubts::are_none")]
    pub(crate) doubts: Doubts,
    /// How many logins in a row the server refused at once, before this one.
    #[serde(default)]
    pub(crate) in_vain: u8,
    /// The `state` of a login that was handed out.
    handed_out: Option<Box<str>>,
}

/// Whether the server may have forgotten the client of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RegistrationTrust {
    /// It is new, or not a dynamic one.
    Known,
    /// It has brought what may still be good.
    Proven,
    /// It was registered for the last login, and has brought nothing that is good for anything.
    Old,
    /// It was registered for an earlier login at this server, before one at another.
    Elsewhere,
}

impl LoginProgress {
    /// A login that was handed out, back from its user.
    pub(crate) fn handed_out(flow: Flow, in_vain: u8, state: &str) -> Self {
        Self {
            flow,
            replaces: None,
            ownership: Ownership::Unknown,
            is_adopted: false,
            recorded: true,
            moved_from: None,
            refused: false,
            trust: RegistrationTrust::Known,
            doubts: Doubts::default(),
            in_vain,
            handed_out: Some(state.into()),
        }
    }

    /// The authorization server, once it is found.
    pub(crate) fn server(&self) -> Option<&ServerMetadata> {
        self.flow.server()
    }

    /// The flow's next step.
    pub(crate) fn ask(&mut self) -> Result<Ask, Error> {
        match self.flow.step()? {
            Step::Http { request, .. } => Ok(Ask::Http(request)),
            Step::Browser { url, .. } => Ok(Ask::Browser(url)),
            // A user's login wants no more of its host. A flow that is done is stored in the same breath.
            Step::Sign(_) | Step::Assertion(_) | Step::Done(_) => Err(Error::LoginRequired),
        }
    }
}

impl Session {
    /// Starts the login, under its lock.
    pub(crate) fn start_login(
        &mut self,
        need: Need,
        redirect_uri: RedirectUri,
        entropy: Entropy,
        now: UnixTime,
    ) -> Op {
        let settings = Arc::clone(&self.held.settings).at(self.moved_to.as_ref());
        let mut login = FlowLogin::new(settings, redirect_uri, entropy, now);
        login.not_asked = need.not_asked.clone();
        login.missing = self.unmet_scopes().cloned();
        login.options.clone_from(&need.options);
        if let Some(record) = self.held.record.as_ref().filter(|it| !it.is_of_login_in_vain(now)) {
            let mut binding = (*record.binding).clone();
            if self.refused().scopes {
                binding.forget_requested();
            }
            let mut before = Before::new(binding);
            if self.is_client_refused() || self.is_client_in_doubt(now) {
                before = before.client_is_gone();
            }
            if !self.refused().elsewhere {
                before = before.elsewhere(record.elsewhere().to_vec());
            }
            login = login.before(before);
        }
        let refused = need.refused == Some(self.generation()) && !need.is_step_up();
        let refused = refused || self.held.refused_at().is_some();
        let in_vain = self.refused_trial(&need).map_or(0, |trial| trial.logins);
        let before = self.unmet_challenge().filter(|_| !need.was_answered);
        if let Some(challenge) = need.challenge.as_deref().or(before) {
            login = login.challenge(challenge.clone());
        }
        match Flow::login(login) {
            Ok(flow) => self.settle(
                Box::new(LoginProgress {
                    flow,
                    replaces: None,
                    ownership: Ownership::Unknown,
                    is_adopted: false,
                    recorded: false,
                    moved_from: None,
                    refused,
                    trust: RegistrationTrust::Known,
                    doubts: Doubts::default(),
                    in_vain,
                    handed_out: None,
                }),
                now,
            ),
            Err(error) => Lock::Login.release(Op::Failed(Box::new(error))),
        }
    }

    /// Where the login stands after an answer.
    pub(crate) fn settle(&mut self, mut progress: Box<LoginProgress>, now: UnixTime) -> Op {
        // Tokens first, also those that the policy will refuse.
        progress.flow = match progress.flow.into_grant() {
            Ok(Grant { binding, tokens }) => {
                let record = Record::new(now, binding.into(), Some(tokens))
                    .after(self.held.record.as_ref(), progress.handed_out)
                    .of_login()
                    .moved_to(self.moved_to.clone())
                    .on_trial(Some(Trial::after(progress.in_vain, now)));
                return Keep::save(record, self.generation(), AfterKeep::LoggedIn { tries: 0 });
            }
            Err(flow) => flow,
        };
        if let Some(error) = progress.flow.error() {
            if let Some(refusal) = error.refusal() {
                self.learn(refusal, progress.trust);
            }
            if let Some(known) = self.known_by(&progress, &error) {
                let saving = Saving::new(known, self.generation());
                return Login::SaveKnown(saving, Box::new(error)).into();
            }
            let failed = Lock::Login.release(Op::Failed(Box::new(error)));
            return match progress.replaces {
                Some(_) => Lock::Client.release(failed),
                None => failed,
            };
        }
        // As long as it is not known who the client is; it may have to register anew.
        progress.recorded &= progress.flow.binding().is_some();
        if !progress.recorded
            && let Some(server) = progress.server()
        {
            let before = self.held.record.as_ref().map(|record| &record.binding.server);
            let before = before.filter(|before| !before.is_same(server));
            let issuer = before.map(|before| before.issuer.clone());
            // By the time of a second registration the record may be that of the first.
            progress.moved_from = progress.moved_from.take().or(issuer);
        }
        let mut progress = match self.share(progress, now) {
            Ok(progress) => progress,
            Err(op) => return op,
        };
        if !progress.recorded
            && let Some(binding) = progress.flow.binding()
        {
            progress.trust = self.recognize(&binding.client, progress.refused, now);
            if progress.is_adopted
                && matches!(progress.trust, RegistrationTrust::Known | RegistrationTrust::Proven)
            {
                progress.trust = RegistrationTrust::Old;
            }
            let record = self.registration_record(binding, progress.trust, now);
            progress.recorded = true;
            if let Some(record) = record {
                // That of a client which the host brings says whose it is.
                progress.doubts.own =
                    record.is_doubted() && progress.trust != RegistrationTrust::Known;
                // Wherever it comes from, it is the record's from now on.
                if progress.trust == RegistrationTrust::Elsewhere {
                    progress.trust = RegistrationTrust::Old;
                }
                return Login::SaveClient(Saving::new(record, self.generation()), progress).into();
            }
        }
        Login::Run(progress).into()
    }

    /// The record without the doubt of this login, if the server has sent its user back: so it knows the client,
    /// whatever else it said.
    fn known_by(&self, progress: &LoginProgress, error: &Error) -> Option<Record> {
        let refusal = error.refusal().filter(|it| it.endpoint == Endpoint::Authorization)?;
        let record = self.held.record.as_ref().filter(|record| record.is_doubted())?;
        let is_own = progress.trust == RegistrationTrust::Proven && progress.replaces.is_none();
        (is_own && !refusal.is_about_client()).then(|| record.vouched())
    }

    fn recognize(&self, client: &Registration, refused: bool, now: UnixTime) -> RegistrationTrust {
        let Some(record) = &self.held.record else { return RegistrationTrust::Known };
        let vouches = record.can_refresh(now) || (!refused && serves(record, now));
        if client.kind() != RegistrationKind::Dynamic {
            RegistrationTrust::Known
        } else if record.binding.client == *client {
            if vouches { RegistrationTrust::Proven } else { RegistrationTrust::Old }
        } else if record.elsewhere().iter().any(|known| known.client == *client) {
            RegistrationTrust::Elsewhere
        } else {
            RegistrationTrust::Known
        }
    }

    /// Nobody came back from a page for this client. A server that has forgotten its client shows a page about that
    /// and sends nobody back, whatever the page was for, so the next login registers one. Tokens that come through the
    /// client before that end the doubt: they make another generation.
    pub(crate) fn doubt(&mut self, trust: RegistrationTrust) {
        match trust {
            RegistrationTrust::Known => {}
            RegistrationTrust::Proven | RegistrationTrust::Old => {
                self.refused_mut().closed = Some(self.generation())
            }
            RegistrationTrust::Elsewhere => self.refused_mut().elsewhere = true,
        }
    }

    /// What the next login does otherwise.
    fn learn(&mut self, refusal: &Refusal, trust: RegistrationTrust) {
        if refusal.is_about_client() {
            match trust {
                RegistrationTrust::Elsewhere => self.refused_mut().elsewhere = true,
                RegistrationTrust::Known | RegistrationTrust::Proven | RegistrationTrust::Old => {
                    self.refuse_client()
                }
            }
        }
        if refusal.is_about_scope() {
            self.refused_mut().scopes = true;
        }
        if refusal.is_about_scope() || &*refusal.code == "access_denied" {
            self.forget_unmet_scopes();
        }
    }

    /// What is written before the user is sent off: the client, so that a login that is given up need
    /// not register again, and a store that cannot be written is found out in time. While there is a grant that
    /// may still serve, it stays until the new one is there, and only its client is doubted: whoever starts
    /// anew after a dead page knows nothing else of it.
    fn registration_record(
        &self,
        binding: &Binding,
        trust: RegistrationTrust,
        now: UnixTime,
    ) -> Option<Record> {
        // A login that comes to nothing does not make a client of the host's this server's.
        let is_first = self.held.record.as_ref().is_none_or(Record::is_of_login);
        let is_brought = binding.client.kind() == RegistrationKind::PreRegistered;
        let is_doubted = trust != RegistrationTrust::Known || is_brought && is_first;
        let doubt_from = is_doubted.then(|| now + PATIENCE);
        let known = |record: &Record| {
            record.binding.server == binding.server && record.binding.client == binding.client
        };
        match &self.held.record {
            Some(record) if known(record) || trust == RegistrationTrust::Proven => {
                return record.doubting(doubt_from?);
            }
            Some(record) if serves(record, now) => return None,
            _ => {}
        }
        let mut binding = binding.clone();
        // Scopes that were asked for in vain are not asked for again.
        binding.forget_requested();
        let record = Record::new(now, binding.into(), None);
        let record = record.after(self.held.record.as_ref(), None).doubted(doubt_from);
        Some(record.moved_to(self.moved_to.clone()))
    }
}

/// How long a login with a client of an earlier login may take until the client is doubted.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// Whether a grant may be good for anything. A refresh token may, even if by this clock the client's
/// secret is expired: the clock may be wrong.
fn serves(record: &Record, now: UnixTime) -> bool {
    record.is_unexpired(now)
        || record.tokens.as_ref().is_some_and(|tokens| tokens.refresh_token.is_some())
}
