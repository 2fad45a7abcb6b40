//! The client: one handle for one server and one user.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use oauth_blocking::{
    Adapter, Builder, Event, FileTokenStorage, Key, LoopbackBrowser, Parts, PendingLogin, Record,
    Watcher,
};
use oauth_core::session::{Attempt, Session, Snapshot, Verdict};
use oauth_core::{BearerAuth, Policy, ServerUrl, UnixTime};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::Error;
use crate::drive::{Driver, Login, challenges};
use crate::storage::SharedStorage;
use crate::user_agent::SharedUserAgent;

/// Authorization at one MCP server, for one user. Cheap to clone; the clones share everything.
///
/// One task at a time refreshes or logs in, and the others get its result. A request whose token is
/// still good never waits for that.
#[derive(Clone)]
pub struct OAuth {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) server: ServerUrl,
    pub(crate) key: Key,
    pub(crate) session: Arc<Mutex<Session>>,
    /// What the session held when it last had nothing to do.
    pub(crate) snapshot: RwLock<Arc<Snapshot>>,
    /// Held for reading by whatever must not be interrupted.
    pub(crate) running: Arc<tokio::sync::RwLock<()>>,
    pub(crate) http: reqwest::Client,
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

    pub(crate) async fn drive(
        self: Arc<Self>,
        mut session: OwnedMutexGuard<Session>,
        login: Login,
    ) -> Result<(OwnedMutexGuard<Session>, Option<BearerAuth>), Error> {
        let outcome = Driver::new(&self).run(&mut session, login).await;
        self.show(session.snapshot());
        outcome.map(|token| (session, token))
    }

    pub(crate) fn show(&self, snapshot: Snapshot) {
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
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
    pub async fn authenticate(&self) -> Result<BearerAuth, Error> {
        match self.obtain(Login::Allowed).await? {
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
    pub async fn initialize(&self) -> Result<Option<BearerAuth>, Error> {
        self.obtain(Login::Never).await
    }

    /// The same as an error: [`oauth_core::Error::LoginRequired`] if a login is needed. For calls inside
    /// [`with_oauth_retry`](crate::with_oauth_retry).
    ///
    /// # Errors
    ///
    /// As [`initialize`](Self::initialize), and if a login is needed.
    pub async fn token(&self) -> Result<BearerAuth, Error> {
        self.initialize().await?.ok_or_else(|| oauth_core::Error::LoginRequired.into())
    }

    /// A fresh token, although the one at hand may still be good. `None` if there is nothing to refresh
    /// with, or the authorization server refuses: then a login is needed.
    ///
    /// # Errors
    ///
    /// Why it could not be tried, for instance that the server is not reachable.
    pub async fn refresh_token(&self) -> Result<Option<BearerAuth>, Error> {
        let mut session = self.lock().await;
        // What others stored meanwhile counts as what is at hand.
        session.access();
        let (mut session, token) = self.drive(session, Login::Never).await?;
        if token.is_none() {
            return Ok(None);
        }
        session.renew();
        Ok(self.drive(session, Login::Never).await?.1)
    }

    /// Another token than the one at hand, refreshed or through a login.
    pub(crate) async fn replace_token(&self) -> Result<Option<BearerAuth>, Error> {
        let mut session = self.lock().await;
        session.renew();
        Ok(self.drive(session, Login::Allowed).await?.1)
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
    pub async fn send(
        &self,
        mut build: impl FnMut(&reqwest::Client) -> reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, Error> {
        let mut attempt = Attempt::new();
        loop {
            let mut request = build(&self.inner.http).build().map_err(Error::Http)?;
            self.attach(&mut request, &mut attempt).await?;
            let response = self.execute(request).await?;
            let status = response.status().as_u16();
            if !matches!(status, 401 | 403) {
                return Ok(response);
            }
            let Some(session) = self.judge(&mut attempt, status, &challenges(&response)).await?
            else {
                return Ok(response);
            };
            // Its connection is free for the login.
            drop(response);
            self.make_good(session).await?;
        }
    }

    /// Finishes a login that was handed out in an [`AuthenticationError`](crate::AuthenticationError), in
    /// this process or another: stores its tokens. `query` is the part of the redirect behind the
    /// question mark.
    ///
    /// # Errors
    ///
    /// Why the login failed: the user said no, or the redirect belongs to another login.
    pub async fn resume(&self, pending: PendingLogin, query: &str) -> Result<BearerAuth, Error> {
        let mut session = self.lock().await;
        let mut resumed =
            Session::resume(Arc::clone(session.settings()), &self.inner.key.profile, pending)?;
        let (driver, query) = (Driver::new(&self.inner), query.to_owned());
        let finish = async move {
            let outcome = driver.finish(&mut resumed, &query).await;
            // The code is spent: what came for it is stored by the next call.
            if matches!(outcome, Err(Error::Storage(_))) {
                *session = resumed;
            } else {
                // What the session knew is older than what is stored now.
                session.access();
            }
            outcome.map(|token| (session, token))
        };
        let (session, token) = self.to_its_end(finish).await?;
        // It is stored; if it cannot be loaded now, the next call does that.
        drop(self.drive(session, Login::Never).await);
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
    pub async fn refused(
        &self,
        token: &BearerAuth,
        status: u16,
        challenges: &[&str],
    ) -> Result<Option<BearerAuth>, Error> {
        let mut session = self.lock().await;
        let mut attempt = Attempt::new();
        attempt.sent_token(&session, token);
        match session.answered(&mut attempt, status, challenges.iter().copied(), now())? {
            Verdict::Deliver => Ok(None),
            Verdict::Retry => Ok(self.drive(session, Login::Allowed).await?.1),
        }
    }

    /// What is stored for this server and user, as far as it is known here.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        self.snapshot().record().cloned()
    }

    /// Waits until what has begun is at its durable end, for `limit` at most; whether it got there.
    /// Nothing is lost by exiting then: a refresh that was under way is stored.
    pub async fn shutdown(&self, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.inner.running.write()).await.is_ok()
    }

    async fn execute(&self, request: reqwest::Request) -> Result<reqwest::Response, Error> {
        let (method, url) = (request.method().clone(), request.url().clone());
        let authorized = request.headers().contains_key("authorization");
        let response = self.inner.http.execute(request).await.map_err(Error::Http)?;
        self.inner.tell(&Event::Answered {
            method: method.as_str(),
            url: url.as_str(),
            authorized,
            status: response.status().as_u16(),
        });
        Ok(response)
    }

    async fn obtain(&self, login: Login) -> Result<Option<BearerAuth>, Error> {
        let (snapshot, now) = (self.snapshot(), now());
        if let Some(fresh) = snapshot.authorization(now) {
            return Ok(Some(fresh.bearer().clone()));
        }
        if let Some(living) = snapshot.living_authorization(now) {
            self.renew_aside();
            return Ok(Some(living.bearer().clone()));
        }
        let mut session = self.lock().await;
        if let Some(found) = session.authorization(now) {
            return Ok(Some(found.bearer().clone()));
        }
        session.access();
        Ok(self.drive(session, login).await?.1)
    }
}

impl Adapter for OAuth {
    type Http = reqwest::ClientBuilder;
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
        let http = parts.http.unwrap_or_default().redirect(reqwest::redirect::Policy::none());
        let inner = Inner {
            server: session.settings().server().clone(),
            key: session.key(&parts.profile),
            snapshot: RwLock::new(Arc::new(session.snapshot())),
            session: Arc::new(Mutex::new(session)),
            running: Arc::default(),
            http: http.build().map_err(Error::Http)?,
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

/// The time by this machine's clock. Before 1970 it counts as 1970: every token is fresh then.
pub(crate) fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    UnixTime::from_secs(since.map_or(0, |since| since.as_secs()))
}
