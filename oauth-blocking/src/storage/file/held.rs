//! A lock of the operating system.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use super::private;
use crate::storage::StorageError;

/// A lock that is held. It excludes other processes and, since it belongs to the open file and not to
/// the process, other threads.
#[derive(Debug)]
pub(super) struct Held(File);

impl Held {
    /// Waits for the lock.
    ///
    /// # Errors
    ///
    /// A [`StorageError`]: the lock's file cannot be made or is insecure, or nothing can be locked there.
    pub(super) fn wait(path: &Path) -> Result<Self, StorageError> {
        let file = private::open_lock(path)?;
        loop {
            match file.lock() {
                Ok(()) => return Ok(Self(file)),
                // A signal came.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(StorageError::io("lock", path, &error)),
            }
        }
    }

    /// Takes the lock, if nobody holds it.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub(super) fn at_once(path: &Path) -> Result<Option<Self>, StorageError> {
        let file = private::open_lock(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(StorageError::io("lock", path, &error)),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Closing is not enough: a process that is just being started has a copy of the open file.
        let _ = self.0.unlock();
    }
}
