//! What is kept when the disk fails or the power does, before and after a token is spent; and who takes over
//! from whom.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use oauth_core::client::{Lease, Leases, Loaded, Records, StorageError, TokenStorage, Written};
use oauth_core::session::{Key, Lock, Spend};

use super::disk::{self, Names, Refuses};
use super::stage::{
    ROOM, generation, key, left_over, locked, refreshed, reserve, reserved, slot, stored,
};
use super::{Place, numbered};
use crate::storage::file::disk::Call;
use crate::storage::file::name::Name;
use crate::storage::file::takeover::Watch;
use crate::storage::file::{FileTokenStorage, private};

#[test]
fn the_proof_that_tokens_can_be_kept_is_one_flush() {
    let flushes = |calls: &[Call]| {
        calls.iter().filter(|call| matches!(call, Call::Flush | Call::FlushDirectory)).count()
    };
    let place = Place::new("flushes");
    let (store, record) = stored(&place);
    disk::calls();
    let guard = locked(&store);
    assert_eq!(store.save(&key(), &refreshed(&record, 8), 7), Ok(Written::Done));
    drop(guard);
    let without = disk::calls();
    assert_eq!(
        without,
        [Call::Create, Call::Write, Call::Flush, Call::Rename, Call::FlushDirectory]
    );
    let guard = reserved(&store);
    assert_eq!(store.save(&key(), &refreshed(&record, 9), 8), Ok(Written::Done));
    drop(guard);
    let with = disk::calls();
    assert_eq!(
        with,
        [
            [Call::Remove, Call::Create, Call::Write, Call::Flush].as_slice(),
            &[Call::Write, Call::Flush, Call::Rename, Call::FlushDirectory],
        ]
        .concat()
    );
    assert_eq!((flushes(&without), flushes(&with)), (2, 3));
    assert_eq!(left_over(&place), [""; 0]);
}

/// Whatever a loss of power leaves of names.
#[test]
fn what_was_saved_outlasts_a_loss_of_power() {
    for names in [Names::Kept, Names::Forgotten] {
        let place = Place::new(&format!("power-{names:?}"));
        let (store, record) = stored(&place);
        disk::cut_power(&place.0, names);
        assert_eq!(generation(&store), 7, "{names:?}");
        assert_eq!(store.save(&key(), &refreshed(&record, 8), 7), Ok(Written::Done));
        disk::cut_power(&place.0, names);
        assert_eq!(generation(&store), 8, "{names:?}");
        let guard = reserved(&store);
        assert_eq!(store.save(&key(), &refreshed(&record, 9), 8), Ok(Written::Done));
        disk::cut_power(&place.0, names);
        assert_eq!(generation(&store), 9, "{names:?}");
        drop(guard);
    }
}

/// And is whole, and can be saved again.
#[test]
fn a_save_that_fails_leaves_what_was_or_what_will_be() {
    for (names, has_room) in [
        (Names::Kept, false),
        (Names::Kept, true),
        (Names::Forgotten, false),
        (Names::Forgotten, true),
    ] {
        for call in 0.. {
            let place = Place::new(&format!("fails-{names:?}-{has_room}-{call}"));
            let (store, record) = stored(&place);
            let guard = has_room.then(|| reserved(&store));
            disk::refuse(Some(Refuses::Once(call)));
            let outcome = store.save(&key(), &refreshed(&record, 8), 7);
            disk::refuse(None);
            if outcome == Ok(Written::Done) {
                assert!(call >= 4, "a call that fails is not noticed");
                break;
            }
            let error = outcome.unwrap_err();
            assert!(matches!(error, StorageError::Io { .. }), "{call}: {error}");
            let after = generation(&store);
            assert!([7, 8].contains(&after), "{call}");
            match store.save(&key(), &refreshed(&record, 8), 7) {
                Ok(Written::Done) => {}
                // It was there, but not for good: now it is.
                Ok(Written::Conflict { stored }) => assert_eq!((after, stored), (8, 8), "{call}"),
                Err(error) => panic!("{call}: {error}"),
            }
            drop(guard);
            disk::cut_power(&place.0, names);
            assert_eq!(generation(&store), 8, "{call} {names:?} {has_room}");
            let left_over = left_over(&place);
            assert!(left_over.iter().all(|name| name.ends_with(".lock")), "{left_over:?}");
        }
    }
}

#[test]
fn a_room_is_there_when_no_other_is() {
    let place = Place::new("room");
    let (store, record) = stored(&place);
    let guard = reserved(&store);
    disk::refuse(Some(Refuses::Room));
    assert_eq!(store.save(&key(), &refreshed(&record, 8), 7), Ok(Written::Done));
    assert!(store.save(&key(), &refreshed(&record, 9), 8).is_err());
    disk::refuse(None);
    drop(guard);
    assert_eq!(generation(&store), 8);
    // As large as it was to be, whatever the record takes.
    let _guard = reserved(&store);
    let path = slot(&store).spending();
    assert_eq!(fs::metadata(path).unwrap().len(), ROOM as u64);
}

