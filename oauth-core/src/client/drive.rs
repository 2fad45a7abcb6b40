//! The driver: does what the session's turns ask for, one after the other.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;

use crate::client::addresses::forbidden;
use crate::client::cancel::Cancellation;
use crate::client::error::ClientError;
use crate::client::event::Event;
use crate::client::exchange::{Deadline, Exchange};
use crate::client::failures::{Epoch, Work};
use crate::client::host::Host;
use crate::client::limits::is_spent_at;
use crate::client::lock::WAIT;
use crate::client::log_in::Way;
use crate::client::mode::Login;
use crate::client::next::Next;
use crate::client::obstacle::silence;
use crate::client::shared::Client;
use crate::client::storage::{Guard, Loaded, Saved};
use crate::client::tell::{Done, Purpose, Refresh, Worked};
use crate::client::token_cache::TokenCache;
use crate::client::trace::{self, Span};
use crate::client::user_agent::Returned;
use crate::flow::AuthorizationOptions;
use crate::session::{Key, Lock, Session, Turn};

/// One drive of a session. What it holds is released when it ends, however it ends.
pub(super) struct Driver<'a, H: Host> {
    pub(super) client: &'a Client<H>,
    /// What failed since then is not tried again.
    pub(super) since: Epoch,
    pub(super) work: Work,
    pub(super) lock: Option<Guard>,
    pub(super) login: Login,
    /// What the login was asked for in particular.
    pub(super) asked: Option<AuthorizationOptions>,
    /// Until when a login has to have its page.
    pub(super) discovery: Option<Deadline>,
    /// What is left for that when the login has its lock.
    pub(super) left: Duration,
    /// Until when the refresh lock is held at most, once the token may be spent.
    pub(super) lease: Option<Deadline>,
    /// The lock of the client that profiles share, while it is registered.
    client_lock: Option<Guard>,
    pub(super) way: Way<H::Visit>,
    /// Where the user is, if there is something to do meanwhile.
    pub(super) at_page: Option<H::AtPage>,
    /// Until when a user with another device is waited for.
    pub(super) device: Option<Deadline>,
    /// Who came back, and looks at a page.
    pub(super) returned: Option<Returned>,
    /// Whether a login was begun whose end was not told.
    pub(super) has_begun: bool,
    /// How the host ends the login, while there is one.
    pub(super) cancellation: Option<Arc<Cancellation>>,
    /// Whether those who wait for the same will hear of the failure already.
    pub(super) is_noted: bool,
    /// Whether the user agent knows that it leads to another authorization server.
    pub(super) has_asked_about_move: bool,
    /// Where it is said if the work fails.
    span: Span,
}

impl<'a, H: Host> Driver<'a, H> {
    pub(super) fn new(client: &'a Client<H>, since: Epoch) -> Self {
        let (work, span) = (Work::Refresh, Span::current());
        Self {
            client,
            since,
            work,
            lock: None,
            login: Login::Allowed,
            asked: None,
            discovery: None,
            left: client.discovery,
            lease: None,
            client_lock: None,
            way: Way::Elsewhere,
            at_page: None,
            device: None,
            returned: None,
            has_begun: false,
            cancellation: None,
            is_noted: false,
            has_asked_about_move: false,
            span,
        }
    }

    /// Drives until there is a token. False if that takes a login and none may be begun.
    pub(super) async fn run(
        mut self,
        session: &mut Session,
        login: Login,
    ) -> Result<bool, ClientError<H::Http>> {
        self.login = login;
        let outcome = self.try_to_run(session).await;
        let outcome = outcome.map_err(|error| error.after(session.timeline()));
        self.span.outcome(&outcome, session.timeline());
        if self.work == Work::Login && !self.is_noted {
            self.client.logins.note(self.asked.take(), outcome.is_ok());
        }
        match &outcome {
            // Who waits for a login that has failed meanwhile still has to hear of that.
            Ok(true) if login.is_never() => self.client.failures.forget(Work::Refresh),
            Ok(true) => {
                self.client.told.met();
                self.client.failures.forget(Work::Refresh);
                self.client.failures.forget(Work::Login);
            }
            Ok(false) => {}
            // Noted once more, it would reach those who came later.
            Err(_) if self.is_noted => {}
            Err(error) => self.client.failures.note(self.work, error),
        }
        outcome
    }

