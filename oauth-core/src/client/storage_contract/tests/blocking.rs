//! A store that blocks, looks first and writes then.

use alloc::sync::Arc;
use core::time::Duration;
use std::collections::HashSet;
use std::sync::Mutex;
use std::thread;

use crate::client::storage::{
    GrantPage, GrantQuery, Lease, Leases, Loaded, MemoryTokenStorage, Records, StorageError,
    TokenStorage, Written,
};
use crate::client::storage_contract::tests::store::locked;
use crate::session::{Key, Lock, Record};

/// Sound, as long as nobody else uses it at the same time.
#[derive(Default)]
pub(super) struct Hasty {
    memory: MemoryTokenStorage,
    held: Arc<Mutex<HashSet<(Key, Lock)>>>,
}

impl Hasty {
    fn pause() {
        thread::sleep(Duration::from_millis(5));
    }
}

impl Records for Hasty {
    fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        self.memory.load(key)
    }

    fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Written, StorageError> {
        let stored = self.memory.load(key)?.generation();
        if stored != expected {
            return Ok(Written::Conflict { stored });
        }
        Self::pause();
        self.memory.save(key, record, self.memory.load(key)?.generation())
    }

    fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        let stored = self.memory.load(key)?.generation();
        if stored != expected {
            return Ok(Written::Conflict { stored });
        }
        Self::pause();
        self.memory.erase(key)?;
        Ok(Written::Done)
    }

    fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        self.memory.list(query)
    }
}

impl Leases for Hasty {
    fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError> {
        let place = (key.clone(), lock);
        if locked(&self.held).contains(&place) {
            return Ok(None);
        }
        Self::pause();
        locked(&self.held).insert(place.clone());
        Ok(Some(Lease::new(Held(Arc::clone(&self.held), place))))
    }

    fn extend(&self, _: &Key, _: &mut Lease) -> Result<bool, StorageError> {
        Ok(true)
    }
}

impl TokenStorage for Hasty {}

struct Held(Arc<Mutex<HashSet<(Key, Lock)>>>, (Key, Lock));

impl Drop for Held {
    fn drop(&mut self) {
        locked(&self.0).remove(&self.1);
    }
}
