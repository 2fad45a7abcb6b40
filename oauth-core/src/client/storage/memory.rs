//! Grants in memory: shared by the threads of one process, gone with it.

use alloc::boxed::Box;
use alloc::sync::Arc;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::UnixTime;
use crate::client::storage::{
    GrantPage, GrantQuery, Lease, Leases, Loaded, LoginId, Records, StorageError, StoredGrant,
    TokenStorage, WaitingLogin, Written,
};
use crate::session::{Key, Lock, PendingLogin, Record};

/// A store that is gone with the process: for tests, and for hosts that want no file.
///
/// A clone shares what the original holds.
#[derive(Debug, Clone, Default)]
pub struct MemoryTokenStorage(Arc<Shared>);

impl MemoryTokenStorage {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// It never fails.
impl Records for MemoryTokenStorage {
    fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        let record = self.0.contents().records.get(key).cloned();
        Ok(record.map_or(Loaded::Nothing, |record| Loaded::Record(Box::new(record))))
    }

    fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Written, StorageError> {
        let mut contents = self.0.contents();
        let place = contents.records.get_mut(key);
        let stored = place.as_deref().map_or(0, Record::generation);
        if stored != expected {
            return Ok(Written::Conflict { stored });
        }
        match place {
            Some(place) => place.clone_from(record),
            None => drop(contents.records.insert(key.clone(), record.clone())),
        }
        Ok(Written::Done)
    }

    fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        let mut contents = self.0.contents();
        let stored = contents.records.get(key).map_or(0, Record::generation);
        if stored != expected {
            return Ok(Written::Conflict { stored });
        }
        contents.records.remove(key);
        Ok(Written::Done)
    }

    fn put_login(&self, waiting: &WaitingLogin<'_>) -> Result<(), StorageError> {
        self.0.contents().logins.insert(waiting.id, waiting.login.clone());
        Ok(())
    }

    /// Those that have ended are deleted with the next that is taken.
    fn take_login(
        &self,
        _: &str,
        id: &LoginId,
        now: UnixTime,
    ) -> Result<Option<PendingLogin>, StorageError> {
        let mut contents = self.0.contents();
        contents.logins.retain(|_, login| login.expires_at() >= now);
        Ok(contents.logins.remove(id))
    }

    fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        let contents = self.0.contents();
        let asked = contents.records.iter().filter(|(key, _)| query.matches(key));
        let grants = asked.filter_map(|(key, record)| StoredGrant::new(key, record));
        Ok(query.page(grants.collect()))
    }
}

impl Leases for MemoryTokenStorage {
    fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError> {
        let name = Arc::new((key.clone(), lock));
        let is_free = self.0.contents().held.insert(Arc::clone(&name));
        let shared = Arc::clone(&self.0);
        Ok(is_free.then(|| Lease::new(Held { shared, name })))
    }

    /// The lock belongs to the lease.
    fn extend(&self, _: &Key, _: &mut Lease) -> Result<bool, StorageError> {
        Ok(true)
    }

    fn is_held(&self, key: &Key, lock: Lock) -> Result<bool, StorageError> {
        Ok(self.0.contents().held.contains(&(key.clone(), lock)))
    }
}

/// There is always room.
impl TokenStorage for MemoryTokenStorage {}

#[derive(Debug, Default)]
struct Shared {
    contents: Mutex<Contents>,
}

impl Shared {
    /// A thread that panicked here left nothing half done: every change is a single call.
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Contents {
    records: HashMap<Key, Record>,
    held: HashSet<Arc<(Key, Lock)>>,
    logins: HashMap<LoginId, PendingLogin>,
}

/// A lock that is held.
struct Held {
    shared: Arc<Shared>,
    name: Arc<(Key, Lock)>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shared.contents().held.remove(&self.name);
    }
}
