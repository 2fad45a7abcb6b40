//! How a request shows who its client is: with what is registered, or with a signature that the host makes.
//!
//! A signature is good for one request. What is sent again is signed again.

use serde::{Deserialize, Serialize};

use crate::error::{Misuse, PeerIncompatible};
use crate::flow::binding::Binding;
use crate::flow::settings::Settings;
use crate::signing_algorithm::SigningAlgorithm;
use crate::time::UnixTime;
use crate::wire::{
    AuthMethod, Authentication, ClientAssertion, Jti, SignedJwt, TokenParties, TokenRequester,
    Unsigned, signing_algorithm,
};

/// What one request authenticates with.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Proof {
    way: Way,
    /// What the host has signed for this request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signed: Option<SignedJwt>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Way {
    /// With nothing: what is redeemed says who it is for.
    Unnamed,
    /// With what the client is registered with.
    #[default]
    Registered,
    /// With a signature.
    Signed(SigningAlgorithm),
}

impl Proof {
    /// # Errors
    ///
    /// [`PeerIncompatible::NoSigningAlgorithm`] if the key can do nothing that the server takes.
    pub(crate) fn new(binding: &Binding, settings: &Settings) -> Result<Self, PeerIncompatible> {
        Ok(Self::by(match &settings.signing_key {
            Some(key) if binding.client.auth_method == AuthMethod::PrivateKeyJwt => Way::Signed(
                signing_algorithm(&binding.server.issuer, binding.server.signing_algorithms, key)?,
            ),
            _ => Way::Registered,
        }))
    }

    fn by(way: Way) -> Self {
        Self { way, signed: None }
    }

    /// A workload is named by its assertion. A client id beside that is for servers that look for one.
    pub(crate) fn of_workload(binding: &Binding) -> Self {
        let is_unnamed = binding.client.client_id().is_empty();
        Self::by(if is_unnamed { Way::Unnamed } else { Way::Registered })
    }

    /// What the host has to sign first, if anything: one assertion for one request.
    pub(crate) fn unsigned(
        &self,
        binding: &Binding,
        settings: &Settings,
        jti: Jti,
        now: UnixTime,
    ) -> Option<Unsigned> {
        let Way::Signed(algorithm) = self.way else { return None };
        let key_id = settings.signing_key.as_ref().and_then(|key| key.key_id.as_deref());
        let style = binding.dialect.as_deref().and_then(|it| it.assertion).unwrap_or_default();
        let assertion = ClientAssertion {
            client_id: binding.client.client_id(),
            issuer: &binding.server.issuer,
            token_endpoint: binding.server.token_endpoint.as_str(),
            style,
            key_id,
            algorithm,
        };
        Some(assertion.unsigned(jti, now))
    }

    pub(crate) fn is_unsigned(&self) -> bool {
        matches!(self.way, Way::Signed(_)) && self.signed.is_none()
    }

    /// The host has signed.
    ///
    /// # Errors
    ///
    /// [`Misuse::Signature`] if that is no signature of the algorithm's.
    pub(crate) fn sign(&mut self, unsigned: &Unsigned, signature: &[u8]) -> Result<(), Misuse> {
        if self.is_unsigned() {
            self.signed = Some(unsigned.signed(signature)?);
        }
        Ok(())
    }

    /// Who the client is, with what shows it.
    pub(crate) fn client<'a>(&'a self, binding: &'a Binding) -> Authentication<'a> {
        let Binding { client, dialect, .. } = binding;
        let registered = Authentication::from(client);
        registered.or_signed(self.signed.as_ref(), client.client_id(), dialect.as_deref())
    }

    /// Who asks, with what shows it.
    pub(crate) fn requester<'a>(&'a self, parties: &'a TokenParties<'a>) -> TokenRequester<'a> {
        let requester = parties.requester(self.signed.as_ref());
        match self.way {
            Way::Unnamed => TokenRequester { client: Authentication::Unnamed, ..requester },
            Way::Registered | Way::Signed(_) => requester,
        }
    }
}
