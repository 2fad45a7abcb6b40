//! All records of a program, sealed anew: after the first key was set up, or another one.

use oauth_core::client::StorageError;
use oauth_core::session::Key;

use super::name::{self, Name};
use super::slot::{Found, Slot};
use super::{FileTokenStorage, document, slot};

impl FileTokenStorage {
    /// Seals each record of a program anew that is plain, or sealed with another key than the one that writes; how many
    /// there were. When it is done, that other key can go, and [`Sealing::only`](oauth_core::seal::Sealing::only) may
    /// take the place of [`with`](oauth_core::seal::Sealing::with).
    ///
    /// Clients that profiles share are records as well. Programs may go on meanwhile: a record keeps its generation, and
    /// each is replaced as by a [save](crate::Records::save), as a whole and under the lock of its file. All of them have
    /// to write with the new key by then. It may be stopped, and called again. What is damaged is left to who loads it,
    /// and what was set aside as such stays as it is; logins that wait end by themselves. A record of the first versions
    /// is sealed when the client that it belongs to [moves](crate::Records::migrate) it.
    ///
    /// # Errors
    ///
    /// A [`StorageError`]. Where one record cannot be opened, or is of a later version, all others are done, and the
    /// error is that of the first one.
    pub fn seal_anew(&self, application: &str) -> Result<u64, StorageError> {
        self.each(application, |slot, text| {
            if document::is_current(text, &self.sealing) {
                return Ok(false);
            }
            let held = slot.hold()?;
            // Somebody may have replaced it before the lock was had.
            if slot.is_current()? {
                return Ok(false);
            }
            let Found::Record(record) = slot.read()? else { return Ok(false) };
            slot.replace(&record, None, &held)?;
            Ok(true)
        })
    }

    /// Changes each record of a program, or does not; how many were.
    ///
    /// # Errors
    ///
    /// As [`Self::seal_anew`].
    pub(super) fn each(
        &self,
        application: &str,
        change: impl Fn(&Slot<'_>, &[u8]) -> Result<bool, StorageError>,
    ) -> Result<u64, StorageError> {
        let mut shards = if self.directory.exists()? { self.directory.list()? } else { Vec::new() };
        shards.retain(|name| name::is_shard(name));
        shards.sort_unstable();
        let (mut count, mut first) = (0, None);
        for shard in &shards {
            let directory = self.directory.below(shard);
            let mut files = if directory.is_there()? { directory.list()? } else { Vec::new() };
            files.retain(|file| file.ends_with(name::RECORD));
            files.sort_unstable();
            for file in &files {
                let Some(text) = slot::read(&directory.file(file))? else { continue };
                // Under another name than its own it is found by nobody.
                let key = document::key(&text).filter(|key: &Key| {
                    let name = Name::of(key);
                    *key.application == *application
                        && name.record() == *file
                        && name.shard() == shard
                });
                let Some(key) = key else { continue };
                match change(&self.slot(&key, Name::of(&key)), &text) {
                    Ok(is_changed) => count += u64::from(is_changed),
                    Err(error @ (StorageError::Sealed { .. } | StorageError::Newer { .. })) => {
                        first.get_or_insert(error);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        first.map_or(Ok(count), Err)
    }
}
