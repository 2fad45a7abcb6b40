//! The driver: does what the session's turns ask for, one after the other, until what it drives for is at its end.
//!
//! ```text
//!            ┌──────────────────────────── a turn ◀───────────────────────────┐
//!            │                                                                │
//!   Operation, and what may happen in it                                      │
//!            ├─ a lock for a refresh ─▶ RefreshUnderWay, until the release ───┤
//!            ├─ a user is needed ─────▶ LoginUnderWay, until the end ─────────┤
//!            ├─ anything else ────────▶ a step ───────────────────────────────┘
//!            └─ nothing left to do, or nothing that may be done ─▶ End
//! ```

use alloc::boxed::Box;
use core::mem;

use crate::BearerAuth;
use crate::client::at_login::AtLogin;
use crate::client::driver::{Driver, Operation, RefreshUnderWay};
use crate::client::error::ClientError;
use crate::client::failures::Work;
use crate::client::host::Host;
use crate::client::log_in::LoginUnderWay;
use crate::client::mode::Login;
use crate::client::shared::{Client, Failure, Outcome, bearer};
use crate::client::tell::Refresh;
use crate::client::trace::{self, Span};
use crate::flow::AuthorizationOptions;
use crate::session::{Lock, LoggedOut, Session, Turn};

/// What there is when a driver has nothing left to do.
enum End {
    /// A token.
    Ready,
    /// None, and a login would be needed, or the end of one that somebody else has in hand.
    NeedsLogin,
    /// The user is logged out.
    LoggedOut(LoggedOut),
}

/// How a session is driven.
impl<'a, H: Host> Driver<'a, H> {
    /// Drives until there is a token. False if that takes a login and none may be begun.
    pub(super) async fn run(mut self, session: &mut Session) -> Outcome<bool, H> {
        let outcome = self.run_unless_failed(session).await;
        let span = self.span().cloned().unwrap_or_else(Span::current);
        if let Err(error) = &outcome {
            span.within(|| self.end_refresh(Some(error), session));
        }
        let asked = self.end_login(&outcome, session).await;
        let outcome = outcome.map_err(|error| error.after(session.timeline()));
        span.outcome(&outcome, session.timeline());
        let found = outcome.map(|end| matches!(end, End::Ready));
        self.note(asked, &found);
        found
    }

    /// Finishes a login whose redirect has come already. If its client is refused, another one is
    /// registered, and the login is handed out once more.
    pub(super) async fn finish(mut self, session: &mut Session) -> Outcome<BearerAuth, H> {
        let _at_login = AtLogin::new(self.client);
        match self.run_to_completion(session).await? {
            End::Ready => bearer(session).ok_or_else(|| crate::Error::LoginRequired.into()),
            End::NeedsLogin | End::LoggedOut(_) => Err(crate::Error::LoginRequired.into()),
        }
    }

    /// Drives a logout.
    pub(super) async fn log_out(mut self, session: &mut Session) -> Outcome<LoggedOut, H> {
        match self.run_to_completion(session).await? {
            End::LoggedOut(outcome) => Ok(outcome),
            End::Ready | End::NeedsLogin => Err(crate::Error::LoginRequired.into()),
        }
    }

    /// Looks into the store, if that comes first, and no further.
    pub(super) async fn look(mut self, session: &mut Session) -> Outcome<(), H> {
        let outcome = match session.turn() {
            Ok(Turn::Load(_)) => self.turn(session).await.map(drop),
            _ => Ok(()),
        };
        Span::current().outcome(&outcome, session.timeline());
        outcome
    }

    async fn run_unless_failed(&mut self, session: &mut Session) -> Outcome<End, H> {
        // Whoever wants to log in wants no refresh.
        if !matches!(self.operation, Operation::Token(Login::Wanted(_))) {
            self.share_failure(Work::Refresh)?;
        }
        self.run_to_completion(session).await
    }

