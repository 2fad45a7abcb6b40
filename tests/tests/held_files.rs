//! Somebody has the record of a grant open and shares it with nobody, as virus scanners, backups and indexers do on
//! Windows: for a moment, and for longer. Beside the store in files, a layer over the disk shows the same on every system.

#![cfg(windows)]
#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::fs::OpenOptions;
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use oauth_blocking::{ClientError, Event, FileTokenStorage, StorageError};
use oauth_tests::files;
use oauth_tests::serve::Served;
use oauth_tests::world::Knobs;
use tokio_common::Directory;
use tokio_common::common::{
    self, LIST, assert_sound, expire, key, logins, refreshes, serve, stored_token,
};

/// What a holder lets others do meanwhile.
const NOTHING: u32 = 0;
/// To read and to write: it cannot be deleted then, nor anything renamed to its name.
const READ_AND_WRITE: u32 = 3;

#[test]
fn who_has_the_record_for_a_moment_is_not_noticed() {
    for (on_tokio, shares) in
        [(false, NOTHING), (true, NOTHING), (false, READ_AND_WRITE), (true, READ_AND_WRITE)]
    {
        let (served, directory) = (serve(Knobs::default()), Directory::new());
        let store = expired(&served, &directory);
        let holder = hold(record(&store), shares, Duration::from_millis(300));
        let failures = Arc::default();
        assert_eq!(call(on_tokio, &served, &store, &failures).unwrap(), 200);
        assert_eq!(failures.load(Ordering::SeqCst), 0, "{on_tokio} {shares}");
        assert_eq!((refreshes(&served), logins(&served)), (1, 0));
        holder.join().unwrap();
        assert!(stored_token(&store, &key(&served)).is_some());
        assert_sound(&served);
    }
}

/// What the token was spent for is saved as soon as that can be done, and used.
#[test]
fn who_keeps_the_record_for_longer_costs_no_login() {
    for on_tokio in [false, true] {
        let (served, directory) = (serve(Knobs::default()), Directory::new());
        let store = expired(&served, &directory);
        let old = stored_token(&store, &key(&served));
        let holder = hold(record(&store), READ_AND_WRITE, Duration::from_secs(5));
        let failures = Arc::default();
        assert_eq!(call(on_tokio, &served, &store, &failures).unwrap(), 200);
        assert!(failures.load(Ordering::SeqCst) > 0, "nothing was in the way");
        holder.join().unwrap();
        assert_eq!((refreshes(&served), logins(&served)), (1, 0));
        let new = stored_token(&store, &key(&served));
        assert!(new.is_some() && new != old);
        // Whoever starts now has it.
        assert_eq!(call(on_tokio, &served, &store, &failures).unwrap(), 200);
        assert_eq!((refreshes(&served), logins(&served)), (1, 0));
        assert_sound(&served);
    }
}

/// It may be a grant that is worth more than a new login.
#[test]
fn a_record_that_cannot_be_read_for_longer_is_an_error_that_passes() {
    for on_tokio in [false, true] {
        let (served, directory) = (serve(Knobs::default()), Directory::new());
        let store = expired(&served, &directory);
        let holder = hold(record(&store), NOTHING, Duration::from_secs(5));
        let failures = Arc::default();
        let error = call(on_tokio, &served, &store, &failures).unwrap_err();
        let StorageError::Io { cause, .. } = &error else { panic!("{error:?}") };
        assert_eq!(cause.code, Some(32), "{error}");
        assert!(error.is_retryable() && error.advice().contains("virus scanners"), "{error}");
        holder.join().unwrap();
        assert_eq!(call(on_tokio, &served, &store, &failures).unwrap(), 200);
        assert_eq!((refreshes(&served), logins(&served)), (1, 0));
        assert_sound(&served);
    }
}

/// A store whose only grant has expired.
fn expired(served: &Served, directory: &Directory) -> FileTokenStorage {
    let store = directory.store();
    drop(common::logged_in(served, &store));
    expire(&store, &key(served));
    store
}

fn record(store: &FileTokenStorage) -> PathBuf {
    let mut records = files::below(store.directory());
    records.retain(|path| files::is_grant(path));
    assert_eq!(records.len(), 1, "{records:?}");
    records.remove(0)
}

/// Has a file open for so long, from now on.
fn hold(path: PathBuf, shares: u32, time: Duration) -> JoinHandle<()> {
    let (sender, is_open) = channel();
    let holder = thread::spawn(move || {
        let _file = OpenOptions::new().read(true).share_mode(shares).open(path).unwrap();
        sender.send(()).unwrap();
        thread::sleep(time);
    });
    is_open.recv().unwrap();
    holder
}

/// A call of a program that has just started, on one adapter or the other.
fn call(
    on_tokio: bool,
    served: &Served,
    store: &FileTokenStorage,
    failures: &Arc<AtomicUsize>,
) -> Result<u16, StorageError> {
    let failures = Arc::clone(failures);
    let watch = move |event: &Event<'_>| {
        if let Event::SaveFailed { .. } | Event::StoreFailed { .. } = event {
            failures.fetch_add(1, Ordering::SeqCst);
        }
    };
    if on_tokio {
        let oauth = tokio_common::builder(served, store).on_event(watch).build().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(tokio_common::call(&oauth, served, LIST)).map_err(stored);
    }
    let oauth = common::builder(served, store).on_event(watch).build().unwrap();
    common::call(&oauth, served, LIST).map_err(stored)
}

fn stored<H: std::error::Error>(error: ClientError<H>) -> StorageError {
    match error {
        ClientError::Storage(error) => error,
        error => panic!("{error:?}"),
    }
}
