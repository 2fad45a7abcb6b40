//! The replies with what only the host has: signatures and assertions.

use crate::error::{Error, HostGift, Misuse, Unavailable};
use crate::flow::{Flow, ForRequest, SigningKey, WantedAssertion};
use crate::keys::DpopKey;
use crate::session::event::Event;
use crate::session::login::Login;
use crate::session::logout::Logout;
use crate::session::machine::Session;
use crate::session::op::Op;
use crate::session::refresh::Refresh;
use crate::session::reply::{AssertionReply, KeyReply, SignReply};
use crate::signing_algorithm::SigningAlgorithms;
use crate::time::UnixTime;
use crate::wire::{Jti, SubjectToken, Unsigned};

impl SignReply<'_> {
    /// What is to be signed, for a request that is sent at once. `random` makes it unlike any other: bytes that were
    /// never used before. Asking changes nothing: what counts is what comes with the signature.
    ///
    /// It is for the [key](Self::key) that is named beside it.
    #[must_use]
    pub fn unsigned(&self, random: [u8; 16], now: UnixTime) -> Option<Unsigned> {
        self.session.unsigned(Jti::new(random), now)
    }

    /// The key's owner has signed that.
    ///
    /// # Errors
    ///
    /// [`Misuse::Signature`] if it cannot be a signature of the algorithm that was asked for: the session still waits.
    pub fn signed(
        self,
        unsigned: &Unsigned,
        signature: &[u8],
        now: UnixTime,
    ) -> Result<(), Misuse> {
        self.session.sign(unsigned, signature)?;
        self.session.handle(Event::Given(now));
        Ok(())
    }

    /// There is no signature, for a reason of the host's. It is shown: nothing secret may be in it. A token that
    /// lives is used.
    pub fn failed(self, reason: &str, now: UnixTime) {
        self.session.refuse(HostGift::Signature, reason, now);
    }
}

impl SignReply<'_> {
    /// With which key.
    #[must_use]
    pub fn key(&self) -> Option<SigningKey<'_>> {
        let Session { op, known } = &*self.session;
        match op {
            Op::Refresh(Refresh::Run(proof, _)) => proof.key(&known.held.record.as_ref()?.binding),
            Op::Logout(Logout::Revoke(_)) => Some(SigningKey::Client),
            _ => self.session.flow()?.signing_key(),
        }
    }
}

impl KeyReply<'_> {
    /// What it may sign with.
    #[must_use]
    pub fn algorithms(&self) -> SigningAlgorithms {
        let flow = self.session.flow();
        flow.and_then(Flow::key_algorithms).unwrap_or_default()
    }

    /// This is the key, made for this login, with its private half. One that the host keeps is named in the
    /// [settings](crate::flow::Settings::dpop_key): then nobody is asked.
    pub fn given(self, key: DpopKey, now: UnixTime) {
        if let Some(flow) = self.session.flow_mut() {
            flow.bind(key);
        }
        self.session.handle(Event::Given(now));
    }

    /// There is none, for a reason of the host's. It is shown: nothing secret may be in it. A token that lives is
    /// used.
    pub fn failed(self, reason: &str, now: UnixTime) {
        self.session.refuse(HostGift::Key, reason, now);
    }
}

impl AssertionReply<'_> {
    /// What the assertion is for.
    #[must_use]
    pub fn wanted(&self) -> Option<WantedAssertion<'_>> {
        self.session.flow()?.wanted()
    }

    /// This says who the workload or its user is. It is sent once, and not stored.
    pub fn given(self, assertion: SubjectToken, now: UnixTime) {
        if let Some(flow) = self.session.flow_mut() {
            flow.say(assertion);
        }
        self.session.handle(Event::Given(now));
    }

    /// There is none, for a reason of the host's. It is shown: nothing secret may be in it. A token that lives is
    /// used.
    pub fn failed(self, reason: &str, now: UnixTime) {
        self.session.refuse(HostGift::Assertion, reason, now);
    }
}

impl Session {
    fn flow(&self) -> Option<&Flow> {
        match &self.op {
            Op::Acquire(acquire) => acquire.flow(),
            Op::Login(Login::Run(progress)) => Some(&progress.flow),
            _ => None,
        }
    }

    fn flow_mut(&mut self) -> Option<&mut Flow> {
        match &mut self.op {
            Op::Acquire(acquire) => acquire.flow_mut(),
            Op::Login(Login::Run(progress)) => Some(&mut progress.flow),
            _ => None,
        }
    }

    /// What is to be signed for the next request, whoever makes it.
    fn unsigned(&self, jti: Jti, now: UnixTime) -> Option<Unsigned> {
        let (settings, record) = (&self.known.held.settings, self.known.held.record.as_ref());
        match &self.op {
            Op::Refresh(Refresh::Run(proof, _)) => {
                let binding = &record?.binding;
                let endpoint = binding.server.token_endpoint();
                let nonce = self.known.seldom().nonce.as_ref().and_then(|it| it.at(endpoint));
                proof.unsigned(&ForRequest { binding, settings, endpoint, nonce, now }, jti)
            }
            Op::Logout(Logout::Revoke(progress)) => progress.unsigned(&self.known.held, jti, now),
            _ => self.flow()?.unsigned(jti, now),
        }
    }

    fn sign(&mut self, unsigned: &Unsigned, signature: &[u8]) -> Result<(), Misuse> {
        match &mut self.op {
            Op::Refresh(Refresh::Run(proof, _)) => proof.sign(unsigned, signature),
            Op::Logout(Logout::Revoke(progress)) => progress.proof.sign(unsigned, signature),
            _ => self.flow_mut().map_or(Ok(()), |flow| flow.sign(unsigned, signature)),
        }
    }

    fn refuse(&mut self, what: HostGift, reason: &str, now: UnixTime) {
        let error = Error::from(Unavailable::new(what, reason));
        match self.flow_mut() {
            Some(flow) => {
                flow.fail(error);
                self.handle(Event::Given(now));
            }
            None => {
                self.handle(Event::Withheld(error, now));
            }
        }
    }
}
