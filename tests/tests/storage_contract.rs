//! Blocking stores that tasks use keep what stores promise: their calls go to other threads, and may be dropped.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use oauth_core::client::storage_contract::{Report, Stage, check};
use oauth_tokio::{Blocking, FileTokenStorage, MemoryTokenStorage, StorageError};

struct Files(PathBuf);

impl Stage for Files {
    type Store = Blocking<FileTokenStorage>;

    async fn open(&self) -> Result<Self::Store, StorageError> {
        Ok(Blocking::new(FileTokenStorage::in_private_dir(&self.0)))
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Memory(MemoryTokenStorage);

impl Stage for Memory {
    type Store = Blocking<MemoryTokenStorage>;

    async fn open(&self) -> Result<Self::Store, StorageError> {
        Ok(Blocking::new(self.0.clone()))
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_tasks_use_keeps_all_that_can_be_seen() {
    let name = format!("mcp-oauth-tokio-contract-{}", std::process::id());
    let report = check(&Files(std::env::temp_dir().join(name))).await;
    assert!(report.is_kept(), "{report}");
    assert_eq!(not_checked(&report), UNSEEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_memory_that_tasks_use_keeps_all_that_can_be_seen() {
    // As a host's own test may do it.
    let checking = tokio::spawn(async { check(&Memory(MemoryTokenStorage::new())).await });
    let report = checking.await.expect("nothing panics");
    assert!(report.is_kept(), "{report}");
    assert_eq!(not_checked(&report), UNSEEN);
}

fn not_checked(report: &Report) -> Vec<&'static str> {
    report.not_checked().map(|it| it.clause.name).collect()
}

const UNSEEN: [&str; 11] = [
    "a_lease_lasts",
    "a_lease_ends",
    "an_extended_lease_begins_anew",
    "a_lost_lease_cannot_be_extended",
    "a_lost_lease_frees_nothing",
    "a_lost_lease_reserves_nothing",
    "a_reserved_lease_begins_anew",
    "what_is_damaged_is_set_aside",
    "what_is_newer_is_left_alone",
    "a_store_that_was_killed_holds_everything",
    "a_store_that_was_killed_keeps_logins",
];
