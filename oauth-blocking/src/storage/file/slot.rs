//! The files of one grant: read, replaced, set aside.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use oauth_core::session::{Key, Lock, Record, RecordDefect};

use super::directory::Directory;
use super::held::Held;
use super::name::Name;
use super::{document, private};
use crate::storage::{Loaded, StorageError};

/// Where the files of a key are.
pub(super) struct Slot<'a> {
    pub(super) key: &'a Key,
    pub(super) name: Name,
    pub(super) directory: Directory,
}

pub(super) enum Found {
    Nothing,
    Record(Box<Record>),
    Damaged,
}

impl Slot<'_> {
    pub(super) fn record(&self) -> PathBuf {
        self.directory.file(&self.name.record())
    }

    pub(super) fn lock(&self, lock: Lock) -> PathBuf {
        self.directory.file(&self.name.lock(lock))
    }

    /// Takes the lock without which nothing is written.
    ///
    /// # Errors
    ///
    /// Those of [`Held::within`].
    pub(super) fn hold(&self) -> Result<Held, StorageError> {
        Held::within(&self.directory.file(&self.name.write_lock()), PATIENCE)
    }

    pub(super) fn read(&self) -> Result<Found, StorageError> {
        let path = self.record();
        match read(&path)? {
            Some(bytes) => understood(document::read(self.key, &bytes), path),
            None => Ok(Found::Nothing),
        }
    }

    /// Reads what is there, under the lock that lets nobody replace it meanwhile.
    pub(super) fn load(&self, held: &Held) -> Result<Loaded, StorageError> {
        Ok(match self.read()? {
            Found::Nothing => Loaded::Nothing,
            Found::Record(record) => Loaded::Record(record),
            Found::Damaged => Loaded::Damaged { kept: self.set_aside(held)? },
        })
    }

    /// Renames what cannot be read to the first free name.
    fn set_aside(&self, _: &Held) -> Result<PathBuf, StorageError> {
        let from = self.record();
        let mut count = 0_u64;
        let kept = loop {
            count += 1;
            let path = self.directory.file(&self.name.damaged(count));
            // Renaming would replace a file, so the name is taken first.
            match private::create(&path) {
                Ok(_) => break path,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(StorageError::io("create", &path, &error)),
            }
        };
        fs::rename(&from, &kept).map_err(|error| {
            let _ = fs::remove_file(&kept);
            StorageError::io("set aside", &from, &error)
        })?;
        Ok(kept)
    }

    /// Replaces the file as a whole: whoever reads sees the old one or the new one.
    pub(super) fn replace(&self, record: &Record, _: &Held) -> Result<(), StorageError> {
        let (path, text) = (self.record(), document::write(self.key, record));
        if text.len() as u64 > MAX_FILE {
            return Err(StorageError::io("write", &path, &io::ErrorKind::FileTooLarge.into()));
        }
        let temporary = self.directory.file(&self.name.temporary());
        write_durably(&temporary, &text).and_then(|()| fs::rename(&temporary, &path)).map_err(
            |error| {
                let _ = fs::remove_file(&temporary);
                StorageError::io("write", &path, &error)
            },
        )?;
        self.directory.sync()
    }
}

/// The file's bytes, `None` if there is no file. Of one that is too large to be a record, no more than shows that.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, StorageError> {
    let Some(file) = private::open(path)? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    match file.take(MAX_FILE + 1).read_to_end(&mut bytes) {
        // Nothing reads as a record less than nothing.
        Ok(_) if bytes.len() as u64 > MAX_FILE => Ok(Some(Vec::new())),
        Ok(_) => Ok(Some(bytes)),
        Err(error) => Err(StorageError::io("read", path, &error)),
    }
}

/// What a reading means: that which is newer is no damage.
pub(super) fn understood(
    read: Result<Record, RecordDefect>,
    path: PathBuf,
) -> Result<Found, StorageError> {
    match read {
        Ok(record) => Ok(Found::Record(Box::new(record))),
        Err(RecordDefect::Format { found }) => Err(StorageError::Newer { path, found }),
        Err(_) => Ok(Found::Damaged),
    }
}

fn write_durably(path: &Path, text: &str) -> io::Result<()> {
    let mut file = private::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// The largest file that is read or written, in bytes: a record is made of three answers at most, the
/// server's metadata, the registration and the tokens.
const MAX_FILE: u64 = 4 * oauth_core::MAX_BODY as u64;

/// How long a save waits for others, who need milliseconds: a process that was stopped in the middle of
/// one holds nobody up for ever.
const PATIENCE: Duration = Duration::from_secs(10);
