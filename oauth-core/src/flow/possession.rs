//! The key that tokens are bound to (RFC 9449).

use serde::{Deserialize, Serialize};

use crate::error::PeerIncompatible;
use crate::keys::DpopKey;
use crate::signing_algorithm::{SigningAlgorithm, SigningAlgorithms};
use crate::time::UnixTime;
use crate::wire::{DpopNonce, DpopProof, Jti, Unsigned, dpop_algorithm};

/// The key that tokens are bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Possession {
    pub(crate) key: DpopKey,
    /// What it signs with, as both servers take it.
    pub(crate) algorithm: SigningAlgorithm,
    /// Whether a token that is not bound is of no use.
    #[serde(default)]
    pub(crate) is_required: bool,
}

impl Possession {
    /// With a key, if it can do what is taken.
    ///
    /// # Errors
    ///
    /// [`PeerIncompatible::NoDpopAlgorithm`].
    pub(crate) fn new(
        issuer: &str,
        key: DpopKey,
        taken: SigningAlgorithms,
        is_required: bool,
    ) -> Result<Self, PeerIncompatible> {
        let algorithm = dpop_algorithm(issuer, Some(taken), key.algorithms())?;
        Ok(Self { key, algorithm, is_required })
    }

    /// The proof for one request, by its method and URL.
    pub(crate) fn unsigned(
        &self,
        (method, url): (&str, &str),
        access_token: Option<&str>,
        nonce: Option<&DpopNonce>,
        jti: Jti,
        now: UnixTime,
    ) -> Unsigned {
        let Self { key, algorithm, .. } = self;
        let (public_key, algorithm, key_id) = (key.public_key(), *algorithm, None);
        let proof = DpopProof { method, url, access_token, nonce, public_key, algorithm, key_id };
        proof.unsigned(jti, now)
    }
}
