//! URLs that requests may go to, and how they are compared.
//!
//! A [`HttpUrl`] is held in the form in which the WHATWG parser writes it, so that whatever sends it
//! cannot understand it in another way than the checks did. Identifiers that the protocol compares
//! byte for byte (issuers, `resource`, redirect URIs) are no `HttpUrl`: they stay the text they came as.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::address::spelled;

mod canonical;

pub(crate) use canonical::Canonical;

/// An absolute https URL without user name, password and fragment; plain http only where
/// [`HttpAllowance`] allowed it. A copy costs nothing: the same URL is in requests, records and their copies.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct HttpUrl(Arc<str>);

/// Whether a URL may be plain http.
///
/// Allowed only to a loopback host, and only when the MCP server itself is on one, so that a remote
/// server can never point a client at local services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpAllowance {
    /// https only.
    Forbidden,
    /// https, or http to `localhost` and what is below it, `127.0.0.0/8` or `::1`.
    Loopback,
}

/// Why a text is no URL to send something to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum UrlDefect {
    /// It does not parse as an absolute URL, has white space or control characters, or a host that can be no name.
    #[error("it is not an absolute URL")]
    Unparsable,
    /// Its scheme is neither https nor, where allowed, http.
    #[error("its scheme is not https")]
    Scheme,
    /// It is plain http, which is allowed only between programs on one machine.
    #[error("it is plain http, which is allowed only to a loopback address of a local server")]
    Plaintext,
    /// It has a user name or a password.
    #[error("it has a user name or password in it")]
    Credentials,
    /// It has a fragment.
    #[error("it has a fragment")]
    Fragment,
    /// It has a query where none is allowed.
    #[error("it has a query")]
    Query,
    /// Its host is an address that is not public, or `localhost`, and the server is neither.
    #[error("its host is an address that is not public")]
    PrivateAddress,
    /// Its query has a parameter that requests to it have.
    #[error("its query has a parameter of the authorization request")]
    Parameter,
}

impl HttpUrl {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// A [`UrlDefect`] that says which rule the text breaks.
    pub fn parse(text: &str, plaintext: HttpAllowance) -> Result<Self, UrlDefect> {
        if let Some(Canonical { path, .. }) = Canonical::of(text, plaintext) {
            return Ok(Self(if path.is_empty() {
                [text, "/"].concat().into()
            } else {
                text.into()
            }));
        }
        if text.bytes().any(|byte| byte <= b' ' || byte == 0x7F) {
            return Err(UrlDefect::Unparsable);
        }
        let url = url::Url::parse(text).map_err(|_| UrlDefect::Unparsable)?;
        match url.scheme() {
            "https" => {}
            "http" if plaintext == HttpAllowance::Loopback && is_loopback(&url) => {}
            "http" => return Err(UrlDefect::Plaintext),
            _ => return Err(UrlDefect::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlDefect::Credentials);
        }
        if url.fragment().is_some() {
            return Err(UrlDefect::Fragment);
        }
        // The parser lets names be what no name of a host is, and what some programs take for code.
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
        if !url.host_str().is_some_and(|host| host.bytes().all(is_name)) {
            return Err(UrlDefect::Unparsable);
        }
        Ok(Self(String::from(url).into()))
    }

    /// Whether the text is one.
    pub(crate) fn is_one(text: &str, plaintext: HttpAllowance) -> bool {
        Canonical::of(text, plaintext).is_some() || Self::parse(text, plaintext).is_ok()
    }

