//! A store whose key is in a keyring.
//!
//! ```text
//!   PROGRAM-HASH.keyring        the id of the key that records are sealed with
//!   PROGRAM-HASH.keyring.lock   held while a key is made, as is mcp-oauth-PROGRAM-HASH.keyring.lock in the user's runtime
//!                               directory
//! ```
//!
//! The first file is what tells a keyring that was emptied from one that never had the key: a new key is made
//! only where there was none, so that none is ever replaced that records are sealed with.

use std::path::PathBuf;
use std::time::Duration;

use oauth_core::client::StorageError;
use oauth_core::seal::{KeyringError, SealError, Sealing, SealingKey};
use serde::{Deserialize, Serialize};

use super::directory::Directory;
use super::held::Held;
use super::{FileTokenStorage, disk, document, name, remove, slot};
use crate::keyring::{Asking, AtRest, Keyring, KeyringItem, KeyringSeal};
use crate::locks;

impl FileTokenStorage {
    /// The same, with records that are encrypted in their files by a key from the keyring, which is made there at the first
    /// use; and what it came to. [`Keyring`] says what happens where there is none, and how long this may take.
    ///
    /// The keyring is asked now, and never by a call of the store. To ask again, call this again with the same
    /// [`Keyring`].
    ///
    /// Processes of a user that begin at the same time get the same key, whatever directories they use. (Without a
    /// `XDG_RUNTIME_DIR` and a temporary directory, only those that use the same one.)
    ///
    /// # Errors
    ///
    /// [`StorageError::Sealed`] with a [`SealError::Keyring`] where the key is not to be had and is
    /// [wanted](crate::KeyringMode::Keyring); that of the directory where the key's id cannot be kept in it.
    pub fn sealed_by(self, keyring: &Keyring) -> Result<(Self, AtRest), StorageError> {
        if !keyring.asks() {
            return Ok((self.sealed(Sealing::none()), AtRest::Plain { why: None }));
        }
        let place = Place::of(&self, keyring.item());
        let marked = place.marked()?;
        if marked.is_none() && !keyring.asks_for_the_first() {
            return Ok((self.sealed(Sealing::none()), AtRest::Plain { why: None }));
        }
        let error = match place.key(keyring, marked.as_deref()) {
            Ok(key) => {
                let seal =
                    |asking: &_, readers: &_| KeyringSeal::new(asking, key.id(), readers, None);
                let at_rest = AtRest::Sealed { key_id: key.id().into() };
                return Ok((self.sealed(keyring.sealing(seal)), at_rest));
            }
            Err(error) => error,
        };
        match (error, marked) {
            (StorageError::Sealed { why: SealError::Keyring(why), .. }, None)
                if keyring.falls_back() =>
            {
                Ok((self.sealed(Sealing::none()), AtRest::Plain { why: Some(why) }))
            }
            (StorageError::Sealed { why: SealError::Keyring(why), .. }, Some(key_id))
                if keyring.falls_back() =>
            {
                let reason = Some(why.clone());
                let seal =
                    |asking: &_, readers: &_| KeyringSeal::new(asking, &key_id, readers, reason);
                let store = self.sealed(keyring.sealing(seal));
                Ok((store, AtRest::Withheld { key_id, why }))
            }
            (error, _) => Err(error),
        }
    }

    /// Deletes the records of a program that are sealed, and forgets which key of the keyring they need; how many there were.
    /// For when the key is lost: what is in them is lost as well, and a login is needed. The key itself, if it is there
    /// yet, stays in the keyring.
    ///
    /// Records that are plain stay. A program that has the key still and goes on seals more with it: end it first.
    ///
    /// # Errors
    ///
    /// A [`StorageError`]: call it again.
    pub fn discard_sealed(
        &self,
        application: &str,
        keyring: &Keyring,
    ) -> Result<u64, StorageError> {
        let count = self.each(application, |slot, text| {
            if !document::is_sealed(text) {
                return Ok(false);
            }
            let _held = slot.hold()?;
            // Somebody may have replaced it before the lock was had.
            let is_sealed = slot::read(&slot.record())?.is_some_and(|it| document::is_sealed(&it));
            if is_sealed {
                remove(&slot.record())?;
                slot.directory.sync()?;
            }
            Ok(is_sealed)
        })?;
        // Last, so that what is left of them is not taken for the work of a key that nobody knows.
        remove(&Place::of(self, keyring.item()).path())?;
        Ok(count)
    }
}

