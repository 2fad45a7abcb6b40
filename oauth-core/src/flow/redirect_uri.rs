//! Where a user comes back to.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Misuse};
use crate::url::{HttpAllowance, HttpUrl, shown};
use crate::wire::Port;

/// Where the user comes back to: https, http to a loopback host (RFC 8252 §7.3), or a scheme of the
/// application's own (RFC 8252 §7.1). Compared byte for byte by servers.
///
/// # Security
///
/// Any program on a machine can register any scheme of its own: PKCE keeps such a program from using the
/// code, and nothing keeps it from taking the redirect. Prefer https or the loopback host where both are
/// possible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedirectUri {
    pub(crate) uri: Box<str>,
    #[serde(default, skip_serializing_if = "Port::is_fixed")]
    pub(crate) port: Port,
}

impl RedirectUri {
    /// Takes a redirect URI.
    ///
    /// A scheme of the application's own is the name of a domain, turned around: `com.example.app:/callback`.
    /// The operating system hands its redirects to the application, and the application to whoever
    /// waits: to `resume`, or to a user agent of its own.
    ///
    /// # Errors
    ///
    /// [`Misuse::RedirectUri`] if it is something else, or has a fragment (RFC 6749 §3.1.2). Schemes without
    /// a dot are something else: `javascript`, `data` and `file` are among them, and the names that
    /// everybody might choose.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let fits = HttpUrl::is_one(text, HttpAllowance::Loopback) || is_of_private_use(text);
        if fits {
            Ok(Self { uri: text.into(), port: Port::Fixed })
        } else {
            Err(Misuse::RedirectUri { url: shown(text) }.into())
        }
    }

    /// Says that the listener took any port that was free, and can take another one if that spares a
    /// registration: the one of a client that other profiles have registered
    /// ([`Settings::client_records`]). It is asked for then, by a second
    /// [`Turn::Prepare`](crate::session::Turn::Prepare) of the same login.
    ///
    /// Of a URI that is not `http` with a port it says nothing.
    ///
    /// [`Settings::client_records`]: crate::flow::Settings::client_records
    #[must_use]
    pub fn at_any_port(self) -> Self {
        let port = if Port::is_named_in(&self.uri) { Port::Any } else { Port::Fixed };
        Self { port, ..self }
    }

    /// What stays the same from one login to the next.
    pub(crate) fn lasting_part(&self) -> Box<str> {
        self.port.lasting_part(&self.uri)
    }

    /// The URI as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.uri
    }
}

/// Whether this is a URI with the reversed name of a domain as its scheme (RFC 8252 §7.1), and something
/// behind it.
fn is_of_private_use(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_name = scheme.contains('.')
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.split('.').all(is_label);
    let is_plain = rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#' && byte != b'@');
    is_name && is_plain && rest.starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_uris_are_https_or_loopback_or_of_a_domain_and_stay_as_written() {
        for (text, fits) in [
            ("http://127.0.0.1:51004/callback", true),
            ("http://localhost/cb?x=1", true),
            ("https://APP.example/cb", true),
            ("http://app.example/cb", false),
            ("https://app.example/cb#x", false),
            ("com.example.app:/callback", true),
            ("com.example.My-App://callback?x=1", true),
            ("com.example.app:/", true),
            ("com.example.app:/callback#x", false),
            ("com.example.app:/call back", false),
            ("com.example.app:/call\u{e9}", false),
            ("com.example.app://someone@host/", false),
            ("com.example.app:callback", false),
            ("com.example.app:", false),
            ("com.example.app", false),
            ("com..app:/callback", false),
            (".example:/callback", false),
            ("com.example.:/callback", false),
            ("1com.example:/callback", false),
            ("com.exam ple:/callback", false),
            ("myapp://cb", false),
            ("javascript:/alert(1)//.x", false),
            ("data:/text/html,x.y", false),
            ("file:///etc/passwd", false),
            ("", false),
        ] {
            let result = RedirectUri::parse(text);
            assert_eq!(
                result.as_ref().map(RedirectUri::as_str).ok(),
                fits.then_some(text),
                "{text}"
            );
            if !fits {
                assert_eq!(result, Err(Misuse::RedirectUri { url: shown(text) }.into()));
            }
        }
    }
}
