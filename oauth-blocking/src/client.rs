//! The client: one handle for one server and one user.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};
use std::time::{Duration, SystemTime};

use oauth_core::error::PeerMisbehaved;
use oauth_core::session::{
    Attempt, Authorization, Key, PendingLogin, Record, Session, Snapshot, Turn, Verdict,
};
use oauth_core::{BearerAuth, Policy, ServerUrl, UnixTime};
use ureq::http::{HeaderValue, Request, Response};
use ureq::{AsSendBody, Body};

use crate::Error;
use crate::builder::{Adapter, Builder, Parts, Watcher};
use crate::drive::{Driver, Login, challenges};
use crate::event::Event;
use crate::storage::{FileTokenStorage, SharedStorage};
use crate::user_agent::{LoopbackBrowser, SharedUserAgent};

/// Authorization at one MCP server, for one user. Cheap to clone; the clones share everything.
///
/// While one thread refreshes or logs in, others whose token is still good do not wait for it, and the
/// rest get its result.
#[derive(Clone)]
pub struct OAuth {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) server: ServerUrl,
    pub(crate) key: Key,
    pub(crate) session: Mutex<Session>,
    /// What the session held when it last had nothing to do.
    pub(crate) snapshot: RwLock<Snapshot>,
    pub(crate) agent: ureq::Agent,
    pub(crate) storage: SharedStorage,
    pub(crate) user_agent: SharedUserAgent,
    pub(crate) wait: Duration,
    pub(crate) watcher: Option<Box<Watcher>>,
}

impl Inner {
    pub(crate) fn tell(&self, event: &Event<'_>) {
        if let Some(watcher) = &self.watcher {
            watcher(event);
        }
    }
}

impl OAuth {
    /// A client for the MCP endpoint at this URL.
    ///
    /// # Errors
    ///
    /// [`Error::OAuth`] if it is no https URL, or http to this machine.
    pub fn new(server_url: &str) -> Result<Builder<Self>, Error> {
        Self::with_policy(server_url, Policy::default())
    }

    /// The same with a policy of its own for this server.
    ///
    /// # Errors
    ///
    /// As [`OAuth::new`].
    pub fn with_policy(server_url: &str, policy: Policy) -> Result<Builder<Self>, Error> {
        Builder::new(server_url, policy)
    }

    /// A token that can be used now: the stored one, a refreshed one, or, if it must be, one for which a
    /// user logs in.
    ///
    /// # Errors
    ///
    /// [`Error::Authentication`] if the user has to go somewhere else first; otherwise why there is no
    /// token.
    pub fn authenticate(&self) -> Result<BearerAuth, Error> {
        match self.obtain(Login::Allowed)? {
            Some(token) => Ok(token),
            None => Err(oauth_core::Error::LoginRequired.into()),
        }
    }

    /// A token that can be had without a user: the stored one or a refreshed one. `None` if a login is
    /// needed.
    ///
    /// # Errors
    ///
    /// Why that could not be found out.
    pub fn initialize(&self) -> Result<Option<BearerAuth>, Error> {
        self.obtain(Login::Never)
    }

    /// The same as an error: [`oauth_core::Error::LoginRequired`] if a login is needed. For calls inside
    /// [`with_oauth_retry`](crate::with_oauth_retry).
    ///
    /// # Errors
    ///
    /// As [`initialize`](Self::initialize), and if a login is needed.
    pub fn token(&self) -> Result<BearerAuth, Error> {
        self.initialize()?.ok_or_else(|| oauth_core::Error::LoginRequired.into())
    }

    /// A fresh token, although the one at hand may still be good. `None` if there is nothing to refresh
    /// with, or the authorization server refuses: then a login is needed.
    ///
    /// # Errors
    ///
    /// Why it could not be tried, for instance that the server is not reachable.
    pub fn refresh_token(&self) -> Result<Option<BearerAuth>, Error> {
        let mut session = self.lock();
        // What others stored meanwhile counts as what is at hand.
        session.access();
        if self.drive(&mut session, Login::Never)?.is_none() {
            return Ok(None);
        }
        session.renew();
        self.drive(&mut session, Login::Never)
    }

    /// Another token than the one at hand, refreshed or through a login.
    pub(crate) fn replace_token(&self) -> Result<Option<BearerAuth>, Error> {
        let mut session = self.lock();
        session.renew();
        self.drive(&mut session, Login::Allowed)
    }

