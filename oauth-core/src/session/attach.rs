//! What is attached to a request of the application: a bearer token as it is, or a token that is bound to a key, with a
//! proof for this one request (RFC 9449 §7.1).

use core::fmt;

use crate::error::Misuse;
use crate::flow::Possession;
use crate::keys::DpopKey;
use crate::secret::Secret;
use crate::time::UnixTime;
use crate::wire::{BearerAuth, DpopNonce, Jti, Unsigned};

/// What goes with a request.
#[derive(Debug)]
pub enum Attach<'a> {
    /// The value of the `Authorization` field, the same for each request.
    Bearer(&'a str),
    /// Two fields, once a proof for this request is signed.
    Dpop(ProofRequest<'a>),
}

/// A request that needs a proof. Make a new one each time it is sent: servers take none twice.
pub struct ProofRequest<'a> {
    pub(super) token: &'a BearerAuth,
    pub(super) possession: &'a Possession,
    pub(super) nonce: Option<&'a DpopNonce>,
    pub(super) method: &'a str,
    pub(super) url: &'a str,
}

/// The two header fields of a request with a bound token. `Debug` shows neither.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DpopFields {
    /// The value of `Authorization`.
    pub authorization: Secret,
    /// The value of `DPoP`, good for this request only.
    pub dpop: Secret,
}

impl<'a> ProofRequest<'a> {
    /// For a request with this token, by its method and URL.
    #[cfg(feature = "client")]
    pub(crate) fn new(
        token: &'a BearerAuth,
        possession: &'a Possession,
        (method, url): (&'a str, &'a str),
    ) -> Self {
        Self { token, possession, nonce: None, method, url }
    }

    /// The key to sign with.
    #[must_use]
    pub fn key(&self) -> &'a DpopKey {
        &self.possession.key
    }

    /// With what the MCP server wants to see in proofs, for a host that has heard it elsewhere: it counts for all
    /// sessions with the server. `None` leaves what this session has heard.
    #[must_use]
    pub fn with_nonce(self, nonce: Option<&'a DpopNonce>) -> Self {
        Self { nonce: nonce.or(self.nonce), ..self }
    }

    /// What is to be signed. `random` makes it unlike any other: bytes that were never used before.
    #[must_use]
    pub fn unsigned(&self, random: [u8; 16], now: UnixTime) -> Unsigned {
        let Self { token, possession, nonce, method, url } = self;
        possession.unsigned((method, url), Some(token.token()), *nonce, Jti::new(random), now)
    }

    /// The fields, once that is signed.
    ///
    /// # Errors
    ///
    /// [`Misuse::Signature`] if it cannot be a signature of the algorithm that was asked for.
    pub fn fields(&self, unsigned: &Unsigned, signature: &[u8]) -> Result<DpopFields, Misuse> {
        let proof = unsigned.signed(signature)?;
        Ok(DpopFields {
            authorization: Secret::from(self.token.bound().header_value()),
            dpop: Secret::from(proof.expose()),
        })
    }
}

impl fmt::Debug for ProofRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProofRequest").field("method", &self.method).finish_non_exhaustive()
    }
}
