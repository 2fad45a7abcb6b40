//! What a driver has while it drives: what it is for, what it holds, and which parts of the work are under way.

use alloc::boxed::Box;
use core::pin::Pin;
use core::time::Duration;
use std::time::Instant;

use crate::Endpoint;
use crate::client::deadline::{Countdown, Deadline};
use crate::client::failures::{Epoch, Work};
use crate::client::host::Host;
use crate::client::keep::Reserved;
use crate::client::limits::is_spent_at;
use crate::client::log_in::LoginUnderWay;
use crate::client::mode::Login;
use crate::client::shared::{Client, Outcome};
use crate::client::storage::Lease;
use crate::client::tell::Refresh;
use crate::client::trace::Span;
use crate::client::user_agent::UserAgentError;
use crate::session::Lock;

/// One drive of a session. What it holds is released when it ends, however it ends.
pub(super) struct Driver<'a, H: Host> {
    pub(super) client: &'a Client<H>,
    pub(super) operation: Operation<'a>,
    /// What failed since then is not tried again.
    since: Epoch,
    pub(super) held: Held,
    pub(super) refresh: Option<RefreshUnderWay>,
    /// Boxed: it is rare, and much of what everybody who might begin one would carry along.
    pub(super) login: Option<Box<LoginUnderWay<'a, H>>>,
    /// Whether those who wait for the same will hear of the failure already.
    pub(super) is_noted: bool,
}

/// What a session is driven for: what may happen on the way, and what ends it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operation<'a> {
    /// A look into the store.
    Look,
    /// A token, with or without a person.
    Token(Login),
    /// The end of a login whose user is back already, with this query, until it is used.
    Resume(Option<&'a str>),
    /// The end of a login that nobody wants any more: what it has written is taken back.
    TakeBack,
    /// The end of the grant.
    Logout,
}

impl Operation<'_> {
    /// Whether a login may be begun, and a person asked for it.
    pub(super) fn may_ask(self) -> bool {
        matches!(self, Self::Token(login) if !login.is_never())
    }

    /// Whether it is done with a session beside another call's login.
    pub(super) fn is_beside(self) -> bool {
        matches!(self, Self::Token(login) if login.is_beside())
    }

    /// Until when a person, or others, are waited for, if the caller says so.
    pub(super) fn until(self) -> Option<Deadline> {
        match self {
            Self::Token(login) => login.until(),
            Self::Look | Self::Resume(_) | Self::TakeBack | Self::Logout => None,
        }
    }
}

/// The locks that are held.
#[derive(Default)]
pub(super) struct Held {
    /// That of the refresh, or of the login.
    pub(super) lock: Option<HeldLock>,
    /// That the refresh token may be spent under the refresh lock.
    pub(super) reserved: Option<Reserved>,
    /// That of the client that profiles share, while it is registered.
    pub(super) client: Option<HeldLock>,
}

impl Held {
    /// Gives a lock out of hand, to be released.
    pub(super) fn take(&mut self, lock: Lock) -> Option<HeldLock> {
        match lock {
            Lock::Refresh => self.reserved = None,
            Lock::Login => {}
            Lock::Client => return self.client.take(),
        }
        self.lock.take()
    }
}

/// A lock that is held. What it says of its lease is by this machine's clock, from when it was asked for: no later than
/// from when the store counts.
pub(super) struct HeldLock {
    pub(super) lease: Lease,
    /// When the lease is to be begun anew, if it has an end.
    renewal: Option<Deadline>,
}

impl HeldLock {
    pub(super) fn new(lease: Lease, since: Instant) -> Self {
        let mut held = Self { lease, renewal: None };
        held.renew_after_part(RENEWALS, since);
        held
    }

    /// To be begun anew when this part of its length is over.
    fn renew_after_part(&mut self, part: u32, since: Instant) {
        let length = self.lease.length();
        self.renewal = length.map(|length| Deadline::after(length / part, since));
    }

    /// How long a person may be waited for before the lease is begun anew; `None` if it has no end.
    pub(super) fn renewal(&self, now: Instant) -> Option<Duration> {
        self.renewal.map(|renewal| renewal.left(now))
    }
}

/// How often a lease is begun anew in its time.
const RENEWALS: u32 = 3;

/// The same in an outage: soon again, and not all the time.
const RENEWALS_IN_VAIN: u32 = 30;

/// A refresh, from its lock to the release.
pub(super) struct RefreshUnderWay {
    pub(super) told: Refresh,
    /// What happens in it is said here.
    pub(super) span: Span,
}

impl<'a, H: Host> Driver<'a, H> {
    pub(super) fn new(client: &'a Client<H>, since: Epoch, operation: Operation<'a>) -> Self {
        let held = Held::default();
        Self { client, operation, since, held, refresh: None, login: None, is_noted: false }
    }

    /// Begins the lease of a login anew, if that is due: its user may take their time. If it cannot be, or was lost, the
    /// login goes on all the same: what is stored in the end decides.
    pub(super) async fn renew(&mut self) {
        let (client, now) = (self.client, self.client.instant());
        let Some(held) = self.held.lock.as_mut().filter(|_| self.refresh.is_none()) else { return };
        if held.renewal(now) != Some(Duration::ZERO) {
            return;
        }
        match client.store().extend(&client.key, &mut held.lease).await {
            Ok(true) => held.renew_after_part(RENEWALS, now),
            Ok(false) => self.held.lock = None,
            Err(_) => held.renew_after_part(RENEWALS_IN_VAIN, client.instant()),
        }
    }

    /// What has failed while this one waited, it does not try again.
    pub(super) fn share_failure(&mut self, work: Work) -> Outcome<(), H> {
        match self.client.failures.since(self.since, work) {
            Some(failure) => {
                self.is_noted = true;
                Err(failure)
            }
            None => Ok(()),
        }
    }

    /// Works at a wait or a request, which ends with the login that it is for.
    pub(super) async fn while_wanted<T: Send>(
        &mut self,
        work: Pin<Box<impl Future<Output = T> + Send>>,
    ) -> Result<T, UserAgentError> {
        match &mut self.login {
            Some(login) => login.while_wanted(work).await,
            None => Ok(work.await),
        }
    }

    /// Where what happens is said, if not where all of the work is.
    pub(super) fn span(&self) -> Option<&Span> {
        let refresh = self.refresh.as_ref().map(|refresh| &refresh.span);
        refresh.or_else(|| self.login.as_ref().map(|login| &login.span))
    }

    /// How long a request may take. What spends a code or a token is not cut short.
    pub(super) fn left_for(&self, endpoint: Endpoint) -> Duration {
        match self.login.as_ref().map(|login| login.discovery) {
            Some(Countdown::Running(deadline)) if !is_spent_at(endpoint) => {
                self.at_most(self.client.left(deadline))
            }
            _ => self.client.limits.request,
        }
    }

    /// That long, or as long as the caller has, if that is less.
    pub(super) fn at_most(&self, limit: Duration) -> Duration {
        self.client.at_most(limit, self.operation.until())
    }

    /// How long the login waits for what somebody else's login has; `None` if nobody has said.
    pub(super) fn wait(&self) -> Option<Duration> {
        self.client.wait(self.operation.until())
    }
}
