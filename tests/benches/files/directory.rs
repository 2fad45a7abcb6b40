//! A directory with a number of grants in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use oauth_blocking::Records as _;
use oauth_tests::brought::record_of;
use oauth_tokio::{FileTokenStorage, Key, Record, Written};
use serde_json::json;

use crate::users::now;

/// A directory for tokens that is gone when this is.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("mcp-oauth-files-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a directory can be made");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn tokens(&self) -> PathBuf {
        self.0.join("tokens")
    }

    pub(crate) fn store(&self) -> FileTokenStorage {
        FileTokenStorage::in_dir(self.tokens())
    }

    /// Stores grants of users with these numbers, as many at a time as make the waits for the disk short.
    pub(crate) fn fill(&self, users: std::ops::Range<usize>) {
        let store = self.store();
        at_once(users.len(), |number| {
            let number = users.start + number;
            let saved = store.save(&key(number, SERVER), &record(number), 0);
            assert_eq!(saved.expect("the store works"), Written::Done);
        });
    }

    /// How many files there are, directories not counted.
    pub(crate) fn files(&self) -> usize {
        files_below(&self.tokens())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Does something so many times, on as many threads as [`THREADS`].
pub(crate) fn at_once(times: usize, work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS.min(times) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= times {
                        break;
                    }
                    work(number);
                }
            });
        }
    });
}

/// As many as the clients use for a store.
pub(crate) const THREADS: usize = 24;

fn files_below(path: &Path) -> usize {
    let entries = fs::read_dir(path).expect("it is a directory");
    let count = |path: PathBuf| if path.is_dir() { files_below(&path) } else { 1 };
    entries.map(|entry| count(entry.expect("it can be read").path())).sum()
}

/// The key of a user's grant.
pub(crate) fn key(number: usize, server: &str) -> Key {
    Key::grant(APPLICATION, &user(number), server)
}

pub(crate) fn user(number: usize) -> String {
    format!("user-{number}")
}

/// A grant with a token of 900 bytes.
pub(crate) fn record(number: usize) -> Record {
    let tokens = json!({
        "access_token": format!("{number:0>900}"),
        "refresh_token": format!("{number:0>100}"),
        "token_type": "Bearer",
        "scope": "mcp:basic",
        "expires_at": now() + 3600,
    });
    record_of(tokens, now())
}

/// The program that all clients are.
pub(crate) const APPLICATION: &str = "bench";

/// Where all grants are that no server has given.
pub(crate) const SERVER: &str = "https://mcp.example/mcp";
