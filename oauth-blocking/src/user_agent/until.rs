//! How long a visit to a page may last.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use oauth_core::client::UserAgentError;

/// Until when a visit may last: until its deadline, or until nobody wants the login any more, because the host has
/// cancelled it for instance. Clones are about the same visit.
///
/// A user agent that waits for its user looks at it: with [`pause`](Self::pause) where it would sleep, or with
/// [`check`](Self::check) now and then. It ends at once then, and gives back what it has, such as a port. One that does
/// not look is left to its end.
#[derive(Debug, Clone)]
pub struct Until {
    begun: Instant,
    deadline: Instant,
    visit: Arc<Visit>,
}

#[derive(Debug, Default)]
struct Visit {
    is_over: Mutex<bool>,
    ends: Condvar,
    is_looked_at: AtomicBool,
}

impl Until {
    /// A visit that begins now, and may last until that moment.
    #[must_use]
    pub fn new(deadline: Instant) -> Self {
        Self { begun: Instant::now(), deadline, visit: Arc::default() }
    }

    /// The moment at which it is over in any case.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// How much of the time is left.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Whether to go on.
    ///
    /// # Errors
    ///
    /// [`UserAgentError::Cancelled`] if nobody wants the login any more, [`UserAgentError::TimedOut`] if the time is
    /// over: return it.
    pub fn check(&self) -> Result<(), UserAgentError> {
        self.pause(Duration::ZERO)
    }

    /// Sleeps that long, or until the visit is over.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn pause(&self, pause: Duration) -> Result<(), UserAgentError> {
        self.visit.is_looked_at.store(true, Ordering::Relaxed);
        let goes_on = |is_over: &mut bool| !*is_over;
        let pause = pause.min(self.left());
        let waited = self.visit.ends.wait_timeout_while(self.is_over(), pause, goes_on);
        let is_over = *waited.unwrap_or_else(PoisonError::into_inner).0;
        if is_over {
            Err(UserAgentError::Cancelled)
        } else if Instant::now() >= self.deadline {
            Err(UserAgentError::TimedOut { waited: self.begun.elapsed() })
        } else {
            Ok(())
        }
    }

    /// Nobody wants the login any more.
    pub fn end(&self) {
        *self.is_over() = true;
        self.visit.ends.notify_all();
    }

    /// The same when what comes back is dropped: by whoever waits for the visit.
    #[must_use = "dropped, it ends the visit"]
    pub fn end_when_dropped(&self) -> EndsVisit {
        EndsVisit(self.clone())
    }

    /// Whether the user agent has looked at it, and so will end soon after the login does.
    #[must_use]
    pub fn is_looked_at(&self) -> bool {
        self.visit.is_looked_at.load(Ordering::Relaxed)
    }

    fn is_over(&self) -> MutexGuard<'_, bool> {
        self.visit.is_over.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a visit when it is dropped.
#[derive(Debug)]
pub struct EndsVisit(Until);

impl Drop for EndsVisit {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Far more than anything takes here.
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_visit_lasts_until_its_deadline_or_its_end() {
        let until = Until::new(Instant::now() + LONG);
        assert_eq!(until.pause(Duration::from_millis(1)), Ok(()));
        assert!(until.left() > LONG / 2);
        let over = Until::new(Instant::now());
        assert!(matches!(over.pause(LONG), Err(UserAgentError::TimedOut { .. })));
        assert_eq!(over.left(), Duration::ZERO);
        over.end();
        assert_eq!(over.check(), Err(UserAgentError::Cancelled));
    }

    #[test]
    fn whoever_sleeps_is_woken_when_nobody_wants_the_login_any_more() {
        let until = Until::new(Instant::now() + 2 * LONG);
        let (sleeps, begun) = (until.clone(), Instant::now());
        let sleeper = std::thread::spawn(move || sleeps.pause(LONG));
        drop(until.end_when_dropped());
        let outcome = sleeper.join().unwrap_or_else(|_| panic!("it does not panic"));
        assert_eq!(outcome, Err(UserAgentError::Cancelled));
        assert!(begun.elapsed() < LONG);
    }
}
