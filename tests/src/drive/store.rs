//! A store in memory that minds how it is used.

use std::collections::HashMap;

use oauth_core::session::{Key, Lock, Record};

/// Records as JSON texts, replaced by compare-and-swap on their generation, and locks.
#[derive(Clone, Debug, Default)]
pub struct Store {
    /// Every text that was ever written, in order.
    pub written: Vec<String>,
    /// Those that it did not take, and that were used all the same.
    pub not_taken: Vec<String>,
    /// How many saves were tried.
    pub tries: u32,
    /// Whether others write before each save, so that it finds another generation than it expects.
    pub contested: bool,
    /// Whether locks keep nobody out.
    pub lockless: bool,
    /// What it cannot do at the moment.
    pub broken: Broken,
    /// Locks released by somebody who did not hold them.
    pub stray_unlocks: u32,
    records: HashMap<Key, String>,
    held: HashMap<(Key, Lock), usize>,
}

/// What a store cannot do: it says so, and nothing changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Broken {
    /// Read.
    pub load: bool,
    /// Lock, or tell whether somebody else has the lock.
    pub lock: bool,
    /// Make room for what a refresh brings.
    pub reserve: bool,
    /// Write.
    pub save: bool,
}

impl Store {
    /// How many records there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.records.len()
    }

    /// What is stored under a key.
    ///
    /// # Panics
    ///
    /// It is no record.
    #[must_use]
    pub fn load(&self, key: &Key) -> Option<Record> {
        let text = self.records.get(key)?;
        Some(Record::from_json(text.as_bytes()).expect("only records are stored"))
    }

    /// Stores a record if the generation `expected` is stored; 0 for none.
    ///
    /// # Errors
    ///
    /// The generation that is stored.
    ///
    /// # Panics
    ///
    /// A record is of no later generation than the one that it replaces.
    pub fn save(&mut self, key: &Key, record: &Record, expected: u64) -> Result<(), u64> {
        self.tries += 1;
        assert!(record.generation() > expected, "generations count up");
        let stored = self.load(key).map_or(0, |record| record.generation());
        if self.contested {
            return Err(stored + 1);
        }
        if stored != expected {
            return Err(stored);
        }
        let text = record.to_json();
        self.written.push(text.clone());
        self.records.insert(key.clone(), text);
        Ok(())
    }

    /// Puts a text under a key, whatever was there.
    pub fn put(&mut self, key: &Key, text: &str) {
        self.written.push(text.into());
        self.records.insert(key.clone(), text.into());
    }

    /// Deletes what is under a key.
    pub fn delete(&mut self, key: &Key) {
        self.records.remove(key);
    }

    /// Takes a lock for a host; false if another one has it.
    ///
    /// # Panics
    ///
    /// The host has it already, and would wait for itself.
    pub fn lock(&mut self, key: &Key, lock: Lock, host: usize) -> bool {
        match self.held.get(&(key.clone(), lock)) {
            _ if self.lockless => true,
            Some(owner) => {
                assert_ne!(*owner, host, "takes {lock:?} twice");
                false
            }
            None => {
                self.held.insert((key.clone(), lock), host);
                true
            }
        }
    }

    /// Whether a host has a lock.
    #[must_use]
    pub fn holds(&self, key: &Key, lock: Lock, host: usize) -> bool {
        self.lockless || self.held.get(&(key.clone(), lock)) == Some(&host)
    }

    /// Releases a lock.
    pub fn unlock(&mut self, key: &Key, lock: Lock, host: usize) {
        let key = (key.clone(), lock);
        if self.held.get(&key) == Some(&host) {
            self.held.remove(&key);
        } else if !self.lockless {
            self.stray_unlocks += 1;
        }
    }

    /// The locks that a host holds.
    #[must_use]
    pub fn held_by(&self, host: usize) -> Vec<Lock> {
        let mine = self.held.iter().filter(|(_, owner)| **owner == host);
        mine.map(|((_, lock), _)| *lock).collect()
    }

    /// Releases what a host holds, as its end does.
    pub fn release_all(&mut self, host: usize) {
        self.held.retain(|_, owner| *owner != host);
    }
}
