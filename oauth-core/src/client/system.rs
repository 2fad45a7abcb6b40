//! What only the machine beneath knows: the time, and chance. Nothing here asks the operating system for them.

use core::time::Duration;
use std::time::Instant;

use crate::client::error::ClientError;
use crate::client::exchange::Deadline;
use crate::client::host::Host;
use crate::client::shared::{Client, Outcome};
use crate::{Entropy, UnixTime};

/// Where a [`Host`] gets the time and randomness from: the operating system, or a test that plays it.
pub trait System: Send + Sync + 'static {
    /// The time by the clock on the wall, which may be set. Before 1970 it counts as 1970.
    fn now(&self) -> UnixTime;

    /// The same by a clock that never goes back: what waits and limits are measured with.
    fn instant(&self) -> Instant;

    /// Randomness for one login, and for no other; `None` if there is none to be had.
    ///
    /// # Security
    ///
    /// It is what [`Entropy`] says: who can guess it can take the login over.
    fn entropy(&self) -> Option<Entropy>;

    /// A number that two processes are not likely to have at the same time, from zero to the largest: pauses
    /// differ by it. It is no secret.
    fn chance(&self) -> u32;
}

impl<H: Host> Client<H> {
    pub(super) fn now(&self) -> UnixTime {
        self.host.system().now()
    }

    pub(super) fn instant(&self) -> Instant {
        self.host.system().instant()
    }

    /// Randomness for one login.
    pub(super) fn entropy(&self) -> Outcome<Entropy, H> {
        self.host.system().entropy().ok_or(ClientError::NoEntropy)
    }

    pub(super) fn chance(&self) -> u32 {
        self.host.system().chance()
    }

    /// How long it is since then.
    pub(super) fn since(&self, begun: Instant) -> Duration {
        self.instant().saturating_duration_since(begun)
    }

    /// That long from now on.
    pub(super) fn deadline_after(&self, limit: Duration) -> Deadline {
        Deadline::after(limit, self.instant())
    }

    /// How much of it is left.
    pub(super) fn left(&self, deadline: Deadline) -> Duration {
        deadline.left(self.instant())
    }
}
