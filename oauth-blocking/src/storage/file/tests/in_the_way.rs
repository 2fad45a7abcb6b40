//! What others do to a disk, and what disks of other kinds cannot do: who has a file open, what cannot be flushed or
//! locked.

use std::time::Duration;

use oauth_core::client::{Leases, Loaded, Records, StorageError, Written};
use oauth_core::session::Lock;
use rustix::io::Errno;

use super::Place;
use super::disk::{self, Names, Refuses};
use super::stage::{generation, key, left_over, locked, refreshed, reserve, reserved, stored};
use crate::storage::file::FileTokenStorage;
use crate::storage::file::disk::Call;

fn held_for((call, error): (Call, Errno), time: Duration) {
    disk::refuse(Some(Refuses::While(call, error.raw_os_error(), disk::now() + time)));
}

/// A virus scanner has a file for a moment, or a backup.
#[test]
fn nobody_notices_who_has_a_file_for_a_moment() {
    for call in [
        (Call::Open, Errno::BUSY),
        // Samba has lent the file to somebody, and wants it back first.
        (Call::Open, Errno::AGAIN),
        (Call::Read, Errno::BUSY),
        (Call::Create, Errno::TXTBSY),
        (Call::Write, Errno::BUSY),
        (Call::Rename, Errno::BUSY),
        // From a file server of Windows.
        (Call::Rename, Errno::ACCESS),
        (Call::Remove, Errno::ACCESS),
    ] {
        let place = Place::new(&format!("moment-{call:?}"));
        let (store, record) = stored(&place);
        let in_the_way = || held_for(call, Duration::from_millis(300));
        in_the_way();
        let guard = reserved(&store);
        in_the_way();
        assert_eq!(store.save(&key(), &refreshed(&record, 8), 7), Ok(Written::Done), "{call:?}");
        drop(guard);
        in_the_way();
        assert_eq!(generation(&store), 8, "{call:?}");
        in_the_way();
        assert_eq!(store.erase(&key()), Ok(()), "{call:?}");
        disk::refuse(None);
        assert_eq!(store.load(&key()), Ok(Loaded::Nothing), "{call:?}");
        assert_eq!(left_over(&place), [""; 0], "{call:?}");
    }
}

/// Somebody has the record for longer: it is an error that passes, and what was to be saved can be saved later, in the
/// room that was taken for it.
#[test]
fn who_has_a_file_for_longer_holds_up_one_save() {
    for call in [Call::Open, Call::Rename, Call::Write] {
        let place = Place::new(&format!("longer-{call:?}"));
        let (store, record) = stored(&place);
        let guard = reserved(&store);
        let begun = disk::now();
        held_for((call, Errno::BUSY), Duration::from_secs(5));
        let error = store.save(&key(), &refreshed(&record, 8), 7).unwrap_err();
        let waited = disk::now() - begun;
        let patience = Duration::from_millis(1500)..Duration::from_secs(3);
        assert!(patience.contains(&waited), "{call:?} {waited:?}");
        let StorageError::Io { cause, .. } = &error else { panic!("{call:?} {error}") };
        assert_eq!(cause.code, Some(Errno::BUSY.raw_os_error()));
        assert!(error.is_retryable() && error.advice().contains("virus scanners"), "{error}");
        disk::sleep(Duration::from_secs(5));
        assert_eq!(store.save(&key(), &refreshed(&record, 8), 7), Ok(Written::Done), "{call:?}");
        disk::refuse(None);
        drop(guard);
        assert_eq!((generation(&store), left_over(&place)), (8, Vec::new()), "{call:?}");
    }
}

/// A timer of the host's, for instance. Who is interrupted for ever hears of it.
#[test]
fn what_a_signal_interrupts_is_done_at_once() {
    for call in [Call::Create, Call::Open, Call::Read, Call::Write, Call::Flush, Call::Rename]
        .into_iter()
        .chain([Call::Remove, Call::FlushDirectory, Call::Lock])
    {
        let place = Place::new(&format!("signal-{call:?}"));
        let (store, record) = stored(&place);
        let begun = disk::now();
        let interrupt = || disk::refuse(Some(Refuses::First(call, Errno::INTR.raw_os_error())));
        interrupt();
        let guard = reserved(&store);
        interrupt();
        assert_eq!(store.save(&key(), &refreshed(&record, 8), 7), Ok(Written::Done), "{call:?}");
        drop(guard);
        interrupt();
        assert_eq!(store.erase(&key()), Ok(()), "{call:?}");
        assert!(disk::now() - begun < Duration::from_millis(500), "{call:?}");
        disk::refuse(Some(Refuses::Each(call, Errno::INTR.raw_os_error())));
        if let Err(error) = store.save(&key(), &refreshed(&record, 9), 0) {
            assert!(error.is_retryable() && error.advice() == "call again", "{error}");
        }
        disk::refuse(None);
    }
}

