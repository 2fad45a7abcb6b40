//! Which server is meant, and how strictly its word is taken.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::error::Misuse;
use crate::url::{HttpUrl, Plaintext, shown};

/// The URL of an MCP server: as it was written, because resources are compared byte for byte, and as
/// requests are sent to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl {
    text: Box<str>,
    url: HttpUrl,
    plaintext: Plaintext,
}

impl ServerUrl {
    /// Reads the URL of an MCP endpoint.
    ///
    /// Plain http is allowed to a loopback host, and then for the OAuth endpoints of that server too.
    ///
    /// # Errors
    ///
    /// [`Misuse::ServerUrl`] if it is no absolute https URL, or has a user name, password or fragment.
    pub fn parse(text: &str) -> Result<Self, Misuse> {
        match HttpUrl::parse(text, Plaintext::Loopback) {
            Ok(url) => Ok(Self { text: text.into(), plaintext: Plaintext::for_server(&url), url }),
            Err(defect) => Err(Misuse::ServerUrl { url: shown(text), defect }),
        }
    }

    /// The URL as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL as requests are sent to it.
    #[must_use]
    pub fn url(&self) -> &HttpUrl {
        &self.url
    }

    /// Checks that a request to this URL goes to the server: same scheme, host and port. No token goes
    /// anywhere else.
    ///
    /// # Errors
    ///
    /// [`Misuse::ForeignRequest`] if it does not.
    pub fn check_request(&self, url: &str) -> Result<(), Misuse> {
        if self.is_origin_of(url) {
            Ok(())
        } else {
            Err(Misuse::ForeignRequest { url: shown(url) })
        }
    }

    fn is_origin_of(&self, url: &str) -> bool {
        let origin = self.url.origin();
        // Behind the same text up to a slash no parser sees another host.
        let plainly = url.strip_prefix(origin).is_some_and(|rest| rest.starts_with('/'));
        plainly || HttpUrl::parse(url, Plaintext::Loopback).is_ok_and(|url| url.origin() == origin)
    }

    /// Whether a resource of this name covers the server: the same, or a part of its URL that ends on
    /// a segment boundary.
    pub(crate) fn is_part_of(&self, resource: &str) -> bool {
        resource == self.as_str()
            || HttpUrl::parse(resource, self.plaintext()).is_ok_and(|found| found.covers(&self.url))
    }

    pub(crate) fn plaintext(&self) -> Plaintext {
        self.plaintext
    }
}

impl Serialize for ServerUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for ServerUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = crate::json::Text::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// What is accepted from a server beyond, or short of, the defaults. Set per server, never globally.
///
/// The defaults follow the specification; where it leaves a choice, they take what the official SDKs
/// agree on.
///
/// ```
/// # use oauth_core::Policy;
/// let policy = Policy::default().assume_s256();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    pub(crate) exact_resource: bool,
    pub(crate) assume_s256: bool,
    pub(crate) legacy_2025_03_26: bool,
    pub(crate) only_public_addresses: bool,
}

impl Policy {
    /// The letter of the specifications: the resource of the metadata has to be the server's URL byte
    /// for byte (RFC 9728 §3.3), where the default also takes a part of it that ends on a segment
    /// boundary.
    #[must_use]
    pub fn strict() -> Self {
        Self { exact_resource: true, ..Self::default() }
    }

    /// Takes the server to support PKCE with S256 although its metadata does not say so.
    ///
    /// Metadata that lists methods without S256 is still refused.
    ///
    /// # Security
    ///
    /// A server that silently ignores PKCE leaves authorization codes open to theft (RFC 9700 §4.8).
    #[must_use]
    pub fn assume_s256(mut self) -> Self {
        self.assume_s256 = true;
        self
    }

    /// Accepts servers of the MCP specification of 2025-03-26, which have no resource metadata: the
    /// authorization server is then the MCP server's own origin, and without metadata there its
    /// endpoints are `/authorize`, `/token` and `/register`.
    ///
    /// Used only where both kinds of metadata are definitely absent, not merely out of reach.
    ///
    /// # Security
    ///
    /// Nothing confirms such endpoints, nor that they support PKCE (which is sent all the same).
    #[must_use]
    pub fn legacy_2025_03_26(mut self) -> Self {
        self.legacy_2025_03_26 = true;
        self
    }

    /// Sends requests to public addresses only, wherever the MCP server is. By default a server that is
    /// in a private network may name authorization servers there.
    ///
    /// Exceptions are made by name ([`Settings::private_host`](crate::flow::Settings::private_host)).
    ///
    /// # Security
    ///
    /// Gateways, and all whose users type in the servers' URLs, need this: without it who owns a name can
    /// let it point into the network of the gateway, which takes that for the server's place.
    #[must_use]
    pub fn only_public_addresses(mut self) -> Self {
        self.only_public_addresses = true;
        self
    }
}
