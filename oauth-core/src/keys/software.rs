//! Keys that are kept in memory.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::json::Members;
#[cfg(feature = "eddsa")]
use crate::keys::pair::ED25519;
#[cfg(feature = "es256")]
use crate::keys::pair::P256;
use crate::keys::pair::Pair;
use crate::keys::pem::private_key;
use crate::keys::public_jwk::member;
use crate::keys::{KeyDefect, PublicJwk, Signer, SigningFailure};
use crate::signing_algorithm::{SigningAlgorithm, SigningAlgorithms};

/// A private key in memory, for P-256 (`ES256`) or Ed25519 (`EdDSA`).
///
/// It is overwritten when it is dropped, and `Debug` shows nothing of it.
///
/// # Security
///
/// Whoever reads the program's memory has the key. Where there is a key service or a security module, a
/// [`Signer`] for that is the better choice.
pub struct SoftwareKey {
    pair: Pair,
    jwk: PublicJwk,
    key_id: Box<str>,
}

impl SoftwareKey {
    /// Reads PKCS#8 in PEM (`BEGIN PRIVATE KEY`, RFC 7468 §10), or one private JWK. Its `kid` is that of the JWK,
    /// else the thumbprint.
    ///
    /// ```
    /// # use oauth_core::keys::{KeyDefect, SoftwareKey};
    /// let sec1 = "-----BEGIN EC PRIVATE KEY-----\nMHcC…\n-----END EC PRIVATE KEY-----";
    /// let defect = SoftwareKey::parse(sec1).unwrap_err();
    /// assert!(defect.advice().contains("openssl pkcs8 -topk8"));
    /// ```
    ///
    /// # Errors
    ///
    /// A [`KeyDefect`], whose [`advice`](KeyDefect::advice) says how to get a key that can be used.
    pub fn parse(text: &str) -> Result<Self, KeyDefect> {
        if text.trim_start_matches('\u{feff}').trim_start().starts_with('{') {
            return Self::from_jwk(text);
        }
        Pair::from_der(&private_key(text)?).map(|pair| Self::new(pair, None))
    }

    /// The P-256 key with this secret: 32 random bytes make a new key. Its `kid` is the thumbprint.
    ///
    /// # Errors
    ///
    /// [`KeyDefect::Damaged`] for bytes that are no key. Random ones are, but for one in 2³².
    #[cfg(feature = "es256")]
    pub fn es256(secret: &[u8; 32]) -> Result<Self, KeyDefect> {
        Pair::from_bytes(P256, secret).map(|pair| Self::new(pair, None))
    }

    /// The Ed25519 key with this seed: 32 random bytes make a new key. Its `kid` is the thumbprint.
    ///
    /// # Errors
    ///
    /// None so far: all bytes are a key.
    #[cfg(feature = "eddsa")]
    pub fn ed25519(seed: &[u8; 32]) -> Result<Self, KeyDefect> {
        Pair::from_bytes(ED25519, seed).map(|pair| Self::new(pair, None))
    }

    /// The same key under the `kid` by which the server knows it.
    #[must_use]
    pub fn with_key_id(mut self, key_id: &str) -> Self {
        self.key_id = key_id.into();
        self
    }

    /// The public half.
    #[must_use]
    pub fn public_jwk(&self) -> &PublicJwk {
        &self.jwk
    }

    /// The public half as a server wants to have it registered (`jwks`, RFC 7591 §2): a set of this one key, with its
    /// `kid`, as JSON.
    #[must_use]
    pub fn public_jwk_set(&self) -> String {
        let alg = self.algorithms().iter().next();
        let key = Registered { key: &self.jwk, kid: &self.key_id, alg, usage: "sig" };
        // Texts alone always serialize.
        serde_json::to_string(&Set { keys: [key] }).unwrap_or_default()
    }

    fn new(pair: Pair, key_id: Option<&str>) -> Self {
        let jwk = pair.public_jwk();
        let key_id = key_id.map_or_else(|| jwk.thumbprint().into(), Box::from);
        Self { pair, jwk, key_id }
    }

    /// RFC 7518 §6.2.2, RFC 8037 §2.
    fn from_jwk(json: &str) -> Result<Self, KeyDefect> {
        let mut members = Members::of(json.as_bytes()).map_err(|_| KeyDefect::NoKey)?;
        if members.json("keys").is_some() {
            return Err(KeyDefect::Several);
        }
        let public = PublicJwk::read(&mut members)?;
        let Some(written) = members.text("d") else { return Err(KeyDefect::Public) };
        let Some(curve) = members.text("crv") else {
            return Err(KeyDefect::Unsupported { algorithm: "RSA".into() });
        };
        let mut secret = Zeroizing::new(Vec::with_capacity(written.len()));
        let decoded = URL_SAFE_NO_PAD.decode_vec(written.as_bytes(), &mut secret);
        decoded.map_err(|_| member("d"))?;
        let pair = Pair::from_bytes(&curve, &secret).map_err(|defect| match defect {
            KeyDefect::Damaged => member("d"),
            defect => defect,
        })?;
        let key = Self::new(pair, members.text("kid").as_deref());
        if key.jwk == public { Ok(key) } else { Err(KeyDefect::Halves) }
    }
}

impl Signer for SoftwareKey {
    fn algorithms(&self) -> SigningAlgorithms {
        self.pair.algorithms()
    }

    fn key_id(&self) -> Option<&str> {
        Some(&self.key_id)
    }

    fn sign(&self, algorithm: SigningAlgorithm, bytes: &[u8]) -> Result<Vec<u8>, SigningFailure> {
        let able = self.algorithms();
        if able.contains(algorithm) {
            return Ok(self.pair.sign(bytes));
        }
        Err(alloc::format!("the key signs with {able}, not with {algorithm}").into())
    }
}

impl fmt::Debug for SoftwareKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SoftwareKey(…)")
    }
}

#[derive(Serialize)]
struct Set<'a> {
    keys: [Registered<'a>; 1],
}

#[derive(Serialize)]
struct Registered<'a> {
    #[serde(flatten)]
    key: &'a PublicJwk,
    kid: &'a str,
    alg: Option<SigningAlgorithm>,
    #[serde(rename = "use")]
    usage: &'static str,
}

#[cfg(test)]
mod tests;
