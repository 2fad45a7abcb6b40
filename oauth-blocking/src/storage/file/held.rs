//! A lock of the operating system.
//!
//! The file of a lock is deleted by who holds it, so that locks do not pile up. Whoever has opened it meanwhile
//! gets the lock of a file that is gone, finds another or none under the name, and starts over: only
//! the lock of the file that the name leads to counts.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use oauth_core::client::{Pauses, StorageError};

use super::room::Kept;
use super::{disk, platform, private};
use crate::clock::chance;
use crate::locks;

/// A lock that is held. It excludes other processes and, since it belongs to the open file and not to
/// the process, other threads.
#[derive(Debug)]
pub(super) struct Held {
    file: File,
    path: PathBuf,
    is_left: bool,
}

/// A lock of a grant, and what goes with it: room for what comes of it, which is given back first, and the lock of
/// the first versions.
#[derive(Debug)]
pub(super) struct Locked {
    pub(super) room: Option<Kept>,
    pub(super) held: Held,
    pub(super) former: Option<Held>,
}

impl Locked {
    /// Whether others still wait for it.
    pub(super) fn is_current(&self) -> Result<bool, StorageError> {
        Ok(self.held.is_current()? && self.former.as_ref().map_or(Ok(true), Held::is_current)?)
    }
}

/// What trying to take a lock came to.
#[derive(Debug)]
pub(super) enum Taken {
    Held(Held),
    ByAnother,
    /// There is no file, and none was to be made.
    NoFile,
}

impl Held {
    /// Takes the lock, if nobody holds it.
    ///
    /// # Errors
    ///
    /// A [`StorageError`]: the lock's file cannot be made or is insecure, or nothing can be locked there.
    pub(super) fn at_once(path: &Path) -> Result<Option<Self>, StorageError> {
        match Self::take(path, false, |path| private::make_lock(path).map(Some))? {
            Taken::Held(held) => Ok(Some(held)),
            Taken::ByAnother | Taken::NoFile => Ok(None),
        }
    }

    /// Takes a lock of the first versions, which count on its file: it is neither made nor deleted.
    ///
    /// # Errors
    ///
    /// As [`at_once`](Self::at_once).
    pub(super) fn left_at_once(path: &Path) -> Result<Taken, StorageError> {
        Self::take(path, true, private::open_lock)
    }

    /// Takes the lock for something short, which others do in no time as well.
    ///
    /// # Errors
    ///
    /// As [`at_once`](Self::at_once), or [`StorageError::Busy`] if it is not to be had in that time.
    pub(super) fn within(path: &Path, patience: Duration) -> Result<Self, StorageError> {
        let (begun, mut pauses) = (Instant::now(), Pauses::new(FIRST_PAUSE, LONGEST_PAUSE));
        loop {
            if let Some(held) = Self::at_once(path)? {
                return Ok(held);
            }
            let waited = begun.elapsed();
            match pauses.next_within(patience.saturating_sub(waited), chance()) {
                Some(pause) => thread::sleep(pause),
                None => {
                    return Err(StorageError::Busy {
                        place: path.display().to_string().into(),
                        waited,
                    });
                }
            }
        }
    }

    /// Tries the lock of the file that `open` finds.
    pub(super) fn take(
        path: &Path,
        is_left: bool,
        mut open: impl FnMut(&Path) -> Result<Option<File>, StorageError>,
    ) -> Result<Taken, StorageError> {
        for _ in 0..MAX_TRIES {
            let Some(file) = open(path)? else { return Ok(Taken::NoFile) };
            match disk::try_lock(&file) {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(Taken::ByAnother),
                Err(TryLockError::Error(error)) => {
                    return Err(StorageError::io("lock", path, &error));
                }
            }
            let held = Self { file, path: path.into(), is_left };
            if held.is_current()? {
                return Ok(Taken::Held(held));
            }
        }
        // Others take and release it all the time.
        Ok(Taken::ByAnother)
    }

    /// Whether the name still leads to the file, so that everybody else waits for this lock. One that was
    /// deleted meanwhile is not deleted again: the name is another's.
    fn is_current(&self) -> Result<bool, StorageError> {
        platform::is_same(&self.file, &self.path)
            .map_err(|error| StorageError::io("read", &self.path, &error))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if platform::DELETES_LOCKS && !self.is_left && self.is_current().unwrap_or(false) {
            let _ = fs::remove_file(&self.path);
        }
        // Closing is not enough: a process that is just being started has a copy of the open file.
        locks::unlock(&self.file);
    }
}

/// The pauses between two tries grow from one to the other.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// How often a lock is taken that turns out to be deleted.
const MAX_TRIES: u32 = 16;
