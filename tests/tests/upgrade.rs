//! What a program finds of a version of this crate that knew no applications.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use oauth_blocking::oauth_core::seal::{SealError, Sealing, SealingKey, SealingKeys};
use oauth_blocking::{Error, Key, StorageError};
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

/// Else whoever can write into the directory would have a grant of theirs sealed, and used.
#[test]
fn a_login_of_an_earlier_version_is_refused_where_plain_ones_are() {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    drop(common::logged_in(&served, &directory.store()));
    let former = as_it_was(&served, &directory);
    let plain = fs::read(former.with_extension("json")).unwrap();
    let keys = || SealingKeys::new(SealingKey::new("2027", &[7; 32]).unwrap());
    let only = directory.store().sealed(Sealing::only(keys()));
    let moving = former.with_extension(format!("moving-{}", hash_of(&key(&served))));
    // As it was put there, and as if a move had been cut short.
    for place in [former.with_extension("json"), moving] {
        fs::rename(former.with_extension("json"), &place).unwrap();
        match common::call(&common::client(&served, &only), &served, LIST).unwrap_err() {
            Error::Storage(StorageError::Sealed { why: SealError::NotSealed, place: named }) => {
                assert_eq!(*named, *place.display().to_string());
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(stored_token(&directory.store(), &key(&served)), None);
        assert_eq!(fs::read(&place).unwrap(), plain);
        fs::rename(&place, former.with_extension("json")).unwrap();
    }
    // Where plain ones are read, it is taken over, and sealed.
    let with = directory.store().sealed(Sealing::with(keys()));
    assert_eq!(common::call(&common::client(&served, &with), &served, LIST).unwrap(), 200);
    assert!(stored_token(&only, &key(&served)).is_some());
    assert_eq!(served.world().oauth_requests(), 0);
}

/// The first half of it, as it stands in names.
fn hash_of(key: &Key) -> String {
    let mut hash = key.id().to_string();
    hash.truncate(32);
    hash
}
