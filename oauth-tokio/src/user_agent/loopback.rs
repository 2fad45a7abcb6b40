//! The user's browser, and a listener on this machine for the redirect (RFC 8252 §7.3): a login that
//! waits is a task, and no thread.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use oauth_blocking::adapter::{Bound, PAGE_LIMIT, Parked, write_page};
use oauth_blocking::{LoopbackBrowser, UserAgent as BlockingUserAgent};
use oauth_core::Secret;
use oauth_core::client::{Browser, Returned, UserAgentError, Waiting};
use oauth_core::loopback::{Loopback, Outcome, Received};
use oauth_core::wire::{AuthorizationUrl, DevicePage};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet, spawn_blocking};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep, sleep_until, timeout};

use super::{Prepared, ProgressFn, UserAgent, on_thread};

/// While the user is at the page, nothing of it blocks; only the browser is opened on a thread.
impl UserAgent for LoopbackBrowser {
    async fn device(&self, page: &DevicePage) -> Result<(), UserAgentError> {
        let (browser, page) = (self.clone(), page.clone());
        on_thread(move || BlockingUserAgent::device(&browser, &page)).await
    }

    async fn prepare(&self, registered: Option<&str>) -> Result<Prepared, UserAgentError> {
        let (browser, registered) = (self.clone(), registered.map(str::to_owned));
        // Sockets and a file.
        let bound = spawn_blocking(move || browser.bind(registered.as_deref())).await;
        let bound = bound.unwrap_or(Err(UserAgentError::Cancelled))?;
        let (browser, redirect_uri) = (self.clone(), self.redirect_uri(&bound));
        Ok(Prepared::with_page(redirect_uri, async move |url, deadline, told| {
            visit(&browser, bound, &url, deadline, &told).await
        }))
    }
}

async fn visit(
    browser: &LoopbackBrowser,
    bound: Bound,
    url: &AuthorizationUrl,
    deadline: Instant,
    told: &ProgressFn,
) -> Result<Returned, UserAgentError> {
    let invalid = UserAgentError::Listen { kind: ErrorKind::InvalidInput };
    let redirect_uri = browser.redirect_uri(&bound);
    let loopback = Loopback::new(redirect_uri.as_str(), url.state()).ok_or(invalid)?;
    let mut door = Door::open(bound, loopback)?;
    let (done, opened) = oneshot::channel();
    // Whether anybody still listens for the outcome does not matter.
    browser.open(url.as_str(), move |worked| {
        let _ = done.send(worked);
    });
    let mut opening = Opening::Begun(opened);
    let begun = Instant::now();
    let mut overdue = pin!(sleep_until(deadline.into()));
    loop {
        let next = poll_fn(|context| {
            if let Poll::Ready(came) = door.poll(context) {
                return Poll::Ready(Next::CameBack(came));
            }
            if opening.poll(context) || door.words.poll_tick(context).is_ready() {
                return Poll::Ready(Next::Word);
            }
            overdue.as_mut().poll(context).map(|()| Next::Overdue)
        });
        match next.await {
            Next::Word => {
                let left = deadline.saturating_duration_since(Instant::now());
                told(Waiting::new(opening.browser(), left));
            }
            Next::CameBack((browsers, query)) => {
                return Ok(Returned::showing(query, page_in_time(browser.park(browsers))));
            }
            Next::Overdue => return Err(UserAgentError::TimedOut { waited: begun.elapsed() }),
        }
    }
}

enum Next {
    Word,
    CameBack((Vec<std::net::TcpStream>, Secret)),
    Overdue,
}

/// The browser that is being opened.
enum Opening {
    Begun(oneshot::Receiver<bool>),
    Over(Browser),
}

impl Opening {
    /// Whether it has just been opened, or not.
    fn poll(&mut self, context: &mut Context<'_>) -> bool {
        let Self::Begun(opened) = self else { return false };
        let Poll::Ready(worked) = Pin::new(opened).poll(context) else { return false };
        *self = Self::Over(if worked == Ok(true) { Browser::Opened } else { Browser::NotOpened });
        true
    }

