//! A keyring that answers.

use std::collections::BTreeSet;
use std::fs;
use std::thread;

use oauth_blocking::oauth_core::seal::{KeyringError, SealError, Sealing, SealingKey, SealingKeys};
use oauth_blocking::{AtRest, Key, KeyringMode, Records as _, StorageError, Written};
use oauth_tokio::Blocking;

use crate::mock::{Mock, Way};
use crate::place::{Place, key, loaded, record};

#[test]
fn a_record_is_sealed_and_another_process_reads_it() {
    let (place, mock) = (Place::new(), Mock::new(Way::Answers));
    let keyring = mock.keyring();
    let (_, key_id) = place.with_record(&keyring);
    assert_eq!(mock.secret().map(|secret| secret.len()), Some(32));
    assert!(!place.holds("refresh-secret-alice"));
    let (reads, writes) = mock.calls();
    assert_eq!(writes, 1);
    // Nobody asks it again in this process.
    let (again, at_rest) = place.open(&keyring.clone());
    assert_eq!(at_rest, AtRest::Sealed { key_id: key_id.clone() });
    assert_eq!(loaded(&again, &key("alice")), Some(record("alice")));
    assert_eq!(mock.calls(), (reads, 1));
    let (other, at_rest) = place.open(&mock.insisted_on());
    assert_eq!(at_rest, AtRest::Sealed { key_id });
    assert_eq!(loaded(&other, &key("alice")), Some(record("alice")));
    assert_eq!(mock.calls(), (reads + 1, 1), "once for a process");
}

#[test]
fn those_who_begin_at_the_same_time_have_the_same_key() {
    for _ in 0..20 {
        let (place, mock) = (Place::new(), Mock::new(Way::Answers));
        let ids: BTreeSet<_> = thread::scope(|scope| {
            let open = || match place.open(&mock.insisted_on()).1 {
                AtRest::Sealed { key_id } => key_id,
                other => panic!("{other:?}"),
            };
            let all = [(); 6].map(|()| scope.spawn(open));
            all.map(|thread| thread.join().unwrap()).into_iter().collect()
        });
        assert_eq!((ids.len(), mock.calls().1), (1, 1), "{ids:?}");
    }
}

/// The keyring is the user's: one that puts a second key there would lose the records of the first.
#[test]
fn those_who_begin_at_the_same_time_in_directories_of_their_own_have_the_same_key() {
    for _ in 0..10 {
        let (places, mock) = ([(); 6].map(|()| Place::new()), Mock::new(Way::Answers));
        let ids: BTreeSet<_> = thread::scope(|scope| {
            let open = |place: &Place| place.with_record(&mock.insisted_on()).1;
            let all = places.each_ref().map(|place| scope.spawn(move || open(place)));
            all.map(|thread| thread.join().unwrap()).into_iter().collect()
        });
        assert_eq!((ids.len(), mock.calls().1), (1, 1), "{ids:?}");
        for place in &places {
            let (store, _) = place.open(&mock.insisted_on());
            assert_eq!(loaded(&store, &key("alice")), Some(record("alice")));
        }
    }
}

#[test]
fn plain_records_are_read_and_sealed_unless_they_are_refused() {
    let (place, mock) = (Place::new(), Mock::new(Way::Answers));
    assert_eq!(place.plain().save(&key("alice"), &record("alice"), 0), Ok(Written::Done));
    let (only, _) = place.open(&mock.keyring().refusing_plain());
    match only.load(&key("alice")) {
        Err(StorageError::Sealed { why: SealError::NotSealed, .. }) => {}
        other => panic!("{other:?}"),
    }
    let (store, _) = place.open(&mock.keyring());
    assert_eq!(loaded(&store, &key("alice")), Some(record("alice")));
    assert!(place.holds("refresh-secret-alice"));
    assert_eq!(store.seal_anew("Keyring test"), Ok(1));
    assert!(!place.holds("refresh-secret-alice"));
    assert_eq!(loaded(&only, &key("alice")), Some(record("alice")));
}

/// From a key in the environment to one in the keyring.
#[test]
fn a_key_that_the_host_had_before_is_read_with() {
    let (place, mock) = (Place::new(), Mock::new(Way::Answers));
    let own = || SealingKey::new("2026", &[6; 32]).unwrap();
    let before = place.plain().sealed(Sealing::with(SealingKeys::new(own())));
    assert_eq!(before.save(&key("alice"), &record("alice"), 0), Ok(Written::Done));
    let (store, _) = place.open(&mock.keyring().and_reading(own()));
    assert_eq!(loaded(&store, &key("alice")), Some(record("alice")));
    assert_eq!(store.seal_anew("Keyring test"), Ok(1));
    let (store, _) = place.open(&mock.keyring());
    assert_eq!(loaded(&store, &key("alice")), Some(record("alice")));
}

