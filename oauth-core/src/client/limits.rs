//! How long things may take, and when a limit that is over does not count.

use core::time::Duration;

use crate::Endpoint;

/// How long a login and its requests may take.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Limits {
    /// For the user, if the host says so.
    pub wait: Option<Duration>,
    /// For all that comes before them.
    pub discovery: Duration,
    /// For one request; [`TIME_LIMIT`] at most.
    pub request: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { wait: None, discovery: DISCOVERY, request: TIME_LIMIT }
    }
}

/// Whether a request spends a code or a token: it is not cut short.
pub(super) fn is_spent_at(endpoint: Endpoint) -> bool {
    matches!(endpoint, Endpoint::Token | Endpoint::Revocation)
}

/// How long the answer to a request may still be waited for whose limit was overrun by that much; `None` if
/// it is over.
///
/// Timers are late by milliseconds. A limit that is noticed a second later was over while this process did
/// not run: it was stopped, or its container was. Then the answer may lie in the socket, and with it the
/// only copy of a refresh token; a timer that comes first must not throw it away.
#[must_use]
pub fn last_chance(overrun: Duration) -> Option<Duration> {
    (overrun > LATE).then_some(LAST_CHANCE)
}

/// How long one request of a login may take, unless the host says less.
pub const TIME_LIMIT: Duration = Duration::from_secs(30);

/// How long a login waits for its user, or for the login of another process, unless set.
pub(super) const WAIT: Duration = Duration::from_secs(5 * 60);

/// How long the refresh or registration of another process is waited for: twice what its request may take.
pub(super) const REFRESH: Duration = Duration::from_secs(60);

/// As long as a user waits without a word.
const DISCOVERY: Duration = Duration::from_secs(60);

/// The latest that a timer of a process that runs goes off, on a machine that has far too much to do.
const LATE: Duration = Duration::from_secs(1);

/// Enough to read what is there, also if the network has to come back first.
const LAST_CHANCE: Duration = Duration::from_secs(5);

/// The longest sleep at once of who waits for a user with another device.
pub(super) const PIECE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_limit_that_was_overrun_by_far_leaves_a_chance() {
        for (overrun, is_left) in [(0, false), (20, false), (1_000, false), (1_001, true)] {
            let chance = last_chance(Duration::from_millis(overrun));
            assert_eq!(chance.is_some(), is_left, "{overrun} ms");
        }
        assert_eq!(last_chance(Duration::MAX), Some(LAST_CHANCE));
    }
}
