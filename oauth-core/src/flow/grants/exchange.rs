//! `Exchange`: the identity provider turns what says who the user is into a grant for one authorization server
//! (RFC 8693, draft-ietf-oauth-identity-assertion-authz-grant).
//!
//! ```text
//!  Assertion ──▶ Http, to the identity provider ──┬─ an ID-JAG ──▶ it goes to the authorization server, once
//!                                                 └─ anything else ──▶ an error: the provider's word is final
//! ```
//!
//! Where the token is to be bound to a key, a proof goes along, so that the ID-JAG is bound to it as well.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::flow::binding::Binding;
use crate::flow::outcome::Once;
use crate::flow::proof::Proof;
use crate::flow::settings::IdentityProvider;
use crate::http::{Request, Response};
use crate::keys::DpopKey;
use crate::time::UnixTime;
use crate::timeline::Finding;
use crate::tolerance::Tolerances;
use crate::url::HttpUrl;
use crate::wire::{Authentication, DpopNonce, IdJag, SubjectToken, exchange_request, read_id_jag};

/// Waits for the answer of the identity provider, and before it for what says who the user is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Exchange {
    /// What the token will be bound to.
    pub(crate) binding: Binding,
    pub(crate) tolerates: Tolerances,
    pub(crate) provider: IdentityProvider,
    /// `None` until the host brings it.
    pub(crate) subject: Option<SubjectToken>,
    /// What shows the key to the provider.
    #[serde(default)]
    pub(crate) proof: Proof,
    /// What the provider wants to see in that. Its own: the authorization server has others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<Box<DpopNonce>>,
    /// What goes to the authorization server, if that has asked for another proof already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) then: Option<Box<Proof>>,
}

/// What the identity provider gave.
pub(crate) struct Exchanged {
    pub(crate) binding: Binding,
    pub(crate) tolerates: Tolerances,
    pub(crate) id_jag: IdJag,
    pub(crate) then: Option<Box<Proof>>,
}

impl Exchange {
    /// For tokens that will be bound to that. `then` is the proof for the authorization server, if it has asked for
    /// another one.
    pub(crate) fn new(
        binding: Binding,
        tolerates: Tolerances,
        provider: IdentityProvider,
        then: Option<Box<Proof>>,
    ) -> Self {
        let proof = Proof::of_key(&binding);
        Self { binding, tolerates, provider, subject: None, proof, nonce: None, then }
    }

    /// The request, once there is something to exchange.
    pub(crate) fn request(&self) -> Option<Request> {
        let IdentityProvider { token_endpoint, client_id, client_secret, auth_method } =
            &self.provider;
        let exchange = crate::wire::Exchange {
            endpoint: token_endpoint,
            client: Authentication::of(*auth_method, client_id, client_secret.as_ref()),
            audience: &self.binding.server.issuer,
            resource: &self.binding.resource,
            scopes: self.binding.requested.as_ref(),
        };
        Some(exchange_request(&exchange, self.subject.as_ref()?))
    }

    pub(crate) fn endpoint(&self) -> &HttpUrl {
        &self.provider.token_endpoint
    }

    /// What the provider wants to see in the next proof, whatever that came with.
    pub(crate) fn hear(&mut self, response: &Response) {
        if let Some(nonce) = DpopNonce::of(response) {
            self.nonce = Some(nonce.into());
        }
    }

    pub(crate) fn answer(self, response: &Response, now: UnixTime) -> Once<Exchanged> {
        let id_jag = read_id_jag(response, &self.provider.token_endpoint, now)?;
        let Self { binding, tolerates, then, .. } = self;
        let key = binding.dpop_key().map(DpopKey::thumbprint);
        id_jag.check(&binding.server.issuer, binding.client.client_id(), key.as_deref())?;
        Ok((Exchanged { binding, tolerates, id_jag, then }, Finding::document()))
    }
}
