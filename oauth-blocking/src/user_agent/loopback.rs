//! The user's browser, and a listener on this machine for the redirect (RFC 8252 §7.3).

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use oauth_core::Secret;
use oauth_core::client::{Browser, Returned, UserAgentError, Waiting};
use oauth_core::flow::RedirectUri;
use oauth_core::loopback::{CallbackUrl, Connection, Loopback, Outcome, Received};
use oauth_core::wire::{AuthorizationUrl, DevicePage};

use super::bound::Bound;
use super::local::open_browser;
use super::parked::{PAGE_LIMIT, PageFn, Parked, write_page};
use super::{Prepared, Until, UserAgent};

/// Opens the user's browser and listens on this machine for the redirect.
///
/// The socket is bound before the redirect URI is registered, and kept until the login ends, so nobody
/// else can take the port in between. Without a fixed port it takes the one of the last login if it is
/// free, else that of the client which other profiles have registered, else any.
#[derive(Clone)]
pub struct LoopbackBrowser {
    callback: CallbackUrl,
    open: Arc<Open>,
    page: Arc<PageFn>,
}

type Open = dyn Fn(&str) -> bool + Send + Sync;

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
        Self { callback, open: Arc::new(open_browser), page: Arc::new(Outcome::page) }
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
    pub fn open_with(mut self, open: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.open = Arc::new(open);
        self
    }

    /// Shows the user a page of the host's own in the end: a whole document, of
    /// [`MAX_OWN_PAGE`](oauth_core::loopback::MAX_OWN_PAGE) bytes at most.
    ///
    /// It loads nothing and runs no script of its own; styles stand in it, and images are `data:` URLs. Header fields
    /// are those of our pages, and so is what runs: the query is taken out of the address bar, and the window closed
    /// where the login succeeded. Redirects that are none get our page.
    ///
    /// ```
    /// # use oauth_blocking::{LoopbackBrowser, Outcome};
    /// let browser = LoopbackBrowser::new().page(|outcome| {
    ///     let says = match outcome {
    ///         Outcome::LoggedIn => "You are logged in.",
    ///         Outcome::GoesOn => "Almost there.",
    ///         _ => "That did not work.",
    ///     };
    ///     format!("<!doctype html><meta charset=\"utf-8\"><title>My editor</title><p>{says} Go back to My editor.")
    /// });
    /// ```
    ///
    /// # Security
    ///
    /// What the function gives is sent as it is. Texts that are not the host's own have to be escaped for the place
    /// where they stand, a server's name or a user's for instance. An outcome has no words of a server.
    #[must_use]
    pub fn page(mut self, html: impl Fn(Outcome) -> String + Send + Sync + 'static) -> Self {
        self.page = Arc::new(move |outcome| outcome.page_with(&html(outcome)));
        self
    }
}

impl LoopbackBrowser {
    /// Binds the sockets: at the port that has to be, else at that of a redirect URI that is
    /// `registered` already, else at any.
    ///
    /// # Errors
    ///
    /// [`UserAgentError::PortReserved`] if nobody may have the port,
    /// [`UserAgentError::PortBusy`] if another login has it, [`UserAgentError::PortInUse`] if
    /// another program has it.
    pub fn bind(&self, registered: Option<&str>) -> Result<Bound, UserAgentError> {
        Bound::new(&self.callback, registered)
    }

    /// Where the user comes back to.
    #[must_use]
    pub fn redirect_uri(&self, bound: &Bound) -> RedirectUri {
        self.callback.redirect_uri(bound.port())
    }

    /// These wait for their page.
    #[must_use]
    pub fn park(&self, browsers: Vec<TcpStream>) -> Parked {
        Parked::new(browsers, Arc::clone(&self.page))
    }

    /// Begins to open a URL, without waiting for it: a browser in the terminal would block. `done` is told
    /// whether it worked.
    /// If there is not even a thread for it, that is said by dropping `done`.
    pub fn open(&self, url: &str, done: impl FnOnce(bool) + Send + 'static) {
        let (open, url) = (Arc::clone(&self.open), url.to_owned());
        spawn_thread(move || done(open(&url)));
    }
}

impl std::fmt::Debug for LoopbackBrowser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("LoopbackBrowser");
        shown.field("callback", &self.callback).finish_non_exhaustive()
    }
}

impl UserAgent for LoopbackBrowser {
    /// In the browser, where there is one.
    fn device(&self, page: &DevicePage) -> Result<(), UserAgentError> {
        // Whoever has none sees it elsewhere.
        let url = page.verification_uri_complete.as_ref().unwrap_or(&page.verification_uri);
        let _ = (self.open)(url.as_str());
        Ok(())
    }

