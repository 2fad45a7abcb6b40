//! The algorithms of signatures, by the names that JWS gives them (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864).
//!
//! Left out on purpose: `none` and the `HS…` family. They are no signatures, so no server can talk a client
//! into them.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::json::{Gather, List};

/// An algorithm that signs with a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// ECDSA on P-256 with SHA-256: the one that all servers know which know any.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519 or Ed448, whichever the key is for (RFC 8037).
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// Ed25519 under its newer name, which leaves no choice (RFC 9864).
    #[serde(rename = "Ed25519")]
    Ed25519,
    /// RSA with PKCS#1 v1.5 and SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSA with PSS and SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
    /// ECDSA on P-521 with SHA-512.
    #[serde(rename = "ES512")]
    Es512,
    /// RSA with PKCS#1 v1.5 and SHA-384.
    #[serde(rename = "RS384")]
    Rs384,
    /// RSA with PKCS#1 v1.5 and SHA-512.
    #[serde(rename = "RS512")]
    Rs512,
    /// RSA with PSS and SHA-384.
    #[serde(rename = "PS384")]
    Ps384,
    /// RSA with PSS and SHA-512.
    #[serde(rename = "PS512")]
    Ps512,
}

impl SigningAlgorithm {
    /// The algorithm as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Ed25519 => "Ed25519",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
        }
    }

    /// The algorithm of that name; `None` for `none`, the `HS…` family, and what is not known here.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// Whether a signature may have that many bytes. For ECDSA it is r‖s, both of full length
    /// (RFC 7518 §3.4); for RSA it depends on the key.
    pub(crate) fn fits(self, bytes: usize) -> bool {
        match self {
            Self::Es256 | Self::Ed25519 => bytes == 64,
            Self::EdDsa => bytes == 64 || bytes == 114,
            Self::Es384 => bytes == 96,
            Self::Es512 => bytes == 132,
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => {
                RSA_SIGNATURE.contains(&bytes)
            }
        }
    }
}

impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of algorithms: what a key can do, or what a server takes.
///
/// ```
/// use oauth_core::{SigningAlgorithm, SigningAlgorithms};
/// let able: SigningAlgorithms = [SigningAlgorithm::Es256].into_iter().collect();
/// assert_eq!(able.to_string(), "ES256");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SigningAlgorithms(u16);

impl SigningAlgorithms {
    /// No algorithm.
    pub const NONE: Self = Self(0);

    /// Whether the algorithm is in the set.
    #[must_use]
    pub const fn contains(self, algorithm: SigningAlgorithm) -> bool {
        self.0 & (1 << algorithm as u16) != 0
    }

    /// Whether there is none in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// The algorithms in it, those first that are tried first.
    pub fn iter(self) -> impl Iterator<Item = SigningAlgorithm> {
        ALL.into_iter().filter(move |algorithm| self.contains(*algorithm))
    }

    /// What is in both.
    #[must_use]
    pub const fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl From<SigningAlgorithm> for SigningAlgorithms {
    fn from(algorithm: SigningAlgorithm) -> Self {
        Self(1 << algorithm as u16)
    }
}

impl FromIterator<SigningAlgorithm> for SigningAlgorithms {
    fn from_iter<I: IntoIterator<Item = SigningAlgorithm>>(algorithms: I) -> Self {
        Self(algorithms.into_iter().fold(0, |all, algorithm| all | Self::from(algorithm).0))
    }
}

/// What is not known here is left out. As one text, names are separated by spaces (RFC 9449 §7.1).
impl Gather for SigningAlgorithms {
    fn gather(&mut self, text: &str) {
        let known = text.split(' ').filter_map(SigningAlgorithm::from_name).map(Self::from);
        self.0 |= known.fold(0, |all, it| all | it.0);
    }
}

/// Their names with commas between them; `none` would be an algorithm, so an empty set is in words.
impl fmt::Display for SigningAlgorithms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no algorithm that is known here");
        }
        for (at, algorithm) in self.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{algorithm}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for SigningAlgorithms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Written as the list that it was read from.
