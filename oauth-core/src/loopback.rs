//! The bytes of the listener that a login's redirect comes to (RFC 8252 §7.3). It opens no sockets.
//!
//! A host binds a loopback address, makes the redirect URI from the port it got, and has a
//! [`Loopback`] that knows what is waited for. Each connection that comes in gets a [`Connection`],
//! which is fed what is read and says what to write:
//!
//! ```text
//! accept ──▶ Connection::receive ──▶ Partial: read on, receive again
//!                    │
//!                    └──▶ Answer: write it, close the connection
//!                           ├─ redirect: None    ──▶ keep listening
//!                           └─ redirect: Some(…) ──▶ stop listening, go on with the login
//! ```
//!
//! 1. Only a GET to the very path of the redirect URI, with the very `state`, ends the wait. Favicons,
//!    second tabs, pages that guess and errors with another `state` are answered, and no more.
//! 2. Connections are independent: a browser opens some ahead and sends nothing. A host serves them at
//!    the same time, or closes those that are silent; here they cost nothing.
//! 3. `Host` must be that of the redirect URI, so that a web page cannot come in by a name of its own
//!    (DNS rebinding).
//! 4. Pages show nothing of the request and load nothing, and all refusals look alike. Each takes the
//!    query out of the address bar, by a script that its policy allows by its hash.
//!
//! It reads as much of HTTP/1 (RFC 9112) as this takes: no bodies, one request for each connection,
//! no folded header fields. Lines may end without a carriage return.
//!
//! # Security
//!
//! Bind the [addresses](CallbackUrl::addresses) of the redirect URI, never others, and only while a login
//! is under way (RFC 8252 §8.3).

mod callback_url;

pub use callback_url::CallbackUrl;

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use crate::form::{self, Found};
use crate::secret::{Secret, equal_in_constant_time, erase};
use crate::url::is_loopback;

/// What is waited for: the redirect of one login.
///
/// ```
/// # use oauth_core::loopback::{Loopback, Received};
/// let loopback = Loopback::new("http://127.0.0.1:51004/callback", "the-state").unwrap();
/// let mut connection = loopback.connection();
/// let Received::Partial = connection.receive(b"GET /callback?code=c&state=the-state ") else { panic!() };
/// let Received::Answer(answer) = connection.receive(b"HTTP/1.1\r\nHost: 127.0.0.1:51004\r\n\r\n")
///     else { panic!() };
/// assert!(answer.bytes.starts_with(b"HTTP/1.1 200 OK\r\n"));
/// assert_eq!(answer.redirect.unwrap().expose(), "code=c&state=the-state");
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
        let (head, is_answered) = (Vec::new(), false);
        Connection { loopback: self, head, is_answered }
    }

    /// Answers a whole head: all lines, with the empty one.
    fn answer(&self, head: &[u8]) -> Answer {
        let mut lines =
            head.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let Some(request) = lines.next().and_then(RequestLine::parse) else {
            return Answer::refusal(BAD_REQUEST);
        };
        let is_head = request.method == "HEAD";
        let checked = self.check(&request, lines);
        let page = match &checked {
            Ok(query) => Page::for_redirect(query),
            Err(status) => Page::refusal(status),
        };
        let redirect = checked.ok().filter(|_| !is_head).map(Secret::from);
        Answer { bytes: page.write(!is_head), redirect }
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

/// What came in over one connection; see the [diagram of its life](self).
///
/// Dropping it overwrites what it holds.
pub struct Connection<'a> {
    loopback: &'a Loopback,
    head: Vec<u8>,
    is_answered: bool,
}

impl Connection<'_> {
    /// Takes what was read, however it was cut. What comes behind a request is ignored.
    #[must_use]
    pub fn receive(&mut self, bytes: &[u8]) -> Received {
        if self.is_answered {
            return Received::Partial;
        }
        for &byte in bytes {
            if let Some(answer) = self.receive_byte(byte) {
                self.is_answered = true;
                return Received::Answer(answer);
            }
        }
        Received::Partial
    }

    fn receive_byte(&mut self, byte: u8) -> Option<Answer> {
        if self.head.is_empty() {
            // A browser that tries https first falls back as soon as its hello is refused.
            if !byte.is_ascii_alphabetic() {
                return Some(Answer::refusal(BAD_REQUEST));
            }
            // At once, because growing would leave copies behind.
            self.head.reserve_exact(MAX_HEAD);
        }
        if self.head.len() == MAX_HEAD {
            return Some(Answer::refusal("431 Request Header Fields Too Large"));
        }
        self.head.push(byte);
        let is_whole = self.head.ends_with(b"\n\n") || self.head.ends_with(b"\n\r\n");
        is_whole.then(|| self.loopback.answer(&self.head))
    }
}

impl fmt::Debug for Connection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("received_bytes", &self.head.len())
            .field("is_answered", &self.is_answered)
            .finish_non_exhaustive()
    }
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        erase(&mut self.head);
    }
}

/// What to do after [`Connection::receive`].
#[derive(Debug)]
pub enum Received {
    /// Read on.
    Partial,
    /// Write the answer, then close the connection.
    Answer(Answer),
}

/// What a connection is answered with.
pub struct Answer {
    /// The whole HTTP response. There is no secret in it.
    pub bytes: Vec<u8>,
    /// The query of the redirect, as it came, if this was the redirect that is waited for: then the
    /// listener's work is done. It may be an error's.
    pub redirect: Option<Secret>,
}

impl Answer {
    fn refusal(status: &'static str) -> Self {
        let bytes = Page::refusal(status).write(true);
        Self { bytes, redirect: None }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("bytes", &self.bytes.len())
            .field("redirect", &self.redirect)
            .finish()
    }
}

