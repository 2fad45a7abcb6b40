//! Why a key cannot be used.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

/// Why a key cannot be used. Nothing of the key is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum KeyDefect {
    /// There is no key in what was passed in.
    #[error("it is no private key, neither in PEM nor as JWK")]
    NoKey,
    /// It is an elliptic-curve key in the form of its own, SEC1 (`BEGIN EC PRIVATE KEY`).
    #[error("it is in the SEC1 form (`EC PRIVATE KEY`), not in PKCS#8")]
    Sec1,
    /// It is encrypted with a passphrase.
    #[error("it is encrypted with a passphrase")]
    Encrypted,
    /// It is in the form of OpenSSH.
    #[error("it is in the form of OpenSSH, not in PKCS#8")]
    OpenSsh,
    /// It is the public half, or a certificate.
    #[error("it is a public key or a certificate, not a private key")]
    Public,
    /// It is a set of several keys.
    #[error("it is a set of keys, not one key")]
    Several,
    /// It is a key for another algorithm than those that are built in.
    #[error("it is a key for {algorithm}, which is not built in")]
    Unsupported {
        /// What it is for, as people call it.
        algorithm: Box<str>,
    },
    /// It is a key that this crate can use with a feature that is off.
    #[error("it is a key for {algorithm}, and the feature `{feature}` is off")]
    FeatureOff {
        /// What it is for, as people call it.
        algorithm: Box<str>,
        /// The feature of this crate.
        feature: Box<str>,
    },
    /// A member of a JWK is missing or wrong.
    #[error("the member `{name}` of the JWK is missing or cannot be used")]
    Member {
        /// The member's name.
        name: Box<str>,
    },
    /// It has a public half that is another key's.
    #[error("its public half does not belong to its private half")]
    Halves,
    /// It is damaged: what should be a key is none.
    #[error("it is damaged, or cut off")]
    Damaged,
}

impl KeyDefect {
    /// What would help, in one sentence.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::NoKey => {
                "pass the text of a PEM file with `BEGIN PRIVATE KEY`, with its line ends, or a private JWK; \
                 not the path of a file"
            }
            Self::Sec1 => "convert it: openssl pkcs8 -topk8 -nocrypt -in key.pem -out pkcs8.pem",
            Self::Encrypted => {
                "pass it decrypted: openssl pkcs8 -in key.pem -out pkcs8.pem; or keep it where it is and bring a \
                 signer of your own"
            }
            Self::OpenSsh => {
                "make a key for this client alone: openssl genpkey -algorithm EC -pkeyopt \
                 ec_paramgen_curve:P-256"
            }
            Self::Public => "pass the private key that it belongs to",
            Self::Several => "pass the one key that is to sign",
            Self::Unsupported { .. } => {
                "bring a signer of your own for it, or register a key for ES256: openssl genpkey -algorithm EC \
                 -pkeyopt ec_paramgen_curve:P-256"
            }
            Self::FeatureOff { .. } => "switch the feature on, or bring a signer of your own",
            Self::Member { .. } | Self::Halves => "export the private key again, as one JWK",
            Self::Damaged => "pass the whole text of the file, with all of its lines",
        }
    }
}
