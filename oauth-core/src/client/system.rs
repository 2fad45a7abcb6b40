//! What only the machine beneath knows: the time, and chance. Nothing here asks the operating system for them.

use core::time::Duration;
use std::time::{Instant, SystemTime};

use crate::{Entropy, UnixTime};

/// Where a [`Host`](super::Host) gets the time and randomness from: the operating system, or a test that plays it.
pub trait System: Send + Sync + 'static {
    /// The time by the clock on the wall, which may be set. Before 1970 it counts as 1970.
    ///
    /// As the machine tells it, since it is looked at before each call: for whole seconds it would have to be divided.
    fn now(&self) -> SystemTime;

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

/// Before 1970 it counts as 1970: every token is fresh then.
impl From<SystemTime> for UnixTime {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        Self::from_secs(since.map_or(0, |since| since.as_secs()))
    }
}

/// After the year 9999 it is the end of that: not every machine can tell what comes later.
impl From<UnixTime> for SystemTime {
    fn from(time: UnixTime) -> Self {
        Self::UNIX_EPOCH + Duration::from_secs(time.as_secs().min(END_OF_9999))
    }
}

const END_OF_9999: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_the_same_in_both_forms_as_far_as_clocks_go() {
        for seconds in [0, 1, 1_900_000_000, END_OF_9999] {
            let time = UnixTime::from_secs(seconds);
            assert_eq!(UnixTime::from(SystemTime::from(time)), time);
        }
        let never = SystemTime::from(UnixTime::from_secs(u64::MAX));
        assert_eq!(UnixTime::from(never).as_secs(), END_OF_9999);
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(UnixTime::from(before).as_secs(), 0);
        let within = SystemTime::UNIX_EPOCH + Duration::from_millis(1_999);
        assert_eq!(UnixTime::from(within).as_secs(), 1);
    }
}
