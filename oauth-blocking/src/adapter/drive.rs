//! The driver: does what the session's turns ask for, one after the other.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use oauth_core::session::{BrowserReply, Lock, LoggedOut, LoginReply, PrepareReply, Session, Turn};
use oauth_core::wire::AuthorizationUrl;
use oauth_core::{BearerAuth, Entropy, Request, Response, UnixTime};

use super::addresses::{PrivateAddress, forbidden};
use super::client::Client;
use super::failures::{Moment, Work};
use super::host::{Host, Unanswered};
use crate::error::{AuthenticationError, ClientError};
use crate::event::Event;
use crate::storage::{Guard, Loaded, Saved};
use crate::user_agent::UserAgentError;

/// Whether a user may be asked to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// Yes.
    Allowed,
    /// No: only what can be had without him.
    Never,
}

/// One drive of a session. What it holds is released when it ends, however it ends.
pub(super) struct Driver<'a, H: Host> {
    client: &'a Client<H>,
    /// What failed since then is not tried again.
    since: Moment,
    work: Work,
    lock: Option<Guard>,
    visit: Option<H::Visit>,
}

impl<'a, H: Host> Driver<'a, H> {
    pub(super) fn new(client: &'a Client<H>, since: Moment) -> Self {
        Self { client, since, work: Work::Refresh, lock: None, visit: None }
    }

    /// Drives until there is a token. False if that takes a login and none may be begun.
    pub(super) async fn run(
        mut self,
        session: &mut Session,
        login: Login,
    ) -> Result<bool, ClientError<H::Http>> {
        let outcome = self.try_to_run(session, login).await;
        let outcome = outcome.map_err(|error| error.after(session.timeline()));
        match &outcome {
            Ok(true) => self.client.failures.forget(),
            Ok(false) => {}
            Err(error) => self.client.failures.note(self.work, error),
        }
        outcome
    }

    async fn try_to_run(
        &mut self,
        session: &mut Session,
        login: Login,
    ) -> Result<bool, ClientError<H::Http>> {
        if let Some(failure) = self.client.failures.since(self.since, Work::Refresh) {
            return Err(failure);
        }
        loop {
            match session.turn()? {
                Turn::Login(_) if login == Login::Never => return Ok(false),
                Turn::Login(reply) => self.begin(reply).await?,
                Turn::Prepare(reply) => self.prepare(reply).await?,
                Turn::Browser(url, reply) => self.visit(url, reply).await?,
                Turn::Ready(_) => return Ok(true),
                Turn::LoggedOut(_) => return Ok(false),
                turn => {
                    let exchange = self.work(turn).await?;
                    self.client.tell_of(exchange, session);
                }
            }
        }
    }

    /// Looks into the store, if that comes first, and no further.
    pub(super) async fn look(mut self, session: &mut Session) -> Result<(), ClientError<H::Http>> {
        match session.turn() {
            Ok(turn @ Turn::Load(_)) => self.work(turn).await.map(drop),
            _ => Ok(()),
        }
    }

    /// Finishes a login whose redirect has come already.
    pub(super) async fn finish(
        mut self,
        session: &mut Session,
        query: &str,
    ) -> Result<BearerAuth, ClientError<H::Http>> {
        loop {
            match session.turn()? {
                Turn::Browser(_, reply) => reply.redirect(query, now())?,
                Turn::Login(_) | Turn::Prepare(_) | Turn::LoggedOut(_) => {
                    return Err(oauth_core::Error::LoginRequired.into());
                }
                Turn::Ready(authorization) => return Ok(authorization.bearer().clone()),
                turn => {
                    let exchange = self.work(turn).await?;
                    self.client.tell_of(exchange, session);
                }
            }
        }
    }

    /// Drives a logout.
    pub(super) async fn log_out(
        mut self,
        session: &mut Session,
    ) -> Result<LoggedOut, ClientError<H::Http>> {
        loop {
            match session.turn()? {
                Turn::LoggedOut(outcome) => return Ok(outcome),
                turn @ (Turn::Load(_)
                | Turn::Lock(..)
                | Turn::Http(..)
                | Turn::Save(_)
                | Turn::Unlock(..)) => {
                    let exchange = self.work(turn).await?;
                    self.client.tell_of(exchange, session);
                }
                // A logout has no such turns.
                Turn::Login(_) | Turn::Prepare(_) | Turn::Browser(..) | Turn::Ready(_) => {
                    return Err(oauth_core::Error::LoginRequired.into());
                }
            }
        }
    }

    /// The turns that need no user. One that sends something says what.
    async fn work(&mut self, turn: Turn<'_>) -> Result<Option<Exchange>, ClientError<H::Http>> {
        let Client { key, host, .. } = self.client;
        match turn {
            Turn::Load(reply) => {
                let record = match host.load(key).await? {
                    Loaded::Nothing => None,
                    Loaded::Record(record) => Some(*record),
                    Loaded::Damaged { kept } => {
                        self.client.tell(&Event::DamagedRecord { kept: &kept });
                        None
                    }
                };
                reply.loaded(record, now());
            }
            Turn::Lock(lock, reply) => {
                self.lock = Some(match lock {
                    Lock::Refresh => host.lock(key, lock).await?,
                    Lock::Login => self.client.lock_login().await?,
                });
                reply.locked();
            }
            Turn::Save(reply) => match host.save(key, reply.record(), reply.expected()).await? {
                Saved::Done => reply.saved(now()),
                Saved::Conflict { stored } => reply.conflict(stored),
            },
            Turn::Unlock(_, reply) => {
                self.lock = None;
                reply.unlocked();
            }
            Turn::Http(request, reply) => {
                let answer = self.client.send(&request).await;
                match &answer {
                    Ok(response) => reply.response(response, now()),
                    Err(error) => match forbidden(error.as_ref()) {
                        Some(address) => reply.forbidden(address, now()),
                        None => reply.unreachable(now()),
                    },
                }
                let outcome = answer.map(|response| response.status());
                return Ok(Some(Exchange { request, outcome }));
            }
            // The callers' own.
            Turn::Login(_)
            | Turn::Prepare(_)
            | Turn::Browser(..)
            | Turn::Ready(_)
            | Turn::LoggedOut(_) => {}
        }
        Ok(None)
    }

