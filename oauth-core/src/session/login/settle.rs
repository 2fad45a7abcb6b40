//! Where a login starts from, and where it stands after an answer.

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::entropy::Entropy;
use crate::flow::{Flow, Grant, Login as FlowLogin, PreviousLogin, RedirectUri};
use crate::session::known::Known;
use crate::session::login::Login;
use crate::session::need::Need;
use crate::session::next::{Next, To};
use crate::session::progress::{LoginProgress, RegistrationTrust};
use crate::session::record::Record;
use crate::session::shared::SharedClient;
use crate::session::transaction::{Lock, Saving};
use crate::session::trial::Trial;
use crate::session::unstored::AfterKeep;
use crate::time::UnixTime;

impl Known {
    /// Starts the login, under its lock.
    pub(crate) fn start_login(
        &mut self,
        mut need: Need,
        redirect_uri: RedirectUri,
        entropy: Entropy,
        now: UnixTime,
    ) -> Next<Login> {
        let settings = Arc::clone(&self.held.settings).at(self.moved_to());
        let mut login = FlowLogin::new(settings, redirect_uri, entropy, now);
        login.not_asked = need.not_asked.take();
        login.missing = self.unmet_scopes().cloned();
        login.options = need.options.take();
        if let Some(before) = self.previous_login(now) {
            login = login.before(before);
        }
        let refused = need.refused == Some(self.generation()) && !need.is_step_up();
        let refused = refused || self.held.refused_at().is_some();
        let in_vain = self.refused_trial(&need).map_or(0, |trial| trial.logins);
        let before = self.unmet_challenge().filter(|_| !need.was_answered);
        login.challenge = need.challenge.take().or_else(|| before.cloned().map(Box::new));
        match Flow::login(login) {
            Ok(flow) => {
                let flow = flow.with_nonce(self.seldom().nonce.clone());
                let progress = LoginProgress { refused, ..LoginProgress::new(flow, in_vain) };
                self.settle(Box::new(progress), now)
            }
            Err(error) => Lock::Login.release(To::failed(error)).into(),
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
    pub(crate) fn settle(
        &mut self,
        mut progress: Box<LoginProgress>,
        now: UnixTime,
    ) -> Next<Login> {
        self.hear(&progress.flow);
        // Tokens first, also those that the policy will refuse.
        if let Some(Grant { binding, tokens }) = progress.flow.take_grant() {
            let record = Record::new(now, binding.into(), Some(tokens))
                .after(self.held.record.as_ref(), progress.handed_out)
                .of_login()
                .moved_to(self.moved_to().cloned())
                .on_trial(Some(Trial::after(progress.in_vain, now)));
            let then = AfterKeep::LoggedIn { tries: 0 };
            return To::keep(record, self.generation(), then).into();
        }
        if let Some(error) = progress.flow.error() {
            if let Some(refusal) = error.refusal() {
                self.learn(refusal, progress.trust);
            }
            if let Some(known) = self.known_by(&progress, &error) {
                let saving = Saving::boxed(known, self.generation());
                return Next::Here(Login::SaveKnown(saving, Box::new(error)));
            }
            let failed = Lock::Login.release(To::failed(error));
            let failed = match progress.replaces {
                Some(_) => Lock::Client.release(failed),
                None => failed,
            };
            return failed.into();
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
            Err(to) => return to.into(),
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
                let saving = Saving::boxed(record, self.generation());
                return Next::Here(Login::SaveClient(saving, progress));
            }
        }
        Next::Here(Login::Run(progress))
    }

    /// What comes before a registration, or after it. A login that has to do with neither goes on.
    fn share(
        &mut self,
        mut progress: Box<LoginProgress>,
        now: UnixTime,
    ) -> Result<Box<LoginProgress>, To> {
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
            return Err(To::Register(progress));
        }
        let Some(binding) = progress.flow.binding() else { return Ok(progress) };
        let Some(expected) = progress.replaces else {
            let client = SharedClient::of(binding, settings);
            if let Some(client @ SharedClient::Brought { .. }) = client
                && progress.has_to_look_whose_it_is()
            {
                self.shared = Some(client.into());
                return Err(To::Claim(progress));
            }
            return Ok(progress);
        };
        let mut binding = binding.clone();
        binding.forget_requested();
        progress.replaces = None;
        progress.is_adopted = false;
        let record = Record::new(now, binding.into(), None);
        Err(To::Share(Saving::boxed(record, expected), progress))
    }
}
