//! The keys that tokens are bound to (RFC 9449).

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::keys::PublicJwk;
use crate::secret::Secret;
use crate::signing_algorithm::SigningAlgorithm;

/// A key that tokens are bound to: whoever uses one shows with a signature that they have the key.
///
/// Either the host keeps it, and only its public half is here; or it was made for one login, and is stored with the
/// tokens. `Debug` shows nothing of the private half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DpopKey {
    #[serde(rename = "jwk")]
    public: PublicJwk,
    #[serde(rename = "alg")]
    algorithm: SigningAlgorithm,
    /// As the host that made it has written it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<Secret>,
}

impl DpopKey {
    /// A key of the host's own, which signs with this algorithm.
    #[must_use]
    pub fn new(public: PublicJwk, algorithm: SigningAlgorithm) -> Self {
        Self { public, algorithm, secret: None }
    }

    /// The same with its private half, which is stored with the tokens from now on. In which form, only who signs with
    /// it has to know.
    ///
    /// # Security
    ///
    /// Who reads the store has tokens and key together then, as with bearer tokens. A key that cannot be read is better
    /// where there is one.
    #[must_use]
    pub fn with_secret(mut self, secret: Secret) -> Self {
        self.secret = Some(secret);
        self
    }

    /// The public half, which stands in each proof.
    #[must_use]
    pub fn public_jwk(&self) -> &PublicJwk {
        &self.public
    }

    /// What it signs with.
    #[must_use]
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// The private half, if it is stored with the tokens.
    #[must_use]
    pub fn secret(&self) -> Option<&Secret> {
        self.secret.as_ref()
    }

    /// What names it in tokens and requests: its `jkt` (RFC 9449 §6.1, RFC 7638).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        self.public.thumbprint()
    }
}

#[cfg(feature = "es256")]
mod software {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use zeroize::Zeroizing;

    use super::DpopKey;
    use crate::keys::{KeyDefect, SoftwareKey};
    use crate::secret::Secret;
    use crate::signing_algorithm::SigningAlgorithm;

    impl DpopKey {
        /// A new key for P-256 from 32 random bytes, to be stored with the tokens.
        ///
        /// # Errors
        ///
        /// As [`SoftwareKey::es256`].
        ///
        /// # Security
        ///
        /// The bytes must come from a cryptographically secure source, and be used for nothing else.
        pub fn es256(secret: &[u8; 32]) -> Result<Self, KeyDefect> {
            let key = SoftwareKey::es256(secret)?;
            let secret = Secret::from(URL_SAFE_NO_PAD.encode(secret));
            Ok(Self::new(key.public_jwk().clone(), SigningAlgorithm::Es256).with_secret(secret))
        }

        /// The key to sign with, if it was made by [`es256`](Self::es256).
        ///
        /// # Errors
        ///
        /// [`KeyDefect::Damaged`] or [`KeyDefect::Halves`] for what was stored by somebody else.
        pub fn signer(&self) -> Result<Option<SoftwareKey>, KeyDefect> {
            let Some(secret) = self.secret() else { return Ok(None) };
            let mut bytes = Zeroizing::new([0; 32]);
            let decoded = URL_SAFE_NO_PAD.decode_slice(secret.expose(), &mut *bytes);
            if decoded != Ok(bytes.len()) {
                return Err(KeyDefect::Damaged);
            }
            let key = SoftwareKey::es256(&bytes)?;
            if key.public_jwk() != self.public_jwk() {
                return Err(KeyDefect::Halves);
            }
            Ok(Some(key))
        }
    }

    #[cfg(test)]
    mod tests {
        use alloc::format;

        use super::*;
        use crate::keys::Signer as _;

        #[test]
        fn a_key_that_was_stored_signs_as_before() {
            let key = DpopKey::es256(&[7; 32]).unwrap_or_else(|e| panic!("{e}"));
            let stored = serde_json::to_string(&key).unwrap_or_default();
            let read: DpopKey = serde_json::from_str(&stored).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(read, key);
            let sign = |key: &DpopKey| {
                let signer = key.signer().unwrap_or_else(|e| panic!("{e}"));
                signer.and_then(|it| it.sign(key.algorithm(), b"what").ok())
            };
            assert!(sign(&key).is_some_and(|signature| sign(&read) == Some(signature)));
        }

        #[test]
        fn what_is_no_key_or_another_ones_half_is_refused() {
            let key = DpopKey::es256(&[7; 32]).unwrap_or_else(|e| panic!("{e}"));
            let with = |secret: &str| key.clone().with_secret(Secret::from(secret)).signer().err();
            assert_eq!(with("short"), Some(KeyDefect::Damaged));
            assert_eq!(with(&"A".repeat(43)), Some(KeyDefect::Damaged), "zero is no key");
            assert_eq!(with(&"A".repeat(44)), Some(KeyDefect::Damaged));
            let other = URL_SAFE_NO_PAD.encode([8; 32]);
            assert_eq!(with(&other), Some(KeyDefect::Halves));
        }

        #[test]
        fn nothing_private_is_shown() {
            let key = DpopKey::es256(&[7; 32]).unwrap_or_else(|e| panic!("{e}"));
            assert!(!format!("{key:?}").contains(&URL_SAFE_NO_PAD.encode([7; 32])));
        }
    }
}
