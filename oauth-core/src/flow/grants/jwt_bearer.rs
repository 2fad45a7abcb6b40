//! `JwtBearer`: somebody whom the authorization server trusts says who the client is, or who its user is
//! (RFC 7523 §2.1).
//!
//! ```text
//!  Assertion, if there is none ──▶ Sign, if the client has a key ──▶ Http ──┬─ a token ──▶ the grant
//!                                                                           └─ anything else ──▶ an error: an
//!                                                                      assertion that was seen is not sent again
//! ```
//!
//! Nor is it where the server only wants another proof of the key: another assertion is asked for.

use serde::{Deserialize, Serialize};

use crate::flow::binding::Binding;
use crate::flow::grants::Issued;
use crate::flow::grants::client_credentials::read_grant;
use crate::flow::outcome::Once;
use crate::flow::proof::Proof;
use crate::http::{Request, Response};
use crate::secret::Secret;
use crate::time::UnixTime;
use crate::tolerance::Tolerances;
use crate::wire::jwt_bearer_request;

/// Waits for the answer of the token endpoint, and for what goes there before.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct JwtBearer {
    pub(crate) binding: Binding,
    pub(crate) tolerates: Tolerances,
    pub(crate) proof: Proof,
    /// What the identity provider or the platform has said; `None` until the host brings it.
    pub(crate) assertion: Option<Secret>,
}

impl JwtBearer {
    /// The request, once there is something to send.
    pub(crate) fn request(&self) -> Option<Request> {
        let assertion = self.assertion.as_ref()?;
        let parties = self.binding.parties();
        let requester = self.proof.requester(&parties);
        let scopes = self.binding.requested.as_ref();
        Some(jwt_bearer_request(&requester, assertion, scopes))
    }

    pub(crate) fn answer(self, response: &Response, now: UnixTime) -> Once<Issued> {
        let Self { binding, tolerates, .. } = self;
        read_grant(binding, tolerates, response, now)
    }
}
