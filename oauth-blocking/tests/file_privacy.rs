//! Directories outside the user's profile on Windows, where others may be able to enter.

#![cfg(windows)]
#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod place;

use std::fs;
use std::path::PathBuf;

use oauth_blocking::{FileTokenStorage, GrantQuery, Leases, Lock, Records, StorageError, Written};
use place::{key, loaded, record};

/// At the root of the disk, where what is made can be read by all users.
struct Outside(PathBuf);

impl Outside {
    fn new(name: &str) -> Self {
        let disk = PathBuf::from(std::env::var_os("SystemDrive").unwrap_or("C:".into()));
        Self(disk.join(format!(r"\mcp-oauth-{name}-{}", std::process::id())))
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_directory_outside_the_profile_is_refused_and_not_made() {
    let outside = Outside::new("refused");
    let store = FileTokenStorage::in_dir(outside.0.join("tokens"));
    for error in [
        store.load(&key()).map(drop).unwrap_err(),
        store.save(&key(), &record(1), 0).map(drop).unwrap_err(),
        store.try_lock(&key(), Lock::Login).map(drop).unwrap_err(),
        store.list_all(&GrantQuery::new("test")).map(drop).unwrap_err(),
        store.erase(&key()).unwrap_err(),
    ] {
        assert!(matches!(error, StorageError::Insecure { .. }), "{error}");
        assert!(error.to_string().contains("in_private_dir"), "{error}");
    }
    assert!(!outside.0.exists());
}

#[test]
fn a_host_may_vouch_for_a_directory() {
    let outside = Outside::new("vouched");
    let store = FileTokenStorage::in_private_dir(outside.0.join("tokens"));
    assert_eq!(store.save(&key(), &record(1), 0), Ok(Written::Done));
    assert_eq!(store.load(&key()), loaded(1));
}

#[test]
fn the_default_directory_is_in_the_profile() {
    let store = FileTokenStorage::new("mcp-oauth-test").unwrap();
    assert!(store.list_all(&GrantQuery::new("mcp-oauth-test")).is_ok());
}
