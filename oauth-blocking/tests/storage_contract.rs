//! The store in files keeps what stores promise.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use oauth_blocking::adapter::ready;
use oauth_blocking::{FileTokenStorage, Key, MemoryTokenStorage, SharedStorage, Split};
use oauth_core::client::StorageError;
use oauth_core::client::storage_contract::{Call, Report, Stage, check};
use oauth_core::seal::{Sealing, SealingKey, SealingKeys};

/// A directory of its own, gone with it. Each handle is a store that was made for it, as in another process.
struct Files {
    directory: PathBuf,
    handle: Box<dyn Fn(&Path) -> SharedStorage + Sync>,
}

impl Files {
    fn with(handle: impl Fn(&Path) -> SharedStorage + Sync + 'static) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mcp-oauth-contract-{}-{count}", std::process::id());
        Self { directory: std::env::temp_dir().join(name), handle: Box::new(handle) }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl Stage for Files {
    type Store = SharedStorage;

    async fn open(&self) -> Result<SharedStorage, StorageError> {
        Ok((self.handle)(&self.directory))
    }

    async fn sleep(&self, time: Duration) {
        thread::sleep(time);
    }

    async fn at_once(&self, calls: Vec<Call<'_>>) {
        thread::scope(|scope| {
            for call in calls {
                scope.spawn(|| ready(call));
            }
        });
    }

    async fn put(&self, key: &Key, json: &[u8]) -> bool {
        replaced(&self.directory, key, json).is_ok_and(|is_there| is_there)
    }
}

/// Writes over the file of a record, whose name has the first half of its key's in it.
fn replaced(directory: &Path, key: &Key, json: &[u8]) -> io::Result<bool> {
    let id = key.id().to_string();
    let half = &id[..id.len() / 2];
    for entry in fs::read_dir(directory.join(&half[..2]))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(&format!("-{half}.json")) {
            return fs::write(&path, json).map(|()| true);
        }
    }
    Ok(false)
}

#[test]
fn a_directory_keeps_all_that_can_be_seen() {
    let files = Files::with(|path| FileTokenStorage::in_private_dir(path).into());
    let report = ready(check(&files));
    assert!(report.is_kept(), "{report}");
    assert_eq!(not_checked(&report), [WITHOUT_END, WITHOUT_CRASHES].concat());
    assert!(!is_sealed(&files.directory));
}

#[test]
fn a_directory_of_sealed_files_keeps_as_much() {
    let files = Files::with(|path| {
        let key = SealingKey::new("2027", &[7; 32]).expect("well-formed");
        FileTokenStorage::in_private_dir(path).sealed(Sealing::with(SealingKeys::new(key))).into()
    });
    let report = ready(check(&files));
    assert!(report.is_kept(), "{report}");
    assert_eq!(not_checked(&report), [WITHOUT_END, WITHOUT_CRASHES].concat());
    assert!(is_sealed(&files.directory));
}

/// Whether there are files, and no tokens in any of them.
fn is_sealed(directory: &Path) -> bool {
    let below = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten();
    let files = below(directory).flat_map(|entry| below(&entry.path()));
    let texts: Vec<_> = files.map(|it| fs::read(it.path()).unwrap_or_default()).collect();
    let is_plain = |text: &Vec<u8>| String::from_utf8_lossy(text).contains("access_token");
    texts.len() > 50 && !texts.iter().any(is_plain)
}

#[test]
fn records_in_files_and_locks_in_memory_keep_as_much() {
    let locks = MemoryTokenStorage::new();
    let files = Files::with(move |path| {
        let records = FileTokenStorage::in_private_dir(path);
        Split { records, leases: locks.clone() }.into()
    });
    let report = ready(check(&files));
    assert!(report.is_kept(), "{report}");
    assert_eq!(not_checked(&report), [WITHOUT_END, WITHOUT_CRASHES].concat());
}

const WITHOUT_END: &[&str] = &[
    "a_lease_lasts",
    "a_lease_ends",
    "an_extended_lease_begins_anew",
    "a_lost_lease_cannot_be_extended",
    "a_lost_lease_frees_nothing",
    "a_lost_lease_reserves_nothing",
    "a_reserved_lease_begins_anew",
];

const WITHOUT_CRASHES: &[&str] =
    &["a_store_that_was_killed_holds_everything", "a_store_that_was_killed_keeps_logins"];

fn not_checked(report: &Report) -> Vec<&'static str> {
    report.not_checked().map(|it| it.clause.name).collect()
}
