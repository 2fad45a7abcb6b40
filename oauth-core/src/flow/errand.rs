//! What the user is sent off with, whoever the client turns out to be.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::entropy::RandomBytes;
use crate::flow::binding::{Binding, Terms};
use crate::flow::login::Visit;
use crate::flow::options::AuthorizationOptions;
use crate::flow::tried::Tried;
use crate::wire::Sought;

/// What a login asks for, and what makes its redirect and its code its own.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Errand {
    pub(crate) terms: Terms,
    pub(crate) verifier: RandomBytes,
    pub(crate) state: RandomBytes,
    #[serde(default, skip_serializing_if = "Tried::is_nothing")]
    pub(crate) tried: Tried,
    #[serde(default, skip_serializing_if = "Sought::is_nobody")]
    pub(crate) sought: Sought,
}

impl Errand {
    /// The first one of a login.
    pub(crate) fn new(
        visit: Visit,
        options: Option<Box<AuthorizationOptions>>,
        terms: Terms,
    ) -> Self {
        let Visit { verifier, state, .. } = visit;
        let tried = Tried::default();
        let sought = options.map(|options| options.sought).unwrap_or_default();
        Self { terms, verifier, state, tried, sought }
    }

    /// The same once more, after a redirect or a code came to nothing.
    ///
    /// A verifier and a `state` serve one authorization request. The next ones are digests of the verifier
    /// of the last: who does not know that, and only this login and the authorization server do, can guess
    /// neither.
    pub(crate) fn again(
        binding: &Binding,
        last: &RandomBytes,
        tried: Tried,
        sought: Sought,
    ) -> Self {
        let next = |what: &str| {
            last.with_text(|last| {
                let digest = Sha256::new().chain_update(what).chain_update(last);
                RandomBytes::new(digest.finalize().into())
            })
        };
        Self {
            terms: binding.terms(),
            verifier: next("verifier:"),
            state: next("state:"),
            tried,
            sought,
        }
    }
}
