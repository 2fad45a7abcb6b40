//! The store's promises about locks, and about what is spent under them.

use oauth_core::client::{Lease, Leases, Spending, StorageError, TokenStorage};
use oauth_core::session::{Key, Lock, Spend};

use super::held::{Held, Locked, Taken};
use super::name::Name;
use super::room::Mark;
use super::{FileTokenStorage, disk, former, private};

impl Leases for FileTokenStorage {
    /// A lock has no file while nobody holds it, but for Windows and for processes that were killed.
    fn is_held(&self, key: &Key, lock: Lock) -> Result<bool, StorageError> {
        let slot = self.slot(key, Name::of(key));
        if !self.directory.exists()? || !slot.directory.is_there()? {
            return Ok(false);
        }
        let path = slot.lock(lock);
        let Some(file) = private::open_lock(&path)? else { return Ok(false) };
        disk::is_locked(&file).map_err(|error| StorageError::io("lock", &path, &error))
    }

    fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError> {
        let slot = self.made(key, Name::of(key))?;
        let held = match Held::at_once(&slot.lock(lock))? {
            None if lock == Lock::Refresh => self.watch.take_over(&slot)?,
            held => held,
        };
        let Some(held) = held else { return Ok(None) };
        let former = match lock {
            Lock::Refresh => former::refresh_lock(self, key)?,
            Lock::Login | Lock::Client => Taken::NoFile,
        };
        let former = match former {
            Taken::ByAnother => return Ok(None),
            Taken::NoFile => None,
            Taken::Held(former) => Some(former),
        };
        self.watch.forget(&slot);
        Ok(Some(Lease::new(Locked { room: None, held, former })))
    }

    /// It has no end: it is the lock of an open file.
    fn extend(&self, _: &Key, lease: &mut Lease) -> Result<bool, StorageError> {
        lease.held::<Locked>().map_or(Ok(true), |locked| locked.is_current())
    }
}

impl TokenStorage for FileTokenStorage {
    fn reserve(
        &self,
        key: &Key,
        lease: &mut Lease,
        spend: Spend<'_>,
    ) -> Result<bool, StorageError> {
        let slot = self.made(key, Name::of(key))?;
        let Some(locked) = lease.held::<Locked>() else {
            // What a host has put around it keeps the lock just as long.
            let room = self.take_room(&slot, spend)?;
            let is_there = room.is_some();
            lease.hold_with(room);
            return Ok(is_there);
        };
        if !locked.is_current()? {
            return Ok(false);
        }
        locked.room = None;
        locked.room = self.take_room(&slot, spend)?;
        // If this process was stopped meanwhile, it may be another's.
        Ok(locked.room.is_some() && locked.is_current()?)
    }

    fn spending(&self, key: &Key) -> Result<Option<Spending>, StorageError> {
        if !self.directory.exists()? {
            return Ok(None);
        }
        let slot = self.slot(key, Name::of(key));
        if !slot.directory.is_there()? {
            return Ok(None);
        }
        let mark = Mark::at(&slot.spending())?;
        Ok(mark.as_ref().map(Mark::spending))
    }
}
