//! A store with a clock of its own, by which its locks end: early, late, or without their holders.

use oauth_core::session::{Key, Lock};

use super::{Guard, Hold, NOBODY, Store};

impl Store {
    /// A host has ended, and its locks do with it, unless they are leases.
    pub(in crate::sim) fn bury(&mut self, host: usize) {
        match self.clock {
            Some(_) => {
                for lock in [Lock::Refresh, Lock::Login, Lock::Client] {
                    self.leave_behind(lock, host);
                }
            }
            None => self.release_all(host),
        }
    }

    /// A host has a lease no longer, and the store does not know it.
    pub(in crate::sim) fn leave_behind(&mut self, lock: Lock, host: usize) {
        for guard in self.guards.iter_mut().filter(|it| it.host == host && it.lock == lock) {
            guard.host = NOBODY;
        }
    }

    /// Whether somebody waits for a lease that nobody has.
    pub(in crate::sim) fn is_left_behind(&mut self, key: &Key, lock: Lock) -> bool {
        self.rivals(key, lock).any(|guard| guard.host == NOBODY)
    }

    /// The time by its clock, when the servers have this time.
    pub(in crate::sim) fn now(&self, time: u64) -> u64 {
        time.saturating_add_signed(self.clock.unwrap_or(0))
    }

    /// How many leases have an end that has not come.
    pub(in crate::sim) fn leases(&self, time: u64) -> usize {
        let clock = self.now(time);
        self.guards.iter().filter(|guard| is_current(guard, clock)).count()
    }

    /// One of them ends.
    pub(in crate::sim) fn drop_lease(&mut self, at: usize, time: u64) {
        let clock = self.now(time);
        if let Some(guard) = self.guards.iter_mut().filter(|it| is_current(it, clock)).nth(at) {
            (guard.ends, guard.early) = (0, Some("the store lost its lease"));
        }
    }

    /// Sets its clock; by how much it is ahead of what it was.
    pub(in crate::sim) fn set_clock(&mut self, offset: i64, time: u64) -> i64 {
        let clock = self.now(time);
        let ahead = offset - self.clock.replace(offset).unwrap_or(0);
        for guard in self.guards.iter_mut().filter(|it| ahead > 0 && is_current(it, clock)) {
            guard.early = Some("the store's clock was set ahead");
        }
        ahead
    }

    /// Why a host's refresh lock was taken over before its time, if it was.
    pub(in crate::sim) fn early(&self, host: usize) -> Option<&'static str> {
        let mut own = self.guards.iter().filter(|it| it.host == host && it.lock == Lock::Refresh);
        own.find_map(|guard| guard.early)
    }
}

/// Whether the end of a lease has not come.
fn is_current(guard: &Guard, clock: u64) -> bool {
    guard.state != Hold::TakenOver && guard.ends >= clock
}
