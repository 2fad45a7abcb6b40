//! The store that hosts share: records under compare-and-swap, locks that may be leases, room for what is
//! about to be written.

mod clock;

use std::collections::{HashMap, HashSet};

use oauth_core::UnixTime;
use oauth_core::session::{Key, KeyKind, Lock, Record};

use super::laws;

/// Records and locks by key.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    /// Until when nothing can be written that has no room.
    pub(super) full_until: u64,
    /// Until when nothing works at all.
    pub(super) down_until: u64,
    /// How far its clock is ahead of the servers', in seconds, if that is what its locks end by.
    clock: Option<i64>,
    shelves: HashMap<Key, Shelf>,
    guards: Vec<Guard>,
    late: Vec<Write>,
}

/// What there is under a key.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    record: Option<Record>,
    /// What the last write has replaced.
    before: Option<Record>,
    /// The access tokens that were ever stored.
    durable: HashSet<String>,
    /// Those that the store has forgotten since: who has them may store them again.
    forgotten: HashSet<String>,
    /// Access tokens of grants that somebody has logged out of.
    left: Vec<String>,
    /// Since when others stand where these access tokens were, or none.
    gone: HashMap<String, u64>,
    /// The refresh token that is not to be spent from when to when, by the clock of who has written that.
    pause: Option<(String, UnixTime, UnixTime)>,
}

impl Shelf {
    /// Puts this there, and says what was there.
    fn replace(&mut self, record: Option<Record>, now: u64) -> Option<Record> {
        let before = core::mem::replace(&mut self.record, record);
        self.gone.extend(before.as_ref().and_then(laws::access_token).map(|it| (it.into(), now)));
        if let Some(token) = self.record.as_ref().and_then(laws::access_token) {
            self.gone.remove(token);
        }
        before
    }
}

/// A write that is done later than its host was told.
#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) host: usize,
    pub(super) key: Key,
    pub(super) record: Record,
    pub(super) expected: u64,
    /// Whether it is a logout.
    pub(super) leaves: bool,
}

/// A lock, as its holder believes.
#[derive(Clone, Debug)]
struct Guard {
    host: usize,
    key: Key,
    lock: Lock,
    ends: u64,
    /// When room was reserved under it.
    reserved: Option<u64>,
    /// What became of it, without its holder's knowledge.
    state: Hold,
    /// Why it ends early, if it does.
    early: Option<&'static str>,
}

/// Who has lost a lock, and may not know it.
pub(super) struct Loser {
    pub(super) host: usize,
    /// Since when they had reserved room.
    pub(super) reserved: Option<u64>,
    /// Why it ended before its time, if it did.
    pub(super) early: Option<&'static str>,
}

/// Whether a lock keeps others out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// It does.
    Alone,
    /// Others came to believe the same.
    Shared,
    /// It ended, and somebody took it over.
    TakenOver,
}

impl Store {
    /// One with a clock of its own, by which locks end.
    pub(super) fn with_clock(offset: i64) -> Self {
        Self { clock: Some(offset), ..Self::default() }
    }

    fn shelf(&mut self, key: &Key) -> &mut Shelf {
        self.shelves.entry(key.clone()).or_default()
    }

    /// What is stored under a key.
    #[must_use]
    pub(super) fn load(&self, key: &Key) -> Option<&Record> {
        self.shelves.get(key)?.record.as_ref()
    }

    /// What was stored before the last write.
    #[must_use]
    pub(super) fn load_stale(&self, key: &Key) -> Option<&Record> {
        self.shelves.get(key)?.before.as_ref()
    }

    /// The records of clients that all profiles share.
    pub(super) fn clients(&self) -> impl Iterator<Item = &Record> {
        let shelves = self.shelves.iter().filter(|(key, _)| key.kind != KeyKind::Grant);
        shelves.filter_map(|(_, shelf)| shelf.record.as_ref())
    }

    /// Whether a save would find what it expects.
    #[must_use]
    pub(super) fn generation(&self, key: &Key) -> u64 {
        self.load(key).map_or(0, Record::generation)
    }

