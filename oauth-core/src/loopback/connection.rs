//! What comes in over a connection, and what it means.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use super::page::{self, Page};
use super::request::{RequestLine, name_of, only_host};
use crate::form::{self, Found};
use crate::secret::{Secret, equal_in_constant_time, erase};
use crate::url::is_loopback;

/// What is waited for: the redirect of one login.
///
/// ```
/// # use oauth_core::loopback::{Loopback, Outcome, Received};
/// let loopback = Loopback::new("http://127.0.0.1:51004/callback", "the-state").unwrap();
/// let mut connection = loopback.connection();
/// let Received::Partial = connection.receive(b"GET /callback?code=c&state=the-state ") else { panic!() };
/// let Received::Redirect(query) = connection.receive(b"HTTP/1.1\r\nHost: 127.0.0.1:51004\r\n\r\n")
///     else { panic!() };
/// assert_eq!(query.expose(), "code=c&state=the-state");
/// // The code is redeemed, and then:
/// assert!(Outcome::LoggedIn.page().starts_with(b"HTTP/1.1 200 OK\r\n"));
/// ```
#[derive(Debug)]
pub struct Loopback {
    /// Host and port, as in `Host`; the port is always there.
    authority: Box<str>,
    path: Box<str>,
    state: Secret,
}

impl Loopback {
    /// Waits for the redirect to `redirect_uri` that carries `state`.
    ///
    /// `None` if nothing can come there: the URI is not plain http to `localhost`, `127.0.0.0/8` or
    /// `::1`, or has a user name or a fragment; or the `state` is empty.
    #[must_use]
    pub fn new(redirect_uri: &str, state: &str) -> Option<Self> {
        let url = url::Url::parse(redirect_uri).ok()?;
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        let is_reachable = url.scheme() == "http" && is_loopback(&url);
        if !is_reachable || has_credentials || url.fragment().is_some() || state.is_empty() {
            return None;
        }
        let authority = format!("{}:{}", url.host_str()?, url.port_or_known_default()?);
        let (authority, path) = (authority.into(), url.path().into());
        let state = state.into();
        Some(Self { authority, path, state })
    }

    /// For a connection that was just accepted.
    #[must_use]
    pub fn connection(&self) -> Connection<'_> {
        Connection { loopback: self, head: Vec::new(), line: 0, length: 0, state: State::Reading }
    }

    /// Answers a whole head: all lines that matter, with the empty one.
    fn answer(&self, head: &[u8]) -> Received {
        let mut lines =
            head.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let Some(request) = lines.next().and_then(RequestLine::parse) else {
            return refusal(BAD_REQUEST);
        };
        let is_head = request.method == "HEAD";
        match self.check(&request, lines) {
            Ok(query) if !is_head => Received::Redirect(query.into()),
            // Whoever looks first comes again.
            Ok(_) => Received::Answer(page::GOES_ON.write(false)),
            Err(status) => Received::Answer(Page::refusal(status).write(!is_head)),
        }
    }

    /// The query if this is the redirect, or else the status to refuse with.
    fn check<'a>(
        &self,
        request: &RequestLine<'a>,
        fields: impl Iterator<Item = &'a [u8]>,
    ) -> Result<&'a str, &'static str> {
        let is_own = |authority: &str| {
            let without_port = self.authority.strip_suffix(":80");
            authority.eq_ignore_ascii_case(&self.authority)
                || without_port.is_some_and(|own| authority.eq_ignore_ascii_case(own))
        };
        if !only_host(fields).is_some_and(is_own) || !request.authority.is_none_or(is_own) {
            return Err(BAD_REQUEST);
        }
        if request.path != &*self.path {
            return Err("404 Not Found");
        }
        if !matches!(request.method, "GET" | "HEAD") {
            return Err("405 Method Not Allowed");
        }
        // Two of them are as bad as none (RFC 6749 §3.1).
        let [Found::Once(state)] = form::select(request.query, ["state"]) else {
            return Err(BAD_REQUEST);
        };
        let is_right = equal_in_constant_time(state.as_bytes(), self.state.expose().as_bytes());
        is_right.then_some(request.query).ok_or(BAD_REQUEST)
    }
}