/// Where a store notes which key it has.
#[derive(Clone)]
struct Place {
    directory: Directory,
    name: String,
}

impl Place {
    fn of(store: &FileTokenStorage, item: &KeyringItem) -> Self {
        let name = name::of_item(item.service(), item.account());
        Self { directory: store.directory.clone(), name }
    }

    /// The key, which is the one that is noted, and is from now on.
    fn key(&self, keyring: &Keyring, marked: Option<&str>) -> Result<SealingKey, StorageError> {
        let (asking, deadline) = keyring.asking();
        let place = self.clone();
        let errand = Box::new(move |asking: &Asking| place.find_or_make(asking, deadline));
        let key = asking.key(errand, deadline)?;
        match marked {
            None => self.mark(key.id())?,
            Some(expected) if expected != key.id() => {
                let (expected, found) = (expected.into(), key.id().into());
                return Err(asking.error(KeyringError::AnotherKey { expected, found }));
            }
            Some(_) => {}
        }
        Ok(key)
    }

    /// On the keyring's thread, which keeps the lock for as long as the keyring takes: one that puts a key there later
    /// than anybody waits for would replace that of another process.
    fn find_or_make(
        &self,
        asking: &Asking,
        deadline: Duration,
    ) -> Result<SealingKey, StorageError> {
        if let Some(key_id) = self.marked()? {
            let gone = || asking.error(KeyringError::Gone { key_id });
            return asking.read()?.ok_or_else(gone);
        }
        self.directory.make()?;
        let name = format!("{}{LOCK}", self.name);
        let timed_out = || asking.error(KeyringError::TimedOut { waited: deadline });
        // The keyring is the user's: who has another directory puts a key there, too.
        let of_user = locks::directory().join(format!("mcp-oauth-{name}"));
        let _of_user = match Held::within(&of_user, deadline) {
            // Another process waits for the keyring.
            Err(StorageError::Busy { .. }) => return Err(timed_out()),
            // Without a place for that lock, there is still that of the directory.
            held => held.ok(),
        };
        let _held = match Held::within(&self.directory.file(&name), deadline) {
            Err(StorageError::Busy { .. }) => return Err(timed_out()),
            held => held?,
        };
        if let Some(key) = asking.read()? {
            return Ok(key);
        }
        // Another process has been here, and the key is gone again.
        if let Some(key_id) = self.marked()? {
            return Err(asking.error(KeyringError::Gone { key_id }));
        }
        if !asking.is_wanted() {
            return Err(timed_out());
        }
        asking.make()?;
        // What counts is what others will find.
        let lost = || KeyringError::Failed { why: "it does not keep what it was given".into() };
        asking.read()?.ok_or_else(|| asking.error(lost()))
    }

    /// The id of the key that records are sealed with, if any were.
    fn marked(&self) -> Result<Option<Box<str>>, StorageError> {
        if !self.directory.exists()? {
            return Ok(None);
        }
        let path = self.path();
        let Some(text) = slot::read(&path)? else { return Ok(None) };
        let place = || path.display().to_string().into();
        match serde_json::from_slice::<Mark>(&text) {
            Ok(Mark { format: FORMAT, key_id }) => Ok(Some(key_id)),
            Ok(Mark { format, .. }) => Err(StorageError::Newer { place: place(), found: format }),
            Err(_) => Err(StorageError::Sealed { place: place(), why: SealError::Malformed }),
        }
    }

    /// Before the first record is sealed with it. Who writes it at the same time writes the same.
    fn mark(&self, key_id: &str) -> Result<(), StorageError> {
        self.directory.make()?;
        // All of it serializes.
        let text = serde_json::to_string(&Mark { format: FORMAT, key_id: key_id.into() })
            .unwrap_or_default();
        let path = self.path();
        let temporary = self.directory.file(&name::temporary(&self.name));
        let written =
            slot::write_durably(&temporary, &text).and_then(|()| disk::rename(&temporary, &path));
        written.map_err(|error| {
            let _ = disk::remove(&temporary);
            StorageError::io("write", &path, &error)
        })?;
        self.directory.sync()
    }

    fn path(&self) -> PathBuf {
        self.directory.file(&format!("{}{MARK}", self.name))
    }
}

#[derive(Serialize, Deserialize)]
struct Mark {
    format: u32,
    key_id: Box<str>,
}

const FORMAT: u32 = 1;
const MARK: &str = ".keyring";
const LOCK: &str = ".keyring.lock";