    /// Answers the session's turns until the operation is at its end. There is no other loop that does.
    async fn run_to_completion(&mut self, session: &mut Session) -> Outcome<End, H> {
        loop {
            let end = match self.span().cloned() {
                Some(span) => span.around(self.turn(session)).await?,
                None => self.turn(session).await?,
            };
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }

    /// Answers one turn, or finds that the operation is at its end.
    async fn turn(&mut self, session: &mut Session) -> Outcome<Option<End>, H> {
        if let (Operation::Token(_), Some(login)) = (self.operation, &mut self.login) {
            Box::pin(login.ask_about_move(session.moved_issuer())).await?;
        }
        if self.login.is_some() {
            self.renew().await;
        }
        let worked = match (session.turn()?, self.operation) {
            (Turn::Ready(_), _) => return Ok(Some(End::Ready)),
            (Turn::LoggedOut(outcome), _) => return Ok(Some(End::LoggedOut(outcome))),
            (Turn::Load(reply), _) => self.load(reply).await?,
            (Turn::Save(reply), _) => self.save(reply).await?,
            (Turn::Unlock(lock, reply), _) => self.unlock(lock, reply).await,
            // Nothing else belongs to it.
            (_, Operation::Look | Operation::TakeBack) => return Ok(Some(End::NeedsLogin)),
            (Turn::Lock(Lock::Refresh, _), Operation::Token(_)) if self.refresh.is_none() => {
                self.begin_refresh(session);
                return Ok(None);
            }
            (Turn::Lock(lock, reply), _) => self.lock(lock, reply).await?,
            (Turn::Reserve(reply), _) => self.reserve(reply).await?,
            (Turn::Http(request, reply), _) => self.send(request, reply).await?,
            (Turn::Sign(reply), _) => self.sign(reply).await?,
            (Turn::Assertion(reply), _) => self.bring(reply).await,
            (Turn::Key(reply), _) => self.make_key(reply)?,
            (Turn::Browser(_, reply), Operation::Resume(query)) => {
                self.operation = Operation::Resume(None);
                let Some(query) = query else {
                    return Err(self.client.hand_out(reply, self.wait()));
                };
                let outcome = reply.redirect(query, self.client.now());
                trace::last_step(session.timeline(), None);
                return outcome.map(|()| None).map_err(Into::into);
            }
            (
                Turn::Login(_)
                | Turn::Prepare(_)
                | Turn::Browser(..)
                | Turn::Device(..)
                | Turn::Wait(..),
                operation,
            ) if !operation.may_ask() => return Ok(Some(End::NeedsLogin)),
            // What is done about it is said where the login is.
            (_, _) if self.login.is_none() => {
                self.login();
                return Ok(None);
            }
            (Turn::Login(reply), _) => {
                self.share_failure(Work::Login)?;
                Box::pin(self.login().begin(reply)).await?;
                return Ok(None);
            }
            (Turn::Prepare(reply), _) => {
                Box::pin(self.login().prepare(reply)).await?;
                return Ok(None);
            }
            (Turn::Browser(url, reply), _) => {
                let held = self.held.lock.as_ref();
                let limit = held.and_then(|held| held.renewal(self.client.instant()));
                let outcome = Box::pin(self.login().visit(url, reply, limit)).await;
                if matches!(outcome, Ok(true) | Err(ClientError::OAuth { .. })) {
                    trace::last_step(session.timeline(), None);
                }
                return outcome.map(|_| None);
            }
            (Turn::Device(page, reply), _) => {
                Box::pin(self.login().show_code(page, reply)).await?;
                return Ok(None);
            }
            (Turn::Wait(until, reply), _) => {
                Box::pin(self.login().wait_for_device(until, reply)).await?;
                return Ok(None);
            }
        };
        let done = self.client.tell_turn(worked, session);
        if let Some(refresh) = &mut self.refresh {
            refresh.told.note(done, session);
            if self.held.lock.is_none() {
                self.end_refresh(None, session);
            }
        }
        Ok(None)
    }

    /// The login that is under way, from its first turn on.
    fn login(&mut self) -> &mut LoginUnderWay<'a, H> {
        let (client, until) = (self.client, self.operation.until());
        self.login.get_or_insert_with(|| Box::new(LoginUnderWay::begin_for(client, until)))
    }

    fn begin_refresh(&mut self, session: &Session) {
        // Others go on with what was found, as long as it lives.
        self.show(session);
        let of_login = self.login.as_ref().map(|login| login.span.clone());
        let span = of_login.unwrap_or_else(|| self.client.span(trace::Work::Refresh));
        self.refresh = Some(RefreshUnderWay { told: Refresh::default(), span });
    }

    /// The refresh is at its end, if one is under way.
    fn end_refresh(&mut self, failure: Option<&Failure<H>>, session: &mut Session) {
        let Some(RefreshUnderWay { told, .. }) = self.refresh.take() else { return };
        // Nor do others go on with what is known to be refused by now, while somebody logs in.
        self.show(session);
        self.client.tell_end_of_refresh(&told, failure, session);
    }

    fn show(&self, session: &Session) {
        let shown = self.client.seen(session.snapshot());
        match self.operation.is_beside() {
            true => self.client.show_unless_older(shown),
            false => self.client.show(shown),
        }
    }

    /// The login is at its end, if one is under way; what it was asked for.
    async fn end_login(
        &mut self,
        outcome: &Outcome<End, H>,
        session: &mut Session,
    ) -> Option<AuthorizationOptions> {
        self.login.as_ref()?;
        if let Err(error @ ClientError::UserAgent(_)) = outcome {
            self.take_back(session).await;
            if let Some(epoch) = self.login().cancelled_at() {
                self.client.failures.note_at(epoch, Work::Login, error);
                self.is_noted = true;
            }
        }
        let login = self.login.take()?;
        let span = login.span.clone();
        span.within(|| login.end(outcome, session))
    }

    /// Ends a login that nobody wants any more, if it is one: what it has written is taken back.
    async fn take_back(&mut self, session: &mut Session) {
        if session.cancel_login() {
            let operation = mem::replace(&mut self.operation, Operation::TakeBack);
            // Where the store fails, the client stays in doubt: another one may be registered.
            drop(self.run_to_completion(session).await);
            self.operation = operation;
        }
    }

    /// What came of it concerns those who wait for the same, unless they know already: noted once more, it would reach
    /// those who came later.
    fn note(&self, asked: Option<AuthorizationOptions>, outcome: &Outcome<bool, H>) {
        if self.is_noted {
            return;
        }
        let Client { failures, told, logins, .. } = self.client;
        let work = match asked {
            Some(asked) => {
                logins.note(asked, outcome.is_ok());
                Work::Login
            }
            None => Work::Refresh,
        };
        match outcome {
            // Who waits for a login that has failed meanwhile still has to hear of that.
            Ok(true) if !self.operation.may_ask() => failures.forget(Work::Refresh),
            Ok(true) => {
                told.met();
                failures.forget(Work::Refresh);
                failures.forget(Work::Login);
            }
            Ok(false) => {}
            Err(error) => failures.note(work, error),
        }
    }
}