    fn browser(&self) -> Browser {
        match self {
            Self::Begun(_) => Browser::Opening,
            Self::Over(browser) => *browser,
        }
    }
}

/// The listeners, and all who came in. Dropped, it closes everything.
struct Door {
    listeners: Vec<TcpListener>,
    /// Without its sockets: it says that the port is in use.
    _bound: Bound,
    loopback: Arc<Loopback>,
    clients: JoinSet<Option<(TcpStream, Secret)>>,
    /// The oldest first.
    order: VecDeque<AbortHandle>,
    /// When the host hears again that the login waits.
    words: Interval,
}

impl Door {
    fn open(mut bound: Bound, loopback: Loopback) -> Result<Self, UserAgentError> {
        let listeners = bound.take_listeners().into_iter().map(TcpListener::from_std);
        let listeners = listeners.collect::<Result<_, _>>();
        let listeners = listeners.map_err(|error| UserAgentError::Listen { kind: error.kind() })?;
        let mut words = interval(BETWEEN_WORDS);
        words.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (clients, order) = (JoinSet::new(), VecDeque::new());
        Ok(Self { listeners, _bound: bound, loopback: Arc::new(loopback), clients, order, words })
    }

    /// The redirect, with all browsers that have brought it.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<(Vec<std::net::TcpStream>, Secret)> {
        for listener in &self.listeners {
            // A client that is gone before it was accepted is no reason to stop.
            while let Poll::Ready(accepted) = listener.poll_accept(context) {
                let Ok((stream, _)) = accepted else { continue };
                let served = serve(stream, Arc::clone(&self.loopback));
                self.order.push_back(self.clients.spawn(served));
            }
        }
        let (mut browsers, mut redirect) = (Vec::new(), None);
        while let Poll::Ready(Some(served)) = self.clients.poll_join_next(context) {
            let Ok(Some((stream, query))) = served else { continue };
            // Two tabs are one login.
            browsers.extend(stream.into_std());
            redirect = redirect.or(Some(query));
        }
        // A flood of silent connections must not push out the redirect: the oldest gives way.
        self.order.retain(|client| !client.is_finished());
        while self.order.len() > MAX_CLIENTS {
            self.order.pop_front().inspect(AbortHandle::abort);
        }
        redirect.map_or(Poll::Pending, |query| Poll::Ready((browsers, query)))
    }
}

/// Serves a connection until it is answered, or has brought the redirect. Some never send a byte: browsers
/// open those ahead of need.
async fn serve(stream: TcpStream, loopback: Arc<Loopback>) -> Option<(TcpStream, Secret)> {
    let received = timeout(PATIENCE, receive(&stream, &loopback)).await.ok()??;
    match received {
        Received::Redirect(query) => Some((stream, query)),
        Received::Answer(page) => {
            write_page(stream.into_std().ok()?, &page);
            None
        }
        Received::Partial => None,
    }
}

async fn receive(stream: &TcpStream, loopback: &Loopback) -> Option<Received> {
    let mut connection = loopback.connection();
    let mut bytes = vec![0; 16 * 1024];
    loop {
        stream.readable().await.ok()?;
        match stream.try_read(&mut bytes) {
            Ok(0) => return None,
            Ok(count) => match connection.receive(&bytes[..count]) {
                Received::Partial => {}
                received => return Some(received),
            },
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
}

/// Shows browsers the outcome, or after a while that it is not known yet. The outcome is written at once
/// and not by a task: a program that logs in and ends would leave the browser without an answer.
fn page_in_time(parked: Parked) -> impl FnOnce(Outcome) + Send + 'static {
    let late = parked.clone();
    let waits = tokio::spawn(async move {
        sleep(PAGE_LIMIT).await;
        late.answer(Outcome::GoesOn);
    });
    move |outcome| {
        parked.answer(outcome);
        waits.abort();
    }
}

/// A browser opens half a dozen connections; more are somebody else's.
const MAX_CLIENTS: usize = 32;

/// How long a connection may take to send its request.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often the host hears that the login still waits.
const BETWEEN_WORDS: Duration = Duration::from_secs(1);
