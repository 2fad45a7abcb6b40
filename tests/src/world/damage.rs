//! Answers broken below the level of OAuth, and how often they are.
//!
//! [`Damage`] wraps any kind of misbehaviour with a number of times and a server it is limited to;
//! [`Fault`] is the kind every endpoint can have: it knows nothing of what the endpoint would say.

use http::{HeaderValue, Response, StatusCode, header};

use super::{Party, answer};

/// A misbehaviour, how many more times it happens, and where.
///
/// Each request to the endpoint uses up one time, whether or not it would have succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage<K> {
    /// What goes wrong; `None` is an endpoint in order.
    pub kind: Option<K>,
    /// How many more requests meet it; `None` is all of them.
    pub times: Option<u32>,
    /// The only server that has it; `None` is every server with such an endpoint.
    pub only: Option<Party>,
}

impl<K: Clone> Damage<K> {
    /// No damage, the default.
    pub const fn none() -> Self {
        Self { kind: None, times: None, only: None }
    }

    /// Every answer is damaged.
    pub const fn always(kind: K) -> Self {
        Self { kind: Some(kind), times: None, only: None }
    }

    /// The next `times` answers are damaged, those after them are in order.
    pub const fn times(kind: K, times: u32) -> Self {
        Self { kind: Some(kind), times: Some(times), only: None }
    }

    /// The same damage at one server only.
    #[must_use]
    pub fn only(mut self, party: Party) -> Self {
        self.only = Some(party);
        self
    }

    pub(super) fn take(&mut self, at: Party) -> Option<K> {
        if self.only.is_some_and(|only| only != at) {
            return None;
        }
        let kind = self.kind.clone()?;
        match &mut self.times {
            None => Some(kind),
            Some(0) => None,
            Some(left) => {
                *left -= 1;
                Some(kind)
            }
        }
    }
}

impl<K: Clone> Default for Damage<K> {
    fn default() -> Self {
        Self::none()
    }
}

/// An answer that is broken whatever the endpoint is for.
///
/// Some come *instead of* handling the request: nothing is registered, spent or rotated. With the others,
/// which say so, the request is handled and its answer is spoiled.
///
/// From [`Silent`](Self::Silent) on they befall the connection: only a world behind sockets
/// ([`Served`](crate::serve::Served)) has them, and [`World::handle`](super::World::handle) alone does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 200 with a login page, as a captive portal or a single-page application gives.
    Html,
    /// 200 with `application/json` that is not JSON.
    BrokenJson,
    /// 200 with JSON that is not an object.
    NotAnObject,
    /// 200 with `application/json` and no body.
    Empty,
    /// This status, with a short text.
    Status(u16),
    /// 503 with `Retry-After` in seconds.
    Unavailable {
        /// The value of the header, in seconds.
        retry_after: u64,
    },
    /// 429 with `Retry-After` in seconds.
    TooMany {
        /// The value of the header, in seconds.
        retry_after: u64,
    },
    /// 429 with `Retry-After` as a text.
    TooManyUntil(String),
    /// A redirect, which no client of these endpoints may follow blindly.
    Redirect {
        /// 301 to 308.
        status: u16,
        /// The `Location`.
        location: String,
    },
    /// The request is handled, and half of the answer's body is lost.
    Truncated,
    /// The request is handled, and 2 MiB of blanks follow the answer: still valid JSON.
    Huge,
    /// The request is handled, and the answer says `text/plain`.
    TextPlain,
    /// The request is handled, and the answer begins with a member nested a hundred thousand deep.
    Deep,
    /// The request is handled, and the answer begins with a member that is not UTF-8.
    NotUtf8,
    /// No answer comes, and the connection stays open.
    Silent,
    /// The request is handled; half of the answer comes, and the connection stays open.
    Stalled,
    /// The request is handled; half of the answer comes, and the connection is reset.
    Reset,
    /// The request is handled, and blanks follow the answer without an end, as fast as they are read.
    Endless,
    /// The same, one blank now and then.
    Trickling,
}

impl Fault {
    /// What befalls the connection on which this answer goes.
    pub(crate) fn of_connection(response: &Response<Vec<u8>>) -> Option<&Self> {
        response.extensions().get()
    }

    /// The answer that comes instead of handling the request.
    pub(super) fn instead(&self) -> Option<Response<Vec<u8>>> {
        let json = |body: &str| {
            let mut response = answer::text(200, body);
            answer::set(&mut response, header::CONTENT_TYPE, "application/json");
            Some(response)
        };
        match self {
            Self::Html => Some(answer::html(200, "<!doctype html><title>Log in</title>")),
            Self::BrokenJson => json("{\"issuer\": "),
            Self::NotAnObject => json("[\"not\", \"an object\"]"),
            Self::Empty => json(""),
            Self::Status(status) => Some(answer::text(*status, "damaged")),
            Self::Unavailable { retry_after } => Some(later(503, *retry_after)),
            Self::TooMany { retry_after } => Some(later(429, *retry_after)),
            Self::TooManyUntil(text) => {
                let mut response = answer::text(429, "later");
                answer::set(&mut response, header::RETRY_AFTER, text);
                Some(response)
            }
            Self::Redirect { status, location } => {
                let mut response = answer::text(*status, "moved");
                answer::set(&mut response, header::LOCATION, location);
                Some(response)
            }
            Self::Silent => Some(self.spoil(answer::text(200, ""))),
            _ => None,
        }
    }

    /// What becomes of the answer to a request that was handled.
    pub(super) fn spoil(&self, mut response: Response<Vec<u8>>) -> Response<Vec<u8>> {
        match self {
            Self::Truncated => {
                let half = response.body().len() / 2;
                response.body_mut().truncate(half);
            }
            Self::Huge => {
                let size = response.body().len() + HUGE;
                response.body_mut().resize(size, b' ');
            }
            Self::TextPlain => {
                let value = HeaderValue::from_static("text/plain");
                response.headers_mut().insert(header::CONTENT_TYPE, value);
            }
            Self::Deep => {
                let nested = format!("{}{}", "[".repeat(DEEP), "]".repeat(DEEP));
                put_first(&mut response, nested.as_bytes());
            }
            Self::NotUtf8 => put_first(&mut response, b"\"\xFF\""),
            Self::Silent | Self::Stalled | Self::Reset | Self::Endless | Self::Trickling => {
                response.extensions_mut().insert(self.clone());
            }
            _ => {}
        }
        response
    }
}

/// Puts a member before the others of a JSON object; another body, an empty one for instance, becomes an
/// object of its own.
fn put_first(response: &mut Response<Vec<u8>>, value: &[u8]) {
    let rest = response.body().strip_prefix(b"{").unwrap_or_default();
    let comma = if matches!(rest, b"" | b"}") { "" } else { "," };
    let rest = if rest.is_empty() { b"}" } else { rest };
    let body = [b"{\"x_odd\":", value, comma.as_bytes(), rest].concat();
    *response.body_mut() = body;
}

fn later(status: u16, seconds: u64) -> Response<Vec<u8>> {
    let mut response = answer::text(status, "later");
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    debug_assert!(response.status() >= StatusCode::BAD_REQUEST);
    response
}

/// More than any bound a client should put on a metadata or token answer, in bytes.
const HUGE: usize = 2 * 1024 * 1024;

/// Deeper than any stack, and still smaller than what clients read.
const DEEP: usize = 100_000;
