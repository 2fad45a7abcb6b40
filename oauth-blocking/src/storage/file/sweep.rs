//! What killed processes have left, and how it goes.

use oauth_core::client::StorageError;
use oauth_core::session::Lock;

use super::directory::Directory;
use super::held::Held;
use super::name::{self, Name};
use super::remove;

/// Deletes what killed processes left in a directory: what they were writing, the room that they had, and
/// locks. Whoever is at work holds a lock, so what is under one that can be had is nobody's. What cannot be deleted
/// of other grants than `own` stays: that is no matter of whoever deletes theirs.
///
/// # Errors
///
/// A [`StorageError`]; some of it may be deleted then.
pub(super) fn sweep(directory: &Directory, own: &Name) -> Result<(), StorageError> {
    for file in directory.list()? {
        let Some((name, rest)) = Name::split(&file) else { continue };
        match clear(directory, &file, &name, rest) {
            Err(error) if name == *own => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn clear(directory: &Directory, file: &str, name: &Name, rest: &str) -> Result<(), StorageError> {
    let path = directory.file(file);
    let lock = match rest {
        rest if name::is_lock(rest) => {
            // It goes with its guard.
            drop(Held::at_once(&path)?);
            return Ok(());
        }
        rest if name::is_temporary(rest) => name.write_lock(),
        name::SPENDING => name.lock(Lock::Refresh),
        _ => return Ok(()),
    };
    match Held::at_once(&directory.file(&lock))? {
        Some(_held) => remove(&path),
        None => Ok(()),
    }
}
