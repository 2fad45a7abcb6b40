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

    /// What servers know of it.
    pub fn public(&self) -> PublicKey {
        PublicKey { kid: None, key: self.clone() }
    }
}

/// What verifies them, and the `kid` that they have to name if it has one.
#[derive(Clone, Debug)]
pub struct PublicKey {
    kid: Option<String>,
    key: Key,
}

impl PublicKey {
    /// Reads no JWK.
    ///
    /// # Errors
    /// A sentence that says so.
    pub fn from_jwk(_: &Value) -> Result<Self, String> {
        Err("a JWK, for a world that was built without the feature `keys`".into())
    }

    /// The same key under a name, which signatures must give from now on.
    #[must_use]
    pub fn named(mut self, kid: &str) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// The name.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Of a key that nobody can be bound to.
    pub fn thumbprint(&self) -> String {
        String::new()
    }

    /// Whether signatures of this `alg` can be checked with it.
    pub fn fits(&self, alg: &str) -> bool {
        alg == self.key.alg()
    }

    /// Whether a digest is this key's.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.sign(message) == signature
    }
}
