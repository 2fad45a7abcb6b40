//! Grants in files: one per grant, readable by their owner only, shared by processes.
//!
//! ```text
//!   NAME.json            the grant; replaced as a whole, by renaming
//!   NAME.tmp-…           a grant on its way there, or what a killed writer left of one
//!   NAME.damaged-1       what stood in NAME.json and could not be read
//!   NAME.refresh.lock    empty, as all locks are
//!   NAME.login.lock
//!   NAME.write.lock      held for the length of one save
//! ```
//!
//! Locks are never deleted: one process would wait for the file that is gone while the next locks a
//! new one.
//!
//! `NAME` is the host of the server's URL for people to read, then the first half of a hash in
//! hexadecimal digits: SHA-256 over the length of the profile in bytes, a colon, the profile, and the
//! URL. It will never change, since everybody would be logged out by that:
//!
//! ```console
//! $ printf 0:https://mcp.example.com/mcp | sha256sum | head -c 32
//! 126f59b99d969cc31cde56e6ebe421f4
//! ```
//!
//! Left out: encryption. Who can read the files of a user can also read the key and the memory of his
//! programs.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use oauth_core::session::{Key, Lock, Record, RecordDefect};

use crate::storage::{Guard, Loaded, Saved, StorageError, StoredGrant, TokenStorage};

mod directory;
mod document;
#[cfg(not(unix))]
mod elsewhere;
mod held;
mod name;
mod private;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
use elsewhere as platform;
#[cfg(unix)]
use unix as platform;

use directory::Directory;
use held::Held;
use name::Name;

/// A store in a directory that only its owner can enter.
///
/// Threads and processes may share it, and any number of stores may be made for one directory. Reading
/// takes no lock and needs no permission to write. What cannot be read is kept under another name, and
/// what a later version wrote is neither replaced nor deleted.
///
/// The locks are those of the operating system: they end with the process that holds them, however it
/// ends. On a network file system they are as good as that file system's.
///
/// # Security
///
/// On Unix the directory is made with mode 0700 and the files with 0600. A directory or file that
/// others can read, that belongs to somebody else or is a symbolic link is refused with a message that
/// says what to do. The directories above it are not looked at: nobody else should be able to rename
/// anything on the way. On Windows the files inherit the permissions of their directory; below the
/// user's profile, where the default directory is, only he and administrators have any.
#[derive(Debug, Clone)]
pub struct FileTokenStorage {
    directory: Directory,
}

impl FileTokenStorage {
    /// A store in the user's own directory for such data, made when it is first written to:
    /// `mcp-oauth/tokens` below
    ///
    /// - `%LOCALAPPDATA%` on Windows,
    /// - `~/Library/Application Support` on macOS,
    /// - `$XDG_DATA_HOME` or `~/.local/share` elsewhere.
    ///
    /// # Errors
    ///
    /// [`StorageError::NoDirectory`] if none of these is known: use [`in_dir`](Self::in_dir).
    pub fn new() -> Result<Self, StorageError> {
        let path = directory::default_path(|name| std::env::var_os(name), std::env::home_dir)
            .ok_or(StorageError::NoDirectory)?;
        Ok(Self::in_dir(path))
    }

