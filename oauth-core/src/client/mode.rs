//! Calls that may ask for a person, and calls that never do.
//!
//! ```text
//!  interactive ─▶ waits for the session, also while another call is at its login ─▶ a token, through a login if need be
//!  quiet ───────▶ waits for a refresh, and for no login ─┬─ the session is had ──▶ a token, or why there is none
//!                                                        └─ it is at a login ────▶ the same with a session of its own
//! ```
//!
//! A session of its own knows what is stored, as another process would, and refreshes under the same lock.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::sync::PoisonError;

use crate::Scopes;
use crate::client::drive::Driver;
use crate::client::error::ClientError;
use crate::client::exchange::Deadline;
use crate::client::failures::Epoch;
use crate::client::host::Host;
use crate::client::lock::REFRESH;
use crate::client::shared::{Client, Outcome};
use crate::client::trace::{Span, Work};
use crate::client::user_agent::UserAgentError;
use crate::session::{LoginReason, Session, Turn};

/// Whether a person may be asked for what a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They may: a call that needs a login begins one, or waits for the one that is under way.
    Interactive,
    /// They may not: a call that needs a login fails at once, whoever is at a login.
    Quiet,
}

impl Mode {
    pub(super) fn login(self) -> Login {
        match self {
            Self::Interactive => Login::Allowed,
            Self::Quiet => Login::Never(Quiet::default()),
        }
    }
}

/// Whether a drive may begin a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Login {
    /// Yes, if one is needed.
    Allowed,
    /// The host wants one. Its user has to be back by then, if it says so.
    Wanted(Option<Deadline>),
    /// No: only what can be had without a person.
    Never(Quiet),
}

impl Login {
    /// The same with the session that was taken for it.
    pub(super) fn with(self, quiet: Quiet) -> Self {
        match self {
            Self::Never(_) => Self::Never(quiet),
            login => login,
        }
    }

    /// Until when its user has to be back, or others are waited for, if the caller says so.
    pub(super) fn until(self) -> Option<Deadline> {
        match self {
            Self::Allowed => None,
            Self::Wanted(until) => until,
            Self::Never(quiet) => quiet.patience,
        }
    }

    pub(super) fn is_never(self) -> bool {
        matches!(self, Self::Never(_))
    }

    /// Whether it is done with a session beside another call's login.
    pub(super) fn is_beside(self) -> bool {
        matches!(self, Self::Never(Quiet { is_own: true, .. }))
    }
}

/// A session in the hands of a call.
pub(super) struct Taken<H: Host> {
    pub(super) session: H::Session,
    pub(super) quiet: Quiet,
}

/// How a call works that asks nobody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Quiet {
    /// Whether its session is one of its own, beside another call's login.
    pub(super) is_own: bool,
    /// Until when it waits for others, those before it and those of other processes, if it says so.
    pub(super) patience: Option<Deadline>,
}

impl<H: Host> Client<H> {
    /// Whether whoever has the session waits for a person.
    pub fn is_at_login(&self) -> bool {
        self.at_login.load(Ordering::Relaxed)
    }

    fn set_at_login(&self, is_at_login: bool) {
        self.at_login.store(is_at_login, Ordering::Relaxed);
        self.host.set_at_login(is_at_login);
    }

    /// The session, or for a quiet call one of its own.
    pub(super) async fn take(&self, mode: Mode) -> Outcome<Taken<H>, H> {
        if mode == Mode::Interactive {
            return Ok(Taken { session: self.host.take().await, quiet: Quiet::default() });
        }
        let (begun, until) = (self.instant(), self.deadline_after(self.patience()));
        let patience = Some(until);
        if let Some(session) = self.host.take_beside(self.left(until)).await {
            return Ok(Taken { session, quiet: Quiet { is_own: false, patience } });
        }
        if self.left(until).is_zero() {
            let waited = self.since(begun);
            let spending = self.host.spending(&self.key).await.ok().flatten();
            return Err(ClientError::Busy { waited, spending });
        }
        let beside = self.host.with_session(Session::new(Arc::clone(&self.settings)));
        Ok(Taken { session: beside.take().await, quiet: Quiet { is_own: true, patience } })
    }

    /// The session of a login that has to be over by then.
    pub(super) async fn take_until(&self, until: Deadline) -> Outcome<H::Session, H> {
        let begun = self.instant();
        let taken = self.host.take_within(self.left(until)).await;
        taken.ok_or_else(|| UserAgentError::TimedOut { waited: self.since(begun) }.into())
    }

    /// How long somebody else's refresh is waited for.
    pub(super) fn patience(&self) -> Duration {
        self.wait.unwrap_or(REFRESH).min(REFRESH)
    }

    /// The same for a session that has to know what is stored.
    pub(super) async fn take_knowing(&self, mode: Mode, since: Epoch) -> Outcome<Taken<H>, H> {
        let mut taken = self.take(mode).await?;
        if taken.quiet.is_own {
            taken.session.access();
            let look = Driver::new(self, since).look(&mut taken.session);
            Span::of(Work::Access, self).around(look).await?;
        }
        Ok(taken)
    }

    /// Why there is no token, after a drive that might begin no login. What is missing is kept for the next one.
    pub(super) fn lacks(&self, session: &mut Session, is_own: bool) -> ClientError<H::Http> {
        let error = crate::Error::from(need(session));
        if let crate::Error::ScopeRequired { missing } = &error
            && is_own
        {
            let mut all = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
            all.get_or_insert_default().add_or_replace(missing);
        }
        ClientError::from(error).after(session.timeline())
    }

    /// What was missing from calls beside a login: it has to be asked for by the next one.
    pub(super) fn take_missing(&self) -> Option<Scopes> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Why a drive that might begin no login has found no token.
pub(super) fn need(session: &mut Session) -> LoginReason {
    match session.turn() {
        Ok(Turn::Login(reply)) => reply.reason(),
        // It was left in the middle.
        _ => LoginReason::First,
    }
}

/// Says that whoever has the session waits for a person, until it is dropped.
pub(super) struct AtLogin<'a, H: Host>(&'a Client<H>);

impl<'a, H: Host> AtLogin<'a, H> {
    pub(super) fn new(client: &'a Client<H>) -> Self {
        client.set_at_login(true);
        Self(client)
    }
}

impl<H: Host> Drop for AtLogin<'_, H> {
    fn drop(&mut self) {
        self.0.set_at_login(false);
    }
}
