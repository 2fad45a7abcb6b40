//! Digests in the place of signatures, for programs that have no use for keys: whoever has the number of a key can sign.

use alloc::string::String;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// What signs the tokens that the world makes itself.
#[derive(Clone, Debug)]
pub struct Key(u8);

impl Key {
    /// The key of this number.
    pub fn p256(number: u8) -> Self {
        Self(number)
    }

    /// What its digests pass for.
    pub const fn alg(&self) -> &'static str {
        "ES256"
    }

    /// A digest of the message and the key.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        Sha256::new().chain_update([self.0]).chain_update(message).finalize().to_vec()
    }

    pub(super) fn verifier(&self) -> Verifier {
        Verifier(self.clone())
    }
}

/// What verifies them.
#[derive(Clone, Debug)]
pub(super) struct Verifier(Key);

impl Verifier {
    pub(super) fn from_jwk(_: &Value) -> Result<Self, String> {
        Err("a JWK, for a world that was built without the feature `keys`".into())
    }

    /// Of a key that nobody can be bound to.
    pub(super) fn thumbprint(&self) -> String {
        String::new()
    }

    pub(super) fn fits(&self, alg: &str) -> bool {
        alg == self.0.alg()
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.sign(message) == signature
    }
}