/// Others of the same process may store what they know about the same tokens meanwhile.
#[test]
fn what_brings_no_tokens_takes_no_room() {
    let place = Place::new("known");
    let (store, record) = stored(&place);
    let guard = reserved(&store);
    assert_eq!(store.save(&key(), &numbered(&record, 8), 7), Ok(Written::Done));
    disk::refuse(Some(Refuses::Room));
    assert_eq!(store.save(&key(), &refreshed(&record, 9), 8), Ok(Written::Done));
    disk::refuse(None);
    drop(guard);
    assert_eq!((generation(&store), left_over(&place)), (9, Vec::new()));
}

#[test]
fn without_room_there_is_no_lock() {
    for call in 0..5 {
        let place = Place::new("full");
        let (store, _) = stored(&place);
        let guard = locked(&store);
        disk::refuse(Some(Refuses::AllAfter(call)));
        let outcome = reserve(&store, guard);
        disk::refuse(None);
        if call == 4 {
            assert!(outcome.unwrap().is_some());
            continue;
        }
        let error = outcome.unwrap_err();
        assert!(matches!(error, StorageError::Io { .. }) && error.is_retryable(), "{call}");
        // Others may go on, and find room where there is some again.
        drop(reserved(&store));
        assert_eq!(left_over(&place), [""; 0], "{call}");
    }
}

#[test]
fn a_room_that_was_not_used_is_given_back() {
    let place = Place::new("unused");
    let (store, _) = stored(&place);
    let guard = reserved(&store);
    let said = store.spending(&key()).unwrap().unwrap();
    assert_eq!(said.process, Some(std::process::id()));
    drop(guard);
    assert_eq!(left_over(&place), [""; 0]);
    assert_eq!(store.spending(&key()), Ok(None));
}

/// It lies beside a lock that is free.
#[test]
fn the_room_of_a_process_that_was_killed_is_the_next_ones() {
    let place = Place::new("killed");
    let (store, record) = stored(&place);
    let path = slot(&store).spending();
    for left in ["", "half a reco", "{\"generation\":7,\"since\":0,\"process\":1}\n   "] {
        fs::write(&path, left).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let guard = reserved(&store);
        assert_eq!(fs::metadata(&path).unwrap().len(), ROOM as u64);
        drop(guard);
        assert!(!path.exists());
    }
    // Or swept away, but not while the lock is held.
    let guard = reserved(&store);
    let other = FileTokenStorage::in_dir(&place.0);
    assert_eq!(other.save(&key(), &refreshed(&record, 8), 7), Ok(Written::Done));
    assert!(path.exists());
    drop(guard);
    fs::write(&path, "left").unwrap();
    let other = FileTokenStorage::in_dir(&place.0);
    assert_eq!(other.save(&key(), &refreshed(&record, 9), 8), Ok(Written::Done));
    assert!(!path.exists());
}

/// A lock that cannot be opened, and a file that is gone when it is to be deleted.
#[test]
fn what_is_left_of_other_grants_is_no_matter_of_whoever_deletes() {
    let place = Place::new("others");
    let (store, record) = stored(&place);
    let (directory, other) =
        (slot(&store).directory, Key::grant("other", "", "https://b.example/mcp"));
    let lock = directory.file(&Name::of(&other).lock(Lock::Refresh));
    fs::create_dir(&lock).unwrap();
    assert_eq!(store.erase(&key()), Ok(()));
    fs::remove_dir(&lock).unwrap();
    assert_eq!(store.save(&key(), &refreshed(&record, 9), 0), Ok(Written::Done));
    let room = slot(&store).spending();
    drop(private::create(&room).unwrap());
    disk::meddle(Call::Remove, move || fs::remove_file(room).unwrap());
    assert_eq!(store.erase(&key()), Ok(()));
    assert_eq!(store.load(&key()), Ok(Loaded::Nothing));
}

