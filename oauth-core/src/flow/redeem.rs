//! `Redeem`: the code is exchanged for tokens (RFC 6749 §4.1.3).
//!
//! ```text
//!  Sign, if the client has a key ──▶ Http ──┬─ tokens ──▶ the grant
//!                                           ├─ the server refuses ──▶ the refusal
//!                                           └─ anything else ──▶ an error: a code that may be spent is not
//!                                                                sent twice
//! ```

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::entropy::RandomBytes;
use crate::error::{Error, Refusal};
use crate::flow::binding::Binding;
use crate::flow::grants::Issued;
use crate::flow::grants::code::is_usual;
use crate::flow::outcome::Once;
use crate::flow::proof::Proof;
use crate::flow::tried::Tried;
use crate::http::{Request, Response};
use crate::time::UnixTime;
use crate::timeline::Finding;
use crate::tolerance::Tolerances;
use crate::wire::{AuthorizationCode, NoToken, Sought, code_request, read_tokens};

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
    pub(crate) proof: Proof,
}

impl Redeem {
    pub(crate) fn request(&self) -> Request {
        let parties = self.binding.parties();
        let requester = self.proof.requester(&parties);
        let redirect_uri = self.binding.client.redirect_uri();
        code_request(&requester, redirect_uri, &self.code, &self.verifier)
    }

    pub(crate) fn answer(self, response: &Response, now: UnixTime) -> Once<Redeemed> {
        let Binding { server, requested, .. } = &self.binding;
        let (endpoint, requested) = (server.token_endpoint(), requested.as_ref());
        let tokens =
            match read_tokens(response, endpoint, requested, self.binding.token_type(), now) {
                Ok(tokens) => tokens,
                Err(NoToken { error, .. }) => {
                    let finding = Finding::failed(&error);
                    let Error::Refused(refusal) = error else { return Err(error.into()) };
                    return Ok((Redeemed::Refused(self.into(), refusal), finding));
                }
            };
        let (issued, finding) = Issued::new(self.binding, tokens, self.tolerates, now)?;
        Ok((Redeemed::Tokens(issued), finding))
    }
}

/// What a code came to.
pub(crate) enum Redeemed {
    /// Tokens.
    Tokens(Issued),
    /// The server refused it.
    Refused(Box<Redeem>, Refusal),
}
