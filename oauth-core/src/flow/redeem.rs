//! `Redeem`: the code is exchanged for tokens (RFC 6749 §4.1.3).
//!
//! ```text
//!  Http ──┬─ tokens ──▶ Done, or Untolerated: an error, but the tokens are not lost
//!         └─ refused, unreadable or unreachable ──▶ an error: a code is not sent twice
//! ```

use serde::{Deserialize, Serialize};

use crate::entropy::RandomBytes;
use crate::flow::binding::{Binding, Grant};
use crate::flow::consent::is_usual;
use crate::flow::machine::{Answered, State};
use crate::http::{Request, Response};
use crate::time::UnixTime;
use crate::timeline::Finding;
use crate::tolerance::Tolerances;
use crate::wire::{AuthorizationCode, code_request, issued};

/// Waits for the answer of the token endpoint.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Redeem {
    pub(crate) binding: Binding,
    #[serde(default, skip_serializing_if = "is_usual")]
    pub(crate) tolerates: Tolerances,
    pub(crate) verifier: RandomBytes,
    pub(crate) code: AuthorizationCode,
}

impl Redeem {
    pub(crate) fn request(&self) -> Request {
        code_request(&self.binding.parties(), &self.code, &self.verifier)
    }

    pub(crate) fn answer(self, response: &Response, now: UnixTime) -> Answered {
        let Binding { server, requested, .. } = &self.binding;
        let (endpoint, requested) = (server.token_endpoint(), requested.as_ref());
        let tokens = issued(response, endpoint, requested, now).map_err(|none| none.error)?;
        let finding = Finding::tokens(&tokens, now);
        let checked = tokens.check(self.tolerates);
        let grant = Grant { binding: self.binding, tokens }.into();
        let state = match checked {
            Ok(()) => State::Done(grant),
            Err(error) => State::Untolerated(grant, error),
        };
        Ok((state, finding))
    }
}