#[test]
fn who_wants_files_asks_no_keyring() {
    let (place, mock) = (Place::new(), Mock::new(Way::Panics));
    let (store, at_rest) = place.open(&mock.keyring().mode(KeyringMode::File));
    assert_eq!(at_rest, AtRest::Plain { why: None });
    assert_eq!(store.save(&key("alice"), &record("alice"), 0), Ok(Written::Done));
    assert!(place.holds("refresh-secret-alice"));
    assert_eq!(mock.calls(), (0, 0));
}

/// The user decides, once: before that no keyring is asked, and from then on none is forgotten.
#[test]
fn who_goes_on_as_before_asks_a_keyring_once_records_are_sealed() {
    let (place, mock) = (Place::new(), Mock::new(Way::Panics));
    let as_before = || mock.keyring().mode(KeyringMode::AsBefore);
    let (store, at_rest) = place.open(&as_before());
    assert_eq!(at_rest, AtRest::Plain { why: None });
    assert_eq!(store.save(&key("alice"), &record("alice"), 0), Ok(Written::Done));
    assert_eq!(mock.calls(), (0, 0));

    mock.goes(Way::Answers);
    let (sealing, _) = place.open(&mock.insisted_on());
    assert_eq!(sealing.seal_anew("Keyring test"), Ok(1));
    assert!(!place.holds("refresh-secret-alice"));
    let (store, at_rest) = place.open(&as_before());
    assert!(matches!(at_rest, AtRest::Sealed { .. }), "{at_rest:?}");
    assert_eq!(loaded(&store, &key("alice")), Some(record("alice")));

    mock.has(None);
    let (store, at_rest) = place.open(&as_before());
    assert!(matches!(at_rest, AtRest::Withheld { .. }), "{at_rest:?}");
    let refused = store.save(&key("bob"), &record("bob"), 0);
    assert!(matches!(refused, Err(StorageError::Sealed { .. })), "{refused:?}");
}

/// It is not decided by who refuses what is plain: there, nothing is ever stored so.
#[test]
fn who_refuses_plain_records_asks_a_keyring_for_the_first_key() {
    let (place, mock) = (Place::new(), Mock::new(Way::Answers));
    let keyring = mock.keyring().mode(KeyringMode::AsBefore).refusing_plain();
    assert!(matches!(place.open(&keyring).1, AtRest::Sealed { .. }));
}

/// Nobody but who has the key can say what is in them.
#[test]
fn what_needs_a_lost_key_is_discarded_and_nothing_else() {
    let (place, mock) = (Place::new(), Mock::new(Way::Answers));
    assert_eq!(place.plain().save(&key("bob"), &record("bob"), 0), Ok(Written::Done));
    let (store, key_id) = place.with_record(&mock.keyring());
    let other = Key { application: "Another".into(), ..key("carol") };
    assert_eq!(store.save(&other, &record("carol"), 0), Ok(Written::Done));
    mock.has(None);
    assert_eq!(place.refused(&mock.insisted_on()), KeyringError::Gone { key_id });

    let keyring = mock.insisted_on();
    assert_eq!(place.plain().discard_sealed("Keyring test", &keyring), Ok(1));
    assert_eq!(place.plain().discard_sealed("Keyring test", &keyring), Ok(0));
    let (store, at_rest) = place.open(&keyring);
    assert!(matches!(at_rest, AtRest::Sealed { .. }), "{at_rest:?}");
    assert_eq!(loaded(&store, &key("alice")), None);
    assert_eq!(loaded(&store, &key("bob")), Some(record("bob")));
    assert!(store.load(&other).is_err(), "it is another program's");
}

#[tokio::test]
async fn on_tokio_it_is_the_same() {
    let (place, mock) = (Place::new(), Mock::new(Way::Answers));
    assert_eq!(place.plain().save(&key("alice"), &record("alice"), 0), Ok(Written::Done));
    let store = Blocking::new(place.plain());
    let (store, at_rest) = store.sealed_by(&mock.keyring()).await.unwrap();
    assert!(matches!(at_rest, AtRest::Sealed { .. }), "{at_rest:?}");
    assert_eq!(store.seal_anew("Keyring test").await, Ok(1));
    assert!(!place.holds("refresh-secret-alice"));
    assert_eq!(store.discard_sealed("Keyring test", &mock.keyring()).await, Ok(1));
}

/// Neither the key nor what names it is found where people look.
#[test]
fn nothing_shows_the_key() {
    let (place, mock) = (Place::new(), Mock::new(Way::Answers));
    let keyring = mock.keyring();
    let (store, key_id) = place.with_record(&keyring);
    let secret = mock.secret().unwrap();
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let shown = format!("{keyring:?} {store:?} {key_id}");
    for of_it in [format!("{secret:?}"), hex.clone(), hex[..16].to_owned()] {
        assert!(!shown.contains(&of_it), "{shown}");
    }
    for (path, bytes) in place.all() {
        assert!(!bytes.windows(32).any(|it| it == secret), "{path:?}");
        assert!(!String::from_utf8_lossy(&bytes).contains(&hex[..16]), "{path:?}");
    }
    assert!(
        !fs::read_dir(&place.0)
            .unwrap()
            .any(|it| { it.unwrap().file_name().to_string_lossy().ends_with(".lock") })
    );
}
