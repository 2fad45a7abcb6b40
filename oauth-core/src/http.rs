//! HTTP as the machine speaks it: descriptions of requests, and what came back.
//!
//! Own types, because the `http` crate needs std; conversions to and from it are behind the feature
//! `http`.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::http::fields::Fields;
use crate::http_date;
use crate::secret::{Secret, SecretBuffer, erase};
use crate::time::UnixTime;
use crate::url::HttpUrl;

mod fields;

/// The largest body that is read, in bytes: a hundred times what honest servers send.
///
/// A host stops reading after one byte more; the machine then says that the answer is too large.
pub const MAX_BODY: usize = 256 * 1024;

/// What a request or a redirect is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Endpoint {
    /// The MCP server itself. No request of a login goes there, but its refusals are where logins begin.
    Resource,
    /// The metadata of the protected resource (RFC 9728).
    ResourceMetadata,
    /// The metadata of the authorization server (RFC 8414, OpenID Connect Discovery).
    ServerMetadata,
    /// Dynamic client registration (RFC 7591).
    Registration,
    /// The authorization endpoint, where a person consents (RFC 6749 §3.1).
    Authorization,
    /// The pushed authorization request endpoint (RFC 9126 §2).
    PushedAuthorization,
    /// The device authorization endpoint (RFC 8628 §3.1).
    DeviceAuthorization,
    /// The token endpoint (RFC 6749 §3.2).
    Token,
    /// The revocation endpoint (RFC 7009 §2).
    Revocation,
    /// The token endpoint of the identity provider that a user logged in at (RFC 8693 §2).
    IdentityProvider,
}

impl Endpoint {
    /// Its name in logs; it never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::ResourceMetadata => "resource_metadata",
            Self::ServerMetadata => "server_metadata",
            Self::Registration => "registration",
            Self::Authorization => "authorization",
            Self::PushedAuthorization => "pushed_authorization",
            Self::DeviceAuthorization => "device_authorization",
            Self::Token => "token",
            Self::Revocation => "revocation",
            Self::IdentityProvider => "identity_provider",
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resource => "MCP server",
            Self::ResourceMetadata => "resource metadata",
            Self::ServerMetadata => "authorization server metadata",
            Self::Registration => "registration endpoint",
            Self::Authorization => "authorization endpoint",
            Self::PushedAuthorization => "pushed authorization request endpoint",
            Self::DeviceAuthorization => "device authorization endpoint",
            Self::Token => "token endpoint",
            Self::Revocation => "revocation endpoint",
            Self::IdentityProvider => "identity provider",
        })
    }
}

/// The method of a [`Request`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
}

impl Method {
    /// The method as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// An HTTP request that the host is asked to send.
///
/// # The contract
///
/// 1. Send exactly this, once: the URL byte for byte, these headers, this body. No cookies.
/// 2. Follow no redirect: a 3xx is an answer like any other.
/// 3. Check the server's certificate (RFC 9728 §7.3).
/// 4. Read at most [`MAX_BODY`] bytes and one, after decoding: some servers compress although nobody asked
///    for it.
/// 5. Give every answer back, whatever its status; say [`unanswered`](crate::flow::HttpReply::unanswered)
///    only when there is none, and why.
/// 6. Connect only to addresses that [`AddressPolicy::permits`](crate::AddressPolicy::permits); where that leaves none,
///    say [`forbidden`](crate::flow::HttpReply::forbidden).
///
/// `Debug` shows neither the body nor the credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    endpoint: Endpoint,
    url: HttpUrl,
    body: Option<Body>,
    authorization: Option<Secret>,
    proof: Option<Secret>,
}

#[derive(Clone, PartialEq, Eq)]
struct Body {
    content_type: &'static str,
    text: SecretBuffer,
}

impl Request {
    pub(crate) fn get(endpoint: Endpoint, url: HttpUrl) -> Self {
        Self::new(endpoint, url, None)
    }

    pub(crate) fn form(endpoint: Endpoint, url: HttpUrl, form: SecretBuffer) -> Self {
        let body = Body { content_type: "application/x-www-form-urlencoded", text: form };
        Self::new(endpoint, url, Some(body))
    }

    pub(crate) fn json(endpoint: Endpoint, url: HttpUrl, json: SecretBuffer) -> Self {
        let body = Body { content_type: "application/json", text: json };
        Self::new(endpoint, url, Some(body))
    }

    fn new(endpoint: Endpoint, url: HttpUrl, body: Option<Body>) -> Self {
        #[cfg(test)]
        built::one();
        Self { endpoint, url, body, authorization: None, proof: None }
    }

    pub(crate) fn with_authorization(mut self, value: Option<Secret>) -> Self {
        self.authorization = value;
        self
    }

