//! Grants in memory: shared by the threads of one process, gone with it.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::client::storage::{Guard, Loaded, Saved, StorageError, StoredGrant, TokenStorage};
use crate::session::{Key, Lock, Record, Spend};

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
impl TokenStorage for MemoryTokenStorage {
    fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        let record = self.0.contents().records.get(key).cloned();
        Ok(record.map_or(Loaded::Nothing, |record| Loaded::Record(Box::new(record))))
    }

    fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Guard>, StorageError> {
        let name = (key.clone(), lock);
        let is_free = self.0.contents().held.insert(name.clone());
        let shared = Arc::clone(&self.0);
        Ok(is_free.then(|| Guard::new(Held { shared, name })))
    }

    /// There is always room, and the lock belongs to the guard.
    fn reserve(
        &self,
        key: &Key,
        guard: Guard,
        spend: Spend,
    ) -> Result<Option<Guard>, StorageError> {
        let stored = self.0.contents().records.get(key).map_or(0, Record::generation);
        Ok((stored == spend.generation).then_some(guard))
    }

    fn is_held(&self, key: &Key, lock: Lock) -> Result<bool, StorageError> {
        Ok(self.0.contents().held.contains(&(key.clone(), lock)))
    }

    fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Saved, StorageError> {
        let mut contents = self.0.contents();
        let stored = contents.records.get(key).map_or(0, Record::generation);
        if stored != expected {
            return Ok(Saved::Conflict { stored });
        }
        contents.records.insert(key.clone(), record.clone());
        Ok(Saved::Done)
    }

    fn delete(&self, key: &Key) -> Result<(), StorageError> {
        self.0.contents().records.remove(key);
        Ok(())
    }

    fn list(&self, application: &str) -> Result<Vec<StoredGrant>, StorageError> {
        let contents = self.0.contents();
        let records = contents.records.iter().filter(|(key, _)| *key.application == *application);
        let mut grants: Vec<_> =
            records.filter_map(|(key, record)| StoredGrant::new(key, record)).collect();
        grants.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(grants)
    }
}

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
    held: HashSet<(Key, Lock)>,
}

/// A lock that is held.
struct Held {
    shared: Arc<Shared>,
    name: (Key, Lock),
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shared.contents().held.remove(&self.name);
    }
}
