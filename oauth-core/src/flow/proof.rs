//! How a request shows who its client is: with what is registered, or with a signature that the host makes. And that the
//! client has the key that tokens are bound to, if there is one (RFC 9449).
//!
//! A signature is good for one request. What is sent again is signed again.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::error::{Misuse, PeerIncompatible};
use crate::flow::binding::Binding;
use crate::flow::settings::Settings;
use crate::http::{Endpoint, Request, Response};
use crate::keys::DpopKey;
use crate::signing_algorithm::SigningAlgorithm;
use crate::time::UnixTime;
use crate::timeline::{Finding, Retry};
use crate::url::HttpUrl;
use crate::wire::{
    AuthMethod, Authentication, ClientAssertion, DpopNonce, Jti, SignedJwt, TokenParties,
    TokenRequester, Unsigned, check_clocks, refusal_of, signing_algorithm,
};

/// What one request authenticates with.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Proof {
    way: Way,
    /// Boxed, because few clients have a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shown: Option<Box<Shown>>,
}

/// What the host signs for one request.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Shown {
    /// With the client's own key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client: Option<SignedJwt>,
    /// With the key that tokens are bound to, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bound: Option<Bound>,
}

/// What shows that the client has the key that tokens are bound to.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Bound {
    /// What the host has signed with that key for this request.
    signed: Option<SignedJwt>,
    /// Whether the server has asked for its nonce already.
    has_nonce: bool,
    /// Whether it has refused a proof already.
    was_refused: bool,
}

/// What a signature is made for.
#[derive(Clone, Copy)]
pub(crate) struct ForRequest<'a> {
    pub(crate) binding: &'a Binding,
    pub(crate) settings: &'a Settings,
    /// Where the request goes.
    pub(crate) endpoint: &'a HttpUrl,
    /// What the server wants to see in a proof.
    pub(crate) nonce: Option<&'a DpopNonce>,
    pub(crate) now: UnixTime,
}

