//! The store that hosts share: records under compare-and-swap, and locks that may be leases.

use std::collections::HashSet;

use oauth_core::session::{Lock, Record};

/// Records and locks by profile.
#[derive(Clone, Debug)]
pub(super) struct Store {
    /// Until when nothing can be written.
    pub(super) full_until: u64,
    records: Vec<Option<Record>>,
    guards: Vec<Guard>,
    durable: Vec<HashSet<String>>,
}

/// A lock, as its holder believes.
#[derive(Clone, Debug)]
struct Guard {
    host: usize,
    profile: usize,
    lock: Lock,
    ends: u64,
    /// Whether another host came to believe the same.
    shared: bool,
}

impl Store {
    /// An empty store for this many profiles.
    #[must_use]
    pub(super) fn new(profiles: usize) -> Self {
        Self {
            full_until: 0,
            records: vec![None; profiles],
            guards: Vec::new(),
            durable: vec![HashSet::new(); profiles],
        }
    }

    /// What is stored for a profile.
    #[must_use]
    pub(super) fn load(&self, profile: usize) -> Option<&Record> {
        self.records[profile].as_ref()
    }

    /// Whether a save would find what it expects.
    #[must_use]
    pub(super) fn generation(&self, profile: usize) -> u64 {
        self.load(profile).map_or(0, Record::generation)
    }

    /// Writes a record, whatever is there.
    pub(super) fn put(&mut self, profile: usize, record: Record) {
        if let Some(tokens) = record.tokens() {
            self.durable[profile].insert(tokens.access_token.token().into());
        }
        self.records[profile] = Some(record);
    }

    /// Whether an access token was ever stored for a profile.
    #[must_use]
    pub(super) fn is_durable(&self, profile: usize, access_token: &str) -> bool {
        self.durable[profile].contains(access_token)
    }

    /// Takes a lock until `ends`; false if another host has it.
    pub(super) fn lock(
        &mut self,
        profile: usize,
        lock: Lock,
        host: usize,
        now: u64,
        ends: u64,
    ) -> bool {
        let free = self.rivals(profile, lock).all(|guard| guard.ends <= now);
        if free {
            self.force(profile, lock, host, ends);
        }
        free
    }

    /// Takes a lock that others may have.
    pub(super) fn force(&mut self, profile: usize, lock: Lock, host: usize, ends: u64) {
        let mut shared = false;
        for rival in self.rivals(profile, lock) {
            rival.shared = true;
            shared = true;
        }
        self.guards.push(Guard { host, profile, lock, ends, shared });
    }

    /// Releases a lock of a host.
    pub(super) fn unlock(&mut self, lock: Lock, host: usize) {
        self.guards.retain(|guard| guard.host != host || guard.lock != lock);
    }

    /// Releases all that a host holds, as its end does.
    pub(super) fn release_all(&mut self, host: usize) {
        self.guards.retain(|guard| guard.host != host);
    }

    /// The locks that a host believes to hold.
    pub(super) fn held_by(&self, host: usize) -> impl Iterator<Item = Lock> {
        self.guards.iter().filter(move |guard| guard.host == host).map(|guard| guard.lock)
    }

    /// Whether a host has held a lock all the time, and nobody else has.
    #[must_use]
    pub(super) fn is_alone(&self, lock: Lock, host: usize) -> bool {
        let own = self.guards.iter().find(|guard| guard.host == host && guard.lock == lock);
        own.is_some_and(|guard| !guard.shared)
    }

    fn rivals(&mut self, profile: usize, lock: Lock) -> impl Iterator<Item = &mut Guard> {
        let same = move |guard: &&mut Guard| guard.profile == profile && guard.lock == lock;
        self.guards.iter_mut().filter(same)
    }
}
