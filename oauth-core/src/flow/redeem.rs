//! `Redeem`: the code is exchanged for tokens (RFC 6749 §4.1.3).
//!
//! ```text
//!  Http ──┬─ tokens ──▶ Done
//!         └─ refused, unreadable or unreachable ──▶ an error: a code is not sent twice
//! ```

use serde::{Deserialize, Serialize};

use crate::entropy::RandomBytes;
use crate::error::Error;
use crate::flow::binding::{Binding, Grant};
use crate::flow::machine::State;
use crate::http::{Request, Response};
use crate::time::UnixTime;
use crate::wire::{AuthorizationCode, code_request, issued};

/// Waits for the answer of the token endpoint.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Redeem {
    pub(crate) binding: Binding,
    pub(crate) verifier: RandomBytes,
    pub(crate) code: AuthorizationCode,
}

impl Redeem {
    pub(crate) fn request(&self) -> Request {
        let Binding { server, client, resource, .. } = &self.binding;
        code_request(server, client, resource, &self.code, &self.verifier)
    }

    pub(crate) fn answer(self, response: &Response, now: UnixTime) -> Result<State, Error> {
        let tokens = issued(response, self.binding.server.token_endpoint(), now)?;
        Ok(State::Done(Grant { binding: self.binding, tokens }.into()))
    }
}