/// With which key a host signs.
#[derive(Debug, Clone, Copy)]
pub enum SigningKey<'a> {
    /// The client's own, which the [settings](Settings::signing_key) name.
    Client,
    /// The one that tokens are bound to.
    Dpop(&'a DpopKey),
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
        Ok(Self { shown: shown(binding), ..Self::of_client(binding, settings)? })
    }

    /// The same without the key that tokens are bound to: where none are issued.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub(crate) fn of_client(
        binding: &Binding,
        settings: &Settings,
    ) -> Result<Self, PeerIncompatible> {
        Ok(Self::by(match &settings.signing_key {
            Some(key) if binding.client.auth_method == AuthMethod::PrivateKeyJwt => {
                Way::Signed(signing_algorithm(
                    &binding.server.issuer,
                    binding.server.signing_algorithms(),
                    key,
                )?)
            }
            _ => Way::Registered,
        }))
    }

    /// With the key alone: for who knows the client by other credentials.
    pub(crate) fn of_key(binding: &Binding) -> Self {
        Self { shown: shown(binding), ..Self::default() }
    }

    fn by(way: Way) -> Self {
        Self { way, shown: None }
    }

    /// A workload is named by its assertion. A client id beside that is for servers that look for one.
    pub(crate) fn of_workload(binding: &Binding) -> Self {
        let is_unnamed = binding.client.client_id().is_empty();
        let way = if is_unnamed { Way::Unnamed } else { Way::Registered };
        Self { shown: shown(binding), ..Self::by(way) }
    }

    /// The key to sign with next, if there is something to sign.
    pub(crate) fn key<'a>(&self, binding: &'a Binding) -> Option<SigningKey<'a>> {
        if self.is_client_unsigned() {
            return Some(SigningKey::Client);
        }
        binding
            .possession
            .as_ref()
            .filter(|_| self.is_unsigned())
            .map(|it| SigningKey::Dpop(&it.key))
    }

    /// What the host has to sign with it: one signature for one request to this endpoint.
    pub(crate) fn unsigned(&self, for_request: &ForRequest<'_>, jti: Jti) -> Option<Unsigned> {
        let ForRequest { binding, settings, endpoint, nonce, now } = *for_request;
        if !self.is_client_unsigned() {
            let possession = binding.possession.as_ref().filter(|_| self.is_unsigned())?;
            return Some(possession.unsigned(("POST", endpoint.as_str()), None, nonce, jti, now));
        }
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

    /// Whether it shows the key that tokens are bound to.
    pub(crate) fn is_bound(&self) -> bool {
        self.bound().is_some()
    }

    fn bound(&self) -> Option<&Bound> {
        self.shown.as_ref()?.bound.as_ref()
    }

    /// What shows the client's own key.
    fn assertion(&self) -> Option<&SignedJwt> {
        self.shown.as_ref()?.client.as_ref()
    }

    pub(crate) fn is_unsigned(&self) -> bool {
        self.is_client_unsigned() || self.bound().is_some_and(|it| it.signed.is_none())
    }

    fn is_client_unsigned(&self) -> bool {
        matches!(self.way, Way::Signed(_)) && self.assertion().is_none()
    }

    /// The host has signed.
    ///
    /// # Errors
    ///
    /// [`Misuse::Signature`] if that is no signature of the algorithm's.
    pub(crate) fn sign(&mut self, unsigned: &Unsigned, signature: &[u8]) -> Result<(), Misuse> {
        if self.is_client_unsigned() {
            self.shown.get_or_insert_default().client = Some(unsigned.signed(signature)?);
        } else if let Some(Shown { bound: Some(bound), .. }) = self.shown.as_deref_mut()
            && bound.signed.is_none()
        {
            bound.signed = Some(unsigned.signed(signature)?);
        }
        Ok(())
    }

    /// Whether an answer only asks for another proof: for the server's nonce in it (RFC 9449 §8), or for a new one. Then
    /// the request is sent once more, and nothing of it was spent.
    ///
    /// # Errors
    ///
    /// [`PeerIncompatible::ClocksDiffer`] where that is why proofs are refused.
    pub(crate) fn is_asked_again(
        &mut self,
        response: &Response,
        now: UnixTime,
    ) -> Result<Option<Finding>, PeerIncompatible> {
        let Some(Shown { client, bound: Some(bound) }) = self.shown.as_deref_mut() else {
            return Ok(None);
        };
        let Some(refusal) = refusal_of(response, Endpoint::Token) else { return Ok(None) };
        let retry = if refusal.wants_dpop_nonce() {
            let is_first = !core::mem::replace(&mut bound.has_nonce, true);
            (is_first && DpopNonce::of(response).is_some()).then_some(Retry::Nonce)
        } else if refusal.is_invalid_dpop_proof() {
            if core::mem::replace(&mut bound.was_refused, true) {
                check_clocks(response.header("date"), now)?;
                None
            } else {
                Some(Retry::Proof)
            }
        } else {
            None
        };
        let Some(retry) = retry else { return Ok(None) };
        (*client, bound.signed) = (None, None);
        Ok(Some(Finding::Retried { refusal: refusal.code, retry }))
    }

    /// The request with the proof that was signed for it.
    pub(crate) fn add_to(&self, request: Request) -> Request {
        match self.bound().and_then(|bound| bound.signed.as_ref()) {
            Some(proof) => request.with_proof(Some(proof.expose().into())),
            None => request,
        }
    }

    /// Who the client is, with what shows it.
    pub(crate) fn client<'a>(&'a self, binding: &'a Binding) -> Authentication<'a> {
        let Binding { client, dialect, .. } = binding;
        let registered = Authentication::from(&**client);
        registered.or_signed(self.assertion(), client.client_id(), dialect.as_deref())
    }

    /// Who asks, with what shows it.
    pub(crate) fn requester<'a>(&'a self, parties: &'a TokenParties<'a>) -> TokenRequester<'a> {
        let requester = parties.requester(self.assertion());
        match self.way {
            Way::Unnamed => TokenRequester { client: Authentication::Unnamed, ..requester },
            Way::Registered | Way::Signed(_) => requester,
        }
    }
}

fn shown(binding: &Binding) -> Option<Box<Shown>> {
    binding.possession.as_ref()?;
    Some(Box::new(Shown { client: None, bound: Some(Bound::default()) }))
}
