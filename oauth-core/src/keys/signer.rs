//! What a key has to do, wherever it is.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::signing_algorithm::{SigningAlgorithm, SigningAlgorithms};

/// Why a key did not sign, in the host's words. It is shown to people: nothing secret may be in it.
pub type SigningFailure = Box<dyn core::error::Error + Send + Sync>;

/// A private key that signs: one in memory, or a way to one that cannot be read.
pub trait Signer {
    /// What the key can do.
    fn algorithms(&self) -> SigningAlgorithms;

    /// The `kid` under which the server knows its public half. `None` is only good where the server knows one
    /// key of the client.
    fn key_id(&self) -> Option<&str>;

    /// Signs the bytes as they are: they are no digest. The signature is as JWS wants it, so with `ES256` it is
    /// r‖s in 64 bytes, not DER (RFC 7518 §3.4).
    ///
    /// # Errors
    ///
    /// Why not.
    fn sign(&self, algorithm: SigningAlgorithm, bytes: &[u8]) -> Result<Vec<u8>, SigningFailure>;
}
