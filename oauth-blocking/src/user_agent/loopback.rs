//! The user's browser, and a listener on this machine for the redirect (RFC 8252 §7.3).

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU16;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use oauth_core::Secret;
use oauth_core::flow::RedirectUri;
use oauth_core::loopback::{CallbackUrl, Connection, Loopback, Received};
use oauth_core::wire::AuthorizationUrl;

use super::bound::Bound;
use super::{Prepared, UserAgent, UserAgentError, Waiting};

/// Opens the user's browser and listens on this machine for the redirect.
///
/// The socket is bound before the redirect URI is registered, and kept until the login ends, so nobody
/// else can take the port in between. Without a fixed port it takes the one of the last login if it is
/// free, else any.
#[derive(Debug)]
pub struct LoopbackBrowser {
    callback: CallbackUrl,
    open: fn(&str) -> bool,
}

impl Default for LoopbackBrowser {
    fn default() -> Self {
        Self::new()
    }
}

impl LoopbackBrowser {
    /// Any free port of `127.0.0.1`, the default browser.
    #[must_use]
    pub fn new() -> Self {
        Self::at(CallbackUrl::default())
    }

    /// Always this host and path, and this port if there is one, else any; the default browser.
    #[must_use]
    pub fn at(callback: CallbackUrl) -> Self {
        Self { callback, open: open_browser }
    }

    /// Always this port, for authorization servers that compare redirect URIs to the letter; 0 is any.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        if let Some(port) = NonZeroU16::new(port) {
            self.callback = self.callback.at_port(port);
        }
        self
    }

    /// Opens URLs with this function; it returns whether that worked.
    #[must_use]
    pub fn open_with(mut self, open: fn(&str) -> bool) -> Self {
        self.open = open;
        self
    }
}

impl UserAgent for LoopbackBrowser {
    fn prepare(&self, registered: Option<&str>) -> Result<Prepared, UserAgentError> {
        let bound = Bound::new(&self.callback, registered)?;
        let redirect_uri = self.callback.redirect_uri(bound.port);
        let listening = Listening { bound, redirect_uri: redirect_uri.clone(), open: self.open };
        Ok(Prepared::new(redirect_uri, |url, deadline, waiting| {
            listening.wait(url, deadline, waiting)
        }))
    }
}

struct Listening {
    bound: Bound,
    redirect_uri: RedirectUri,
    open: fn(&str) -> bool,
}

impl Listening {
    fn wait(
        self,
        url: &AuthorizationUrl,
        deadline: Instant,
        waiting: &mut dyn FnMut(Waiting),
    ) -> Result<Secret, UserAgentError> {
        let Some(loopback) = Loopback::new(self.redirect_uri.as_str(), url.state()) else {
            return Err(UserAgentError::Listen { kind: ErrorKind::InvalidInput });
        };
        let opening = open_aside(self.open, url.as_str());
        let mut opened = false;
        let begun = Instant::now();
        let mut next_word = begun;
        let mut clients: Vec<Client<'_>> = Vec::new();
        loop {
            let now = Instant::now();
            if now >= deadline {
                return Err(UserAgentError::TimedOut { waited: begun.elapsed() });
            }
            if let Ok(worked) = opening.try_recv() {
                opened = worked;
                next_word = now;
            }
            if now >= next_word {
                waiting(Waiting { opened, left: deadline - now });
                next_word = now + BETWEEN_WORDS;
            }
            match self.bound.accept() {
                Some(stream) => clients.extend(Client::new(stream, &loopback, now)),
                None => std::thread::sleep(PAUSE),
            }
            // A flood of silent connections must not push out the redirect: the oldest gives way.
            if clients.len() > MAX_CLIENTS {
                clients.remove(0);
            }
            let mut redirect = None;
            clients.retain_mut(|client| match client.serve(now) {
                Served::Waits => true,
                Served::Done(query) => {
                    redirect = redirect.take().or(query);
                    false
                }
            });
            if let Some(query) = redirect {
                return Ok(query);
            }
        }
    }
}

/// One connection of a browser. Some never send a byte: those are opened ahead of need.
struct Client<'a> {
    stream: TcpStream,
    connection: Connection<'a>,
    until: Instant,
}

enum Served {
    Waits,
    Done(Option<Secret>),
}

impl<'a> Client<'a> {
    fn new(stream: TcpStream, loopback: &'a Loopback, now: Instant) -> Option<Self> {
        stream.set_nonblocking(true).ok()?;
        Some(Self { stream, connection: loopback.connection(), until: now + PATIENCE })
    }

    fn serve(&mut self, now: Instant) -> Served {
        let mut bytes = [0; 2048];
        match self.stream.read(&mut bytes) {
            Ok(0) => Served::Done(None),
            Ok(count) => match self.connection.receive(&bytes[..count]) {
                Received::Partial => Served::Waits,
                Received::Answer(answer) => {
                    // The login does not depend on whether the browser takes the page.
                    let _ = self.stream.set_nonblocking(false);
                    let _ = self.stream.set_write_timeout(Some(PATIENCE));
                    let _ = self.stream.write_all(&answer.bytes);
                    let _ = self.stream.shutdown(std::net::Shutdown::Write);
                    Served::Done(answer.redirect)
                }
            },
            Err(error) if error.kind() == ErrorKind::WouldBlock && now < self.until => {
                Served::Waits
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Served::Waits,
            Err(_) => Served::Done(None),
        }
    }
}

/// Opens the URL without holding up the listener: a browser in the terminal would block.
fn open_aside(open: fn(&str) -> bool, url: &str) -> mpsc::Receiver<bool> {
    let (done, opened) = mpsc::channel();
    let url = url.to_owned();
    // Whether anybody still listens for the outcome does not matter.
    std::thread::spawn(move || done.send(open(&url)));
    opened
}

/// No shell is involved; the URL is https, or http to this machine.
fn open_browser(url: &str) -> bool {
    webbrowser::open(url).is_ok()
}

/// A browser opens half a dozen connections; more are somebody else's.
const MAX_CLIENTS: usize = 32;

/// How long a connection may take to send its request, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the listener sleeps when nothing happens.
const PAUSE: Duration = Duration::from_millis(5);

/// How often the host hears that the login still waits.
const BETWEEN_WORDS: Duration = Duration::from_secs(1);
