//! Many users' clients in one value: kept as long as they are in use, and then forgotten.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::client::host::Host;
use crate::client::shared::Client;
use crate::session::KeyId;

/// The clients of many users at one or several servers. All calls for one user meet in one client, so that one
/// of them refreshes and the others get its result.
///
/// One that nobody has a handle of is forgotten when it was not asked for during
/// [`idle_after`](Self::idle_after), or when there are more than [`at_most`](Self::at_most); whoever was asked for
/// last stays longest. Nothing is lost with it: the next one reads the store. One that is in use, or at work for
/// a caller who has gone, is never forgotten, so there may be more.
pub struct Profiles<H: Host> {
    at_most: usize,
    idle_after: Duration,
    servers: Mutex<Vec<Arc<Client<H>>>>,
    kept: Mutex<Kept<H>>,
}

impl<H: Host> Profiles<H> {
    /// Users of the server that this client is for, and of those that are [added](Self::add).
    pub fn new(server: Arc<Client<H>>) -> Self {
        Self {
            at_most: AT_MOST,
            idle_after: IDLE_AFTER,
            servers: Mutex::new(alloc::vec![server]),
            kept: Mutex::new(Kept::new()),
        }
    }

    /// So many clients are kept that are not in use; 10,000 if nothing is said.
    #[must_use]
    pub fn at_most(self, clients: usize) -> Self {
        Self { at_most: clients, ..self }
    }

    /// How long a client is kept that nobody asks for; ten minutes if nothing is said.
    #[must_use]
    pub fn idle_after(self, idle_after: Duration) -> Self {
        Self { idle_after, ..self }
    }

    /// One more server. It takes the place of one with the same URL and application.
    pub fn add(&self, server: Arc<Client<H>>) {
        let mut servers = lock(&self.servers);
        servers.retain(|other| other.key_of("") != server.key_of(""));
        servers.push(server);
    }

    /// The client of a profile, at the server that this other client is for: the one that is kept, or a new one.
    pub fn of(&self, server: &Client<H>, profile: &str) -> Arc<Client<H>> {
        let (id, now) = (server.key_of(profile).id(), server.instant());
        let mut kept = lock(&self.kept);
        let forgotten = kept.forget(self.at_most, self.idle_after, now);
        let client = kept.get(id, now, || Arc::new(server.for_profile(profile)));
        // What it held is freed when others need not wait for that.
        drop(kept);
        drop(forgotten);
        client
    }

    /// How many clients are kept.
    pub fn len(&self) -> usize {
        lock(&self.kept).clients.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All that are kept.
    pub fn all(&self) -> Vec<Arc<Client<H>>> {
        lock(&self.kept).clients.values().map(|it| Arc::clone(&it.client)).collect()
    }

    pub(super) fn servers(&self) -> Vec<Arc<Client<H>>> {
        lock(&self.servers).clone()
    }
}

impl<H: Host> fmt::Debug for Profiles<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profiles").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Clients, and in which order they were asked for.
struct Kept<H: Host> {
    clients: HashMap<KeyId, Entry<H>>,
    by_use: BTreeMap<u64, KeyId>,
    uses: u64,
}

struct Entry<H: Host> {
    client: Arc<Client<H>>,
    /// Its place among those that were asked for.
    used: u64,
    at: Instant,
}

impl<H: Host> Kept<H> {
    fn new() -> Self {
        Self { clients: HashMap::new(), by_use: BTreeMap::new(), uses: 0 }
    }

    fn get(
        &mut self,
        id: KeyId,
        now: Instant,
        new: impl FnOnce() -> Arc<Client<H>>,
    ) -> Arc<Client<H>> {
        if !self.touch(&id, now) {
            self.uses += 1;
            self.clients.insert(id, Entry { client: new(), used: self.uses, at: now });
            self.by_use.insert(self.uses, id);
        }
        Arc::clone(&self.clients[&id].client)
    }

    /// It is the last one from now on; false if it is not kept.
    fn touch(&mut self, id: &KeyId, now: Instant) -> bool {
        let Some(entry) = self.clients.get_mut(id) else { return false };
        self.uses += 1;
        self.by_use.remove(&entry.used);
        self.by_use.insert(self.uses, *id);
        (entry.used, entry.at) = (self.uses, now);
        true
    }

    /// Looks at the two that were not asked for for longest: each call adds one at most, so all are looked at in time.
    fn forget(&mut self, at_most: usize, idle_after: Duration, now: Instant) -> Vec<Entry<H>> {
        let mut forgotten = Vec::new();
        for _ in 0..2 {
            let Some((_, &id)) = self.by_use.first_key_value() else { break };
            let entry = &self.clients[&id];
            let is_idle = now.saturating_duration_since(entry.at) >= idle_after;
            if !is_idle && self.clients.len() < at_most {
                break;
            }
            if Arc::strong_count(&entry.client) > 1 {
                self.touch(&id, now);
                continue;
            }
            self.by_use.pop_first();
            forgotten.extend(self.clients.remove(&id));
        }
        forgotten
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const AT_MOST: usize = 10_000;

const IDLE_AFTER: Duration = Duration::from_secs(10 * 60);