    /// Sends a request to the MCP server, with a token if there is one. What the server's answer asks
    /// for is done (a login, a refresh, a wider scope), and the request is sent again, built anew each
    /// time.
    ///
    /// The answer is the application's, whatever its status; redirects are not followed, so that the
    /// token stays with the server it is for.
    ///
    /// # Errors
    ///
    /// [`Error::Http`] if it could not be sent; as [`authenticate`](Self::authenticate) if a token was
    /// needed and not to be had; [`Misuse::ForeignRequest`](oauth_core::error::Misuse) if the URL is not
    /// the MCP server's.
    pub fn send<B: AsSendBody>(
        &self,
        mut build: impl FnMut() -> ureq::http::Result<Request<B>>,
    ) -> Result<Response<Body>, Error> {
        let mut attempt = Attempt::new();
        loop {
            let mut request = build().map_err(ureq::Error::from)?;
            self.attach(&mut request, &mut attempt)?;
            let response = self.run(request)?;
            let status = response.status().as_u16();
            if !matches!(status, 401 | 403) {
                return Ok(response);
            }
            let challenges = challenges(&response);
            let challenges = challenges.iter().map(String::as_str);
            let mut session = self.lock();
            match session.answered(&mut attempt, status, challenges, now())? {
                Verdict::Deliver => return Ok(response),
                // Its connection is free for the login.
                Verdict::Retry => drop(response),
            }
            if self.drive(&mut session, Login::Allowed)?.is_none() {
                return Err(oauth_core::Error::LoginRequired.into());
            }
        }
    }

    /// Finishes a login that was handed out in an [`AuthenticationError`](crate::AuthenticationError), in
    /// this process or another: stores its tokens. `query` is the part of the redirect behind the
    /// question mark.
    ///
    /// # Errors
    ///
    /// Why the login failed: the user said no, or the redirect belongs to another login. That one still
    /// waits then: a host that stored it can try again with the right redirect.
    pub fn resume(&self, pending: PendingLogin, query: &str) -> Result<BearerAuth, Error> {
        let mut session = self.lock();
        let mut resumed =
            Session::resume(Arc::clone(session.settings()), &self.inner.key.profile, pending)?;
        let token = match Driver::new(&self.inner).finish(&mut resumed, query) {
            // The code is spent: what came for it is stored by the next call.
            Err(error @ Error::Storage(_)) => {
                *session = resumed;
                return Err(error);
            }
            outcome => outcome?,
        };
        // What the session knew is older than what is stored now.
        session.access();
        // It is stored; if it cannot be loaded now, the next call does that.
        drop(self.drive(&mut session, Login::Never));
        Ok(token)
    }

