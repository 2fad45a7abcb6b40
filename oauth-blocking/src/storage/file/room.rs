//! Room for a record, taken before a refresh token is spent: what the server answers can be kept then, also
//! on a disk that fills up meanwhile.
//!
//! The file is `NAME.spending`. Only who holds the refresh lock makes one, and it is gone with the save,
//! which writes the record into it and gives it the record's name. Until then its first line says who spends
//! the token, and since when; blanks follow.
//!
//! Left out: file systems that never write in place (Btrfs, ZFS, APFS). They find another place for the
//! record, and the room is proof only that there was one when it was made.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oauth_core::UnixTime;
use oauth_core::client::{Spending, StorageError};
use oauth_core::session::Spend;
use serde::{Deserialize, Serialize};

use super::held::Held;
use super::slot::{MAX_FILE, Slot};
use super::{disk, document, platform, private};
use crate::clock;

/// The rooms that a store has taken, by the paths of the records. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Rooms(Arc<Mutex<BTreeMap<PathBuf, Arc<Room>>>>);

/// A file that has room for a record.
#[derive(Debug)]
pub(super) struct Room {
    path: PathBuf,
    /// None when it was filled, or given back.
    file: Mutex<Option<File>>,
}

/// A room as long as the lock is held under which it was taken: dropped, it is given back.
#[derive(Debug)]
pub(super) struct Kept {
    rooms: Rooms,
    record: PathBuf,
    room: Arc<Room>,
}

impl Rooms {
    /// Takes room, in the place of what a killed process has left.
    ///
    /// # Errors
    ///
    /// [`StorageError::Io`]: there is none.
    pub(super) fn take(
        &self,
        slot: &Slot<'_>,
        spend: Spend<'_>,
        _: &Held,
    ) -> Result<Kept, StorageError> {
        let (record, path) = (slot.record(), slot.spending());
        let spend = Spend::new(spend.generation, document::room(spend.room(), slot.sealing));
        let room = Room::make(&path, spend)
            .map_err(|error| StorageError::io("take room at", &path, &error))?;
        let room = Arc::new(room);
        self.lock().insert(record.clone(), Arc::clone(&room));
        Ok(Kept { rooms: self.clone(), record, room })
    }

    /// The room for a record, if there is one.
    pub(super) fn of(&self, record: &Path) -> Option<Arc<Room>> {
        self.lock().get(record).cloned()
    }

    /// A thread that panicked here left nothing half done: every change is a single call.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Arc<Room>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    fn make(path: &Path, spend: Spend<'_>) -> io::Result<Self> {
        match disk::remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = disk::create(path)?;
        let made = Mark::new(spend.generation).text(spend.room()).and_then(|text| {
            disk::write(&file, &text)?;
            // The only proof that what was written has a place on the disk.
            disk::flush(&file, path)
        });
        if let Err(error) = made {
            drop(file);
            let _ = disk::remove(path);
            return Err(error);
        }
        Ok(Self { path: path.into(), file: Mutex::new(Some(file)) })
    }

    /// Writes a record into it, and gives it the record's name. False if it is not to be had any more: it was
    /// filled before, or somebody has taken over.
    ///
    /// # Errors
    ///
    /// Why that failed; it can be tried again.
    pub(super) fn fill(&self, text: &str, record: &Path, _: &Held) -> io::Result<bool> {
        let mut place = self.place();
        let Some(file) = place.as_ref().filter(|file| self.is_own(file)) else { return Ok(false) };
        disk::write(file, text.as_bytes())?;
        disk::flush(file, &self.path)?;
        disk::rename(&self.path, record)?;
        *place = None;
        Ok(true)
    }

    fn is_own(&self, file: &File) -> bool {
        platform::is_same(file, &self.path).unwrap_or(false)
    }

    fn place(&self) -> MutexGuard<'_, Option<File>> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.rooms.lock().remove(&self.record);
        if let Some(file) = self.room.place().take()
            && self.room.is_own(&file)
        {
            drop(file);
            let _ = disk::remove(&self.room.path);
        }
    }
}

/// Who spends a refresh token, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Whose refresh token, if it can still be read.
    generation: Option<u64>,
    /// By the clock of that machine, in seconds.
    since: u64,
    process: Option<u32>,
}

impl Mark {
    fn new(generation: u64) -> Self {
        let since = clock::now().as_secs();
        Self { generation: Some(generation), since, process: Some(std::process::id()) }
    }

    /// The one at a path, if there is one. In the middle of a save it is written over: then only the file
    /// says since when.
    ///
    /// # Errors
    ///
    /// [`StorageError::Insecure`] or [`StorageError::Io`].
    pub(super) fn at(path: &Path) -> Result<Option<Self>, StorageError> {
        let Some(file) = private::open(path)? else { return Ok(None) };
        let unreadable = |error| StorageError::io("read", path, &error);
        let changed = file.metadata().and_then(|metadata| metadata.modified());
        let line = disk::read(&file, LONGEST_MARK).map_err(unreadable)?;
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        Ok(Some(match serde_json::from_slice(line) {
            Ok(mark) => mark,
            Err(_) => {
                let since = UnixTime::from(changed.map_err(unreadable)?).as_secs();
                Self { generation: None, since, process: None }
            }
        }))
    }

    pub(super) fn since(&self) -> UnixTime {
        UnixTime::from_secs(self.since)
    }

    /// As others are told.
    pub(super) fn spending(&self) -> Spending {
        Spending::new(self.since(), self.process)
    }

    /// The file's text: it takes as much room as it is for.
    fn text(&self, room: usize) -> io::Result<Vec<u8>> {
        let mut text = serde_json::to_vec(self)?;
        text.push(b'\n');
        let room = u64::try_from(room).unwrap_or(MAX_FILE).min(MAX_FILE);
        text.resize(text.len().max(room as usize), b' ');
        Ok(text)
    }
}

/// Longer than any mark, in bytes.
const LONGEST_MARK: u64 = 256;