    /// Writes a record, whatever is there; that may be a logout.
    pub(super) fn put(&mut self, key: &Key, record: Record, leaves: bool, now: u64) {
        let has_clock = self.clock.is_some();
        let shelf = self.shelf(key);
        if leaves && let Some(token) = shelf.record.as_ref().and_then(laws::access_token) {
            shelf.left.push(token.into());
        }
        if let Some(tokens) = record.tokens() {
            shelf.durable.insert(tokens.access_token.token().into());
        }
        let is_same = |it: &Record| laws::access_token(it) == laws::access_token(&record);
        // Other tokens know of no trouble.
        shelf.pause.take_if(|_| has_clock && !shelf.record.as_ref().is_some_and(is_same));
        shelf.before = shelf.replace(Some(record), now);
    }

    /// Whether the last write has put another refresh token in the place of one.
    pub(super) fn was_refreshed(&self, key: &Key) -> bool {
        let Some(Shelf { record: Some(record), before: Some(before), .. }) = self.shelves.get(key)
        else {
            return false;
        };
        let [new, old] = [record, before].map(|it| it.tokens()?.refresh_token.as_ref());
        old.is_some() && new.is_some() && new.map(|it| it.expose()) != old.map(|it| it.expose())
    }

    /// Forgets the last write; what it was.
    pub(super) fn forget(&mut self, key: &Key, now: u64) -> Option<Record> {
        let shelf = self.shelf(key);
        let before = shelf.before.take();
        // A logout is forgotten as well.
        shelf.left.clear();
        shelf.pause = None;
        let lost = shelf.replace(before, now);
        let token = lost.as_ref().and_then(laws::access_token);
        shelf.forgotten.extend(token.map(Into::into));
        lost
    }

    /// Deletes what is there; whether anything was.
    pub(super) fn delete(&mut self, key: &Key, now: u64) -> bool {
        let shelf = self.shelf(key);
        (shelf.before, shelf.pause) = (None, None);
        shelf.replace(None, now).is_some()
    }

    /// Keeps a write for later.
    pub(super) fn delay(&mut self, write: Write) {
        self.late.push(write);
    }

    /// The next write that is late, whose time has come.
    pub(super) fn take_late(&mut self) -> Option<Write> {
        self.late.pop()
    }

    /// Whether an access token was ever stored under a key.
    #[must_use]
    pub(super) fn is_durable(&self, key: &Key, access_token: &str) -> bool {
        self.shelves.get(key).is_some_and(|shelf| shelf.durable.contains(access_token))
    }

    /// Since when an access token is not what is stored, if it was.
    #[must_use]
    pub(super) fn gone_since(&self, key: &Key, access_token: &str) -> Option<u64> {
        self.shelves.get(key)?.gone.get(access_token).copied()
    }

    /// Somebody has written down that what is stored is not refreshed before then.
    pub(super) fn pause(&mut self, key: &Key, since: UnixTime, until: UnixTime) {
        let shelf = self.shelf(key);
        let tokens = shelf.record.as_ref().and_then(Record::tokens);
        let token = tokens.and_then(|tokens| tokens.refresh_token.as_ref());
        shelf.pause = token.map(|token| (token.expose().into(), since, until));
    }

    /// From when to when a refresh token is not to be spent.
    #[must_use]
    pub(super) fn paused(&self, key: &Key, refresh_token: &str) -> Option<[UnixTime; 2]> {
        let (paused, since, until) = self.shelves.get(key)?.pause.as_ref()?;
        (paused == refresh_token).then_some([*since, *until])
    }

    /// Access tokens of grants that somebody has logged out of.
    pub(super) fn left(&self, key: &Key) -> &[String] {
        self.shelves.get(key).map_or(&[], |shelf| &shelf.left)
    }

    /// Whether it has stored an access token, and has not forgotten that.
    #[must_use]
    pub(super) fn remembers(&self, key: &Key, access_token: &str) -> bool {
        self.is_durable(key, access_token)
            && self.shelves.get(key).is_some_and(|shelf| !shelf.forgotten.contains(access_token))
    }

