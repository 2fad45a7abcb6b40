//! Texts that are signed: JWS in its compact form (RFC 7515 §3.1, §7.1).
//!
//! No key is here, and no cryptography: what is to be signed goes out as [`Unsigned`], and whoever has the
//! key gives a signature back. Nothing is verified either; a client only shows what it signed.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize, Serializer};

use crate::error::Misuse;
use crate::keys::Signer;
use crate::secret::Secret;
use crate::signing_algorithm::{SigningAlgorithm, SigningAlgorithms};

/// What is known of a key that stays with the host: which one it is, and what it can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyDescription {
    /// The key's `kid`, by which the server finds its public half. `None` is only good where the server
    /// knows one key of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<Box<str>>,
    /// What the key can do.
    pub algorithms: SigningAlgorithms,
}

impl KeyDescription {
    /// What a signer says of itself.
    #[must_use]
    pub fn of(signer: &(impl Signer + ?Sized)) -> Self {
        Self { key_id: signer.key_id().map(Into::into), algorithms: signer.algorithms() }
    }
}

/// What a host is asked to sign, and with which key.
///
/// Sign [`bytes`](Self::bytes) as they are: they are no digest. A signature with `ES256` is r‖s in 64
/// bytes, not DER (RFC 7518 §3.4).
///
/// `Debug` does not show what is to be signed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsigned {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_id: Option<Box<str>>,
    algorithm: SigningAlgorithm,
    input: Box<str>,
}

impl Unsigned {
    /// Puts a header and claims together. The header has to name the algorithm and, if there is one, the
    /// key.
    pub(crate) fn new(
        header: &impl Serialize,
        claims: &impl Serialize,
        key_id: Option<&str>,
        algorithm: SigningAlgorithm,
    ) -> Self {
        // Texts and numbers alone always serialize.
        let json = |part: Result<String, _>| part.unwrap_or_default();
        let header = json(serde_json::to_string(header));
        let claims = json(serde_json::to_string(claims));
        let mut input = String::with_capacity(encoded(header.len()) + 1 + encoded(claims.len()));
        URL_SAFE_NO_PAD.encode_string(header, &mut input);
        input.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut input);
        Self { key_id: key_id.map(Into::into), algorithm, input: input.into() }
    }

    /// The `kid` of the key, if it has one.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The algorithm, one of those that the key can do.
    #[must_use]
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// What is to be signed (RFC 7515 §5.1).
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.input.as_bytes()
    }

    /// Puts the signature to it.
    ///
    /// # Errors
    ///
    /// [`Misuse::Signature`] if it has not the length that the algorithm gives it. Whether it is right, only
    /// the server can say.
    pub(crate) fn signed(&self, signature: &[u8]) -> Result<SignedJwt, Misuse> {
        let Self { algorithm, input, .. } = self;
        if !algorithm.fits(signature.len()) {
            return Err(Misuse::Signature { algorithm: *algorithm, bytes: signature.len() });
        }
        // The whole room is written, so nothing is left behind in another.
        let mut text = String::with_capacity(input.len() + 1 + encoded(signature.len()));
        text.push_str(input);
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        Ok(SignedJwt(Secret::from(text)))
    }
}

impl fmt::Debug for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsigned")
            .field("key_id", &self.key_id)
            .field("algorithm", &self.algorithm)
            .field("bytes", &self.input.len())
            .finish()
    }
}

/// What tells one JWT from all others (RFC 7519 §4.1.7): 128 random bits, made for it alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Jti([u8; 16]);

impl Jti {
    pub(crate) fn new(random: [u8; 16]) -> Self {
        Self(random)
    }
}

impl Serialize for Jti {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = [0; encoded(16)];
        let written = URL_SAFE_NO_PAD.encode_slice(self.0, &mut text);
        debug_assert_eq!(written, Ok(text.len()), "16 bytes fill 22 characters");
        // Base64 is ASCII, so this cannot fail.
        serializer.serialize_str(core::str::from_utf8(&text).unwrap_or_default())
    }
}

/// How many characters of base64url without padding stand for that many bytes.
const fn encoded(bytes: usize) -> usize {
    (4 * bytes).div_ceil(3)
}

/// A signed JWT in its compact form. Who has it can act as the client for as long as it is valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct SignedJwt(Secret);

impl SignedJwt {
    /// The text, for a form or a header field.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl From<SignedJwt> for Secret {
    fn from(jwt: SignedJwt) -> Self {
        jwt.0
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use serde_json::json;

    use super::*;

    fn unsigned(algorithm: SigningAlgorithm) -> Unsigned {
        Unsigned::new(&json!({"alg": "ES256"}), &json!({"a": "planted?>"}), Some("k"), algorithm)
    }

    /// RFC 7515 appendix A.3.1.
    #[test]
    fn the_rfcs_own_example() {
        let claims = json!({"iss": "joe", "exp": 1_300_819_380_u64});
        let unsigned =
            Unsigned::new(&json!({"alg": "ES256"}), &claims, None, SigningAlgorithm::Es256);
        // The example's claims have line ends in them, the header is the same.
        assert!(unsigned.bytes().starts_with(b"eyJhbGciOiJFUzI1NiJ9."));
        let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        let signed = unsigned.signed(&bytes).unwrap_or_else(|e| panic!("{e}"));
        let (input, found) = signed.expose().rsplit_once('.').unwrap_or_default();
        assert_eq!((input.as_bytes(), found), (unsigned.bytes(), signature));
    }

    #[test]
    fn the_input_is_both_parts_in_an_alphabet_for_urls() {
        let unsigned = unsigned(SigningAlgorithm::Es256);
        assert_eq!(unsigned.bytes(), b"eyJhbGciOiJFUzI1NiJ9.eyJhIjoicGxhbnRlZD8-In0");
        assert_eq!((unsigned.key_id(), unsigned.algorithm().as_str()), (Some("k"), "ES256"));
    }

    #[test]
    fn a_signature_of_another_length_is_no_signature() {
        for (algorithm, bytes) in [
            (SigningAlgorithm::Es256, 71),
            (SigningAlgorithm::Ed25519, 0),
            (SigningAlgorithm::Rs256, 64),
        ] {
            let signed = unsigned(algorithm).signed(&[7; 4096][..bytes]);
            assert_eq!(signed, Err(Misuse::Signature { algorithm, bytes }));
        }
    }

    #[test]
    fn it_survives_serialization_and_shows_nothing() {
        let unsigned = unsigned(SigningAlgorithm::EdDsa);
        let signed = unsigned.signed(&[7; 64]).unwrap_or_else(|e| panic!("{e}"));
        let shown = format!("{unsigned:?} {signed:?}");
        assert_eq!(
            shown,
            r#"Unsigned { key_id: Some("k"), algorithm: EdDsa, bytes: 44 } SignedJwt(Secret(…))"#
        );
        let stored = serde_json::to_string(&(&unsigned, &signed)).unwrap_or_default();
        assert_eq!(serde_json::from_str(&stored).ok(), Some((unsigned, signed)));
    }
}
