//! A refresh lock whose holder was stopped in the middle of it, and when others take over.
//!
//! A process that is killed releases its locks. One that is stopped (a paused container, SIGSTOP, a debugger)
//! does not, and may never go on. The mark in its [room](super::room) says since when it spends the
//! token: longer than [`LEASE_LENGTH`] nobody holds the lock who is at work.
//!
//! By that clock alone, two processes that were frozen together would be at it when they wake: one with
//! an answer in its socket, the other with a lock that seems forgotten. So whoever takes over has looked on
//! for a while, awake, which a frozen process was not.
//!
//! Only where a lock is its file, and its file can be deleted: on Windows the lock stays taken.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use oauth_core::UnixTime;
use oauth_core::client::{LEASE_LENGTH, StorageError};

use super::held::Held;
use super::room::Mark;
use super::slot::Slot;
use super::{disk, platform, remove};
use crate::clock::now;

/// The marks under locks that others hold, as far as this store has seen them. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    seen: Arc<Mutex<BTreeMap<PathBuf, Seen>>>,
    lease: Duration,
    vigil: Duration,
}

#[derive(Debug)]
struct Seen {
    mark: Mark,
    last: Instant,
    /// How long this process has watched it, as far as it can be sure that it ran.
    awake: Duration,
}

impl Default for Watch {
    fn default() -> Self {
        Self::new(LEASE_LENGTH, VIGIL)
    }
}

impl Watch {
    pub(super) fn new(lease: Duration, vigil: Duration) -> Self {
        Self { seen: Arc::default(), lease, vigil }
    }

    /// Takes the refresh lock from a process that was stopped while it held it, if there is no doubt.
    ///
    /// # Errors
    ///
    /// A [`StorageError`]; the lock is as before then, or free.
    pub(super) fn take_over(&self, slot: &Slot<'_>) -> Result<Option<Held>, StorageError> {
        if !platform::DELETES_LOCKS {
            return Ok(None);
        }
        let path = slot.spending();
        let Some(mark) = Mark::at(&path)? else { return Ok(None) };
        if !self.is_overdue(&path, &mark, now(), Instant::now()) {
            return Ok(None);
        }
        // Whoever takes over, makes room or saves has this lock: so the mark is still the one that was seen,
        // and one of those who wait takes over.
        let Some(_held) = slot.try_hold()? else { return Ok(None) };
        if Mark::at(&path)?.as_ref() != Some(&mark) {
            return Ok(None);
        }
        let lock = slot.lock(oauth_core::session::Lock::Refresh);
        match Held::at_once(&lock)? {
            // Just released.
            Some(held) => return Ok(Some(held)),
            None => remove(&lock)?,
        }
        let held = Held::at_once(&lock)?;
        // Gone with the lock that it was made under, whoever has the new one.
        let _ = disk::remove(&path);
        self.forget(slot);
        Ok(held)
    }

    /// Nobody is in the way any more.
    pub(super) fn forget(&self, slot: &Slot<'_>) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(&slot.spending());
    }

    fn is_overdue(&self, path: &Path, mark: &Mark, now: UnixTime, at: Instant) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let awake = match seen.get(path) {
            Some(seen) if seen.mark == *mark => {
                seen.awake + at.saturating_duration_since(seen.last).min(LONGEST_LOOK)
            }
            _ => Duration::ZERO,
        };
        seen.insert(path.into(), Seen { mark: mark.clone(), last: at, awake });
        awake >= self.vigil && now >= mark.since() + self.lease
    }
}

/// For how long somebody has to look on before they take over: longer than a process that was just woken needs for its
/// answer, a request's limit and a moment.
const VIGIL: Duration = Duration::from_secs(40);

/// What counts at most of the time between two looks: who looks does it far more often, and who is frozen does not.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(since: u64) -> Mark {
        serde_json::from_str(&format!(r#"{{"generation":7,"since":{since},"process":1}}"#))
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Looks every second, and says when it is overdue.
    fn overdue_after(
        watch: &Watch,
        mark: &Mark,
        seconds: impl Iterator<Item = u64>,
    ) -> Option<u64> {
        let begun = Instant::now();
        seconds.into_iter().find(|second| {
            let at = begun + Duration::from_secs(*second);
            watch.is_overdue(Path::new("a"), mark, UnixTime::from_secs(1_000 + second), at)
        })
    }

    #[test]
    fn a_lease_that_is_over_is_watched_for_a_while_awake() {
        assert_eq!(overdue_after(&Watch::default(), &mark(1_000), 0..200), Some(90));
        // Long over before anybody looked.
        assert_eq!(overdue_after(&Watch::default(), &mark(0), 0..200), Some(40));
        // A watcher that was frozen as well.
        let frozen = || (0..5).chain(600..800);
        assert_eq!(overdue_after(&Watch::default(), &mark(1_000), frozen()), Some(635));
    }

    #[test]
    fn another_mark_is_watched_anew() {
        let watch = Watch::default();
        assert_eq!(overdue_after(&watch, &mark(0), 0..30), None);
        assert_eq!(overdue_after(&watch, &mark(1), 30..200), Some(70));
    }
}