    /// For hosts that send requests in their own way: the MCP server answered a request that carried
    /// `token` with this status and these `WWW-Authenticate` values. What that asks for is done (a
    /// refresh, a login, a wider scope), and the token to send the request with once more is returned;
    /// `None` if the answer is the application's.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn refused<'a>(
        &self,
        token: &BearerAuth,
        status: u16,
        challenges: impl IntoIterator<Item = &'a str>,
    ) -> Result<Option<BearerAuth>, Error> {
        let mut session = self.lock();
        let mut attempt = Attempt::new();
        attempt.sent_token(&session, token);
        match session.answered(&mut attempt, status, challenges, now())? {
            Verdict::Deliver => Ok(None),
            Verdict::Retry => self.drive(&mut session, Login::Allowed),
        }
    }

    /// What is stored for this server and user, as far as it is known here.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        self.snapshot(|snapshot| snapshot.record().cloned())
    }

    fn run<B: AsSendBody>(&self, request: Request<B>) -> Result<Response<Body>, Error> {
        let (method, url) = (request.method().clone(), request.uri().clone());
        let authorized = request.headers().contains_key("authorization");
        let agent = &self.inner.agent;
        let request =
            agent.configure_request(request).http_status_as_error(false).max_redirects(0).build();
        let response = agent.run(request)?;
        self.inner.tell(&Event::Answered {
            method: method.as_str(),
            url: &url.to_string(),
            authorized,
            status: response.status().as_u16(),
        });
        Ok(response)
    }

    fn obtain(&self, login: Login) -> Result<Option<BearerAuth>, Error> {
        let found = self.snapshot(|snapshot| Some(self.at_hand(snapshot)?.bearer().clone()));
        if found.is_some() {
            return Ok(found);
        }
        let mut session = self.lock();
        session.access();
        self.drive(&mut session, login)
    }

    /// A token that costs no wait: a fresh one, or while somebody else renews it the old one if it lives.
    fn at_hand<'a>(&self, snapshot: &'a Snapshot) -> Option<Authorization<'a>> {
        let now = now();
        snapshot.authorization(now).or_else(|| {
            let busy = matches!(self.inner.session.try_lock(), Err(TryLockError::WouldBlock));
            if busy { snapshot.living_authorization(now) } else { None }
        })
    }

    /// Puts the token on a request: a fresh one; while somebody else renews it, the old one if it lives;
    /// else what can be had without a user; else none, and the server says what it wants.
    fn attach<B>(&self, request: &mut Request<B>, attempt: &mut Attempt) -> Result<(), Error> {
        let url = request.uri().to_string();
        self.inner.server.check_request(&url).map_err(oauth_core::Error::from)?;
        let attached = self.snapshot(|snapshot| {
            let authorization = self.at_hand(snapshot)?;
            attempt.sent_with(Some(&authorization));
            Some(add(request, &authorization))
        });
        if let Some(attached) = attached {
            return attached;
        }
        let mut session = self.lock();
        if !session.needs_login(now()) {
            session.access();
            self.drive(&mut session, Login::Never)?;
        }
        match session.turn() {
            Ok(Turn::Ready(authorization)) => {
                attempt.sent_with(Some(&authorization));
                add(request, &authorization)
            }
            _ => {
                attempt.sent_with(None);
                Ok(())
            }
        }
    }

    /// Drives the session until it has a token, or needs a login and may not begin one, and shows the
    /// others what it has.
    fn drive(&self, session: &mut Session, login: Login) -> Result<Option<BearerAuth>, Error> {
        let outcome = Driver::new(&self.inner).run(session, login);
        *self.inner.snapshot.write().unwrap_or_else(PoisonError::into_inner) = session.snapshot();
        outcome
    }

    fn snapshot<T>(&self, look: impl FnOnce(&Snapshot) -> Option<T>) -> Option<T> {
        let snapshot = self.inner.snapshot.read().unwrap_or_else(PoisonError::into_inner);
        look(&snapshot)
    }

    /// A panic elsewhere does no harm to the session: each of its turns is whole.
    fn lock(&self) -> MutexGuard<'_, Session> {
        self.inner.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Adapter for OAuth {
    type Http = ureq::Agent;
    type Storage = SharedStorage;
    type UserAgent = SharedUserAgent;
    type Error = Error;

    fn from_parts(parts: Parts<Self>) -> Result<Self, Error> {
        let storage = match parts.storage {
            Some(storage) => storage,
            None => FileTokenStorage::new()?.into(),
        };
        let browser = || LoopbackBrowser::at(parts.callback_port).into();
        let session = Session::new(parts.settings);
        let inner = Inner {
            server: session.settings().server().clone(),
            key: session.key(&parts.profile),
            snapshot: RwLock::new(session.snapshot()),
            session: Mutex::new(session),
            agent: parts.http.unwrap_or_else(ureq::Agent::new_with_defaults),
            storage,
            user_agent: parts.user_agent.unwrap_or_else(browser),
            wait: parts.wait,
            watcher: parts.watcher,
        };
        Ok(Self { inner: Arc::new(inner) })
    }
}

impl std::fmt::Debug for OAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OAuth").field("key", &self.inner.key).finish_non_exhaustive()
    }
}

/// Adds the header fields, marked as sensitive.
fn add<B>(request: &mut Request<B>, authorization: &Authorization<'_>) -> Result<(), Error> {
    let (method, url) = (request.method().to_string(), request.uri().to_string());
    for (name, value) in authorization.headers(&method, &url).map_err(oauth_core::Error::from)? {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| oauth_core::Error::from(PeerMisbehaved::UnsendableToken))?;
        value.set_sensitive(true);
        request.headers_mut().insert(name, value);
    }
    Ok(())
}

/// The time by this machine's clock. Before 1970 it counts as 1970: every token is fresh then.
pub(crate) fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    UnixTime::from_secs(since.map_or(0, |since| since.as_secs()))
}
