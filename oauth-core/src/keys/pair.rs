//! The algorithms that are built in, each behind its feature.

use alloc::vec::Vec;

use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};

use crate::keys::{KeyDefect, PublicJwk};
use crate::signing_algorithm::{SigningAlgorithm, SigningAlgorithms};

/// A private key that can sign. Both kinds overwrite themselves when they are dropped.
pub(super) enum Pair {
    #[cfg(feature = "es256")]
    P256(p256::ecdsa::SigningKey),
    #[cfg(feature = "eddsa")]
    Ed25519(ed25519_dalek::SigningKey),
}

impl Pair {
    /// Reads PKCS#8 (RFC 5958, RFC 5915 §3, RFC 8410 §7).
    ///
    /// # Errors
    ///
    /// A [`KeyDefect`] that says what it is instead.
    pub(super) fn from_der(der: &[u8]) -> Result<Self, KeyDefect> {
        let info = PrivateKeyInfoRef::try_from(der).map_err(|_| KeyDefect::Damaged)?;
        let curve = info.algorithm.parameters_oid().ok();
        let kind = KINDS.iter().find(|kind| {
            kind.algorithm == info.algorithm.oid && (kind.curve.is_none() || kind.curve == curve)
        });
        match kind.map_or("another algorithm", |kind| kind.name) {
            #[cfg(feature = "es256")]
            P256 => {
                let key = p256::SecretKey::try_from(info).map_err(|_| KeyDefect::Damaged)?;
                Ok(Self::P256(key.into()))
            }
            #[cfg(feature = "eddsa")]
            ED25519 => {
                let key = ed25519_dalek::SigningKey::try_from(info);
                key.map(Self::Ed25519).map_err(|_| KeyDefect::Damaged)
            }
            name => Err(not_built_in(name)),
        }
    }

    /// A key of the curve of that name.
    ///
    /// # Errors
    ///
    /// [`KeyDefect::Damaged`] for bytes that are no key, [`KeyDefect::FeatureOff`] or
    /// [`KeyDefect::Unsupported`].
    pub(super) fn from_bytes(curve: &str, secret: &[u8]) -> Result<Self, KeyDefect> {
        match curve {
            #[cfg(feature = "es256")]
            P256 => {
                let key = p256::ecdsa::SigningKey::from_slice(secret);
                key.map(Self::P256).map_err(|_| KeyDefect::Damaged)
            }
            #[cfg(feature = "eddsa")]
            ED25519 => {
                let key = ed25519_dalek::SigningKey::try_from(secret);
                key.map(Self::Ed25519).map_err(|_| KeyDefect::Damaged)
            }
            name => Err(not_built_in(name)),
        }
    }

    pub(super) fn algorithms(&self) -> SigningAlgorithms {
        match self {
            #[cfg(feature = "es256")]
            Self::P256(_) => SigningAlgorithm::Es256.into(),
            #[cfg(feature = "eddsa")]
            Self::Ed25519(_) => {
                [SigningAlgorithm::EdDsa, SigningAlgorithm::Ed25519].into_iter().collect()
            }
        }
    }

    pub(super) fn public_jwk(&self) -> PublicJwk {
        match self {
            #[cfg(feature = "es256")]
            Self::P256(key) => {
                let point = key.verifying_key().to_sec1_point(false);
                // An uncompressed point is 4, and both coordinates (SEC 1 §2.3.3).
                let (x, y) = point.as_bytes()[1..].split_at(32);
                PublicJwk::p256(x, y)
            }
            #[cfg(feature = "eddsa")]
            Self::Ed25519(key) => PublicJwk::ed25519(key.verifying_key().as_bytes()),
        }
    }

    /// The signature as JWS wants it. With P-256 it is the same each time (RFC 6979), so no randomness is
    /// needed.
    pub(super) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        match self {
            #[cfg(feature = "es256")]
            Self::P256(key) => {
                use p256::ecdsa::signature::Signer as _;
                let signature: p256::ecdsa::Signature = key.sign(bytes);
                signature.to_bytes().to_vec()
            }
            #[cfg(feature = "eddsa")]
            Self::Ed25519(key) => {
                use ed25519_dalek::Signer as _;
                key.sign(bytes).to_bytes().to_vec()
            }
        }
    }
}

fn not_built_in(name: &str) -> KeyDefect {
    let feature = match name {
        P256 => "es256",
        ED25519 => "eddsa",
        _ => return KeyDefect::Unsupported { algorithm: name.into() },
    };
    KeyDefect::FeatureOff { algorithm: name.into(), feature: feature.into() }
}

/// A kind of key by its object identifiers.
struct Kind {
    algorithm: ObjectIdentifier,
    /// `None` if it is for any.
    curve: Option<ObjectIdentifier>,
    name: &'static str,
}

const fn curve(oid: &str, name: &'static str) -> Kind {
    let algorithm = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
    Kind { algorithm, curve: Some(ObjectIdentifier::new_unwrap(oid)), name }
}

const fn other(oid: &str, name: &'static str) -> Kind {
    Kind { algorithm: ObjectIdentifier::new_unwrap(oid), curve: None, name }
}

/// RFC 5480 §2.1.1, RFC 8410 §3, RFC 8017 appendix C.
static KINDS: [Kind; 10] = [
    curve("1.2.840.10045.3.1.7", P256),
    curve("1.3.132.0.34", "P-384"),
    curve("1.3.132.0.35", "P-521"),
    curve("1.3.132.0.10", "secp256k1"),
    other("1.3.101.112", ED25519),
    other("1.3.101.113", "Ed448"),
    other("1.3.101.110", "X25519, which does not sign"),
    other("1.3.101.111", "X448, which does not sign"),
    other("1.2.840.113549.1.1.1", "RSA"),
    other("1.2.840.113549.1.1.10", "RSA"),
];

/// As JWK names them (RFC 7518 §6.2.1.1, RFC 8037 §2).
pub(super) const P256: &str = "P-256";
pub(super) const ED25519: &str = "Ed25519";
