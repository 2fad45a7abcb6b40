//! What a host gives a flow that is no message of the protocol: signatures and assertions.

use crate::error::{Error, HostGift, Misuse, Unavailable};
use crate::flow::nonce::ServerNonce;
use crate::flow::proof::SigningKey;
use crate::flow::settings::Settings;
use crate::flow::state::State;
use crate::flow::wanted::WantedAssertion;
use crate::keys::DpopKey;
use crate::signing_algorithm::SigningAlgorithms;
use crate::time::UnixTime;
use crate::wire::{Jti, SubjectToken, Unsigned};

/// Takes a signature, once.
#[derive(Debug)]
#[must_use = "the flow waits for the signature"]
pub struct SignReply<'a> {
    pub(super) state: &'a mut Result<State, Error>,
    pub(super) settings: &'a Settings,
    pub(super) nonce: Option<&'a ServerNonce>,
}

impl SignReply<'_> {
    /// With which key.
    #[must_use]
    pub fn key(&self) -> Option<SigningKey<'_>> {
        self.state.as_ref().ok()?.signing_key()
    }

    /// What is to be signed, for a request that is sent at once. `random` makes it unlike any other: bytes that were
    /// never used before. Asking changes nothing: what counts is what comes with the signature.
    #[must_use]
    pub fn unsigned(&self, random: [u8; 16], now: UnixTime) -> Option<Unsigned> {
        let state = self.state.as_ref().ok()?;
        state.unsigned(self.settings, self.nonce, Jti::new(random), now)
    }

    /// The key's owner has signed that.
    ///
    /// # Errors
    ///
    /// [`Misuse::Signature`] if it cannot be a signature of the algorithm that was asked for: the flow still waits.
    pub fn signed(self, unsigned: &Unsigned, signature: &[u8]) -> Result<(), Misuse> {
        match self.state {
            Ok(state) => state.sign(unsigned, signature),
            Err(_) => Ok(()),
        }
    }

    /// There is no signature, for a reason of the host's. It is shown: nothing secret may be in it.
    pub fn failed(self, reason: &str) {
        *self.state = Err(Unavailable::new(HostGift::Signature, reason).into());
    }
}

/// Takes an assertion, once.
#[derive(Debug)]
#[must_use = "the flow waits for the assertion"]
pub struct AssertionReply<'a> {
    pub(super) state: &'a mut Result<State, Error>,
}

impl AssertionReply<'_> {
    /// What the assertion is for.
    #[must_use]
    pub fn wanted(&self) -> Option<WantedAssertion<'_>> {
        self.state.as_ref().ok()?.wanted()
    }

    /// This says who the workload or its user is. It is sent once, and not stored.
    pub fn given(self, assertion: SubjectToken) {
        if let Ok(state) = self.state {
            state.say(assertion);
        }
    }

    /// There is none, for a reason of the host's. It is shown: nothing secret may be in it.
    pub fn failed(self, reason: &str) {
        *self.state = Err(Unavailable::new(HostGift::Assertion, reason).into());
    }
}

/// Takes a key that tokens will be bound to, once.
#[derive(Debug)]
#[must_use = "the flow waits for the key"]
pub struct KeyReply<'a> {
    pub(super) state: &'a mut Result<State, Error>,
}

impl KeyReply<'_> {
    /// What it may sign with.
    #[must_use]
    pub fn algorithms(&self) -> SigningAlgorithms {
        let state = self.state.as_ref().ok();
        state.and_then(State::key_algorithms).unwrap_or_default()
    }

    /// This is the key, made for this login, with its private half. One that the host keeps is named in the
    /// [settings](crate::flow::Settings::dpop_key): then nobody is asked.
    pub fn given(self, key: DpopKey) {
        State::bind(self.state, key);
    }

    /// There is none, for a reason of the host's. It is shown: nothing secret may be in it.
    pub fn failed(self, reason: &str) {
        *self.state = Err(Unavailable::new(HostGift::Key, reason).into());
    }
}
