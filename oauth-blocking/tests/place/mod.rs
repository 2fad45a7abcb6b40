//! What the tests of the file store share: a directory, keys and records.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use oauth_blocking::{
    FileTokenStorage, Key, Lease, Loaded, Lock, Record, Records, StorageError, TokenStorage,
    Written,
};
use oauth_tests::files;

/// A directory of its own for a test, gone with it.
pub(crate) struct Place(pub(crate) PathBuf);

impl Place {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mcp-oauth-test-{}-{count}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub(crate) fn store(&self) -> FileTokenStorage {
        FileTokenStorage::in_dir(&self.0)
    }

    /// Saves the first record.
    pub(crate) fn save(&self, generation: u64) {
        assert_eq!(self.store().save(&key(), &record(generation), 0), Ok(Written::Done));
    }

    /// The one record.
    pub(crate) fn file(&self) -> PathBuf {
        let files = files::below(&self.0);
        files.into_iter().find(|path| path.extension().is_some_and(|end| end == "json")).unwrap()
    }

    pub(crate) fn names(&self) -> BTreeSet<String> {
        names(&self.0)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(unix)]
pub(crate) fn allow(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Writes what could be the store's own.
pub(crate) fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    #[cfg(unix)]
    allow(path, 0o600);
}

pub(crate) fn names(directory: &Path) -> BTreeSet<String> {
    let files = files::below(directory).into_iter();
    let names = files.map(|path| path.strip_prefix(directory).unwrap().to_owned());
    names.map(|name| name.to_str().unwrap().replace('\\', "/")).collect()
}

pub(crate) fn key() -> Key {
    key_of("", URL)
}

pub(crate) fn key_of(profile: &str, url: &str) -> Key {
    key_for(APPLICATION, profile, url)
}

pub(crate) fn key_for(application: &str, profile: &str, url: &str) -> Key {
    Key::grant(application, profile, url)
}

/// A lock that nobody holds.
pub(crate) fn taken(store: &dyn TokenStorage, key: &Key, lock: Lock) -> Lease {
    store.try_lock(key, lock).unwrap().unwrap()
}

/// A lock that somebody holds for a while.
pub(crate) fn waited_for(store: &dyn TokenStorage, key: &Key, lock: Lock) -> Lease {
    let begun = Instant::now();
    loop {
        if let Some(guard) = store.try_lock(key, lock).unwrap() {
            return guard;
        }
        assert!(begun.elapsed() < LONG, "it is held for ever");
        thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) fn loaded(generation: u64) -> Result<Loaded, StorageError> {
    Ok(Loaded::Record(Box::new(record(generation))))
}

pub(crate) fn record(generation: u64) -> Record {
    record_with(generation, &format!("access-{generation}"))
}

pub(crate) fn record_with(generation: u64, access_token: &str) -> Record {
    let json = serde_json::json!({
        "format": 1,
        "generation": generation,
        "issued_at": 1_900_000_000,
        "binding": {
            "server": {
                "issuer": "https://as.example",
                "authorization_endpoint": "https://as.example/authorize",
                "token_endpoint": "https://as.example/token",
                "registration_endpoint": null,
                "revocation_endpoint": null,
                "provenance": "discovered",
                "auth_methods": null,
                "promises_iss": true,
                "metadata_documents": false,
                "offline_access": false
            },
            "client": {
                "client_id": "client",
                "client_secret": { "secret": "client-secret" },
                "auth_method": "client_secret_basic",
                "redirect_uri": "http://127.0.0.1:49152/callback",
                "kind": "dynamic"
            },
            "resource": URL,
            "requested": "files:read"
        },
        "tokens": {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_at": 1_900_003_600,
            "refresh_token": format!("refresh-{generation}"),
            "id_token": "e30.e30."
        }
    });
    Record::from_json(json.to_string().as_bytes()).unwrap()
}

pub(crate) const URL: &str = "https://mcp.example.com/mcp";

/// The program that all keys are of.
pub(crate) const APPLICATION: &str = "test";

/// Long enough for anything that happens at all.
pub(crate) const LONG: Duration = Duration::from_secs(30);
