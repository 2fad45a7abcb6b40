//! Randomness, as a host gives it: one block for each login.

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{self, Deserializer};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use crate::json::Text;
use crate::secret::{equal_in_constant_time, erase};

/// Random bytes for one login: 32 for the PKCE verifier and 32 for `state`.
///
/// It is used up by the login that it is given to, so it cannot serve two.
///
/// # Security
///
/// The bytes must come from a cryptographically secure source and be fresh for each login: who can
/// guess them can steal the authorization code (RFC 7636 §7.1) or slip in their own (RFC 6749 §10.12).
pub struct Entropy {
    pub(crate) verifier: RandomBytes,
    pub(crate) state: RandomBytes,
}

impl Entropy {
    /// Takes 64 random bytes from the host.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 64]) -> Self {
        let half = |from: usize| RandomBytes(core::array::from_fn(|i| bytes[from + i]));
        Self { verifier: half(0), state: half(32) }
    }

    /// Some of the bytes, for what is no login.
    #[cfg(feature = "client")]
    pub(crate) fn into_random(self) -> [u8; 16] {
        core::array::from_fn(|i| self.verifier.0[i])
    }

    /// The same, for a seal.
    #[cfg(feature = "client")]
    pub(crate) fn into_nonce(self) -> [u8; 24] {
        core::array::from_fn(|i| self.verifier.0[i])
    }

    /// The same for a new key.
    #[cfg(all(feature = "client", feature = "es256"))]
    pub(crate) fn into_key(self) -> [u8; 32] {
        self.state.0
    }

    /// Asks the operating system for 64 random bytes, in one call.
    ///
    /// # Errors
    ///
    /// The operating system has none to give; a login cannot go on then.
    #[cfg(feature = "getrandom")]
    pub fn from_os() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes)?;
        Ok(Self::from_bytes(bytes))
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(…)")
    }
}

/// 32 secret random bytes, written as 43 characters of base64url wherever text is needed.
#[derive(Clone)]
pub(crate) struct RandomBytes([u8; 32]);

impl RandomBytes {
    pub(crate) fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Hands the 43 characters to `use_it` without allocating.
    pub(crate) fn with_text<T>(&self, use_it: impl FnOnce(&str) -> T) -> T {
        let mut text = [0; ENCODED];
        encode(&self.0, &mut text);
        let result = use_it(as_text(&text));
        erase(&mut text);
        result
    }

    /// Whether `text` is how these bytes are written; in constant time.
    pub(crate) fn is_written_as(&self, text: &str) -> bool {
        self.with_text(|own| equal_in_constant_time(own.as_bytes(), text.as_bytes()))
    }
}

/// Writes 32 bytes as base64url without padding.
pub(crate) fn encode(bytes: &[u8; 32], text: &mut [u8; ENCODED]) {
    let written = URL_SAFE_NO_PAD.encode_slice(bytes, text);
    debug_assert_eq!(written, Ok(ENCODED), "32 bytes fill 43 characters");
}

/// Base64 is ASCII, so this cannot fail; an empty text would only fail the login.
pub(crate) fn as_text(text: &[u8; ENCODED]) -> &str {
    core::str::from_utf8(text).unwrap_or_default()
}

impl Drop for RandomBytes {
    fn drop(&mut self) {
        erase(&mut self.0);
    }
}

impl fmt::Debug for RandomBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Serialize for RandomBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for RandomBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        let mut bytes = Self([0; 32]);
        match URL_SAFE_NO_PAD.decode_slice(&*text, &mut bytes.0) {
            Ok(32) => Ok(bytes),
            _ => Err(de::Error::custom("expected 32 bytes as base64url")),
        }
    }
}

pub(crate) const ENCODED: usize = 43;

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn halves_differ_and_survive_serialization() {
        let entropy = Entropy::from_bytes(core::array::from_fn(|i| u8::try_from(i).unwrap_or(0)));
        let verifier = entropy.verifier.with_text(ToString::to_string);
        assert_eq!(verifier.len(), ENCODED);
        assert!(!entropy.state.is_written_as(&verifier));

        let json = serde_json::to_string(&entropy.verifier).unwrap_or_default();
        let again: RandomBytes = serde_json::from_str(&json).unwrap_or(RandomBytes([0; 32]));
        assert!(again.is_written_as(&verifier));
        assert!(!again.is_written_as(""));
    }

    #[test]
    fn other_lengths_are_refused() {
        for text in
            ["\"\"", "\"AAAA\"", "7", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""]
        {
            assert!(serde_json::from_str::<RandomBytes>(text).is_err(), "{text}");
        }
    }

    #[cfg(feature = "getrandom")]
    #[test]
    fn the_operating_system_gives_fresh_bytes() {
        let (Ok(a), Ok(b)) = (Entropy::from_os(), Entropy::from_os()) else {
            panic!("no randomness from the operating system")
        };
        assert!(!a.verifier.is_written_as(&b.verifier.with_text(ToString::to_string)));
    }
}