    async fn begin(&mut self, mut reply: LoginReply<'_>) -> Result<(), ClientError<H::Http>> {
        self.work = Work::Login;
        if let Some(failure) = self.client.failures.since(self.since, Work::Login) {
            return Err(failure);
        }
        // Only the server's refusal may say where its metadata is. What goes wrong here goes wrong
        // again, with a better error, where the metadata is asked for.
        if reply.lacks_challenge()
            && let Some(asked) = self.client.host.ask(&self.client.key.server_url).await
            && asked.status == 401
        {
            reply.challenge(asked.challenges.iter().map(String::as_str));
        }
        reply.begin();
        Ok(())
    }

    async fn prepare(&mut self, reply: PrepareReply<'_>) -> Result<(), ClientError<H::Http>> {
        let (redirect_uri, visit) =
            self.client.host.prepare(reply.registered_redirect_uri()).await?;
        let entropy = Entropy::from_os().map_err(|_| ClientError::NoEntropy)?;
        reply.prepared(redirect_uri, entropy, now());
        self.visit = visit;
        Ok(())
    }

    async fn visit(
        &mut self,
        url: AuthorizationUrl,
        reply: BrowserReply<'_>,
    ) -> Result<(), ClientError<H::Http>> {
        let Some(visit) = self.visit.take() else { return Err(self.hand_out(reply)) };
        let begun = Instant::now();
        let wait = self.client.wait.unwrap_or(WAIT);
        let deadline = begun.checked_add(wait).unwrap_or(begun + FOREVER);
        let moved_from = reply.moved_from();
        self.client.tell(&Event::Opening { url: &url, moved_from });
        let watcher = self.client.watcher.clone();
        let waiting = Arc::new(move |waiting| {
            if let Some(watcher) = &watcher {
                watcher(&Event::Waiting(waiting));
            }
        });
        match self.client.host.visit(visit, &url, deadline, waiting).await {
            Ok(query) => {
                self.client.tell(&Event::Redirected);
                reply.redirect(query.expose(), now())?;
                Ok(())
            }
            Err(error) => {
                reply.cancelled();
                Err(error.into())
            }
        }
    }

    /// Takes the login out of the session; whoever asked gets it.
    fn hand_out(&self, reply: BrowserReply<'_>) -> ClientError<H::Http> {
        let moved_from = reply.moved_from().cloned();
        let expires_at = now() + self.client.wait.unwrap_or(HANDED_OUT);
        let Some(pending) = reply.suspend(&self.client.key.profile, expires_at) else {
            return oauth_core::Error::LoginRequired.into();
        };
        let connect_url = pending.connect_url();
        self.client.tell(&Event::Opening { url: &connect_url, moved_from: moved_from.as_ref() });
        ClientError::Authentication(Box::new(AuthenticationError { connect_url, pending }))
    }
}

impl<H: Host> Client<H> {
    /// Waits until nobody else logs in, as long as for a user, and says so.
    async fn lock_login(&self) -> Result<Guard, ClientError<H::Http>> {
        let begun = Instant::now();
        let mut is_told = false;
        loop {
            if let Some(guard) = self.host.try_lock(&self.key, Lock::Login).await? {
                return Ok(guard);
            }
            if !is_told {
                self.tell(&Event::LoginElsewhere);
                is_told = true;
            }
            let waited = begun.elapsed();
            if waited >= self.wait.unwrap_or(WAIT) {
                return Err(UserAgentError::Elsewhere { waited }.into());
            }
            self.host.sleep(BETWEEN_LOOKS).await;
        }
    }

    /// Sends a request as it is, once.
    pub(super) async fn send(&self, request: &Request) -> Result<Response, Unanswered> {
        // Not every client asks its resolver about a host that is an address already.
        match self.settings.reach().check(request.url()) {
            Ok(()) => self.host.exchange(request).await,
            Err(address) => {
                Err(PrivateAddress { host: request.url().host().into(), address }.into())
            }
        }
    }

    /// Tells of an exchange, and what the session made of it.
    fn tell_of(&self, exchange: Option<Exchange>, session: &Session) {
        let Some(Exchange { request, outcome }) = exchange else { return };
        self.tell(&Event::Exchange {
            endpoint: request.endpoint(),
            method: request.method(),
            url: request.url(),
            outcome: match &outcome {
                Ok(status) => Ok(*status),
                Err(error) => Err(error.as_ref()),
            },
            finding: session.timeline().entries().last().map(|entry| &entry.finding),
        });
    }
}

/// A request that was sent, and the status of the answer.
struct Exchange {
    request: Request,
    outcome: Result<u16, Unanswered>,
}

/// The time by this machine's clock. Before 1970 it counts as 1970: every token is fresh then.
pub(super) fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    UnixTime::from_secs(since.map_or(0, |since| since.as_secs()))
}

/// How long a login waits for its user unless set.
const WAIT: Duration = Duration::from_secs(5 * 60);

/// The same for a login that was handed out: the user has to be told of it first.
const HANDED_OUT: Duration = Duration::from_secs(15 * 60);

/// How often is looked whether another process has finished its login.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// A wait without an end that can be counted.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);
