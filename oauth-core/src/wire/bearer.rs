//! The bearer token and the header field that carries it (RFC 6750 §2.1).

use alloc::string::String;
use core::fmt;

use serde::de::{self, Deserializer};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use crate::error::Misuse;
use crate::json::Text;
use crate::secret::Secret;

/// An access token, ready to be sent: `Authorization: Bearer …`.
///
/// Made from a token that was issued or set up (an API key, a static token); it serializes as the
/// bare token. Text that may not stand in a header field is refused, so no token can add one.
///
/// ```
/// let auth = oauth_core::BearerAuth::new("mF_9.B5f-4.1JqM").unwrap();
/// assert_eq!(auth.header_value(), "Bearer mF_9.B5f-4.1JqM");
/// assert!(oauth_core::BearerAuth::new("a\r\nx: y").is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct BearerAuth(Secret);

impl BearerAuth {
    /// Takes a token.
    ///
    /// # Errors
    ///
    /// [`Misuse::TokenCharacters`] if the token is empty or has characters other than visible
    /// ASCII (RFC 6749 appendix A.12).
    pub fn new(token: &str) -> Result<Self, Misuse> {
        // Without an early end, so that many bytes are looked at at once: tokens are long.
        let sendable = token.bytes().fold(true, |all, byte| all & byte.is_ascii_graphic());
        if token.is_empty() || !sendable {
            return Err(Misuse::TokenCharacters);
        }
        let mut value = String::with_capacity(PREFIX.len() + token.len());
        value.push_str(PREFIX);
        value.push_str(token);
        Ok(Self(Secret::from(value)))
    }

    /// The same token as one that is bound to a key.
    pub(crate) fn bound(&self) -> Self {
        let token = self.token();
        let mut value = String::with_capacity(BOUND.len() + token.len());
        value.push_str(BOUND);
        value.push_str(token);
        Self(Secret::from(value))
    }

    /// Whether the token is bound to a key (RFC 9449). Then it is of no use without a proof for each request:
    /// [`Authorization::attach`](crate::session::Authorization::attach), or what an adapter has for that.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.0.expose().starts_with(BOUND)
    }

    /// The token alone.
    #[must_use]
    pub fn token(&self) -> &str {
        let text = self.0.expose();
        &text[if self.is_bound() { BOUND.len() } else { PREFIX.len() }..]
    }

    /// The value of the `Authorization` header field: with `Bearer`, or with `DPoP` for a token that is
    /// [bound](Self::is_bound).
    #[must_use]
    pub fn header_value(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for BearerAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerAuth(…)")
    }
}

impl Serialize for BearerAuth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.token())
    }
}

impl<'de> Deserialize<'de> for BearerAuth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&Text::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

const PREFIX: &str = "Bearer ";
const BOUND: &str = "DPoP ";

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn tokens_that_cannot_be_sent_are_refused() {
        for token in ["", " ", "a b", "a\r\nb", "a\0", "ä", "\u{7f}"] {
            assert_eq!(BearerAuth::new(token), Err(Misuse::TokenCharacters), "{token:?}");
        }
    }

    #[test]
    fn it_is_stored_as_the_bare_token_and_never_shown() {
        let auth = BearerAuth::new("planted").unwrap_or_else(|e| panic!("{e}"));
        let json = serde_json::to_string(&auth).unwrap_or_default();
        assert_eq!(json, "\"planted\"");
        assert_eq!(serde_json::from_str::<BearerAuth>(&json).ok(), Some(auth.clone()));
        assert!(!format!("{auth:?}").contains("planted"));
    }
}
