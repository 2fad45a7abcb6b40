//! The session in the hands of a call.

use alloc::boxed::Box;
use alloc::sync::Arc;
use std::sync::PoisonError;

use crate::client::deadline::Deadline;
use crate::client::driver::{Driver, Operation};
use crate::client::error::ClientError;
use crate::client::failures::Epoch;
use crate::client::host::{Host, Runtime as _};
use crate::client::mode::{Mode, Quiet};
use crate::client::shared::{Client, Failure, Outcome, SessionOf};
use crate::client::trace::Work;
use crate::client::user_agent::UserAgentError;
use crate::session::{LoginReason, Session, Turn};

/// A session in the hands of a call.
pub(super) struct Taken<H: Host> {
    pub(super) session: SessionOf<H>,
    pub(super) quiet: Quiet,
}

impl<H: Host> Client<H> {
    /// The session, or for a quiet call one of its own.
    pub(super) async fn take(&self, mode: Mode) -> Outcome<Taken<H>, H> {
        if mode == Mode::Interactive {
            return Ok(Taken {
                session: self.host.runtime().take().await,
                quiet: Quiet::default(),
            });
        }
        let (begun, until) = (self.instant(), self.deadline_after(self.patience()));
        let patience = Some(until);
        if let Some(session) = self.host.runtime().take_beside(self.left(until)).await {
            return Ok(Taken { session, quiet: Quiet { is_own: false, patience } });
        }
        if self.left(until).is_zero() {
            let waited = self.since(begun);
            let spending = self.store().spending(&self.key).await.ok().flatten();
            return Err(ClientError::Busy { waited, spending });
        }
        let beside = self.host.runtime().with_session(Session::new(Arc::clone(&self.settings)));
        Ok(Taken { session: beside.take().await, quiet: Quiet { is_own: true, patience } })
    }

    /// The session of a login that has to be over by then.
    pub(super) async fn take_until(&self, until: Deadline) -> Outcome<SessionOf<H>, H> {
        let begun = self.instant();
        let taken = self.host.runtime().take_within(self.left(until)).await;
        taken.ok_or_else(|| UserAgentError::TimedOut { waited: self.since(begun) }.into())
    }

    /// The same for a session that has to know what is stored.
    pub(super) async fn take_knowing(&self, mode: Mode, since: Epoch) -> Outcome<Taken<H>, H> {
        let mut taken = self.take(mode).await?;
        if taken.quiet.is_own {
            taken.session.access();
            let look = Driver::new(self, since, Operation::Look).look(&mut taken.session);
            self.span(Work::Access).around(Box::pin(look)).await?;
        }
        Ok(taken)
    }

    /// Why there is no token, after a drive that might begin no login. What is missing is kept for the next one.
    pub(super) fn lacks(&self, session: &mut Session, is_own: bool) -> Failure<H> {
        let error = crate::Error::from(need(session));
        if let crate::Error::ScopeRequired { missing } = &error
            && is_own
        {
            let mut all = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
            all.get_or_insert_default().add_or_replace(missing);
        }
        ClientError::from(error).after(session.timeline())
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
