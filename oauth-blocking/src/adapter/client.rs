//! The client that all adapters share.

use std::ops::DerefMut;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use http::HeaderValue;
use oauth_core::BearerAuth;
use oauth_core::flow::Settings;
use oauth_core::session::{
    Attempt, Authorization, Key, LoggedOut, PendingLogin, Record, Session, Turn, Verdict,
};

use super::builder::Watcher;
use super::drive::{Driver, Login, now};
use super::failures::{Failures, Moment};
use super::host::Host;
use super::shown::{Shown, header_value};
use crate::error::ClientError;
use crate::event::Event;

/// Everything that a client of one server and one user decides; its [`Host`] does it.
pub struct Client<H: Host> {
    pub(super) host: H,
    pub(super) key: Key,
    pub(super) wait: Option<Duration>,
    pub(super) watcher: Option<Arc<Watcher>>,
    pub(super) failures: Failures<H::Http>,
    pub(super) settings: Arc<Settings>,
    shown: RwLock<Shown>,
}

/// A request of the application, over all the times it is sent.
#[derive(Debug)]
pub struct Call {
    attempt: Attempt,
    since: Moment,
}

/// An answer that something can be done about.
pub struct Remedy<H: Host> {
    session: H::Session,
    since: Moment,
}

type Outcome<T, H> = Result<T, ClientError<<H as Host>::Http>>;

impl<H: Host> Client<H> {
    /// A client whose session the host holds.
    pub fn new(
        settings: &Arc<Settings>,
        profile: &str,
        wait: Option<Duration>,
        watcher: Option<Arc<Watcher>>,
        host: impl FnOnce(Session) -> H,
    ) -> Self {
        let session = Session::new(Arc::clone(settings));
        let (key, shown) = (session.key(profile), Shown::new(session.snapshot()));
        let (settings, shown) = (Arc::clone(settings), RwLock::new(shown));
        let (host, failures) = (host(session), Failures::new());
        Self { host, key, wait, watcher, failures, settings, shown }
    }

    /// A client for another profile that shares settings, store and sockets with this one.
    #[must_use]
    pub fn for_profile(&self, profile: &str) -> Self {
        let (wait, watcher) = (self.wait, self.watcher.clone());
        Self::new(&self.settings, profile, wait, watcher, |session| self.host.with_session(session))
    }

    /// What the adapter brought.
    pub fn host(&self) -> &H {
        &self.host
    }

    /// What the record is stored under.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// What is stored, as far as it is known here.
    pub fn record(&self) -> Option<Record> {
        self.shown().snapshot.record().cloned()
    }

    /// Tells the watcher, if there is one.
    pub fn tell(&self, event: &Event<'_>) {
        if let Some(watcher) = &self.watcher {
            watcher(event);
        }
    }

    /// A request that was not sent yet.
    pub fn call(&self) -> Call {
        Call { attempt: Attempt::new(), since: self.failures.now() }
    }

    /// The value of the `Authorization` field for now, if it needs no thought: neither waits nor
    /// allocates.
    pub fn header(&self) -> Option<HeaderValue> {
        self.shown().fresh(now()).map(|(_, header)| header.clone())
    }

    /// What a request to `url` is sent with: a token at hand, or what can be had without a user; else
    /// nothing, and the server says what it wants.
    ///
    /// # Errors
    ///
    /// [`Misuse::ForeignRequest`](oauth_core::error::Misuse) if the URL is not the MCP server's, or why
    /// there is no token.
    pub async fn authorize(
        self: &Arc<Self>,
        call: &mut Call,
        url: &str,
    ) -> Outcome<Option<HeaderValue>, H> {
        self.settings.server().check_request(url).map_err(oauth_core::Error::from)?;
        call.since = self.failures.now();
        call.attempt.sent_with(None);
        let since = call.since;
        self.find(Login::Never, since, |token, header| {
            call.attempt.sent_with(Some(token));
            header.clone()
        })
        .await
    }

    /// What can be done about an answer of the MCP server; `None` if it is the application's.
    ///
    /// # Errors
    ///
    /// That all that may be done for one request was done.
    pub async fn judge(
        &self,
        call: &mut Call,
        status: u16,
        challenges: &[String],
    ) -> Outcome<Option<Remedy<H>>, H> {
        if !matches!(status, 401 | 403) {
            return Ok(None);
        }
        let mut session = self.host.take().await;
        let challenges = challenges.iter().map(String::as_str);
        match session.answered(&mut call.attempt, status, challenges, now()) {
            Ok(Verdict::Deliver) => Ok(None),
            Ok(Verdict::Retry) => Ok(Some(Remedy { session, since: call.since })),
            Err(error) => Err(ClientError::from(error).after(session.timeline())),
        }
    }

