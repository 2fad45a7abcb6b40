//! The client that all adapters share.

use alloc::borrow::ToOwned as _;
use alloc::sync::Arc;
use core::ops::DerefMut;
use core::sync::atomic::{AtomicBool, AtomicU64};
use core::time::Duration;
use std::sync::{Mutex, RwLock};

use http::HeaderValue;

use crate::client::attach::{Fields, Token};
use crate::client::cancel::UnderWay;
use crate::client::drive::Driver;
use crate::client::error::ClientError;
use crate::client::event::Event;
use crate::client::failures::{Epoch, Failures};
use crate::client::gifts::{Gifts, Signers};
use crate::client::host::Host;
use crate::client::limits::Limits;
use crate::client::login_options::{Ended, LoginOptions, Shared};
use crate::client::migrate::Migration;
use crate::client::mode::{Login, Mode, Quiet, Taken};
use crate::client::parts::Watcher;
use crate::client::tell::Told;
use crate::client::token_cache::TokenCache;
use crate::client::trace::{self, Span, Work};
use crate::flow::Settings;
use crate::session::{Attempt, Authorization, Key, LoggedOut, PendingLogin, Record, Session, Turn};
use crate::wire::DpopNonce;
use crate::{BearerAuth, HttpUrl, Scopes};

/// Everything that a client of one server and one user decides; its [`Host`] does it.
pub struct Client<H: Host> {
    pub(super) host: H,
    pub(super) key: Key,
    pub(super) wait: Option<Duration>,
    /// How long discovery and registration may take together.
    pub(super) discovery: Duration,
    /// How long one request of a login may take.
    pub(super) request: Duration,
    pub(super) watcher: Option<Arc<Watcher>>,
    pub(super) gifts: Gifts,
    pub(super) told: Told,
    pub(super) failures: Failures<H::Http>,
    pub(super) settings: Arc<Settings>,
    pub(super) shown: RwLock<TokenCache>,
    /// What the MCP server wants to see in the next proof.
    pub(super) nonce: RwLock<Option<Arc<DpopNonce>>>,
    pub(super) signers: Signers,
    /// Where the MCP endpoint's URL redirects to.
    pub(super) moved: RwLock<Option<Arc<HttpUrl>>>,
    /// The logins that ended here.
    pub(super) logins: Ended,
    /// The token that the server has taken, as the session knows, by its generation.
    pub(super) taken: AtomicU64,
    /// Whether whoever has the session waits for a person.
    pub(super) at_login: AtomicBool,
    /// The login that can be cancelled.
    pub(super) under_way: UnderWay,
    /// What was missing from calls beside a login.
    pub(super) missing: Mutex<Option<Scopes>>,
    pub(super) migration: Migration,
}

/// A request of the application, over all the times it is sent.
#[derive(Debug)]
pub struct Call {
    pub(super) mode: Mode,
    pub(super) attempt: Attempt,
    pub(super) since: Epoch,
    /// What a remedy brought: the request is sent with it, even if it expires in the same second.
    pub(super) remedied: Option<Token>,
    pub(super) moved: Option<Arc<HttpUrl>>,
    pub(super) redirects: u8,
}

pub(super) type Outcome<T, H> = Result<T, ClientError<<H as Host>::Http>>;

impl<H: Host> Client<H> {
    /// A client whose session the host holds.
    pub fn new(
        settings: &Arc<Settings>,
        profile: &str,
        limits: Limits,
        watcher: Option<Arc<Watcher>>,
        gifts: Gifts,
        host: impl FnOnce(Session) -> H,
    ) -> Self {
        let session = Session::new(Arc::clone(settings));
        let (key, shown) = (session.key(profile), TokenCache::new(session.snapshot()));
        let (settings, shown) = (Arc::clone(settings), RwLock::new(shown));
        let (host, failures) = (host(session), Failures::new());
        let (logins, taken) = (Ended::default(), AtomicU64::new(0));
        let (missing, migration) = (Mutex::default(), Migration::default());
        let (Limits { wait, discovery, request }, moved) = (limits, RwLock::new(None));
        Self {
            host,
            key,
            wait,
            discovery,
            request,
            watcher,
            gifts,
            told: Told::default(),
            failures,
            settings,
            shown,
            nonce: RwLock::default(),
            signers: Signers::default(),
            moved,
            logins,
            taken,
            at_login: AtomicBool::new(false),
            under_way: UnderWay::default(),
            missing,
            migration,
        }
    }

