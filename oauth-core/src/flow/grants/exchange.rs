//! `Exchange`: the identity provider turns what says who the user is into a grant for one authorization server
//! (RFC 8693, draft-ietf-oauth-identity-assertion-authz-grant).
//!
//! ```text
//!  Assertion ──▶ Http, to the identity provider ──┬─ an ID-JAG ──▶ it goes to the authorization server, once
//!                                                 └─ anything else ──▶ an error: the provider's word is final
//! ```

use serde::{Deserialize, Serialize};

use crate::flow::binding::Binding;
use crate::flow::outcome::{Outcome, Progress};
use crate::flow::settings::IdentityProvider;
use crate::http::{Request, Response};
use crate::time::UnixTime;
use crate::timeline::Finding;
use crate::tolerance::Tolerances;
use crate::url::HttpUrl;
use crate::wire::{Authentication, IdJag, SubjectToken, exchange_request, exchanged};

/// Waits for the answer of the identity provider, and before it for what says who the user is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Exchange {
    /// What the token will be bound to.
    pub(crate) binding: Binding,
    pub(crate) tolerates: Tolerances,
    pub(crate) provider: IdentityProvider,
    /// `None` until the host brings it.
    pub(crate) subject: Option<SubjectToken>,
}

/// What the identity provider gave.
pub(crate) struct Exchanged {
    pub(crate) binding: Binding,
    pub(crate) tolerates: Tolerances,
    pub(crate) id_jag: IdJag,
}

impl Exchange {
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

    pub(crate) fn answer(self, response: &Response, now: UnixTime) -> Outcome<Self, Exchanged> {
        let id_jag = exchanged(response, &self.provider.token_endpoint, now)?;
        let Self { binding, tolerates, .. } = self;
        id_jag.check(&binding.server.issuer, binding.client.client_id())?;
        Ok(Progress::Done(Exchanged { binding, tolerates, id_jag }, Finding::document()))
    }
}
