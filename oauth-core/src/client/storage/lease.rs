//! A lock that is held, and how others wait for it.

use alloc::boxed::Box;
use core::any::Any;
use core::fmt;
use core::time::Duration;

/// A lock that is held, until it is [released](super::Leases::release) or its end has come.
///
/// Dropped, it is released as well as a destructor can: one that would have to wait for a network may leave it to its
/// end.
pub struct Lease {
    held: Box<dyn Any + Send>,
    length: Option<Duration>,
}

impl Lease {
    /// One that has no end but that of its process: dropping `held` releases it.
    pub fn new(held: impl Send + 'static) -> Self {
        Self { held: Box::new(held), length: None }
    }

    /// One that ends by itself so long after it was asked for, unless it is [extended](super::Leases::extend). The
    /// time is that of the store's clock.
    pub fn lasting(length: Duration, held: impl Send + 'static) -> Self {
        Self { held: Box::new(held), length: Some(length) }
    }

    /// How long it lasts from when it was taken or extended; `None` if it has no end.
    #[must_use]
    pub fn length(&self) -> Option<Duration> {
        self.length
    }

    /// What it was [made](Self::new) of, for the store that made it; `None` if it is another store's.
    #[must_use]
    pub fn held<T: Any>(&mut self) -> Option<&mut T> {
        self.held.downcast_mut()
    }

    /// Holds something else with it, that is given back first.
    pub fn hold_with(&mut self, first: impl Send + 'static) {
        let nothing: Box<dyn Any + Send> = Box::new(());
        self.held = Box::new((first, core::mem::replace(&mut self.held, nothing)));
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("length", &self.length).finish_non_exhaustive()
    }
}

/// How long the lock under which a refresh token is spent is held at most: twice what its request may take, and
/// the time for a save. Then it counts as lost. A lease that ends by itself lasts as long.
pub const LEASE_LENGTH: Duration = Duration::from_secs(90);

/// How often those who wait for a lock look whether it is free: the pauses grow from the first to the longest, and a
/// part of each is left to chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockPauses {
    /// The first one.
    pub first: Duration,
    /// The longest one.
    pub longest: Duration,
}

impl LockPauses {
    /// For a store on the same machine, where a look costs nothing. Most refreshes are done in less than a tenth of a
    /// second.
    pub const LOCAL: Self =
        Self { first: Duration::from_millis(5), longest: Duration::from_millis(50) };

    /// For a store behind a network: who waits for a login of five minutes asks it some hundred times.
    pub const REMOTE: Self =
        Self { first: Duration::from_millis(50), longest: Duration::from_secs(1) };
}
