//! The time by this machine's clock.

use std::time::SystemTime;

use oauth_core::UnixTime;

pub(crate) fn now() -> UnixTime {
    at(SystemTime::now())
}

/// Before 1970 it counts as 1970: every token is fresh then.
pub(crate) fn at(time: SystemTime) -> UnixTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    UnixTime::from_secs(since.map_or(0, |since| since.as_secs()))
}