    fn prepare(&self, registered: Option<&str>) -> Result<Prepared, UserAgentError> {
        let bound = self.bind(registered)?;
        let redirect_uri = self.redirect_uri(&bound);
        let browser = self.clone();
        Ok(Prepared::with_page(redirect_uri, move |url, until, waiting| {
            browser.wait(&bound, url, until, waiting)
        }))
    }
}

impl LoopbackBrowser {
    fn wait(
        &self,
        bound: &Bound,
        url: &AuthorizationUrl,
        until: &Until,
        waiting: &mut dyn FnMut(Waiting),
    ) -> Result<Returned, UserAgentError> {
        let redirect_uri = self.redirect_uri(bound);
        let Some(loopback) = Loopback::new(redirect_uri.as_str(), url.state()) else {
            return Err(UserAgentError::Listen { kind: ErrorKind::InvalidInput });
        };
        let (done, opened) = mpsc::channel();
        // Whether anybody still listens for the outcome does not matter.
        self.open(url.as_str(), move |worked| {
            let _ = done.send(worked);
        });
        let mut browser = Browser::Opening;
        let mut next_word = Instant::now();
        let mut clients: Vec<Client<'_>> = Vec::new();
        loop {
            until.check()?;
            let now = Instant::now();
            if browser == Browser::Opening {
                browser = match opened.try_recv() {
                    Ok(true) => Browser::Opened,
                    Ok(false) | Err(TryRecvError::Disconnected) => Browser::NotOpened,
                    Err(TryRecvError::Empty) => browser,
                };
                if browser != Browser::Opening {
                    next_word = now;
                }
            }
            if now >= next_word {
                waiting(Waiting::new(browser, until.left()));
                next_word = now + BETWEEN_WORDS;
            }
            match bound.accept() {
                Some(stream) => clients.extend(Client::new(stream, &loopback, now)),
                None => until.pause(PAUSE)?,
            }
            // A flood of silent connections must not push out the redirect: the oldest gives way.
            if clients.len() > MAX_CLIENTS {
                clients.remove(0);
            }
            let (mut left, mut redirect, mut browsers) = (Vec::new(), None, Vec::new());
            for mut client in clients {
                match client.serve(now) {
                    Served::Waits => left.push(client),
                    Served::Done => {}
                    Served::Answered(page) => write_page(client.stream, &page),
                    // Two tabs are one login.
                    Served::Redirected(query) => {
                        redirect = redirect.or(Some(query));
                        browsers.push(client.stream);
                    }
                }
            }
            clients = left;
            if let Some(query) = redirect {
                return Ok(Returned::showing(query, page_in_time(self.park(browsers), PAGE_LIMIT)));
            }
        }
    }
}

/// Shows browsers the outcome, or after the limit that it is not known yet.
fn page_in_time(parked: Parked, limit: Duration) -> impl FnOnce(Outcome) + Send + 'static {
    let late = parked.clone();
    let (ended, end) = mpsc::channel::<()>();
    let wait = move || {
        if end.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            late.answer(Outcome::GoesOn);
        }
    };
    // Without a thread, the browsers wait as long as the login does.
    spawn_thread(wait);
    move |outcome| {
        parked.answer(outcome);
        drop(ended);
    }
}

/// Runs work on a thread of its own, if there is one to be had.
pub(super) fn spawn_thread(work: impl FnOnce() + Send + 'static) {
    drop(std::thread::Builder::new().name("oauth".into()).spawn(work));
}

/// One connection of a browser. Some never send a byte: those are opened ahead of need.
struct Client<'a> {
    stream: TcpStream,
    connection: Connection<'a>,
    until: Instant,
}

enum Served {
    Waits,
    Done,
    Answered(Vec<u8>),
    Redirected(Secret),
}

impl<'a> Client<'a> {
    fn new(stream: TcpStream, loopback: &'a Loopback, now: Instant) -> Option<Self> {
        stream.set_nonblocking(true).ok()?;
        Some(Self { stream, connection: loopback.connection(), until: now + PATIENCE })
    }

    fn serve(&mut self, now: Instant) -> Served {
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(0) => Served::Done,
            Ok(count) => match self.connection.receive(&bytes[..count]) {
                Received::Partial => Served::Waits,
                Received::Answer(page) => Served::Answered(page),
                Received::Redirect(query) => Served::Redirected(query),
            },
            Err(error) if error.kind() == ErrorKind::WouldBlock && now < self.until => {
                Served::Waits
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Served::Waits,
            Err(_) => Served::Done,
        }
    }
}

/// A browser opens half a dozen connections; more are somebody else's.
const MAX_CLIENTS: usize = 32;

/// How long a connection may take to send its request, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the listener sleeps when nothing happens.
const PAUSE: Duration = Duration::from_millis(5);

/// How often the host hears that the login still waits.
const BETWEEN_WORDS: Duration = Duration::from_secs(1);
