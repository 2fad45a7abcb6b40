//! Text that must not be seen: tokens, codes, client secrets, and the bodies that carry them.
//!
//! A [`Secret`] has no `Display`, a `Debug` that shows nothing, is compared in constant time and is
//! overwritten when it is dropped. It does serialize, because a stored grant has to hold it: what a
//! serializer writes is as secret as the value.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::hint::black_box;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};

/// A secret text.
///
/// ```
/// let secret = oauth_core::Secret::from("hunter2");
/// assert_eq!(format!("{secret:?}"), "Secret(…)");
/// assert_eq!(secret.expose(), "hunter2");
/// ```
#[derive(Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Secret(Box<str>);

impl Secret {
    /// The text itself.
    ///
    /// # Security
    ///
    /// Whoever holds it can act as the user or the client: never log it, never show it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into_boxed_str())
    }
}

/// What is no text is not quoted in the error: a secret may have been written without its quotation marks.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::deserialize(deserializer).map(Self);
        text.map_err(|_| de::Error::custom("a text was expected, and is not shown"))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        equal_in_constant_time(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl Eq for Secret {}

impl Drop for Secret {
    fn drop(&mut self) {
        erase(&mut core::mem::take(&mut self.0).into_boxed_bytes());
    }
}

/// A secret text that is being written, or only sent: it keeps the room that it was written in, instead
/// of moving to one that fits.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SecretBuffer(pub(crate) String);

impl Drop for SecretBuffer {
    fn drop(&mut self) {
        erase(&mut core::mem::take(&mut self.0).into_bytes());
    }
}

/// Compares without telling by its duration where the first difference is; the length is no secret, nor is it one
/// whether both are the same text in memory. Records share their tokens, so mostly they are.
pub(crate) fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    if core::ptr::eq(a, b) || a.len() != b.len() {
        return a.len() == b.len();
    }
    // Tokens are long: eight bytes at once, and what is left.
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let words = a
        .iter()
        .zip(b)
        .fold(0, |all, (x, y)| black_box(all | (u64::from_ne_bytes(*x) ^ u64::from_ne_bytes(*y))));
    let rest = a_rest.iter().zip(b_rest).fold(0, |all, (x, y)| black_box(all | (x ^ y)));
    words == 0 && rest == 0
}

/// Overwrites bytes that are about to be freed.
pub(crate) fn erase(bytes: &mut [u8]) {
    bytes.fill(0);
    zeroize::optimization_barrier(bytes);
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn debug_shows_nothing_and_equality_looks_at_every_byte() {
        let secret = Secret::from("planted");
        assert!(!format!("{secret:?}").contains("planted"));
        assert_eq!(secret, Secret::from("planted"));
        for other in ["", "plante", "planteD", "Planted", "planted "] {
            assert_ne!(secret, Secret::from(other));
        }
        let long = "planted, and so long that it is compared in several pieces";
        for at in 0..long.len() {
            let mut other = long.as_bytes().to_vec();
            assert!(equal_in_constant_time(long.as_bytes(), &other));
            other[at] ^= 1;
            assert!(!equal_in_constant_time(long.as_bytes(), &other), "{at}");
        }
    }

    #[test]
    fn erased_bytes_are_gone() {
        let mut bytes = *b"planted";
        erase(&mut bytes);
        assert_eq!(bytes, [0; 7]);
    }
}
