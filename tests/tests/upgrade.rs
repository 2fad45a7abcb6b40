//! What a program finds of a version of this crate that knew no applications.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use oauth_tests::files;
use oauth_tests::serve::Served;
use oauth_tests::world::Knobs;
use sha2::{Digest as _, Sha256};
use tokio_common::Directory;
use tokio_common::common::{self, LIST, assert_sound, key, serve, stored_token};

/// Gives the only record the place and the text that it had; the former name without its ending.
fn as_it_was(served: &Served, directory: &Directory) -> PathBuf {
    let store = directory.store();
    let mut records = files::below(store.directory());
    records.retain(|path| files::is_grant(path));
    let now = records.pop().unwrap();
    let mut document: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&now).unwrap()).unwrap();
    let members = document.as_object_mut().unwrap();
    assert!(members.remove("application").is_some() && members.remove("format").is_some());
    let url = served.server_url();
    let mut name = url.split('/').nth(2).unwrap().replace(['.', ':'], "-") + "-";
    for byte in &Sha256::digest(format!("0:{url}"))[..16] {
        write!(name, "{byte:02x}").unwrap();
    }
    let former = store.directory().join(name);
    // With its permissions.
    fs::rename(&now, former.with_extension("json")).unwrap();
    fs::write(former.with_extension("json"), document.to_string()).unwrap();
    former
}

#[test]
fn a_login_of_an_earlier_version_is_taken_over() {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    drop(common::logged_in(&served, &directory.store()));
    let former = as_it_was(&served, &directory);
    assert_eq!(stored_token(&directory.store(), &key(&served)), None);
    let oauth = common::client(&served, &directory.store());
    assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
    assert!(stored_token(&directory.store(), &key(&served)).is_some());
    assert!(!former.with_extension("json").exists());
    assert_eq!(served.world().oauth_requests(), 0);
    assert_sound(&served);
}

#[tokio::test]
async fn a_login_of_an_earlier_version_is_taken_over_on_tokio() {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    drop(tokio_common::logged_in(&served, &directory.store()).await);
    as_it_was(&served, &directory);
    let oauth = tokio_common::client(&served, &directory.store());
    assert_eq!(tokio_common::call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_eq!(served.world().oauth_requests(), 0);
    assert_sound(&served);
}

#[test]
fn an_earlier_version_that_refreshes_is_waited_for() {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    drop(common::logged_in(&served, &directory.store()));
    let former = as_it_was(&served, &directory);
    let lock = former.with_extension("refresh.lock");
    // With the permissions that the store wants.
    fs::copy(former.with_extension("json"), &lock).unwrap();
    let held = fs::File::open(&lock).unwrap();
    held.lock().unwrap();
    let earlier = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        drop(held);
    });
    let oauth = common::client(&served, &directory.store());
    assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
    assert!(earlier.is_finished(), "it was not waited for");
    assert_eq!(served.world().oauth_requests(), 0);
    earlier.join().unwrap();
}