    async fn try_to_run(&mut self, session: &mut Session) -> Result<bool, ClientError<H::Http>> {
        // Whoever wants to log in wants no refresh.
        if !matches!(self.login, Login::Wanted(_)) {
            self.share_failure(Work::Refresh)?;
        }
        loop {
            match Next::of(&session.turn()?) {
                Next::Login | Next::Page if self.login.is_never() => return Ok(false),
                Next::Login | Next::Page => {
                    let span = self.enter(trace::Work::Login);
                    // A login is rare, and much of what everybody who might begin one would carry along.
                    span.around(Box::pin(self.log_in(session))).await?;
                }
                Next::Refresh => {
                    let outer = self.span.clone();
                    let span = self.enter(trace::Work::Refresh);
                    span.around(self.refresh(session)).await?;
                    self.span = outer;
                }
                Next::Step => drop(self.step(session).await?),
                Next::Ready => return Ok(true),
                Next::LoggedOut => return Ok(false),
            }
        }
    }

    fn enter(&mut self, work: trace::Work) -> Span {
        self.span = Span::of(work, self.client);
        self.span.clone()
    }

    /// From the refresh lock to its release.
    pub(super) async fn refresh(
        &mut self,
        session: &mut Session,
    ) -> Result<(), ClientError<H::Http>> {
        // Others go on with what was found, as long as it lives.
        self.show(session);
        let mut refresh = Refresh::default();
        let outcome = self.refresh_under_lock(&mut refresh, session).await;
        // Nor do they with what is known to be refused by now, while somebody logs in.
        self.show(session);
        self.client.tell_end_of_refresh(&refresh, &outcome, session);
        outcome
    }

    fn show(&self, session: &Session) {
        let shown = TokenCache::new(session.snapshot());
        match self.login.is_beside() {
            true => self.client.show_unless_older(shown),
            false => self.client.show(shown),
        }
    }

    async fn refresh_under_lock(
        &mut self,
        refresh: &mut Refresh,
        session: &mut Session,
    ) -> Result<(), ClientError<H::Http>> {
        loop {
            let done = self.step(session).await?;
            refresh.note(done, session);
            if self.lock.is_none() {
                return Ok(());
            }
        }
    }

    /// One turn that needs no user.
    pub(super) async fn step(
        &mut self,
        session: &mut Session,
    ) -> Result<Done, ClientError<H::Http>> {
        let worked = self.work(session.turn()?).await?;
        Ok(self.tell(worked, session))
    }

    /// Tells what a turn came to.
    pub(super) fn tell(&self, worked: Worked, session: &Session) -> Done {
        let Worked { purpose, exchange } = worked;
        let asked = exchange.as_ref().map(|exchange| exchange.request.endpoint());
        self.client.tell_of(exchange, session);
        Done { asked, has_adopted: self.client.tell_of_token(purpose, session) }
    }

    /// Looks into the store, if that comes first, and no further.
    pub(super) async fn look(mut self, session: &mut Session) -> Result<(), ClientError<H::Http>> {
        let outcome = match session.turn() {
            Ok(Turn::Load(_)) => self.step(session).await.map(drop),
            _ => Ok(()),
        };
        Span::current().outcome(&outcome, session.timeline());
        outcome
    }

    /// The turns that need no user.
    pub(super) async fn work(&mut self, turn: Turn<'_>) -> Result<Worked, ClientError<H::Http>> {
        let purpose = Purpose::of(&turn);
        Ok(Worked { purpose, exchange: self.answer(turn).await? })
    }

