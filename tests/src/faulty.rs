//! A store in files on a disk that fails now and then, switched by another process.
//!
//! The switch is a file beside the directory: what stands in it is what fails, for all stores of that directory,
//! from the next call on. A call that is caught in the middle has done what it does, and says that it failed.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use oauth_blocking::{
    FileTokenStorage, GrantPage, GrantQuery, Key, Lease, Leases, Loaded, Lock, Record, Records,
    Spend, Spending, StorageError, TokenStorage, Written,
};

/// What is wrong with a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// There is no room for anything, not even where room was taken before: so it is on file systems that never
    /// write in place. What takes no room still works.
    Full,
    /// Nothing can be made, written, renamed or deleted.
    ReadOnly,
    /// The same, and nothing can be read: it is behind a network that is gone.
    Unreadable,
    /// Everything is done, and fails at the last wait for the disk.
    Unflushed,
}

impl Fault {
    /// All that a layer over the store can imitate.
    pub const ALL: [Self; 4] = [Self::Full, Self::ReadOnly, Self::Unreadable, Self::Unflushed];

    fn fails(self, call: Call) -> bool {
        match self {
            Self::Full | Self::Unflushed => call == Call::Writes,
            Self::ReadOnly => call != Call::Reads,
            Self::Unreadable => true,
        }
    }

    fn error(self, path: &Path) -> StorageError {
        let (action, kind) = match self {
            Self::Full => ("write", ErrorKind::StorageFull),
            Self::ReadOnly => ("open", ErrorKind::ReadOnlyFilesystem),
            Self::Unflushed => ("sync", ErrorKind::StorageFull),
            Self::Unreadable => ("read", ErrorKind::TimedOut),
        };
        StorageError::Io { action, path: path.into(), cause: (&io::Error::from(kind)).into() }
    }
}

/// Sets what fails from now on, for all stores of a directory.
///
/// # Panics
///
/// The switch cannot be written.
pub fn set(directory: &Path, fault: Option<Fault>) {
    let word = fault.map_or(String::new(), |fault| format!("{fault:?}"));
    fs::write(switch(directory), word).expect("the switch can be written");
}

/// The store, and its switch.
#[derive(Debug)]
pub struct FaultyStorage {
    files: FileTokenStorage,
    switch: PathBuf,
}

/// What a call of the store needs of the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Reads,
    /// Names alone, which take no room.
    Names,
    Writes,
}

impl FaultyStorage {
    /// A store in a directory.
    #[must_use]
    pub fn in_dir(path: impl AsRef<Path>) -> Self {
        let files = FileTokenStorage::in_dir(path);
        let switch = switch(files.directory());
        Self { files, switch }
    }

    fn fault(&self) -> Option<Fault> {
        let word = fs::read_to_string(&self.switch).ok()?;
        Fault::ALL.into_iter().find(|fault| format!("{fault:?}") == word)
    }

    fn sound(&self, call: Call) -> Result<(), StorageError> {
        match self.fault() {
            Some(fault) if fault.fails(call) => Err(fault.error(self.files.directory())),
            _ => Ok(()),
        }
    }

    fn with<T>(
        &self,
        call: Call,
        work: impl FnOnce(&FileTokenStorage) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        if self.fault() != Some(Fault::Unflushed) {
            self.sound(call)?;
        }
        let done = work(&self.files)?;
        self.sound(call)?;
        Ok(done)
    }
}

impl Records for FaultyStorage {
    fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        self.with(Call::Reads, |files| files.load(key))
    }

    fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Written, StorageError> {
        self.with(Call::Writes, |files| files.save(key, record, expected))
    }

    fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        self.with(Call::Names, |files| files.delete(key, expected))
    }

    fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        self.with(Call::Reads, |files| files.list(query))
    }
}

impl Leases for FaultyStorage {
    fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError> {
        self.with(Call::Names, |files| files.try_lock(key, lock))
    }

    fn extend(&self, key: &Key, lease: &mut Lease) -> Result<bool, StorageError> {
        self.with(Call::Reads, |files| files.extend(key, lease))
    }
}

impl TokenStorage for FaultyStorage {
    fn reserve(
        &self,
        key: &Key,
        lease: &mut Lease,
        spend: Spend<'_>,
    ) -> Result<bool, StorageError> {
        self.with(Call::Writes, |files| files.reserve(key, lease, spend))
    }

    fn spending(&self, key: &Key) -> Result<Option<Spending>, StorageError> {
        self.with(Call::Reads, |files| files.spending(key))
    }
}

fn switch(directory: &Path) -> PathBuf {
    directory.with_extension("fault")
}
