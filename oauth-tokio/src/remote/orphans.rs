//! Owners of leases that nobody holds any more, or never did: their taking or their release was cut off, and a row may be
//! there or not. Who shares the store takes over from them, so that a program does not wait for itself.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use oauth_core::client::{LEASE_LENGTH, StorageError};
use oauth_core::session::{Key, KeyId, Lock};

/// A lock of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) id: KeyId,
    pub(crate) lock: Lock,
}

impl Name {
    pub(crate) fn of(key: &Key, lock: Lock) -> Self {
        Self { id: key.id(), lock }
    }
}

/// Who takes a lease: drawn for each taking, so that nobody is taken for who held it before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner(u128);

impl Owner {
    pub(crate) fn draw() -> Result<Self, StorageError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)
            .map_err(|error| StorageError::refused(format!("no random numbers: {error}")))?;
        Ok(Self(u128::from_be_bytes(bytes)))
    }
}

/// 32 hexadecimal digits, which PostgreSQL reads as a `uuid`.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// In the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Orphans(Mutex<VecDeque<Orphan>>);

#[derive(Debug)]
struct Orphan {
    name: Name,
    owner: Owner,
    since: Instant,
}

impl Orphans {
    pub(crate) fn add(&self, name: Name, owner: Owner, now: Instant) {
        let mut all = self.all(now);
        let of_name: Vec<usize> = (0..all.len()).filter(|&index| all[index].name == name).collect();
        if of_name.len() >= MOST_OF_A_LOCK {
            all.remove(of_name[0]);
        }
        if all.len() >= MOST {
            all.pop_front();
        }
        all.push_back(Orphan { name, owner, since: now });
    }

    /// Those of a lock, with commas between them. They stay: a statement that was cut off may still be on its way, and
    /// come after that of who took over.
    pub(crate) fn of(&self, name: Name, now: Instant) -> String {
        let owners = self.all(now);
        let owners = owners.iter().filter(|orphan| orphan.name == name);
        owners.map(|orphan| orphan.owner.to_string()).collect::<Vec<_>>().join(",")
    }

    /// Without those whose lease has ended by itself.
    fn all(&self, now: Instant) -> MutexGuard<'_, VecDeque<Orphan>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while all.front().is_some_and(|first| now.duration_since(first.since) > KEPT) {
            all.pop_front();
        }
        all
    }
}

/// A lease, and the time that a statement may be on its way.
const KEPT: Duration = Duration::from_secs(2 * LEASE_LENGTH.as_secs());

/// A caller that is cut off again and again: all but the last ones were taken over by those after them.
const MOST_OF_A_LOCK: usize = 16;

/// A program that drops all of its calls at once. Those that are forgotten end by themselves.
const MOST: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn name(profile: &str, lock: Lock) -> Name {
        Name::of(&Key::grant("test", profile, "https://mcp.example/"), lock)
    }

    #[test]
    fn those_of_another_lock_are_left_alone_and_all_are_forgotten_in_time() {
        let (orphans, now) = (Orphans::default(), Instant::now());
        orphans.add(name("a", Lock::Refresh), Owner(7), now);
        assert_eq!(orphans.of(name("a", Lock::Refresh), now), format!("{}7", "0".repeat(31)));
        assert_eq!(orphans.of(name("a", Lock::Login), now), "");
        assert_eq!(orphans.of(name("b", Lock::Refresh), now), "");
        assert_ne!(orphans.of(name("a", Lock::Refresh), now + KEPT), "");
        let later = now + KEPT + Duration::from_secs(1);
        assert_eq!(orphans.of(name("a", Lock::Refresh), later), "");
    }

    #[test]
    fn they_are_bounded() {
        let (orphans, now) = (Orphans::default(), Instant::now());
        for number in 0..100 {
            orphans.add(name("a", Lock::Refresh), Owner(number), now);
        }
        let left = orphans.of(name("a", Lock::Refresh), now);
        assert_eq!(left.split(',').count(), MOST_OF_A_LOCK);
        assert!(left.ends_with(&Owner(99).to_string()), "{left}");
        for number in 0..2000 {
            orphans.add(name(&number.to_string(), Lock::Login), Owner(1000 + number), now);
        }
        assert_eq!(orphans.all(now).len(), MOST);
    }
}
