//! What killed processes have left, and how it goes.

use oauth_core::session::Lock;

use super::directory::Directory;
use super::held::Held;
use super::name::{self, Name};
use super::remove;
use crate::storage::StorageError;

/// Deletes what killed processes left in a directory: what they were writing, the room that they had, and
/// locks. Whoever is at work holds a lock, so what is under one that can be had is nobody's.
///
/// # Errors
///
/// A [`StorageError`]; some of it may be deleted then.
pub(super) fn sweep(directory: &Directory) -> Result<(), StorageError> {
    for file in directory.list()? {
        let Some((name, rest)) = Name::split(&file) else { continue };
        let path = directory.file(&file);
        if name::is_lock(rest) {
            // It goes with its guard.
            drop(Held::at_once(&path)?);
            continue;
        }
        let lock = match rest {
            rest if name::is_temporary(rest) => name.write_lock(),
            name::SPENDING => name.lock(Lock::Refresh),
            _ => continue,
        };
        if let Some(_held) = Held::at_once(&directory.file(&lock))? {
            remove(&path)?;
        }
    }
    Ok(())
}