/// A process that was stopped holds the lock for longer than its lease: of those who wait, one takes it over.
#[cfg(unix)]
#[test]
fn a_lock_whose_holder_was_stopped_is_taken_over_once() {
    let place = Place::new("takeover");
    let (stopped, record) = stored(&place);
    let guard = reserved(&stopped);
    let (taken, waiters) = (AtomicUsize::new(0), 8);
    let held: Vec<_> = thread::scope(|scope| {
        let wait = || {
            let store = FileTokenStorage::in_dir(&place.0);
            let store =
                FileTokenStorage { watch: Watch::new(Duration::ZERO, Duration::ZERO), ..store };
            for _ in 0..50 {
                let Some(guard) = store.try_lock(&key(), Lock::Refresh).unwrap() else { continue };
                taken.fetch_add(1, Ordering::SeqCst);
                // A mark that lies about is none that lets anybody take over from who has the lock now.
                thread::sleep(Duration::from_millis(20));
                return Some((store, guard));
            }
            None
        };
        let waiting: Vec<_> = (0..waiters).map(|_| scope.spawn(wait)).collect();
        waiting.into_iter().filter_map(|waiter| waiter.join().unwrap()).collect()
    });
    assert_eq!(taken.load(Ordering::SeqCst), 1);
    let (store, new) = held.into_iter().next().unwrap();
    let new = reserve(&store, new).unwrap().expect("it is held");
    // Whoever was stopped wakes: no token is spent, and what came for the one before is stored beside the room.
    assert_eq!(stopped.save(&key(), &refreshed(&record, 8), 7), Ok(Written::Done));
    assert!(reserve(&stopped, guard).unwrap().is_none());
    assert!(store.spending(&key()).unwrap().is_some());
    let conflict = Written::Conflict { stored: 8 };
    assert_eq!(store.save(&key(), &refreshed(&record, 9), 7), Ok(conflict));
    drop(new);
    assert_eq!((generation(&store), left_over(&place)), (8, Vec::new()));
}

/// With the times of the field, nobody takes anything from who is at work.
#[test]
fn a_lock_that_is_at_work_is_not_taken_over() {
    let place = Place::new("at-work");
    let (store, _) = stored(&place);
    let _guard = reserved(&store);
    let other = FileTokenStorage::in_dir(&place.0);
    for _ in 0..3 {
        assert!(other.try_lock(&key(), Lock::Refresh).unwrap().is_none());
    }
    assert!(other.spending(&key()).unwrap().is_some());
}

/// This process was stopped while it made room, and the lock is another's by now.
#[test]
fn a_lock_that_is_lost_while_room_is_made_is_not_given_back() {
    let place = Place::new("lost");
    let (store, _) = stored(&place);
    let guard = locked(&store);
    let lock = slot(&store).lock(Lock::Refresh);
    disk::meddle(Call::Create, move || fs::remove_file(lock).unwrap());
    assert!(reserve(&store, guard).unwrap().is_none());
    assert_eq!(left_over(&place), [""; 0]);
}

/// Whoever wants to take over has read the mark of one process, and finds that of another under the same name.
#[test]
fn nobody_takes_over_from_who_has_just_begun() {
    let place = Place::new("begun");
    let (stopped, _) = stored(&place);
    let _guard = reserved(&stopped);
    let store = FileTokenStorage::in_dir(&place.0);
    let store = FileTokenStorage { watch: Watch::new(Duration::ZERO, Duration::ZERO), ..store };
    let (mark, lock) = (slot(&store).spending(), slot(&store).lock(Lock::Refresh));
    disk::meddle(Call::Read, move || {
        fs::remove_file(&mark).unwrap();
        drop(private::create(&mark).unwrap());
        fs::write(&mark, r#"{"generation":7,"since":1,"process":1}"#).unwrap();
    });
    let number = |path: &Path| fs::metadata(path).unwrap().ino();
    let held = number(&lock);
    assert!(store.try_lock(&key(), Lock::Refresh).unwrap().is_none());
    assert_eq!(number(&lock), held);
    // Which is as old as the first, and is looked at anew.
    assert!(store.try_lock(&key(), Lock::Refresh).unwrap().is_some());
}

/// Who has the lock now has read it before the one who had it stored what its refresh token brought.
#[test]
fn nothing_is_spent_for_a_record_that_was_replaced() {
    let place = Place::new("replaced");
    let (store, record) = stored(&place);
    for has_own_guard in [true, false] {
        let lease = locked(&store);
        let mut lease = if has_own_guard { lease } else { Lease::new(lease) };
        let expected = generation(&store);
        let refreshed = refreshed(&record, expected + 1);
        assert_eq!(store.save(&key(), &refreshed, expected), Ok(Written::Done));
        let spend = Spend::new(expected, ROOM);
        assert_eq!(store.reserve(&key(), &mut lease, spend), Ok(false));
        store.release(&key(), lease);
        assert_eq!(left_over(&place), [""; 0]);
        drop(reserved(&store));
    }
    store.erase(&key()).unwrap();
    let spend = Spend::new(9, ROOM);
    assert_eq!(store.reserve(&key(), &mut locked(&store), spend), Ok(false));
}
