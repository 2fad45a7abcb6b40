//! The port of a redirect URI, where it does not have to be a certain one.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

/// Whether the listener at a redirect URI could have another port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Port {
    /// It could not, or there is none.
    #[default]
    Fixed,
    /// It took any that was free.
    Any,
}

impl Port {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it like that")]
    pub(crate) fn is_fixed(&self) -> bool {
        *self == Self::Fixed
    }

    /// Whether this is an `http` URI with a port.
    pub(crate) fn is_named_in(uri: &str) -> bool {
        split(uri).is_some()
    }

    /// What stays the same of a redirect URI from one login to the next.
    pub(crate) fn lasting_part(self, uri: &str) -> Box<str> {
        match split(uri) {
            Some((before, behind)) if self == Self::Any => [before, behind].concat().into(),
            _ => uri.into(),
        }
    }
}

/// What is before the colon of the port, and what is behind the port.
fn split(uri: &str) -> Option<(&str, &str)> {
    let scheme = uri.get(..SCHEME.len()).filter(|scheme| scheme.eq_ignore_ascii_case(SCHEME))?;
    let rest = &uri[scheme.len()..];
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let colon = rest[..end].rfind(':')?;
    let port = &rest[colon + 1..end];
    // The colons of an IPv6 address are in brackets.
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    is_port.then(|| (&uri[..scheme.len() + colon], &rest[end..]))
}

const SCHEME: &str = "http://";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_port_of_a_listener_varies() {
        for (uri, lasting) in [
            ("http://127.0.0.1:51004/callback", "http://127.0.0.1/callback"),
            ("http://localhost:1", "http://localhost"),
            ("http://localhost:1?own=a:2", "http://localhost?own=a:2"),
            ("http://[::1]:51004/", "http://[::1]/"),
            ("http://[::1]/", "http://[::1]/"),
            ("http://127.0.0.1/callback:1/", "http://127.0.0.1/callback:1/"),
            ("https://app.example:8443/cb", "https://app.example:8443/cb"),
            ("com.example.app:/callback", "com.example.app:/callback"),
        ] {
            assert_eq!(&*Port::Any.lasting_part(uri), lasting);
            assert_eq!(&*Port::Fixed.lasting_part(uri), uri);
            assert_eq!(Port::is_named_in(uri), uri != lasting, "{uri}");
        }
    }
}
