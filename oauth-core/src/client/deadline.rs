//! When something has to be over.

use core::time::Duration;
use std::time::Instant;

/// When something has to be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deadline {
    begun: Instant,
    limit: Duration,
}

impl Deadline {
    pub(super) fn after(limit: Duration, begun: Instant) -> Self {
        Self { begun, limit }
    }

    pub(super) fn left(self, now: Instant) -> Duration {
        self.limit.saturating_sub(now.saturating_duration_since(self.begun))
    }
}

/// Time that runs now and then, and then stands still again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Countdown {
    /// It does not run, and this much is left.
    Stopped(Duration),
    /// It runs.
    Running(Deadline),
}

impl Countdown {
    pub(super) fn run(&mut self, now: Instant) {
        *self = Self::Running(Deadline::after(self.left(now), now));
    }

    pub(super) fn stop(&mut self, now: Instant) {
        *self = Self::Stopped(self.left(now));
    }

    fn left(self, now: Instant) -> Duration {
        match self {
            Self::Stopped(left) => left,
            Self::Running(deadline) => deadline.left(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_run_stays() {
        let seconds = Duration::from_secs;
        let begun = Instant::now();
        let mut countdown = Countdown::Stopped(seconds(10));
        countdown.run(begun + seconds(100));
        assert_eq!(countdown.left(begun + seconds(103)), seconds(7));
        countdown.stop(begun + seconds(104));
        assert_eq!(countdown, Countdown::Stopped(seconds(6)));
        countdown.run(begun + seconds(200));
        countdown.run(begun + seconds(202));
        countdown.stop(begun + seconds(300));
        assert_eq!(countdown, Countdown::Stopped(Duration::ZERO));
    }
}
