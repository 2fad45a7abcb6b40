//! Keys: what the servers verify signatures with, and what tests sign with.
//!
//! A key is made from one byte, so that every run signs the same. Without the feature `keys`, the world verifies nothing but
//! what it has made itself: a client that signs is refused.

use alloc::string::String;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

#[cfg(feature = "keys")]
mod real;
#[cfg(not(feature = "keys"))]
mod stand_in;

#[cfg(feature = "keys")]
use real as signatures;
#[cfg(not(feature = "keys"))]
use stand_in as signatures;

pub use signatures::Key;
use signatures::Verifier;

/// What verifies signatures, and the `kid` that they have to name if it has one.
#[derive(Clone, Debug)]
pub struct PublicKey {
    kid: Option<String>,
    verifier: Verifier,
}

impl Key {
    /// What servers know of it.
    pub fn public(&self) -> PublicKey {
        PublicKey { kid: None, verifier: self.verifier() }
    }

    /// A JWT with these claims; `alg` is set, the other members of the header are the caller's.
    pub fn jwt(&self, header: &Value, claims: &Value) -> String {
        let mut header = header.clone();
        if header["alg"].is_null() {
            header["alg"] = json!(self.alg());
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", part(&header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.sign(input.as_bytes()));
        format!("{input}.{signature}")
    }
}

impl PublicKey {
    /// Reads a JWK.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it, a private member above all (RFC 9449 §4.3).
    pub fn from_jwk(jwk: &Value) -> Result<Self, String> {
        let kid = jwk["kid"].as_str().map(Into::into);
        Ok(Self { kid, verifier: Verifier::from_jwk(jwk)? })
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

    /// The thumbprint (RFC 7638 §3), which is the `jkt` of DPoP (RFC 9449 §6.1).
    pub fn thumbprint(&self) -> String {
        self.verifier.thumbprint()
    }

    /// Whether signatures of this `alg` can be checked with it.
    pub fn fits(&self, alg: &str) -> bool {
        self.verifier.fits(alg)
    }

    /// Whether a signature is this key's.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifier.verifies(message, signature)
    }
}