    /// The URL as it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme, host and port, without a slash at the end; a default port is left out.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.0[..self.path_start()]
    }

    /// The host alone; an IPv6 address has its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        let rest = &self.0[self.host_start()..];
        let end = match rest.starts_with('[') {
            true => rest.find(']').map(|at| at + 1),
            false => rest.bytes().position(|byte| matches!(byte, b'/' | b':')),
        };
        &rest[..end.unwrap_or(rest.len())]
    }

    /// The same origin with another path and query. Both are taken from parsed URLs or constants, so
    /// the result needs no parsing.
    pub(crate) fn with_path(&self, path: &str) -> Self {
        let origin = self.origin();
        let mut text = String::with_capacity(origin.len() + path.len());
        text.push_str(origin);
        text.push_str(path);
        Self(text.into())
    }

    /// The URL as far as it can be shown to anybody: keys are put into queries.
    #[must_use]
    pub fn without_query(&self) -> &str {
        &self.0[..self.0.len() - self.query().len()]
    }

    /// The same to be kept: mostly it is the URL itself.
    pub(crate) fn to_show(&self) -> Arc<str> {
        match self.without_query() {
            shown if shown.len() < self.0.len() => shown.into(),
            _ => Arc::clone(&self.0),
        }
    }

    /// What a redirect from this URL leads to (RFC 9110 §10.2.2), if it is a URL of the same origin.
    pub(crate) fn moved_to(&self, location: &str) -> Option<Self> {
        let moved = url::Url::parse(&self.0).ok()?.join(location).ok()?;
        let moved = Self::parse(moved.as_str(), HttpAllowance::Loopback).ok()?;
        // Scheme and address are as good as they were.
        Some(moved).filter(|moved| moved.origin() == self.origin())
    }

    /// Path and query, starting with a slash.
    pub(crate) fn path_and_query(&self) -> &str {
        &self.0[self.path_start()..]
    }

    /// The path alone, starting with a slash.
    pub(crate) fn path(&self) -> &str {
        let rest = self.path_and_query();
        &rest[..rest.find('?').unwrap_or(rest.len())]
    }

    /// The query with its question mark, or nothing.
    pub(crate) fn query(&self) -> &str {
        let rest = self.path_and_query();
        &rest[rest.find('?').unwrap_or(rest.len())..]
    }

    /// Whether `other` has the same origin and lies at or below this URL's path, on a segment
    /// boundary: `/api` covers `/api` and `/api/v1`, not `/api123`. A query must be the same.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let (base, path) = (self.path().trim_end_matches('/'), other.path());
        self.origin() == other.origin()
            && path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            && (self.query().is_empty() || self.query() == other.query())
    }

    /// Behind the scheme's `://`.
    fn host_start(&self) -> usize {
        if self.0.starts_with("https") { 8 } else { 7 }
    }

    /// Where the path starts: behind the host. The WHATWG form always has one.
    fn path_start(&self) -> usize {
        let host = self.host_start();
        self.0[host..].find('/').map_or(self.0.len(), |length| host + length)
    }
}

/// Without what the query says: keys are put into it.
impl fmt::Debug for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&shown(&self.0), f)
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A stored URL was checked against the plaintext rule when it was found; scheme and form are checked again.
impl<'de> Deserialize<'de> for HttpUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = crate::json::Text::deserialize(deserializer)?;
        Self::parse(&text, HttpAllowance::Loopback).map_err(serde::de::Error::custom)
    }
}

impl HttpAllowance {
    /// What an MCP server at this URL allows.
    pub(crate) fn for_server(url: &HttpUrl) -> Self {
        let https = url.0.starts_with("https:");
        let local = || url::Url::parse(&url.0).is_ok_and(|url| is_loopback(&url));
        if !https || local() { Self::Loopback } else { Self::Forbidden }
    }
}

/// Whether the host is this machine by its spelling alone; names that only resolve to it do not count.
pub(crate) fn is_loopback(url: &url::Url) -> bool {
    url.host_str().and_then(spelled).is_some_and(|address| address.to_canonical().is_loopback())
}

/// A URL as evidence for an error: without the password that somebody may have put into it, or the key in its
/// query.
pub(crate) fn shown(url: &str) -> Box<str> {
    // The parser takes tabs and line breaks out, wherever they are.
    let mut url = String::from(url);
    url.retain(|char| !matches!(char, '\t' | '\n' | '\r'));
    // It also takes any number of slashes of either kind behind the scheme.
    let slashes = ['/', '\\'];
    let scheme =
        url.find(':').filter(|at| url[at + 1..].starts_with(slashes)).map_or(0, |at| at + 1);
    let start = url.len() - url[scheme..].trim_start_matches(slashes).len();
    // A backslash ends the host of some schemes only; where it does, more is hidden than need be.
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    if let Some(at) = url[start..end].rfind('@') {
        url.replace_range(start..start + at, "…");
    }
    if let Some(at) = url.find(['?', '#']).filter(|at| at + 1 < url.len()) {
        url.truncate(at + 1);
        url.push('…');
    }
    url.into()
}

#[cfg(test)]
mod tests;
