//! What stood between a request and its answer.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

/// What stood between a request and its answer, as far as an HTTP client can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Obstacle {
    /// The host's name could not be resolved.
    Name,
    /// There was no connection, or it broke.
    Connection,
    /// No secure connection could be agreed on: most often a certificate that is not trusted.
    Tls,
    /// The proxy was not reached, or did not connect.
    Proxy,
    /// Time ran out.
    Time,
}

/// Why no answer came: what a host says to [`unanswered`](crate::flow::HttpReply::unanswered).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    obstacle: Option<Obstacle>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    words: Box<str>,
}

impl Silence {
    /// `words` are those of the HTTP client, for the timeline. They are cut and filtered here: no queries, no
    /// passwords in URLs, visible ASCII only.
    #[must_use]
    pub fn new(obstacle: Option<Obstacle>, words: &str) -> Self {
        let mut shown = String::new();
        for word in words.split_whitespace() {
            let word = word.split(['?', '#']).next().unwrap_or_default();
            let scheme = word.find("://").map_or(0, |at| at + 3);
            let end = word[scheme..].find('/').map_or(word.len(), |at| scheme + at);
            let start = word[..end].rfind('@').filter(|_| scheme > 0).map_or(scheme, |at| at + 1);
            let kept = word[..scheme].chars().chain(word[start..].chars());
            if !shown.is_empty() {
                shown.push(' ');
            }
            shown.extend(kept.map(|char| if char.is_ascii_graphic() { char } else { '.' }));
            if shown.len() >= MAX_WORDS {
                shown.truncate(MAX_WORDS);
                break;
            }
        }
        Self { obstacle, words: shown.into() }
    }

    /// What stood there, if the HTTP client could tell.
    #[must_use]
    pub fn obstacle(&self) -> Option<Obstacle> {
        self.obstacle
    }

    /// The HTTP client's words, bounded and filtered; empty if there are none.
    #[must_use]
    pub fn words(&self) -> &str {
        &self.words
    }
}

impl From<Obstacle> for Silence {
    fn from(obstacle: Obstacle) -> Self {
        Self { obstacle: Some(obstacle), words: Box::default() }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "its name is not known",
            Self::Connection => "there is no connection, or it broke",
            Self::Tls => "no secure connection was agreed on",
            Self::Proxy => "the proxy does not connect",
            Self::Time => "time ran out",
        })
    }
}

impl Obstacle {
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::Name => "check the name and the network, and try again",
            Self::Tls => {
                "if the certificate is of your organization's own authority, have the system trust that \
                 (on Linux, or name it in `SSL_CERT_FILE`); if it has expired or is another host's, tell the \
                 server's operator"
            }
            Self::Proxy => {
                "check the proxy that the environment names (`HTTPS_PROXY`, `ALL_PROXY`), or the system's \
                 settings, or except the host from it with `NO_PROXY`"
            }
            Self::Connection | Self::Time => "try again later; nothing that was stored is lost",
        }
    }
}

/// How much of an HTTP client's words is kept, in bytes.
const MAX_WORDS: usize = 200;

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn words_are_bounded_and_say_no_secrets() {
        for (words, expected) in [
            ("dns error: no  such\nhost", "dns error: no such host"),
            ("GET https://as.example/t?key=planted failed", "GET https://as.example/t failed"),
            ("proxy http://user:planted@proxy:1/x", "proxy http://proxy:1/x"),
            ("a@b \u{1b}[31m\u{202e}x", "a@b .[31m.x"),
            ("", ""),
        ] {
            assert_eq!(Silence::new(None, words).words(), expected);
        }
        assert_eq!(Silence::new(None, &"é ".repeat(1000)).words().len(), MAX_WORDS);
        assert!(Obstacle::Tls.to_string().contains("secure"));
    }
}
