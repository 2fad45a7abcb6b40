//! Which server is meant, and how strictly its word is taken.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::error::Misuse;
use crate::tolerance::{Tolerance, Tolerances};
use crate::url::{HttpAllowance, HttpUrl, shown};

/// The URL of an MCP server: as it was written, because resources are compared byte for byte, and as
/// requests are sent to it.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl {
    text: Box<str>,
    url: HttpUrl,
    plaintext: HttpAllowance,
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
        match HttpUrl::parse(text, HttpAllowance::Loopback) {
            Ok(url) => {
                Ok(Self { text: text.into(), plaintext: HttpAllowance::for_server(&url), url })
            }
            Err(defect) => Err(Misuse::ServerUrl { url: shown(text), defect }),
        }
    }

    /// The URL as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL as evidence for an error.
    pub(crate) fn shown(&self) -> Box<str> {
        shown(&self.text)
    }

    /// The URL as requests are sent to it.
    #[must_use]
    pub fn url(&self) -> &HttpUrl {
        &self.url
    }

    /// Whether requests to this URL go to the MCP endpoint itself.
    #[must_use]
    pub fn is_endpoint(&self, url: &str) -> bool {
        HttpUrl::parse(url, HttpAllowance::Loopback).is_ok_and(|url| url == self.url)
    }

    /// The same server with its endpoint at this URL, if that has the same origin.
    pub(crate) fn moved_to(&self, url: &HttpUrl) -> Option<Self> {
        let (text, plaintext) = (url.as_str().into(), self.plaintext);
        (url.origin() == self.url.origin()).then(|| Self { text, url: url.clone(), plaintext })
    }

    /// The same for a URL that is not parsed yet.
    pub(crate) fn at(&self, url: &str) -> Option<Self> {
        self.moved_to(&HttpUrl::parse(url, self.plaintext).ok()?)
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
        plainly
            || HttpUrl::parse(url, HttpAllowance::Loopback).is_ok_and(|url| url.origin() == origin)
    }

    /// Whether a resource of this name covers the server: the same, or a part of its URL that ends on
    /// a segment boundary.
    pub(crate) fn is_part_of(&self, resource: &str) -> bool {
        resource == self.as_str()
            || HttpUrl::parse(resource, self.plaintext()).is_ok_and(|found| found.covers(&self.url))
    }

    /// The same where the server's URL may redirect to another one of its origin.
    pub(crate) fn is_reached_by(&self, resource: &str, moved_to: Option<&HttpUrl>) -> bool {
        let moved = moved_to.and_then(|url| self.moved_to(url));
        self.is_part_of(resource) || moved.is_some_and(|moved| moved.is_part_of(resource))
    }

    pub(crate) fn plaintext(&self) -> HttpAllowance {
        self.plaintext
    }
}

impl core::fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ServerUrl({:?})", shown(&self.text))
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

/// How far a server may stray from the specifications. Set per server, never globally.
///
/// The defaults follow the specifications; where those leave a choice, they take what the official SDKs
/// agree on.
///
/// ```
/// # use oauth_core::{Policy, Tolerance};
/// let policy = Policy::default().tolerate(Tolerance::UnlistedS256).refuse(Tolerance::ScopeList);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    pub(crate) tolerates: Tolerances,
    pub(crate) only_public_addresses: bool,
}

impl Policy {
    /// The letter of the specifications: nothing is tolerated.
    #[must_use]
    pub fn strict() -> Self {
        Self { tolerates: Tolerances::NONE, ..Self::default() }
    }

    /// Puts up with this.
    #[must_use]
    pub fn tolerate(mut self, tolerance: Tolerance) -> Self {
        self.tolerates.insert(tolerance);
        self
    }

    /// Does not put up with this.
    #[must_use]
    pub fn refuse(mut self, tolerance: Tolerance) -> Self {
        self.tolerates.remove(tolerance);
        self
    }

    /// What is put up with.
    #[must_use]
    pub fn tolerates(&self) -> Tolerances {
        self.tolerates
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
