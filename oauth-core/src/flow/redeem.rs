//! `Redeem`: the code is exchanged for tokens (RFC 6749 §4.1.3).
//!
//! ```text
//!  Http ──┬─ tokens ──▶ Done, or Untolerated: an error, but the tokens are not lost
//!    ▲    ├─ the client is refused, and knows another method ──┐
//!    └────┼────────────────────────────────────────────────────┘
//!         ├─ the client or a scope is refused, and the client can register anew ──▶ Register
//!         └─ anything else ──▶ an error: a code that may be spent is not sent twice
//! ```

use serde::{Deserialize, Serialize};

use crate::entropy::RandomBytes;
use crate::error::Error;
use crate::flow::binding::{Binding, Grant};
use crate::flow::consent::is_usual;
use crate::flow::machine::{Answered, State};
use crate::flow::recourse::Tried;
use crate::flow::settings::Settings;
use crate::http::{Request, Response};
use crate::time::UnixTime;
use crate::timeline::Finding;
use crate::tolerance::Tolerances;
use crate::wire::{AuthorizationCode, NoToken, Sought, code_request, issued};

/// Waits for the answer of the token endpoint.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Redeem {
    pub(crate) binding: Binding,
    #[serde(default, skip_serializing_if = "is_usual")]
    pub(crate) tolerates: Tolerances,
    pub(crate) verifier: RandomBytes,
    #[serde(default, skip_serializing_if = "Tried::is_nothing")]
    pub(crate) tried: Tried,
    /// For the next visit, if there is one.
    #[serde(default, skip_serializing_if = "Sought::is_nobody")]
    pub(crate) sought: Sought,
    pub(crate) code: AuthorizationCode,
}

impl Redeem {
    pub(crate) fn request(&self) -> Request {
        code_request(&self.binding.parties(), &self.code, &self.verifier)
    }

    pub(crate) fn answer(
        self,
        response: &Response,
        settings: &Settings,
        now: UnixTime,
    ) -> Answered {
        let Binding { server, requested, .. } = &self.binding;
        let (endpoint, requested) = (server.token_endpoint(), requested.as_ref());
        let tokens = match issued(response, endpoint, requested, now) {
            Ok(tokens) => tokens,
            Err(NoToken { error: Error::Refused(refusal), .. }) => {
                return self.refused(refusal, settings);
            }
            Err(NoToken { error, .. }) => return Err(error.into()),
        };
        let finding = Finding::granted(&tokens, &self.binding, now);
        let checked = tokens.check(self.tolerates);
        let grant = Grant { binding: self.binding, tokens }.into();
        let state = match checked {
            Ok(()) => State::Done(grant),
            Err(error) => State::Untolerated(grant, error),
        };
        Ok((state, finding))
    }
}
