//! The store's promises about records.

use std::sync::atomic::Ordering;

use oauth_core::UnixTime;
use oauth_core::client::{
    GrantPage, GrantQuery, Loaded, LoginId, Migrated, Records, StorageError, WaitingLogin, Written,
};
use oauth_core::flow::Settings;
use oauth_core::session::{Key, PendingLogin, Record};

use super::name::Name;
use super::slot::Found;
use super::sweep::sweep;
use super::{FileTokenStorage, former, generation, list, logins, remove};
use crate::clock;

/// A [`load`](Self::load) writes only when it has to set a damaged file aside. A
/// [`delete`](Self::delete) sets one aside as well, and refuses to delete what is
/// [newer](StorageError::Newer). If the disk fails after a record was replaced, [`save`](Self::save)
/// says so, although the new record is what everybody reads from then on.
impl Records for FileTokenStorage {
    fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        if !self.directory.exists()? {
            return Ok(Loaded::Nothing);
        }
        let slot = self.slot(key, Name::of(key));
        if !slot.directory.is_there()? {
            return Ok(Loaded::Nothing);
        }
        Ok(match slot.read()? {
            Found::Nothing => Loaded::Nothing,
            Found::Record(record) => {
                self.see_that_it_locks(&slot)?;
                Loaded::Record(record)
            }
            // Somebody may be replacing it right now: what is set aside has to be what was read.
            Found::Damaged => slot.load(&slot.hold()?)?,
        })
    }

    fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Written, StorageError> {
        let slot = self.made(key, Name::of(key))?;
        self.sweep_once(&slot);
        let held = slot.hold()?;
        let stored = slot.stored(&held)?;
        let generation = generation(stored.as_deref());
        if generation != expected {
            // A save that failed may have come as far as this, and nobody knows whether it would last.
            if stored.is_some_and(|stored| *stored == *record) {
                slot.directory.sync()?;
            }
            return Ok(Written::Conflict { stored: generation });
        }
        // The room is for what a refresh brings. Others may store what they know about the same tokens.
        let brings_tokens = stored.is_none_or(|stored| stored.tokens() != record.tokens());
        let room = self.rooms.of(&slot.record()).filter(|_| brings_tokens);
        slot.replace(record, room.as_deref(), &held)?;
        Ok(Written::Done)
    }

    fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        let slot = self.slot(key, Name::of(key));
        if !self.directory.exists()? || !slot.directory.is_there()? {
            return Ok(Written::Conflict { stored: 0 });
        }
        sweep(&slot.directory, &slot.name)?;
        let held = slot.hold()?;
        let stored = generation(slot.stored(&held)?.as_deref());
        if stored != expected {
            return Ok(Written::Conflict { stored });
        }
        remove(&slot.record())?;
        slot.directory.sync()?;
        Ok(Written::Done)
    }

    fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        list::list(&self.directory, query, &self.sealing)
    }

    /// Those that have ended are deleted by the first one that a store keeps, and then by some of the others.
    fn put_login(&self, waiting: &WaitingLogin<'_>) -> Result<(), StorageError> {
        if self.logins.fetch_add(1, Ordering::Relaxed).is_multiple_of(BETWEEN_SWEEPS) {
            // No login is lost over it.
            let _ = logins::sweep(&self.directory, clock::now());
        }
        logins::put(&self.directory, waiting, &self.sealing)
    }

    fn take_login(
        &self,
        application: &str,
        id: &LoginId,
        now: UnixTime,
    ) -> Result<Option<PendingLogin>, StorageError> {
        logins::take(&self.directory, application, id, now, &self.sealing)
    }

    fn migrate(&self, key: &Key, settings: &Settings) -> Result<Migrated, StorageError> {
        former::migrate(self, key, settings)
    }
}

/// How many logins are kept before those that have ended are looked for again.
const BETWEEN_SWEEPS: usize = 64;
