//! ES256 (RFC 7518 §3.4) and EdDSA with Ed25519 (RFC 8037 §3.1), which is what clients of the world have to speak.

use alloc::string::String;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A private key of a test: a client's, or that of somebody whose tokens a host brings.
#[derive(Clone, Debug)]
pub enum Key {
    /// P-256, signs `ES256`.
    P256(Box<p256::ecdsa::SigningKey>),
    /// Ed25519, signs `EdDSA`.
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl Key {
    /// The P-256 key of this number, which must not be 0.
    ///
    /// # Panics
    /// With 0, which is no key.
    pub fn p256(number: u8) -> Self {
        let key = p256::ecdsa::SigningKey::from_slice(&[number; 32]);
        Self::P256(Box::new(key.expect("every repeated byte but 0 is below the order of P-256")))
    }

    /// The Ed25519 key of this number.
    pub fn ed25519(number: u8) -> Self {
        Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&[number; 32])))
    }

    /// The `alg` of its signatures.
    pub const fn alg(&self) -> &'static str {
        match self {
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
        }
    }

    /// The signature as JWS has it: 64 bytes, for P-256 `r` and `s` (RFC 7518 §3.4).
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            Self::Ed25519(key) => ed25519_dalek::Signer::sign(&**key, message).to_bytes().to_vec(),
        }
    }

    /// The public half as a JWK (RFC 7517, RFC 8037 §2).
    pub fn jwk(&self) -> Value {
        self.verifier().jwk()
    }

    pub(super) fn verifier(&self) -> Verifier {
        match self {
            Self::P256(key) => Verifier::P256(Box::new(*key.verifying_key())),
            Self::Ed25519(key) => Verifier::Ed25519(Box::new(key.verifying_key())),
        }
    }

    /// The whole key as PKCS#8 PEM (RFC 5958), as consoles of providers give it out.
    pub fn pem(&self) -> String {
        let der = match self {
            Self::P256(key) => {
                let point = key.verifying_key().to_sec1_point(false);
                [PKCS8_P256, &key.to_bytes(), PKCS8_POINT, point.as_bytes()].concat()
            }
            Self::Ed25519(key) => [PKCS8_ED25519, key.as_bytes()].concat(),
        };
        let text = STANDARD.encode(der);
        let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
    }
}

/// The public half.
#[derive(Clone, Debug)]
pub(super) enum Verifier {
    P256(Box<p256::ecdsa::VerifyingKey>),
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
}

impl Verifier {
    pub(super) fn from_jwk(jwk: &Value) -> Result<Self, String> {
        if let Some(name) = PRIVATE.iter().find(|name| !jwk[**name].is_null()) {
            return Err(format!("a JWK with the private member {name:?}"));
        }
        let bytes = |name: &str| -> Result<[u8; 32], String> {
            let text = jwk[name].as_str().ok_or_else(|| format!("a JWK without {name:?}"))?;
            let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("{name:?} of a JWK"))?;
            bytes.try_into().map_err(|_| format!("{name:?} of a JWK is not 32 bytes"))
        };
        let kind = (jwk["kty"].as_str(), jwk["crv"].as_str());
        Ok(match kind {
            (Some("EC"), Some("P-256")) => {
                let point = [[4].as_slice(), &bytes("x")?, &bytes("y")?].concat();
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point);
                Self::P256(Box::new(key.map_err(|_| "a JWK that is no point of P-256")?))
            }
            (Some("OKP"), Some("Ed25519")) => {
                let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes("x")?);
                Self::Ed25519(Box::new(key.map_err(|_| "a JWK that is no point of Ed25519")?))
            }
            _ => return Err(format!("a JWK of the kind {kind:?}")),
        })
    }

    /// What the thumbprint counts, and nothing else.
    fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::P256(key) => {
                let point = key.to_sec1_point(false);
                let (x, y) = point.as_bytes()[1..].split_at(32);
                json!({ "crv": "P-256", "kty": "EC", "x": text(x), "y": text(y) })
            }
            Self::Ed25519(key) => {
                json!({ "crv": "Ed25519", "kty": "OKP", "x": text(key.as_bytes()) })
            }
        }
    }

    pub(super) fn thumbprint(&self) -> String {
        // The members are in the order of the alphabet, as they are above.
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.jwk().to_string()))
    }

    pub(super) fn fits(&self, alg: &str) -> bool {
        match self {
            Self::P256(_) => alg == "ES256",
            // RFC 9864 gave the second name.
            Self::Ed25519(_) => matches!(alg, "EdDSA" | "Ed25519"),
        }
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Self::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
        }
    }
}

/// Members that only a private or a symmetric JWK has (RFC 7518 §6).
const PRIVATE: [&str; 8] = ["d", "k", "p", "q", "dp", "dq", "qi", "oth"];

/// What comes before the private number in the PKCS#8 form of a P-256 key.
const PKCS8_P256: &[u8] = b"\x30\x81\x87\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\
    \x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x04\x6d\x30\x6b\x02\x01\x01\x04\x20";

/// What stands between the private number and the public point.
const PKCS8_POINT: &[u8] = b"\xa1\x44\x03\x42\x00";

/// What comes before the private bytes in the PKCS#8 form of an Ed25519 key (RFC 8410 §7).
const PKCS8_ED25519: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";

#[cfg(test)]
mod tests {
    use crate::world::{Key, PublicKey};
    use serde_json::json;

    #[test]
    fn the_thumbprint_is_that_of_the_rfc() {
        // RFC 9449 §6.1.
        let jwk = json!({
            "kty": "EC", "crv": "P-256",
            "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        });
        let key = PublicKey::from_jwk(&jwk).expect("the key of the RFC");
        assert_eq!(key.thumbprint(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    }

    #[test]
    fn a_key_verifies_what_it_signed_and_nothing_else() {
        for key in [Key::p256(1), Key::ed25519(1)] {
            let public = key.public();
            let signature = key.sign(b"message");
            assert_eq!(signature.len(), 64);
            assert!(public.fits(key.alg()) && !public.fits("none") && !public.fits("HS256"));
            assert!(public.verifies(b"message", &signature));
            assert!(!public.verifies(b"massage", &signature));
            assert!(!public.verifies(b"message", &signature[1..]));
        }
        assert!(!Key::p256(2).public().verifies(b"message", &Key::p256(1).sign(b"message")));
    }

    #[test]
    fn a_private_jwk_is_no_public_key() {
        let mut jwk = Key::ed25519(1).jwk();
        jwk["d"] = json!("AQ");
        assert!(PublicKey::from_jwk(&jwk).is_err());
    }
}