/// `method SP request-target SP HTTP-version` (RFC 9112 §3), the target in its parts.
struct RequestLine<'a> {
    method: &'a str,
    /// Only clients that take this listener for a proxy name it here (RFC 9112 §3.2.2).
    authority: Option<&'a str>,
    path: &'a str,
    query: &'a str,
}

impl<'a> RequestLine<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut parts = core::str::from_utf8(line).ok()?.split(' ');
        let [method, target, version] = [parts.next()?, parts.next()?, parts.next()?];
        let is_http = matches!(version, "HTTP/1.0" | "HTTP/1.1") && parts.next().is_none();
        if !is_http || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let (target, query) = target.split_once('?').unwrap_or((target, ""));
        let (authority, path) = match target.strip_prefix("http://") {
            None => (None, target),
            Some(rest) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (Some(authority), if path.is_empty() { "/" } else { path })
            }
        };
        Some(Self { method, authority, path, query })
    }
}

/// The value of `Host`; `None` if there is not exactly one (RFC 9112 §3.2), or if a field is broken:
/// two readers might see different hosts then.
fn only_host<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Option<&'a str> {
    let mut host = None;
    for field in fields.take_while(|field| !field.is_empty()) {
        let (name, value) = field.split_at(field.iter().position(|&byte| byte == b':')?);
        if !name.iter().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        if name.eq_ignore_ascii_case(b"host") {
            let value = core::str::from_utf8(&value[1..]).ok()?.trim_matches([' ', '\t']);
            if host.replace(value).is_some() {
                return None;
            }
        }
    }
    host
}

/// What the user sees.
#[derive(Clone, Copy)]
struct Page {
    status: &'static str,
    title: &'static str,
    text: &'static str,
    /// Class and text.
    mark: (&'static str, &'static str),
    script: Script,
}

/// All that a page runs, and the hash by which its policy lets it.
#[derive(Clone, Copy)]
struct Script {
    text: &'static str,
    hash: &'static str,
}

impl Page {
    fn for_redirect(query: &str) -> Self {
        match form::select(query, ["code", "error"]) {
            [Found::Once(code), Found::Absent] if !code.is_empty() => LOGGED_IN,
            _ => FAILED,
        }
    }

    fn refusal(status: &'static str) -> Self {
        Self { status, ..REFUSED }
    }

    fn write(self, with_body: bool) -> Vec<u8> {
        let Self { status, title, text, mark: (class, mark), script } = self;
        let Script { text: script, hash: script_hash } = script;
        let body = format!(
            "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
             <style>{STYLE}</style><b class=\"{class}\" aria-hidden=\"true\">{mark}</b>\
             <h1>{title}</h1><p>{text}</p><script>{script}</script></html>\n"
        );
        let length = body.len();
        let body = if with_body { &*body } else { "" };
        format!(
            "HTTP/1.1 {status}\r\n\
             Allow: GET, HEAD\r\n\
             Cache-Control: no-store\r\n\
             Connection: close\r\n\
             Content-Length: {length}\r\n\
             Content-Security-Policy: default-src 'none'; style-src '{STYLE_HASH}'; \
             script-src '{script_hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
             Content-Type: text/html; charset=utf-8\r\n\
             Referrer-Policy: no-referrer\r\n\
             X-Content-Type-Options: nosniff\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

/// The largest head that is read, in bytes. Servers commonly allow 8 to 16 KiB; a redirect is a
/// tenth of it.
const MAX_HEAD: usize = 16 * 1024;

const BAD_REQUEST: &str = "400 Bad Request";

const LOGGED_IN: Page = Page {
    status: "200 OK",
    title: "You are logged in",
    text: "You can close this window.",
    mark: ("good", "&#10003;"),
    script: CLEAN_AND_CLOSE,
};

const FAILED: Page = Page {
    status: "200 OK",
    title: "The login did not succeed",
    text: "Go back to the application to see why.",
    mark: ("bad", "!"),
    script: CLEAN,
};

/// The same for all refusals: what was wrong is nobody's business who guesses.
const REFUSED: Page = Page {
    status: BAD_REQUEST,
    title: "There is nothing to see here",
    text: "If you are logging in, use the window that was opened last.",
    mark: ("none", "?"),
    script: CLEAN,
};

const STYLE: &str = "\
    body{font:1.1em/1.5 system-ui,sans-serif;margin:18vh auto 0;max-width:26em;padding:0 1.5em;text-align:center}\
    h1{font-size:1.5em;line-height:1.25;margin:.5em 0}p{margin:0;opacity:.8}\
    b{color:#fff;border-radius:50%;display:block;font-size:1.75em;height:2em;line-height:2em;margin:auto;width:2em}\
    b.good{background:#1a7f4b}b.bad{background:#b3372f}b.none{background:#6b6f76}\
    :root{color-scheme:light dark}";
const STYLE_HASH: &str = "sha256-cgC7Kx6QyBMedzVj5ILJo30GCSzTgdvCwWECXpCHHiA=";

/// Takes what came with the redirect out of the address bar and the tab's history. Another page to be
/// redirected to would have to be served when the login is over.
const CLEAN: Script = Script {
    text: "history.replaceState(null,'',location.pathname)",
    hash: "sha256-UBodp8UhLR9ASBc1PNRKcs3r2CjAFWxCbrUGPN7u1jo=",
};

/// The same, and closes the window where browsers let a page do so.
const CLEAN_AND_CLOSE: Script = Script {
    text: "history.replaceState(null,'',location.pathname);setTimeout(()=>close(),3000)",
    hash: "sha256-41UwlbVF7S9JCsR866ZdtymKGi2zd72hj+GyrKOMZOA=",
};

#[cfg(test)]
mod tests;
