//! Places that are none: what is in the way of the directories, paths that lead nowhere, directories that go away.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod place;

use std::fs;
use std::path::{Path, PathBuf};

use oauth_blocking::{
    FileTokenStorage, GrantQuery, Leases, Loaded, Lock, Records, Spend, StorageError, TokenStorage,
    Written,
};
use place::{Place, key, loaded, record, taken};

/// What every call says.
fn errors(store: &FileTokenStorage) -> Vec<StorageError> {
    vec![
        store.load(&key()).unwrap_err(),
        store.spending(&key()).unwrap_err(),
        store.list_all(&GrantQuery::new("test")).unwrap_err(),
        store.try_lock(&key(), Lock::Refresh).map(drop).unwrap_err(),
        store.save(&key(), &record(1), 0).unwrap_err(),
        store.erase(&key()).unwrap_err(),
    ]
}

fn is_in_the_way(errors: &[StorageError], path: &Path) {
    for error in errors {
        let StorageError::NoDirectoryAt { path: named, .. } = error else { panic!("{error:?}") };
        assert_eq!(named, path, "{error}");
        assert!(!error.is_retryable(), "{error}");
    }
}

/// The directory of the one grant, which is gone.
fn shard(place: &Place) -> PathBuf {
    place.save(1);
    let shard = place.file().parent().unwrap().to_owned();
    fs::remove_dir_all(&shard).unwrap();
    shard
}

#[test]
fn a_file_in_the_way_of_a_grants_directory_is_told_by_every_call() {
    let place = Place::new();
    let shard = shard(&place);
    fs::write(&shard, "").unwrap();
    is_in_the_way(&errors(&place.store()), &shard);
    fs::remove_file(&shard).unwrap();
    assert_eq!(place.store().load(&key()), Ok(Loaded::Nothing));
}

#[test]
fn files_of_others_are_not_listed_whatever_their_names() {
    let place = Place::new();
    place.save(1);
    fs::write(place.0.join("me"), "").unwrap();
    assert_eq!(place.store().list_all(&GrantQuery::new("test")).unwrap().len(), 1);
}

#[test]
fn an_empty_path_is_told_by_every_call() {
    for path in ["", "./"] {
        let store = FileTokenStorage::in_dir(path);
        if path.is_empty() {
            for error in errors(&store) {
                assert!(matches!(error, StorageError::NotAbsolute { .. }), "{error}");
                assert!(error.advice().contains("absolute"), "{}", error.advice());
            }
        } else {
            assert_eq!(store.directory(), std::env::current_dir().unwrap());
        }
    }
}

/// A store that is removed while it is used: what was spent is stored, in a place that is made again.
#[test]
fn a_directory_that_is_removed_while_in_use_is_made_again() {
    let place = Place::new();
    place.save(1);
    let store = place.store();
    let mut guard = taken(&store, &key(), Lock::Refresh);
    assert_eq!(store.reserve(&key(), &mut guard, Spend::new(1, 4096)), Ok(true));
    if fs::remove_dir_all(&place.0).is_err() {
        // Windows keeps what is open.
        return;
    }
    assert_eq!(store.load(&key()), Ok(Loaded::Nothing));
    assert_eq!(store.list_all(&GrantQuery::new("test")).unwrap().len(), 0);
    assert_eq!(store.erase(&key()), Ok(()));
    assert_eq!(store.save(&key(), &record(2), 1), Ok(Written::Conflict { stored: 0 }));
    assert_eq!(store.save(&key(), &record(2), 0), Ok(Written::Done));
    drop(guard);
    assert_eq!(store.load(&key()), loaded(2));
    drop(taken(&store, &key(), Lock::Refresh));
}

#[cfg(windows)]
#[test]
fn a_disk_that_is_not_there_is_told_as_such() {
    let store = FileTokenStorage::in_private_dir(r"Q:\a\tokens");
    is_in_the_way(&errors(&store), Path::new(r"Q:\"));
}

#[cfg(unix)]
mod on_unix {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    /// A disk that is not mounted, for the one grant alone: nobody is told that they have never logged in.
    #[test]
    fn a_link_that_leads_nowhere_is_told_by_every_call() {
        let place = Place::new();
        let shard = shard(&place);
        symlink(place.0.join("missing"), &shard).unwrap();
        is_in_the_way(&errors(&place.store()), &shard);
    }

    /// Where the process was is gone: a path that stayed relative would lead to wherever it goes next.
    #[test]
    fn a_path_relative_to_a_directory_that_is_gone_is_told_by_every_call() {
        const NAME: &str =
            "on_unix::a_path_relative_to_a_directory_that_is_gone_is_told_by_every_call";
        if std::env::var_os(NAME).is_some() {
            let place = Place::new();
            fs::create_dir_all(&place.0).unwrap();
            std::env::set_current_dir(&place.0).unwrap();
            fs::remove_dir(&place.0).unwrap();
            let store = FileTokenStorage::in_dir("tokens");
            std::env::set_current_dir(std::env::temp_dir()).unwrap();
            for error in errors(&store) {
                assert!(error.to_string().contains("leads nowhere"), "{error}");
            }
            return;
        }
        let mut again = Command::new(std::env::current_exe().unwrap());
        let run = again.args(["--exact", NAME]).env(NAME, "").output().unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && said.contains("1 passed"), "{said}");
    }

    /// Nothing is missing there, and nothing passes.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_system_in_which_nothing_is_made_is_no_error_that_passes() {
        let store = FileTokenStorage::in_dir("/proc/nothing/tokens");
        assert_eq!(store.load(&key()), Ok(Loaded::Nothing));
        let error = store.try_lock(&key(), Lock::Login).map(drop).unwrap_err();
        is_in_the_way(&[error], Path::new("/proc/nothing"));
    }
}