    /// A client for another profile that shares settings, store and sockets with this one.
    #[must_use]
    pub fn for_profile(&self, profile: &str) -> Self {
        let Self { wait, discovery, request, .. } = *self;
        let limits = Limits { wait, discovery, request };
        let (settings, watcher, gifts) = (&self.settings, self.watcher.clone(), self.gifts.clone());
        let host = |session| self.host.with_session(session);
        Self::new(settings, profile, limits, watcher, gifts, host)
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

    /// Tells the watcher, if there is one, and `tracing`.
    pub fn tell(&self, event: &Event<'_>) {
        tell(self.watcher.as_deref(), &self.key, event);
    }

    /// A request that was not sent yet.
    pub fn call(&self, mode: Mode) -> Call {
        let (attempt, since) = (Attempt::new(), self.failures.now());
        Call { mode, attempt, since, remedied: None, moved: None, redirects: 0 }
    }

    /// The value of the `Authorization` field for now, if it needs no thought: neither waits nor
    /// allocates. `None` for a token that is bound to a key: it needs [`fields`](Self::fields).
    pub fn header(&self) -> Option<HeaderValue> {
        let shown = self.shown();
        let (token, header) = shown.fresh(self.now())?;
        token.bearer().map(|_| header.clone())
    }

    /// What a request to `url` is sent with: a token at hand, or what can be had without a user; else
    /// nothing, and the server says what it wants. So is a request to a URL that redirects to the one that the
    /// token is for.
    ///
    /// # Errors
    ///
    /// [`Misuse::ForeignRequest`](crate::error::Misuse) if the URL is not the MCP server's, or why
    /// there is no token.
    pub async fn authorize(
        self: &Arc<Self>,
        call: &mut Call,
        method: &str,
        url: &str,
    ) -> Outcome<Option<Fields>, H> {
        self.settings.server().check_request(url).map_err(crate::Error::from)?;
        let mut token = call.remedied.clone();
        if token.is_none() {
            call.since = self.failures.now();
            call.attempt.sent_with(None);
            let (mode, since) = (call.mode, call.since);
            let found = self.find(mode, Login::Never(Quiet::default()), since, |token, header| {
                call.attempt.sent_with(Some(token));
                Token::new(token, header.clone())
            });
            token = found.await?.ok();
        }
        self.attach(call, (method, url), token).await
    }

    /// The same without a wait for anything, and without a refresh: a token at hand that has not expired.
    ///
    /// # Errors
    ///
    /// [`Misuse::ForeignRequest`](crate::error::Misuse) if the URL is not the MCP server's.
    pub async fn authorize_now(
        &self,
        call: &mut Call,
        method: &str,
        url: &str,
    ) -> Outcome<Option<Fields>, H> {
        self.settings.server().check_request(url).map_err(crate::Error::from)?;
        call.attempt.sent_with(None);
        let token = self.shown().living(self.now()).map(|(token, header)| {
            call.attempt.sent_with(Some(&token));
            Token::new(&token, header.clone())
        });
        self.attach(call, (method, url), token).await
    }

    /// The fields, if the token may go there.
    async fn attach(
        &self,
        call: &mut Call,
        (method, url): (&str, &str),
        token: Option<Token>,
    ) -> Outcome<Option<Fields>, H> {
        let Some(token) = token else { return Ok(None) };
        let may_go = {
            let shown = self.shown();
            let record = shown.snapshot.record();
            record.is_none_or(|record| record.may_go_to(self.settings.server(), url))
        };
        if !may_go {
            call.attempt.sent_with(None);
            return Ok(None);
        }
        self.prove(token, method, url).await.map(Some)
    }

    /// Whether there is a fixed token, which a refusal does not change.
    pub fn has_bearer(&self) -> bool {
        self.settings.has_bearer()
    }

    /// A token: the stored one, a refreshed one, or one for which a user logs in if they may be asked.
    /// `None` if they may not and have to.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub async fn token(self: &Arc<Self>, mode: Mode) -> Outcome<Option<BearerAuth>, H> {
        let since = self.failures.now();
        let use_it = |token: &Authorization<'_>, _: &HeaderValue| token.to_auth();
        let found = self.find(mode, mode.login(), since, use_it).await?;
        // With nothing stored, the server may want no token at all.
        if let Err(reason) = &found
            && self.shown().snapshot.record().is_some()
        {
            self.tell_unmet_need(reason).await;
        }
        Ok(found.ok())
    }

