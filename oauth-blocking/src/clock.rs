//! The time by this machine's clocks, and its randomness.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Instant, SystemTime};

use oauth_core::client::System;
use oauth_core::{Entropy, UnixTime};

/// The operating system's time and randomness.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OperatingSystem;

impl System for OperatingSystem {
    fn now(&self) -> SystemTime {
        SystemTime::now()
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
    SystemTime::now().into()
}

/// What `std` keeps its hash maps apart with: it costs no call of the operating system each time.
pub(crate) fn chance() -> u32 {
    RandomState::new().hash_one(()) as u32
}
