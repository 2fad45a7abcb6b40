//! A directory, records in it, and what is said of them.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use oauth_blocking::oauth_core::seal::{KeyringError, SealError};
use oauth_blocking::{
    AtRest, FileTokenStorage, Key, Keyring, Loaded, Record, Records as _, StorageError, Written,
};
pub(crate) use oauth_tests::brought::record;
use oauth_tests::files;

/// A directory that is gone with the test.
pub(crate) struct Place(pub(crate) PathBuf);

impl Place {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let name = format!("mcp-oauth-keyring-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub(crate) fn plain(&self) -> FileTokenStorage {
        FileTokenStorage::in_dir(&self.0)
    }

    pub(crate) fn open(&self, keyring: &Keyring) -> (FileTokenStorage, AtRest) {
        self.plain().sealed_by(keyring).unwrap()
    }

    /// A store with a record that is sealed, and the key's id.
    pub(crate) fn with_record(&self, keyring: &Keyring) -> (FileTokenStorage, Box<str>) {
        let (store, at_rest) = self.open(keyring);
        assert_eq!(store.save(&key("alice"), &record("alice"), 0), Ok(Written::Done));
        let AtRest::Sealed { key_id } = at_rest else { panic!("{at_rest:?}") };
        (store, key_id)
    }

    pub(crate) fn refused(&self, keyring: &Keyring) -> KeyringError {
        of_keyring(self.plain().sealed_by(keyring).map(drop))
    }

    pub(crate) fn holds(&self, secret: &str) -> bool {
        let all = files::below(&self.0);
        all.iter().any(|path| String::from_utf8_lossy(&fs::read(path).unwrap()).contains(secret))
    }

    /// Every file, to be compared.
    pub(crate) fn all(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files = files::below(&self.0).into_iter();
        files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn key(profile: &str) -> Key {
    Key::grant("Keyring test", profile, "https://mcp.example.com/mcp")
}

pub(crate) fn loaded(store: &FileTokenStorage, key: &Key) -> Option<Record> {
    match store.load(key).unwrap() {
        Loaded::Record(record) => Some(*record),
        Loaded::Nothing => None,
        damaged @ Loaded::Damaged { .. } => panic!("{damaged:?}"),
    }
}

/// What the keyring said, where that is why something failed.
pub(crate) fn of_keyring<T: std::fmt::Debug>(result: Result<T, StorageError>) -> KeyringError {
    match result {
        Err(StorageError::Sealed { why: SealError::Keyring(error), .. }) => error,
        other => panic!("{other:?}"),
    }
}