    /// Does what a turn asks for. One that sends something says what.
    async fn answer(&mut self, turn: Turn<'_>) -> Result<Option<Exchange>, ClientError<H::Http>> {
        let client @ Client { key: Key { profile, .. }, host, .. } = self.client;
        let now = || client.now();
        if self.lock.is_none() && matches!(turn, Turn::Load(_) | Turn::Lock(..)) {
            self.client.migrate().await?;
        }
        match turn {
            Turn::Load(reply) => {
                let key = reply.key(profile);
                let lease = self.lease.filter(|_| self.lock.is_some());
                let record = match self.client.load(&key, &reply, lease).await {
                    Ok(Loaded::Nothing) => None,
                    // What is taken back needs no proof.
                    Ok(Loaded::Record(record)) if reply.is_of_logout() => Some(*record),
                    Ok(Loaded::Record(record)) => Some(self.client.with_readable_key(*record)),
                    Ok(Loaded::Damaged { kept }) => {
                        self.client.tell(&Event::DamagedRecord { kept: &kept });
                        None
                    }
                    Err(error) => return self.spared(error, key.kind, reply.failed(now())),
                };
                reply.loaded(record, now());
            }
            Turn::Lock(Lock::Refresh, mut reply) => {
                let key = reply.key(profile);
                let mut guard = match host.try_lock(&key, Lock::Refresh).await {
                    Ok(guard) => guard,
                    Err(error) => return self.spared(error, key.kind, reply.failed(now())),
                };
                if guard.is_none() && !reply.held_elsewhere(now()) {
                    let limit = self.at_most(self.client.patience());
                    let lock = Box::pin(self.client.lock_refresh(limit));
                    guard = Some(self.while_wanted(lock).await??);
                }
                if guard.is_some() {
                    self.lock = guard;
                    reply.locked();
                }
            }
            Turn::Lock(Lock::Login, reply) => {
                let lock = Box::pin(self.client.lock_login(self.wait().unwrap_or(WAIT)));
                self.lock = Some(self.while_wanted(lock).await??);
                reply.locked();
            }
            Turn::Lock(Lock::Client, reply) => {
                let (key, limit) = (reply.key(profile), self.at_most(self.client.patience()));
                let lock = Box::pin(self.client.lock_client(&key, limit));
                self.client_lock = Some(self.while_wanted(lock).await??);
                reply.locked();
            }
            Turn::Reserve(reply) => {
                let Some(guard) = self.lock.take() else {
                    reply.lost(now());
                    return Ok(None);
                };
                let key = reply.key(profile);
                match host.reserve(&key, guard, reply.spend()).await {
                    Ok(Some(guard)) => {
                        self.lock = Some(guard);
                        self.lease = Some(client.lease());
                        reply.reserved();
                    }
                    Ok(None) => reply.lost(now()),
                    Err(error) => return self.spared(error, key.kind, reply.failed(now())),
                }
            }
            Turn::Save(reply) => {
                let key = reply.key(profile);
                let is_locked = self.lock.is_some();
                let lease = is_locked.then(|| self.lease.unwrap_or_else(|| client.time_to_store()));
                let is_spent = reply.is_spent();
                match self.client.save(&key, &reply, lease).await {
                    Ok(Saved::Done) => reply.saved(now()),
                    Ok(Saved::Conflict { stored }) => reply.conflict(stored),
                    Err(error) => match reply.failed(now()) {
                        // That it failed is told already, each time.
                        true if is_spent => {}
                        goes_on => return self.spared(error, key.kind, goes_on),
                    },
                }
            }
            Turn::Unlock(lock, reply) => {
                *self.guard(lock) = None;
                if lock == Lock::Refresh {
                    self.lease = None;
                }
                reply.unlocked();
            }
            Turn::Http(request, reply) => {
                let endpoint = request.endpoint();
                let send = Box::pin(self.client.send(&request, self.left_for(endpoint)));
                let answer = match (is_spent_at(endpoint), &mut self.at_page) {
                    (true, Some(page)) => host.beside(page, send).await,
                    (true, None) => send.await,
                    (false, _) => self.while_wanted(send).await?,
                };
                match &answer {
                    Ok(response) => reply.response(response, now()),
                    Err(error) => match forbidden(error.as_ref()) {
                        Some(address) => reply.forbidden(address, now()),
                        None => reply.unanswered(silence(error.as_ref()), now()),
                    },
                }
                let outcome = answer.map(|response| response.status());
                return Ok(Some(Exchange { request, outcome }));
            }
            // The callers' own.
            Turn::Sign(reply) => self.client.sign(reply).await?,
            Turn::Assertion(reply) => self.client.bring(reply).await,
            Turn::Key(reply) => self.client.make_key(reply)?,
            Turn::Login(_)
            | Turn::Prepare(_)
            | Turn::Browser(..)
            | Turn::Device(..)
            | Turn::Wait(..)
            | Turn::Ready(_)
            | Turn::LoggedOut(_) => {}
        }
        Ok(None)
    }

    fn guard(&mut self, lock: Lock) -> &mut Option<Guard> {
        match lock {
            Lock::Refresh | Lock::Login => &mut self.lock,
            Lock::Client => &mut self.client_lock,
        }
    }
}
