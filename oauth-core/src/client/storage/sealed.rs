//! How stores write and read the bytes of records: with the randomness of their machine, and their own errors.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::Entropy;
use crate::client::storage::StorageError;
use crate::client::system::System;
use crate::seal::{SealError, SealSubject, Sealing, Unreadable};
use crate::session::{Key, Record, RecordDefect};

impl Sealing {
    /// The bytes of a record for a store, at this place in it (a file, or a row, to be shown).
    ///
    /// # Errors
    ///
    /// [`StorageError::Sealed`].
    pub fn to_store(
        &self,
        key: &Key,
        record: &Record,
        place: &str,
        system: &impl System,
    ) -> Result<Vec<u8>, StorageError> {
        let bytes = self.nonce(system).and_then(|random| self.record_to_bytes(key, record, random));
        bytes.map_err(|why| StorageError::Sealed { place: place.into(), why })
    }

    /// Sees that a record of this key could be sealed now. A store asks before a refresh token is spent: a seal whose key
    /// is gone would be found out with what the token has brought.
    ///
    /// # Errors
    ///
    /// [`StorageError::Sealed`].
    pub fn see_that_it_seals(
        &self,
        key: &Key,
        place: &str,
        system: &impl System,
    ) -> Result<(), StorageError> {
        let subject = SealSubject::Record { key, generation: 0 };
        let tried = self.nonce(system).and_then(|random| self.write(&[], subject, random));
        tried.map(drop).map_err(|why| StorageError::Sealed { place: place.into(), why })
    }

    /// Random bytes for a seal; any others will do without one.
    pub(super) fn nonce(&self, system: &impl System) -> Result<[u8; 24], SealError> {
        if self.is_none() {
            return Ok([0; 24]);
        }
        let random = system.entropy().map(Entropy::into_nonce);
        random.ok_or_else(|| SealError::Unavailable(Box::from("there is no randomness")))
    }

    /// The record in the bytes that a store holds at this place; `None` if they are damaged, and are to be set aside.
    /// `generation` is what stands beside them, if something does.
    ///
    /// # Errors
    ///
    /// [`StorageError::Sealed`] and [`StorageError::Newer`]: they stay where they are.
    pub fn from_store(
        &self,
        key: &Key,
        stored: &[u8],
        generation: Option<u64>,
        place: &str,
    ) -> Result<Option<Record>, StorageError> {
        match self.record_from_bytes(key, stored, generation) {
            Ok(record) => Ok(Some(record)),
            Err(Unreadable::Sealed(why)) => Err(StorageError::Sealed { place: place.into(), why }),
            Err(Unreadable::Record(RecordDefect::Format { found })) => {
                Err(StorageError::Newer { place: place.into(), found })
            }
            Err(Unreadable::Record(RecordDefect::Damaged)) => Ok(None),
        }
    }
}
