//! The files of one grant: read, replaced, set aside.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use oauth_core::client::{Loaded, StorageError};
use oauth_core::seal::Sealing;
use oauth_core::session::{Key, Lock, Record};

use super::directory::Directory;
use super::held::Held;
use super::name::Name;
use super::room::Room;
use super::{disk, document, private};
use crate::clock::OperatingSystem;

/// Where the files of a key are.
pub(super) struct Slot<'a> {
    pub(super) key: &'a Key,
    pub(super) name: Name,
    pub(super) directory: Directory,
    pub(super) sealing: &'a Sealing,
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

    pub(super) fn spending(&self) -> PathBuf {
        self.directory.file(&self.name.spending())
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

    /// The same without waiting.
    ///
    /// # Errors
    ///
    /// Those of [`Held::at_once`].
    pub(super) fn try_hold(&self) -> Result<Option<Held>, StorageError> {
        Held::at_once(&self.directory.file(&self.name.write_lock()))
    }

    pub(super) fn read(&self) -> Result<Found, StorageError> {
        let path = self.record();
        match read(&path)? {
            Some(bytes) => {
                let place = path.display().to_string();
                let record = document::read(self.key, &bytes, self.sealing, &place)?;
                Ok(record.map_or(Found::Damaged, |record| Found::Record(Box::new(record))))
            }
            None => Ok(Found::Nothing),
        }
    }

    /// Whether what is there is as it would be written now, or there is nothing.
    pub(super) fn is_current(&self) -> Result<bool, StorageError> {
        let text = read(&self.record())?;
        Ok(text.is_none_or(|text| document::is_current(&text, self.sealing)))
    }

    /// Reads what is there, under the lock that lets nobody replace it meanwhile.
    pub(super) fn load(&self, held: &Held) -> Result<Loaded, StorageError> {
        Ok(match self.read()? {
            Found::Nothing => Loaded::Nothing,
            Found::Record(record) => Loaded::Record(record),
            Found::Damaged => {
                Loaded::Damaged { kept: self.set_aside(held)?.display().to_string().into() }
            }
        })
    }

    /// The same without what cannot be read.
    pub(super) fn stored(&self, held: &Held) -> Result<Option<Box<Record>>, StorageError> {
        Ok(match self.load(held)? {
            Loaded::Record(record) => Some(record),
            Loaded::Nothing | Loaded::Damaged { .. } => None,
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
            match disk::create(&path) {
                Ok(_) => break path,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(StorageError::io("create", &path, &error)),
            }
        };
        disk::rename(&from, &kept).map_err(|error| {
            let _ = disk::remove(&kept);
            StorageError::io("set aside", &from, &error)
        })?;
        Ok(kept)
    }

    /// Sees that a record could be sealed, before a token is spent for it.
    ///
    /// # Errors
    ///
    /// [`StorageError::Sealed`].
    pub(super) fn can_be_sealed(&self) -> Result<(), StorageError> {
        self.sealing.see_that_it_seals(
            self.key,
            &self.record().display().to_string(),
            &OperatingSystem,
        )
    }

    /// Replaces the file as a whole: whoever reads sees the old one or the new one. It is written where room was
    /// taken for it, if it was.
    pub(super) fn replace(
        &self,
        record: &Record,
        room: Option<&Room>,
        held: &Held,
    ) -> Result<(), StorageError> {
        let path = self.record();
        let text = document::write(self.key, record, self.sealing, &path.display().to_string())?;
        let unwritten = |error: io::Error| StorageError::io("write", &path, &error);
        if text.len() as u64 > MAX_FILE {
            return Err(unwritten(io::ErrorKind::FileTooLarge.into()));
        }
        let is_written = room.map_or(Ok(false), |room| room.fill(&text, &path, held));
        if !is_written.map_err(unwritten)? {
            let temporary = self.directory.file(&self.name.temporary());
            let written = write_durably(&temporary, &text);
            written.and_then(|()| disk::rename(&temporary, &path)).map_err(|error| {
                let _ = disk::remove(&temporary);
                unwritten(error)
            })?;
        }
        self.directory.sync()
    }
}

/// The file's bytes, `None` if there is no file. Of one that is too large to be a record, no more than shows that.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, StorageError> {
    let Some(file) = private::open(path)? else {
        return Ok(None);
    };
    match disk::read(&file, MAX_FILE + 1) {
        // Nothing reads as a record less than nothing.
        Ok(bytes) if bytes.len() as u64 > MAX_FILE => Ok(Some(Vec::new())),
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) => Err(StorageError::io("read", path, &error)),
    }
}

pub(super) fn write_durably(path: &Path, text: &str) -> io::Result<()> {
    let file = disk::create(path)?;
    disk::write(&file, text.as_bytes())?;
    disk::flush(&file, path)
}

/// The largest file that is read or written, in bytes: a record is made of three answers at most, the
/// server's metadata, the registration and the tokens.
pub(super) const MAX_FILE: u64 = 4 * oauth_core::MAX_BODY as u64;

/// How long a save waits for others, who need milliseconds: a process that was stopped in the middle of
/// one holds nobody up for ever.
const PATIENCE: Duration = Duration::from_secs(10);
