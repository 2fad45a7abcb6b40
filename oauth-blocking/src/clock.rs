//! The time by this machine's clocks, and its randomness.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Instant, SystemTime};

use oauth_core::client::System;
use oauth_core::{Entropy, UnixTime};

/// The operating system's time and randomness.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OperatingSystem;

impl System for OperatingSystem {
    fn now(&self) -> UnixTime {
        now()
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }

    fn entropy(&self) -> Option<Entropy> {
        Entropy::from_os().ok()
    }

    fn chance(&self) -> u32 {
        chance()
    }
}

pub(crate) fn now() -> UnixTime {
    at(SystemTime::now())
}

/// Before 1970 it counts as 1970: every token is fresh then.
pub(crate) fn at(time: SystemTime) -> UnixTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    UnixTime::from_secs(since.map_or(0, |since| since.as_secs()))
}

/// What `std` keeps its hash maps apart with: it costs no call of the operating system each time.
pub(crate) fn chance() -> u32 {
    RandomState::new().hash_one(()) as u32
}