    /// Takes a lock until `ends`, unless another host has it and has not had it for too long; from whom it
    /// was taken over.
    pub(super) fn lock(
        &mut self,
        key: &Key,
        lock: Lock,
        host: usize,
        (now, ends): (u64, u64),
    ) -> Option<Vec<Loser>> {
        let (clock, is_lease) = (self.now(now), self.clock.is_some());
        let is_over = |guard: &Guard| match is_lease {
            true => guard.state == Hold::TakenOver || guard.ends < clock,
            false => {
                guard.state == Hold::TakenOver
                    || guard.ends <= now
                    || guard.reserved.is_some_and(|since| since + LEASE_LENGTH < now)
            }
        };
        if !self.rivals(key, lock).all(|guard| is_over(guard)) {
            return None;
        }
        let mut losers = Vec::new();
        for rival in self.rivals(key, lock).filter(|rival| rival.state != Hold::TakenOver) {
            rival.state = Hold::TakenOver;
            rival.early.take_if(|_| rival.reserved.is_none_or(|since| since + LEASE_LENGTH < now));
            let Guard { host, reserved, early, .. } = *rival;
            if host != NOBODY {
                losers.push(Loser { host, reserved, early });
            }
        }
        self.add(key, lock, host, ends, Hold::Alone);
        Some(losers)
    }

    /// Takes a lock that others may have.
    pub(super) fn force(&mut self, key: &Key, lock: Lock, host: usize, ends: u64) {
        let mut state = Hold::Alone;
        for rival in self.rivals(key, lock) {
            rival.state = Hold::Shared;
            state = Hold::Shared;
        }
        self.add(key, lock, host, ends, state);
    }

    fn add(&mut self, key: &Key, lock: Lock, host: usize, ends: u64, state: Hold) {
        let (key, reserved, early) = (key.clone(), None, None);
        self.guards.push(Guard { host, key, lock, ends, reserved, state, early });
    }

    /// Reserves room under the refresh lock, which is held for [`LEASE_LENGTH`] from then on; false if it is
    /// somebody else's by now. Then, and without room, it is released.
    pub(super) fn reserve(&mut self, host: usize, now: u64, has_room: bool) -> Option<bool> {
        let at = self.guards.iter().position(|it| it.host == host && it.lock == Lock::Refresh);
        let (clock, is_lease) = (self.now(now), self.clock.is_some());
        let guard = at.map(|at| &mut self.guards[at]);
        let is_held =
            |it: &&mut Guard| it.state != Hold::TakenOver && !(is_lease && it.ends < clock);
        match guard.filter(is_held) {
            Some(guard) if has_room => {
                (guard.reserved, guard.early) = (Some(now), None);
                if guard.ends != u64::MAX {
                    guard.ends = clock + LEASE_LENGTH;
                }
                Some(true)
            }
            held => {
                let is_held = held.is_some();
                self.unlock(Lock::Refresh, host);
                if is_held { None } else { Some(false) }
            }
        }
    }

    /// Since when a host has reserved room under its refresh lock.
    pub(super) fn reserved(&self, host: usize) -> Option<u64> {
        self.guards.iter().find(|guard| guard.host == host && guard.lock == Lock::Refresh)?.reserved
    }

    /// Releases a lock of a host.
    pub(super) fn unlock(&mut self, lock: Lock, host: usize) {
        self.guards.retain(|guard| guard.host != host || guard.lock != lock);
    }

    /// Releases all that a host holds.
    pub(super) fn release_all(&mut self, host: usize) {
        self.guards.retain(|guard| guard.host != host);
    }

    /// The locks that a host believes to hold.
    pub(super) fn held_by(&self, host: usize) -> impl Iterator<Item = Lock> {
        self.guards.iter().filter(move |guard| guard.host == host).map(|guard| guard.lock)
    }

    /// What a host's lock is good for, if it has it.
    #[must_use]
    pub(super) fn hold(&self, lock: Lock, host: usize) -> Option<Hold> {
        let mut own = self.guards.iter().filter(|it| it.host == host && it.lock == lock);
        own.next().map(|guard| guard.state)
    }

    fn rivals(&mut self, key: &Key, lock: Lock) -> impl Iterator<Item = &mut Guard> {
        let same = move |guard: &&mut Guard| guard.key == *key && guard.lock == lock;
        self.guards.iter_mut().filter(same)
    }
}

/// Who has ended.
const NOBODY: usize = usize::MAX;

/// For how many seconds a refresh lock is held at least, from when room was reserved.
pub(super) const LEASE_LENGTH: u64 = 90;