impl Serialize for SigningAlgorithms {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for SigningAlgorithms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        List::deserialize(deserializer).map(|list| list.0)
    }
}

/// In the order in which they are tried: small keys and signatures before large ones, and of two names for
/// one thing the one that more servers list.
const ALL: [SigningAlgorithm; 11] = [
    SigningAlgorithm::Es256,
    SigningAlgorithm::EdDsa,
    SigningAlgorithm::Ed25519,
    SigningAlgorithm::Rs256,
    SigningAlgorithm::Ps256,
    SigningAlgorithm::Es384,
    SigningAlgorithm::Es512,
    SigningAlgorithm::Rs384,
    SigningAlgorithm::Rs512,
    SigningAlgorithm::Ps384,
    SigningAlgorithm::Ps512,
];

/// In bytes: keys of 1024 to 16384 bits. Which ones are good enough is for the server to say.
const RSA_SIGNATURE: core::ops::RangeInclusive<usize> = 128..=2048;

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;

    use super::*;

    fn of(names: &str) -> SigningAlgorithms {
        let mut algorithms = SigningAlgorithms::NONE;
        algorithms.gather(names);
        algorithms
    }

    #[test]
    fn names_are_the_registered_ones_and_stand_for_one_algorithm_each() {
        for algorithm in ALL {
            let name = algorithm.as_str();
            assert_eq!(SigningAlgorithm::from_name(name), Some(algorithm));
            assert_eq!(serde_json::to_string(&algorithm).ok(), Some(format!("\"{name}\"")));
            assert!(SigningAlgorithms::from(algorithm).iter().eq([algorithm]));
        }
        assert_eq!(ALL.into_iter().collect::<SigningAlgorithms>().iter().count(), ALL.len());
    }

    /// Who could be talked into one of them would send what anybody can make (RFC 8725 §3.1).
    #[test]
    fn what_is_no_signature_is_no_algorithm() {
        for name in ["none", "None", "HS256", "HS384", "HS512", "es256", "ES256 ", "", "RSA1_5"] {
            assert_eq!(SigningAlgorithm::from_name(name), None, "{name:?}");
            assert!(serde_json::from_str::<SigningAlgorithm>(&format!("{name:?}")).is_err());
        }
        assert!(of("none HS256").is_empty());
    }

    #[test]
    fn sets_are_read_from_lists_and_from_texts_and_written_as_lists() {
        let both = of("PS256 HS256  ES256 x");
        assert_eq!(both.to_string(), "ES256, PS256");
        let written = serde_json::to_string(&both).unwrap_or_default();
        assert_eq!(written, r#"["ES256","PS256"]"#);
        assert_eq!(serde_json::from_str(&written).ok(), Some(both));
        let list = r#"["PS256","none",7,"ES256"]"#;
        assert_eq!(serde_json::from_str(list).ok(), Some(both));
        assert_eq!(format!("{both:?}"), "{Es256, Ps256}");
        assert_eq!(SigningAlgorithms::NONE.to_string(), "no algorithm that is known here");
        assert_eq!(both.common(of("PS256 RS256")), SigningAlgorithm::Ps256.into());
    }

    #[test]
    fn a_signature_has_the_length_that_its_algorithm_gives_it() {
        for (algorithm, fitting, others) in [
            (SigningAlgorithm::Es256, &[64][..], &[0, 63, 65, 70, 71, 72, 96][..]),
            (SigningAlgorithm::Ed25519, &[64], &[114]),
            (SigningAlgorithm::EdDsa, &[64, 114], &[0, 65]),
            (SigningAlgorithm::Es384, &[96], &[64, 104]),
            (SigningAlgorithm::Es512, &[132], &[131, 139]),
            (SigningAlgorithm::Rs256, &[128, 256, 512, 2048], &[0, 64, 127, 2049]),
        ] {
            assert!(fitting.iter().all(|bytes| algorithm.fits(*bytes)), "{algorithm}");
            assert!(!others.iter().any(|bytes| algorithm.fits(*bytes)), "{algorithm}");
        }
    }
}