    /// A fresh token, although the one at hand may still be good. `None` if there is nothing to refresh
    /// with. Waits for nobody's login.
    ///
    /// # Errors
    ///
    /// Why it could not be tried.
    pub async fn refresh(self: &Arc<Self>) -> Outcome<Option<BearerAuth>, H> {
        let since = self.failures.now();
        let Taken { mut session, quiet } = self.take(Mode::Quiet).await?;
        // What others stored meanwhile counts as what is at hand.
        session.access();
        let login = Login::Never(quiet);
        let (mut session, found) = self.drive(session, login, since).await?;
        if !found {
            return Ok(None);
        }
        session.renew();
        let (session, _) = self.drive(session, login, since).await?;
        Ok(bearer(session))
    }

    /// A login now, whatever is stored. One that was begun before and is finished meanwhile will do, if it was asked
    /// for the same, or this one for nothing in particular.
    ///
    /// # Errors
    ///
    /// Why it failed.
    pub async fn log_in(self: &Arc<Self>, options: LoginOptions) -> Outcome<BearerAuth, H> {
        let LoginOptions { request, limit } = options;
        let (mut since, logins) = (self.failures.now(), self.logins.now());
        let until = limit.map(|limit| self.deadline_after(limit));
        let mut session = match until {
            None => self.host.take().await,
            Some(until) => self.take_until(until).await?,
        };
        let shared = self.logins.shared_since(&logins, &request);
        if shared != Shared::Tokens {
            session.log_in_with(request);
            self.told.need_is_known();
        }
        if shared == Shared::Nothing {
            // What failed meanwhile was not this login.
            since = self.failures.now();
        }
        let (session, _) = self.drive(session, Login::Wanted(until), since).await?;
        bearer(session).ok_or_else(|| crate::Error::LoginRequired.into())
    }

    /// Revokes the tokens and takes them out of the store.
    ///
    /// # Errors
    ///
    /// Why they are still stored.
    pub async fn log_out(self: &Arc<Self>) -> Outcome<LoggedOut, H> {
        let mut session = self.host.take().await;
        session.logout();
        drop(self.take_missing());
        let client = Arc::clone(self);
        let leave = async move {
            let driver = Driver::new(&client, client.failures.now());
            let outcome = driver.log_out(&mut session).await;
            let outcome = outcome.map_err(|error| error.after(session.timeline()));
            Span::current().outcome(&outcome, session.timeline());
            if let Ok(outcome) = &outcome {
                client.tell(&Event::LoggedOut { outcome });
            }
            client.show(TokenCache::new(session.snapshot()));
            outcome
        };
        let leave = Span::of(Work::Logout, self).around(leave);
        self.host.run_to_completion(leave).await
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
            let outcome = outcome.map_err(|error| error.after(resumed.timeline()));
            Span::current().outcome(&outcome, resumed.timeline());
            client.tell_end_of_login(&outcome, &resumed);
            // The code is spent: what came for it and is not stored yet is stored by the next call.
            if matches!(outcome, Ok(_) | Err(ClientError::Storage(_))) {
                *session = resumed;
                client.show(TokenCache::new(session.snapshot()));
            } else {
                // What the session knew is older than what is stored now.
                session.access();
            }
            outcome
        };
        self.host.run_to_completion(Span::of(Work::Resume, self).around(finish)).await
    }
}

impl<H: Host> core::fmt::Debug for Client<H> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Client").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Tells a watcher, if there is one, and `tracing`.
pub(super) fn tell(watcher: Option<&Watcher>, key: &Key, event: &Event<'_>) {
    trace::event(event);
    if let Some(watcher) = watcher {
        watcher(key, event);
    }
}

pub(super) fn bearer(mut session: impl DerefMut<Target = Session>) -> Option<BearerAuth> {
    match session.turn() {
        Ok(Turn::Ready(token)) => Some(token.to_auth()),
        _ => None,
    }
}