/// Nobody has the file then.
#[test]
fn other_errors_are_not_waited_for() {
    let place = Place::new("at-once");
    let (store, record) = stored(&place);
    for (call, code) in [(Call::Open, Errno::ACCESS), (Call::Rename, Errno::IO)] {
        let begun = disk::now();
        disk::refuse(Some(Refuses::Each(call, code.raw_os_error())));
        let error = store.save(&key(), &refreshed(&record, 8), 7).unwrap_err();
        disk::refuse(None);
        assert!(disk::now() - begun < Duration::from_millis(500), "{call:?}");
        assert!(!error.is_retryable(), "{error}");
        let number = format!("(os error {})", code.raw_os_error());
        assert!(error.to_string().ends_with(&number), "{error}");
    }
}

/// On Apple's systems a file is flushed in a way that file servers do not know: then in the other.
#[test]
fn a_flush_that_is_not_supported_is_done_in_another_way() {
    for code in [Errno::NOTSUP, Errno::INVAL, Errno::NOTTY] {
        let place = Place::new(&format!("flush-{code:?}"));
        let (store, record) = stored(&place);
        disk::calls();
        disk::refuse(Some(Refuses::Each(Call::Flush, code.raw_os_error())));
        assert_eq!(store.save(&key(), &refreshed(&record, 8), 7), Ok(Written::Done), "{code:?}");
        disk::refuse(None);
        let flushes = [Call::Flush, Call::FlushToDrive, Call::Rename, Call::FlushDirectory];
        assert_eq!(disk::calls()[2..], flushes, "{code:?}");
        disk::cut_power(&place.0, Names::Forgotten);
        assert_eq!(generation(&store), 8);
    }
}

/// A disk that fails is not one that can do less.
#[test]
fn a_flush_that_fails_is_an_error() {
    let place = Place::new("flush-fails");
    let (store, record) = stored(&place);
    for call in [Call::Flush, Call::FlushDirectory] {
        disk::refuse(Some(Refuses::Each(call, Errno::IO.raw_os_error())));
        disk::calls();
        let error = store.save(&key(), &refreshed(&record, 8), 7).unwrap_err();
        disk::refuse(None);
        assert!(matches!(error, StorageError::Io { .. }), "{error}");
        assert!(!disk::calls().contains(&Call::FlushToDrive));
    }
}

#[test]
fn a_directory_that_cannot_be_flushed_is_as_good_as_its_file_system() {
    // 45 on Apple's systems, where the other name has a number of its own.
    for code in [
        Errno::NOTSUP,
        Errno::OPNOTSUPP,
        Errno::INVAL,
        Errno::NOSYS,
        Errno::BADF,
        Errno::ISDIR,
        Errno::ACCESS,
        Errno::PERM,
    ] {
        let place = Place::new(&format!("directory-{code:?}"));
        let (store, record) = stored(&place);
        disk::refuse(Some(Refuses::Each(Call::FlushDirectory, code.raw_os_error())));
        assert_eq!(store.save(&key(), &refreshed(&record, 8), 7), Ok(Written::Done), "{code:?}");
        disk::refuse(None);
        assert_eq!(generation(&store), 8);
    }
}

/// As on Android: the first means is none there.
#[test]
fn a_lock_that_is_not_supported_is_taken_by_other_means() {
    let place = Place::new("locks");
    let (store, record) = stored(&place);
    disk::refuse(Some(Refuses::First(Call::Lock, Errno::NOSYS.raw_os_error())));
    let guard = locked(&store);
    // It is a lock like any other.
    assert!(store.try_lock(&key(), Lock::Refresh).unwrap().is_none());
    let guard = reserve(&store, guard).unwrap().expect("it is held");
    assert_eq!(store.save(&key(), &refreshed(&record, 8), 7), Ok(Written::Done));
    drop(guard);
    drop(locked(&store));
    assert_eq!((generation(&store), left_over(&place)), (8, Vec::new()));
}

/// As on Lustre without its option for them: that is said before there is anything to refresh, and by whoever reads
/// first. Others lock what was stored there before.
#[test]
fn a_file_system_without_locks_is_found_out_when_the_first_grant_is_read() {
    let place = Place::new("no-locks");
    drop(stored(&place));
    let store = FileTokenStorage::in_dir(&place.0);
    for code in [Errno::NOSYS, Errno::OPNOTSUPP] {
        disk::refuse(Some(Refuses::Each(Call::Lock, code.raw_os_error())));
        for error in [
            store.load(&key()).unwrap_err(),
            store.try_lock(&key(), Lock::Login).map(drop).unwrap_err(),
        ] {
            assert!(matches!(error, StorageError::Io { action: "lock", .. }), "{error}");
            assert!(error.advice().contains("another store"), "{}", error.advice());
            assert!(!error.is_retryable());
        }
    }
    // A lock service that does not answer may answer when it is needed.
    disk::refuse(Some(Refuses::Each(Call::Lock, Errno::NOLCK.raw_os_error())));
    assert_eq!(generation(&store), 7);
    let error = store.try_lock(&key(), Lock::Login).map(drop).unwrap_err();
    assert!(error.advice().contains("local disk"), "{}", error.advice());
    disk::refuse(None);
    assert_eq!(generation(&store), 7);
}