/// What came in over one connection; see the [diagram of its life](super).
///
/// It holds 16 KiB at most, and overwrites them when it is dropped.
pub struct Connection<'a> {
    loopback: &'a Loopback,
    /// The request line, the fields that matter, and the line that is being read.
    head: Vec<u8>,
    /// Where in `head` that line begins.
    line: usize,
    /// How many bytes came in.
    length: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    /// The rest of the line is of no interest.
    Dropping,
    Answered,
}

impl Connection<'_> {
    /// Takes what was read, however it was cut. What comes behind a request is ignored.
    #[must_use]
    pub fn receive(&mut self, bytes: &[u8]) -> Received {
        if self.state == State::Answered {
            return Received::Partial;
        }
        for &byte in bytes {
            if let Some(received) = self.receive_byte(byte) {
                self.state = State::Answered;
                return received;
            }
        }
        Received::Partial
    }

    fn receive_byte(&mut self, byte: u8) -> Option<Received> {
        if self.length == 0 {
            // A browser that tries https first falls back as soon as its hello is refused.
            if !byte.is_ascii_alphabetic() {
                return Some(refusal(BAD_REQUEST));
            }
            // At once, because growing would leave copies behind.
            self.head.reserve_exact(MAX_KEPT);
        }
        if self.length == MAX_HEAD || self.head.len() == MAX_KEPT {
            return Some(refusal("431 Request Header Fields Too Large"));
        }
        self.length += 1;
        if self.state == State::Reading {
            self.head.push(byte);
        }
        if byte == b'\n' {
            return self.end_line();
        }
        if self.head.len() - self.line == MAX_FIELD && self.is_dull() {
            self.state = State::Dropping;
        }
        None
    }

    fn end_line(&mut self) -> Option<Received> {
        let is_last = matches!(&self.head[self.line..], b"\n" | b"\r\n") && self.line > 0;
        if is_last {
            return Some(self.loopback.answer(&self.head));
        }
        if self.state == State::Dropping || self.is_dull() {
            self.head.truncate(self.line);
        }
        (self.line, self.state) = (self.head.len(), State::Reading);
        None
    }

    /// Whether the line is a field that means nothing here. What is no field at all is kept, and refused
    /// in the end.
    fn is_dull(&self) -> bool {
        let name = name_of(&self.head[self.line..]);
        self.line > 0 && name.is_some_and(|name| !name.eq_ignore_ascii_case(b"host"))
    }
}

impl fmt::Debug for Connection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("received_bytes", &self.length)
            .field("is_answered", &(self.state == State::Answered))
            .finish_non_exhaustive()
    }
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        // What was cut off is in there as well.
        self.head.resize(self.head.capacity(), 0);
        erase(&mut self.head);
    }
}

/// What to do after [`Connection::receive`].
#[derive(Debug)]
pub enum Received {
    /// Read on.
    Partial,
    /// Write this, then close the connection, and keep listening.
    Answer(Vec<u8>),
    /// The redirect that is waited for: its query, as it came. It may be an error's. Go on with the login,
    /// and write the [page](super::Outcome::page) of its end.
    Redirect(Secret),
}

fn refusal(status: &'static str) -> Received {
    Received::Answer(Page::refusal(status).write(true))
}

/// The largest head that is read, in bytes. Browsers send all cookies for a host, whatever their ports:
/// Firefox and Chrome keep 180 for each, of 4 KiB at most, which is 720 KiB.
const MAX_HEAD: usize = 1024 * 1024;

/// How much of a head is kept, in bytes: the request line above all, for which servers commonly
/// allow 8 to 16 KiB. A redirect is a tenth of it.
const MAX_KEPT: usize = 16 * 1024;

/// How much of a field is kept until its name is looked at, in bytes. No name is that long, and no host.
const MAX_FIELD: usize = 1024;

const BAD_REQUEST: &str = "400 Bad Request";

#[cfg(test)]
mod tests;