    /// A store in a directory, which is made when it is first written to, those above it included.
    /// A relative path is taken from where the process is now, wherever it goes later.
    #[must_use]
    pub fn in_dir(path: impl AsRef<Path>) -> Self {
        let directory = Directory::new(path.as_ref());
        Self { directory }
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Reads what is there, under the lock that lets nobody replace it meanwhile.
    fn load_held(&self, key: &Key, name: &Name, held: &Held) -> Result<Loaded, StorageError> {
        Ok(match self.read(key, name)? {
            Found::Nothing => Loaded::Nothing,
            Found::Record(record) => Loaded::Record(record),
            Found::Damaged => Loaded::Damaged { kept: self.set_aside(name, held)? },
        })
    }

    fn hold(&self, lock: &str) -> Result<Held, StorageError> {
        Held::wait(&self.directory.file(lock))
    }

    fn read(&self, key: &Key, name: &Name) -> Result<Found, StorageError> {
        let path = self.directory.file(&name.record());
        let Some(bytes) = read(&path)? else {
            return Ok(Found::Nothing);
        };
        if bytes.len() as u64 > MAX_FILE {
            return Ok(Found::Damaged);
        }
        match document::read(key, &bytes) {
            Ok(record) => Ok(Found::Record(Box::new(record))),
            Err(RecordDefect::Format { found }) => Err(StorageError::Newer { path, found }),
            Err(_) => Ok(Found::Damaged),
        }
    }

    /// Renames what cannot be read to the first free name.
    fn set_aside(&self, name: &Name, _: &Held) -> Result<PathBuf, StorageError> {
        let from = self.directory.file(&name.record());
        let mut count = 0_u64;
        let kept = loop {
            count += 1;
            let path = self.directory.file(&name.damaged(count));
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
    fn replace(&self, name: &Name, text: &str, _: &Held) -> Result<(), StorageError> {
        let path = self.directory.file(&name.record());
        if text.len() as u64 > MAX_FILE {
            return Err(StorageError::io("write", &path, &io::ErrorKind::FileTooLarge.into()));
        }
        let temporary = self.directory.file(&name.temporary());
        write_durably(&temporary, text).and_then(|()| fs::rename(&temporary, &path)).map_err(
            |error| {
                let _ = fs::remove_file(&temporary);
                StorageError::io("write", &path, &error)
            },
        )?;
        self.directory.sync()
    }

    /// Deletes what killed writers left. Writers hold the lock, so none of it is being written now.
    fn clean(&self, name: &Name, _: &Held) -> Result<(), StorageError> {
        self.directory.remove_all(|file| name.is_temporary(file))
    }
}

/// A [`load`](Self::load) writes only when it has to set a damaged file aside. A
/// [`delete`](Self::delete) sets one aside as well, and refuses to delete what is
/// [newer](StorageError::Newer). If the disk fails after a record was replaced, [`save`](Self::save)
/// says so, although the new record is what everybody reads from then on.
impl TokenStorage for FileTokenStorage {
    fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        if !self.directory.exists()? {
            return Ok(Loaded::Nothing);
        }
        let name = Name::of(key);
        Ok(match self.read(key, &name)? {
            Found::Nothing => Loaded::Nothing,
            Found::Record(record) => Loaded::Record(record),
            // Somebody may be replacing it right now: what is set aside has to be what was read.
            Found::Damaged => {
                let held = self.hold(&name.write_lock())?;
                self.load_held(key, &name, &held)?
            }
        })
    }

    fn lock(&self, key: &Key, lock: Lock) -> Result<Guard, StorageError> {
        self.directory.make()?;
        self.hold(&Name::of(key).lock(lock)).map(Guard::new)
    }

    fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Guard>, StorageError> {
        self.directory.make()?;
        let held = Held::at_once(&self.directory.file(&Name::of(key).lock(lock)))?;
        Ok(held.map(Guard::new))
    }

    fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Saved, StorageError> {
        self.directory.make()?;
        let name = Name::of(key);
        let held = self.hold(&name.write_lock())?;
        // The next save tries again; tokens are not lost over it.
        let _ = self.clean(&name, &held);
        let stored = match self.load_held(key, &name, &held)? {
            Loaded::Record(stored) => stored.generation(),
            Loaded::Nothing | Loaded::Damaged { .. } => 0,
        };
        if stored != expected {
            return Ok(Saved::Conflict { stored });
        }
        self.replace(&name, &document::write(key, record), &held)?;
        Ok(Saved::Done)
    }

    fn delete(&self, key: &Key) -> Result<(), StorageError> {
        if !self.directory.exists()? {
            return Ok(());
        }
        let name = Name::of(key);
        let held = self.hold(&name.write_lock())?;
        self.clean(&name, &held)?;
        if let Loaded::Record(_) = self.load_held(key, &name, &held)? {
            let path = self.directory.file(&name.record());
            fs::remove_file(&path).map_err(|error| StorageError::io("delete", &path, &error))?;
        }
        self.directory.sync()
    }

    fn list(&self) -> Result<Vec<StoredGrant>, StorageError> {
        if !self.directory.exists()? {
            return Ok(Vec::new());
        }
        let mut grants = Vec::new();
        for file in self.directory.list()? {
            let path = self.directory.file(&file);
            // Locks, and what is not ours.
            let Some(bytes) = file.ends_with(name::RECORD).then(|| read(&path)).transpose()? else {
                continue;
            };
            // Under another name than its own it would not be found by anybody.
            let key = bytes.as_deref().and_then(document::key);
            let key = key.filter(|key| Name::of(key).record() == file);
            let record = key.zip(bytes).and_then(|(key, bytes)| {
                let record = document::read(&key, &bytes).ok()?;
                StoredGrant::new(&key, &record)
            });
            grants.extend(record);
        }
        grants.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(grants)
    }
}

/// The file's bytes, one more than it may have at most; `None` if there is no file.
fn read(path: &Path) -> Result<Option<Vec<u8>>, StorageError> {
    let Some(file) = private::open(path)? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    match file.take(MAX_FILE + 1).read_to_end(&mut bytes) {
        Ok(_) => Ok(Some(bytes)),
        Err(error) => Err(StorageError::io("read", path, &error)),
    }
}

enum Found {
    Nothing,
    Record(Box<Record>),
    Damaged,
}

fn write_durably(path: &Path, text: &str) -> io::Result<()> {
    let mut file = private::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// The largest file that is read or written, in bytes: a record is made of three answers at most, the
/// server's metadata, the registration and the tokens.
const MAX_FILE: u64 = 4 * oauth_core::MAX_BODY as u64;