    /// With a proof that the client has the key that tokens are bound to (RFC 9449 §4.1).
    pub(crate) fn with_proof(mut self, proof: Option<Secret>) -> Self {
        self.proof = proof;
        self
    }

    /// What the request is for, so that a host can log, police and limit by it.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// POST if there is a body.
    #[must_use]
    pub fn method(&self) -> Method {
        if self.body.is_some() { Method::Post } else { Method::Get }
    }

    /// Where to send it. There is no secret in it.
    #[must_use]
    pub fn url(&self) -> &HttpUrl {
        &self.url
    }

    /// The header fields, names in lower case.
    ///
    /// # Security
    ///
    /// `authorization` among them carries a client secret, and `dpop` a proof that is good for this request.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let authorization =
            self.authorization.as_ref().map(|value| ("authorization", value.expose()));
        let proof = self.proof.as_ref().map(|proof| ("dpop", proof.expose()));
        let content_type = self.body.as_ref().map(|body| ("content-type", body.content_type));
        let accept = match self.endpoint {
            Endpoint::Resource => "application/json, text/event-stream",
            _ => "application/json",
        };
        let of_mcp = (self.endpoint == Endpoint::Resource && self.body.is_some()).then_some(OF_MCP);
        let always = [("accept", accept), ("accept-encoding", "identity")];
        always
            .into_iter()
            .chain(content_type)
            .chain(of_mcp.into_iter().flatten())
            .chain(authorization)
            .chain(proof)
    }

    /// The body; empty for GET.
    ///
    /// # Security
    ///
    /// It carries codes, tokens and client secrets.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.body.as_ref().map_or(&[], |body| body.text.0.as_bytes())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body_bytes = self.body().len();
        f.debug_struct("Request")
            .field("endpoint", &self.endpoint)
            .field("method", &self.method())
            .field("url", &self.url)
            .field("body_bytes", &body_bytes)
            .finish_non_exhaustive()
    }
}

/// What a server answered: any status is data.
///
/// `Debug` does not show the body, which may carry tokens; it is overwritten on drop.
pub struct Response {
    status: u16,
    headers: Fields,
    body: Vec<u8>,
}

impl Response {
    /// An answer without header fields.
    #[must_use]
    pub fn new(status: u16, body: Vec<u8>) -> Self {
        Self { status, headers: Fields::default(), body }
    }

    /// Adds a header field. Hosts add all that came: which ones matter is for the machine to know.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(name, value);
        self
    }

    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The body as it came.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// All header fields.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter()
    }

    /// All values of a header field, in order; the name in any case.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.fields().filter(move |(own, _)| own.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value)
    }

    /// How long the server asks to wait (RFC 9110 §10.2.3), in seconds or until a date. A date is by the
    /// server's own clock, if the answer says what that shows: the clock of this machine may be wrong.
    /// Without either clock a date says nothing.
    pub(crate) fn retry_after(&self, now: Option<UnixTime>) -> Option<Duration> {
        let date = || self.header("date").find_map(|value| http_date::parse(value.trim())).or(now);
        self.header("retry-after").find_map(|value| match value.trim() {
            seconds if seconds.bytes().all(|it| it.is_ascii_digit()) => {
                // Whoever asks for more than can be counted asks for ever. Zeros in front count for nothing.
                let digits = seconds.trim_start_matches('0').len();
                let is_long = digits > u64::MAX.ilog10() as usize;
                Some(Duration::from_secs(if is_long { u64::MAX } else { seconds.parse().ok()? }))
            }
            text => Some(http_date::parse(text)?.since(date()?)),
        })
    }

    /// Whether the server says that it cannot answer now: it may be asked again later.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self.status, 408 | 429 | 500..=599)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        erase(&mut self.body);
    }
}

/// What MCP 2026-07-28 wants of a `tools/list`; servers of earlier versions look at the token before.
const OF_MCP: [(&str, &str); 2] =
    [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list")];

/// Text that names a server's words safely: only what may stand in an error code (RFC 6749 §5.2).
pub(crate) fn clean_code(code: &str) -> String {
    code.chars()
        .filter(|c| matches!(c, '\x21' | '\x23'..='\x5B' | '\x5D'..='\x7E'))
        .take(64)
        .collect()
}

/// How many requests were built: as many as are sent.
#[cfg(test)]
pub(crate) mod built {
    use core::cell::Cell;

    std::thread_local! {
        static BUILT: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn one() {
        BUILT.set(BUILT.get() + 1);
    }

    /// By this thread.
    pub(crate) fn so_far() -> usize {
        BUILT.get()
    }
}

#[cfg(test)]
mod tests;
