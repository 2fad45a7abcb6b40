//! What only the machine beneath knows: the time, and chance. Nothing here asks the operating system for them.

use std::time::Instant;

use crate::{Entropy, UnixTime};

/// Where a [`Host`](super::Host) gets the time and randomness from: the operating system, or a test that plays it.
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
