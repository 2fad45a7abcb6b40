//! The keys that tokens are bound to (RFC 9449).

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::keys::PublicJwk;
use crate::secret::Secret;
use crate::signing_algorithm::SigningAlgorithms;

/// A key that tokens are bound to: whoever uses one shows with a signature that they have the key.
///
/// Either the host keeps it, and only its public half is here; or it was made for one login, and is stored with the
/// tokens. `Debug` shows nothing of the private half.
///
/// ```
/// # use oauth_core::keys::{DpopKey, PublicJwk};
/// let key = DpopKey::new(PublicJwk::parse(r#"{"kty":"EC","crv":"P-256",
///     "x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
///     "y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}"#)?);
/// assert_eq!(key.algorithms().to_string(), "ES256");
/// assert_eq!(key.thumbprint(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
/// # Ok::<(), oauth_core::keys::KeyDefect>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DpopKey {
    #[serde(rename = "jwk")]
    public_key: PublicJwk,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    able: Option<SigningAlgorithms>,
    /// As the host that made it has written it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<Secret>,
}

impl DpopKey {
    /// A key that signs with every algorithm that there is for keys of its kind.
    #[must_use]
    pub fn new(public_key: PublicJwk) -> Self {
        Self { public_key, able: None, secret: None }
    }

    /// The same key, which signs with no algorithm but these: key services often allow one only.
    #[must_use]
    pub fn with_algorithms(self, able: SigningAlgorithms) -> Self {
        Self { able: Some(able), ..self }
    }

    /// The same with its private half, which is stored with the tokens from now on. In which form, only who signs with
    /// it has to know.
    ///
    /// # Security
    ///
    /// Who reads the store has tokens and key together then, as with bearer tokens. A key that cannot be read is better
    /// where there is one.
    #[must_use]
    pub fn with_secret(self, secret: Secret) -> Self {
        Self { secret: Some(secret), ..self }
    }

    /// The same without it.
    pub(crate) fn without_secret(self) -> Self {
        Self { secret: None, ..self }
    }

    /// The public half, which each proof shows.
    #[must_use]
    pub fn public_key(&self) -> &PublicJwk {
        &self.public_key
    }

    /// What the key signs with.
    #[must_use]
    pub fn algorithms(&self) -> SigningAlgorithms {
        let all = self.public_key.algorithms();
        self.able.map_or(all, |able| able.common(all))
    }

    /// The private half, if it is stored with the tokens.
    #[must_use]
    pub fn secret(&self) -> Option<&Secret> {
        self.secret.as_ref()
    }

    /// The `jkt` that tokens are bound to it by (RFC 9449 §6.1).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        self.public_key.thumbprint()
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
            Ok(Self::new(key.public_jwk().clone()).with_secret(secret))
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
            if key.public_jwk() != self.public_key() {
                return Err(KeyDefect::Halves);
            }
            Ok(Some(key))
        }
    }

    #[cfg(test)]
    mod tests {
        use alloc::format;

        use super::*;
        use crate::SigningAlgorithm;
        use crate::keys::Signer as _;

        #[test]
        fn a_key_that_was_stored_signs_as_before() {
            let key = DpopKey::es256(&[7; 32]).unwrap_or_else(|e| panic!("{e}"));
            let stored = serde_json::to_string(&key).unwrap_or_default();
            let read: DpopKey = serde_json::from_str(&stored).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(read, key);
            let sign = |key: &DpopKey| {
                let signer = key.signer().unwrap_or_else(|e| panic!("{e}"));
                signer.and_then(|it| it.sign(SigningAlgorithm::Es256, b"what").ok())
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
