//! A login under way: where it starts from, and where it stands after an answer.

use alloc::boxed::Box;
use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::entropy::Entropy;
use crate::error::Error;
use crate::flow::{Flow, Grant, Login as FlowLogin, PreviousLogin, RedirectUri, Step};
use crate::session::cancel::Doubts;
use crate::session::claim::Ownership;
use crate::session::keep::{AfterKeep, Keep};
use crate::session::login::{Login, RegistrationTrust};
use crate::session::machine::{Op, Session};
use crate::session::need::Need;
use crate::session::record::Record;
use crate::session::transaction::{Lock, Saving};
use crate::session::trial::Trial;
use crate::session::turn::Ask;
use crate::time::UnixTime;
use crate::wire::{Issuer, ServerMetadata};

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

impl LoginProgress {
    /// A login that begins, after so many that the server refused.
    fn new(flow: Flow, in_vain: u8) -> Self {
        Self {
            flow,
            replaces: None,
            ownership: Ownership::Unknown,
            is_adopted: false,
            recorded: false,
            moved_from: None,
            refused: false,
            trust: RegistrationTrust::Known,
            doubts: Doubts::default(),
            in_vain,
            handed_out: None,
        }
    }

    /// A login that was handed out, back from its user.
    pub(crate) fn handed_out(flow: Flow, in_vain: u8, state: &str) -> Self {
        Self { recorded: true, handed_out: Some(state.into()), ..Self::new(flow, in_vain) }
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
            Step::Sign(_) => Ok(Ask::Sign),
            Step::Key(_) => Ok(Ask::Key),
            Step::Device { page, .. } => Ok(Ask::Device(page)),
            Step::Wait { until, .. } => Ok(Ask::Wait(until)),
            // A user says who they are. A flow that is done is stored in the same breath.
            Step::Assertion(_) | Step::Done(_) => Err(Error::LoginRequired),
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
        login.nonce.clone_from(&self.nonce);
        if let Some(before) = self.previous_login(now) {
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
            Ok(flow) => {
                let progress = LoginProgress { refused, ..LoginProgress::new(flow, in_vain) };
                self.settle(Box::new(progress), now)
            }
            Err(error) => Lock::Login.release(Op::Failed(Box::new(error))),
        }
    }

    /// What the last login leaves to this one, without what was refused of it since.
    fn previous_login(&self, now: UnixTime) -> Option<PreviousLogin> {
        let record = self
            .held
            .record
            .as_ref()
            .filter(|it| it.binding.grant.has_user() && !it.is_of_login_in_vain(now))?;
        let mut binding = (*record.binding).clone();
        if self.refused().scopes {
            binding.forget_requested();
        }
        let mut before = PreviousLogin::new(binding);
        if self.is_client_refused() || self.is_client_in_doubt(now) {
            before = before.client_is_gone();
        }
        if !self.refused().elsewhere {
            before = before.elsewhere(record.elsewhere().to_vec());
        }
        Some(before)
    }

    /// Where the login stands after an answer.
    pub(crate) fn settle(&mut self, mut progress: Box<LoginProgress>, now: UnixTime) -> Op {
        self.hear(&progress.flow);
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
}
