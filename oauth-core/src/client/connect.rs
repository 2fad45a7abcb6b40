//! Servers that keep their users' tokens themselves, and send their users to a page of theirs.

use serde_json::Value;

use crate::client::error::NeedsConsent;
use crate::{HttpAllowance, HttpUrl};

/// A gateway's refusal: its user has to visit a page, then the call can be made again.
///
/// ```
/// # use oauth_core::client::ConnectRequired;
/// let body = br#"{"detail": {"error": "not connected", "connect_url": "https://gateway.example.com/connect/7"}}"#;
/// let refusal = ConnectRequired::from_body(body).expect("there is a page to visit");
/// assert_eq!(refusal.connect_url.as_str(), "https://gateway.example.com/connect/7");
/// assert!(ConnectRequired::from_body(b"Unauthorized").is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the gateway wants its user to connect first")]
#[non_exhaustive]
pub struct ConnectRequired {
    /// The page: https, or http to this machine.
    pub connect_url: HttpUrl,
}

impl ConnectRequired {
    /// Looks for a `connect_url` in the body of an error: at the top, or under `detail`. `None` if there
    /// is none that may be opened: then the error is what it was.
    #[must_use]
    pub fn from_body(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let places =
            [body.get("connect_url"), body.get("detail").and_then(|it| it.get("connect_url"))];
        let urls = places.into_iter().flatten().filter_map(Value::as_str);
        let mut usable = urls.filter_map(|url| HttpUrl::parse(url, HttpAllowance::Loopback).ok());
        usable.next().map(|connect_url| Self { connect_url })
    }
}

impl NeedsConsent for ConnectRequired {
    fn needs_consent(&self) -> bool {
        true
    }

    fn connect_url(&self) -> Option<&str> {
        Some(self.connect_url.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_found_in_either_place() {
        for body in [
            r#"{"connect_url": "https://gateway.example.com/c"}"#,
            r#"{"error": "x", "detail": {"connect_url": "https://gateway.example.com/c"}}"#,
            r#"{"connect_url": null, "detail": {"connect_url": "https://gateway.example.com/c"}}"#,
            r#"{"connect_url": "javascript:x", "detail": {"connect_url": "https://gateway.example.com/c"}}"#,
        ] {
            let found = ConnectRequired::from_body(body.as_bytes());
            let url = found.as_ref().and_then(NeedsConsent::connect_url);
            assert_eq!(url, Some("https://gateway.example.com/c"), "{body}");
        }
    }

    #[test]
    fn any_other_body_is_no_page() {
        for body in [
            "",
            "Unauthorized",
            "null",
            "[1]",
            r#""https://gateway.example.com""#,
            "{}",
            r#"{"connect_url": 7}"#,
            r#"{"detail": "connect_url"}"#,
            r#"{"detail": [{"connect_url": "https://gateway.example.com"}]}"#,
            r#"{"connect_url": "file:///etc/passwd"}"#,
            r#"{"connect_url": "http://gateway.example.com/c"}"#,
            r#"{"connect_url": "https://user:secret@gateway.example.com/"}"#,
        ] {
            assert_eq!(ConnectRequired::from_body(body.as_bytes()), None, "{body}");
        }
    }
}