    /// Does what the answer asks for: a refresh, a login, a wider scope. Then the request can be sent
    /// again.
    ///
    /// # Errors
    ///
    /// Why it could not be done.
    pub async fn remedy(self: &Arc<Self>, remedy: Remedy<H>) -> Outcome<BearerAuth, H> {
        // What happens belongs to the story of the request, and stays in the session.
        let (session, _) = self.drive_on(remedy.session, Login::Allowed, remedy.since).await?;
        bearer(session).ok_or_else(|| oauth_core::Error::LoginRequired.into())
    }

    /// The two for hosts that send requests in their own way: `token` was refused. The token to send
    /// the request with once more, or `None` if the answer is the application's.
    ///
    /// # Errors
    ///
    /// As [`remedy`](Self::remedy).
    pub async fn refused(
        self: &Arc<Self>,
        token: &BearerAuth,
        status: u16,
        challenges: &[String],
    ) -> Outcome<Option<BearerAuth>, H> {
        let mut call = self.call();
        call.attempt.sent_token(self.shown().snapshot.record(), token);
        match self.judge(&mut call, status, challenges).await? {
            Some(remedy) => self.remedy(remedy).await.map(Some),
            None => Ok(None),
        }
    }

    /// A token: the stored one, a refreshed one, or one for which a user logs in if he may be asked.
    /// `None` if he may not and has to.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub async fn token(self: &Arc<Self>, login: Login) -> Outcome<Option<BearerAuth>, H> {
        self.find(login, self.failures.now(), |token, _| token.bearer().clone()).await
    }

    /// A fresh token, although the one at hand may still be good. `None` if there is nothing to refresh
    /// with.
    ///
    /// # Errors
    ///
    /// Why it could not be tried.
    pub async fn refresh(self: &Arc<Self>) -> Outcome<Option<BearerAuth>, H> {
        let since = self.failures.now();
        let mut session = self.host.take().await;
        // What others stored meanwhile counts as what is at hand.
        session.access();
        let (mut session, found) = self.drive(session, Login::Never, since).await?;
        if !found {
            return Ok(None);
        }
        session.renew();
        let (session, _) = self.drive(session, Login::Never, since).await?;
        Ok(bearer(session))
    }

    /// Another token than the one at hand, refreshed or through a login.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub async fn replace(self: &Arc<Self>) -> Outcome<(), H> {
        let since = self.failures.now();
        let mut session = self.host.take().await;
        session.renew();
        self.drive(session, Login::Allowed, since).await.map(drop)
    }

    /// Revokes the tokens and takes them out of the store.
    ///
    /// # Errors
    ///
    /// Why they are still stored.
    pub async fn log_out(self: &Arc<Self>) -> Outcome<LoggedOut, H> {
        let mut session = self.host.take().await;
        session.logout();
        let client = Arc::clone(self);
        let leave = async move {
            let driver = Driver::new(&client, client.failures.now());
            let outcome = driver.log_out(&mut session).await;
            client.show(Shown::new(session.snapshot()));
            outcome
        };
        self.host.to_its_end(leave).await
    }

    /// Finishes a login that was handed out: stores its tokens.
    ///
    /// # Errors
    ///
    /// Why it failed.
    pub async fn resume(
        self: &Arc<Self>,
        pending: PendingLogin,
        query: &str,
    ) -> Outcome<BearerAuth, H> {
        let mut session = self.host.take().await;
        let settings = Arc::clone(&self.settings);
        let mut resumed = Session::resume(settings, &self.key.profile, pending)?;
        let (client, query) = (Arc::clone(self), query.to_owned());
        let finish = async move {
            let driver = Driver::new(&client, client.failures.now());
            let outcome = driver.finish(&mut resumed, &query).await;
            // The code is spent: what came for it is stored by the next call.
            if matches!(outcome, Err(ClientError::Storage(_))) {
                *session = resumed;
            } else {
                // What the session knew is older than what is stored now.
                session.access();
            }
            outcome.map(|token| (session, token))
        };
        let (session, token) = self.host.to_its_end(finish).await?;
        // It is stored; if it cannot be loaded now, the next call does that.
        drop(self.drive(session, Login::Never, self.failures.now()).await);
        Ok(token)
    }

    /// A token at hand; else one that lives in the store; else one that has to be waited for.
    async fn find<T>(
        self: &Arc<Self>,
        login: Login,
        since: Moment,
        mut use_it: impl FnMut(&Authorization<'_>, &HeaderValue) -> T,
    ) -> Outcome<Option<T>, H> {
        if let Some(found) = self.at_hand(&mut use_it) {
            return Ok(Some(found));
        }
        let mut session = self.host.take().await;
        let now = now();
        if session.authorization(now).is_none() {
            if H::WORKS_ASIDE {
                if session.snapshot().living_authorization(now).is_none() {
                    session.access();
                    Driver::new(self, since).look(&mut session).await?;
                }
                let found = Shown::new(session.snapshot());
                if let Some(living) =
                    found.living(now).map(|(token, header)| use_it(&token, header))
                {
                    self.show(found);
                    drop(session);
                    self.renew_aside();
                    return Ok(Some(living));
                }
            }
            session.access();
            session = self.drive(session, login, since).await?.0;
        }
        Ok(match session.turn() {
            Ok(Turn::Ready(token)) => Some(use_it(&token, &header_value(token.bearer()))),
            _ => None,
        })
    }

    /// A token that costs no wait: a fresh one, or one that lives while it is renewed by somebody else.
    fn at_hand<T>(
        self: &Arc<Self>,
        use_it: &mut impl FnMut(&Authorization<'_>, &HeaderValue) -> T,
    ) -> Option<T> {
        let now = now();
        {
            let shown = self.shown();
            if let Some((token, header)) = shown.fresh(now) {
                return Some(use_it(&token, header));
            }
            shown.living(now)?;
        }
        if H::WORKS_ASIDE {
            self.renew_aside();
        } else if self.host.try_take().is_some() {
            // Nobody renews it, so it is on the caller.
            return None;
        }
        self.shown().living(now).map(|(token, header)| use_it(&token, header))
    }

    /// Renews the token while nobody waits, unless somebody is at it already.
    fn renew_aside(self: &Arc<Self>) {
        let Some(mut session) = self.host.try_take() else { return };
        // It may have been done just before.
        if session.authorization(now()).is_some() {
            return;
        }
        session.access();
        let (client, since) = (Arc::clone(self), self.failures.now());
        self.host.aside(async move {
            // If it fails there is a pause, and the token that lives is used meanwhile.
            drop(client.run(session, Login::Never, since).await);
        });
    }

    /// Drives the session until there is a token, or a login is needed that may not begin. What has
    /// begun goes on if the caller is gone.
    async fn drive(
        self: &Arc<Self>,
        session: H::Session,
        login: Login,
        since: Moment,
    ) -> Outcome<(H::Session, bool), H> {
        let (mut session, found) = self.drive_on(session, login, since).await?;
        drop(session.take_timeline());
        Ok((session, found))
    }

    async fn drive_on(
        self: &Arc<Self>,
        mut session: H::Session,
        login: Login,
        since: Moment,
    ) -> Outcome<(H::Session, bool), H> {
        if matches!(session.turn(), Ok(Turn::Ready(_))) {
            return Ok((session, true));
        }
        self.host.to_its_end(Arc::clone(self).run(session, login, since)).await
    }

    async fn run(
        self: Arc<Self>,
        mut session: H::Session,
        login: Login,
        since: Moment,
    ) -> Outcome<(H::Session, bool), H> {
        let outcome = Driver::new(&self, since).run(&mut session, login).await;
        self.show(Shown::new(session.snapshot()));
        outcome.map(|found| (session, found))
    }

    fn show(&self, shown: Shown) {
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = shown;
    }

    fn shown(&self) -> RwLockReadGuard<'_, Shown> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<H: Host> std::fmt::Debug for Client<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("key", &self.key).finish_non_exhaustive()
    }
}

impl<H: Host> std::fmt::Debug for Remedy<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remedy").finish_non_exhaustive()
    }
}

fn bearer(mut session: impl DerefMut<Target = Session>) -> Option<BearerAuth> {
    match session.turn() {
        Ok(Turn::Ready(token)) => Some(token.bearer().clone()),
        _ => None,
    }
}
