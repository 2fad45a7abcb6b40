//! `ClientCredentials`: the client asks for itself (RFC 6749 §4.4).
//!
//! ```text
//!  Sign, if it has a key ──▶ Http ──┬─ a token ──▶ the grant
//!                                   └─ anything else ──▶ an error: the credentials are what they are
//! ```

use serde::{Deserialize, Serialize};

use crate::flow::binding::Binding;
use crate::flow::grants::Issued;
use crate::flow::outcome::Once;
use crate::flow::proof::Proof;
use crate::http::{Request, Response};
use crate::time::UnixTime;
use crate::tolerance::Tolerances;
use crate::wire::{client_credentials_request, read_machine_token};

/// Waits for the answer of the token endpoint, and for a signature before that if the client has a key.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ClientCredentials {
    pub(crate) binding: Binding,
    pub(crate) tolerates: Tolerances,
    pub(crate) proof: Proof,
}

impl ClientCredentials {
    pub(crate) fn request(&self) -> Request {
        let parties = self.binding.parties();
        let requester = self.proof.requester(&parties);
        let scopes = self.binding.requested.as_ref();
        client_credentials_request(&requester, scopes)
    }

    pub(crate) fn answer(self, response: &Response, now: UnixTime) -> Once<Issued> {
        let Self { binding, tolerates, .. } = self;
        read_grant(binding, tolerates, response, now)
    }
}

/// What a token request without a user came to.
pub(super) fn read_grant(
    binding: Binding,
    tolerates: Tolerances,
    response: &Response,
    now: UnixTime,
) -> Once<Issued> {
    let (endpoint, requested) = (binding.server.token_endpoint(), binding.requested.as_ref());
    let asked = binding.token_type();
    let tokens = read_machine_token(response, endpoint, requested, asked, now)?;
    Ok(Issued::new(binding, tokens, tolerates, now)?)
}
