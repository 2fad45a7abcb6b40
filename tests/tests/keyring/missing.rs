//! No keyring, or one that is locked or refuses: at first, and where records are sealed already.

use oauth_blocking::oauth_core::seal::{KeyringError, SealError};
use oauth_blocking::{
    AtRest, GrantQuery, KeyringMode, Leases as _, Lock, Records as _, Spend, StorageError,
    TokenStorage as _, Written,
};

use crate::mock::{Mock, Way};
use crate::place::{Place, key, loaded, of_keyring, record};

fn troubles() -> [KeyringError; 4] {
    let why = || "as it was told".into();
    [
        KeyringError::Missing { why: why() },
        KeyringError::Locked { why: why() },
        KeyringError::Refused { why: why() },
        KeyringError::Failed { why: why() },
    ]
}

#[test]
fn records_are_plain_and_it_is_said_or_it_is_an_error() {
    for why in troubles() {
        let (place, mock) = (Place::new(), Mock::new(Way::Fails(why.clone())));
        let (store, at_rest) = place.open(&mock.keyring());
        let said = at_rest.to_string();
        assert!(said.contains("plain") && said.contains(&why.to_string()), "{said}");
        assert!(said.contains(why.advice()), "{said}");
        assert_eq!(at_rest, AtRest::Plain { why: Some(why.clone()) });
        assert_eq!(store.save(&key("alice"), &record("alice"), 0), Ok(Written::Done));
        assert!(place.holds("refresh-secret-alice"));
        assert_eq!(place.refused(&mock.insisted_on()), why);
        assert_eq!(place.refused(&mock.keyring().refusing_plain()), why);
        let error = place.plain().sealed_by(&mock.insisted_on()).unwrap_err();
        assert_eq!((error.advice(), error.is_retryable()), (why.advice(), false));
        assert!(error.to_string().contains("Keyring test"), "{error}");
    }
}

/// Nothing sealed is read or replaced, nothing new is written plain, and nobody has to log in.
#[test]
fn where_records_are_sealed_none_is_plain_again() {
    for why in troubles() {
        let (place, mock) = (Place::new(), Mock::new(Way::Answers));
        let (_, key_id) = place.with_record(&mock.keyring());
        assert_eq!(place.plain().save(&key("bob"), &record("bob"), 0), Ok(Written::Done));
        let before = place.all();
        mock.goes(Way::Fails(why.clone()));
        let keyring = mock.keyring();
        let (store, at_rest) = place.open(&keyring);
        let withheld = AtRest::Withheld { key_id: key_id.clone(), why: why.clone() };
        assert!(at_rest.to_string().contains(why.advice()), "{at_rest}");
        assert_eq!(at_rest, withheld);
        let alice = record("alice");
        assert_eq!(of_keyring(store.load(&key("alice"))), why);
        assert_eq!(of_keyring(store.save(&key("alice"), &alice, alice.generation())), why);
        assert_eq!(of_keyring(store.delete(&key("alice"), alice.generation())), why);
        assert_eq!(of_keyring(store.save(&key("carol"), &record("carol"), 0)), why);
        assert_eq!(of_keyring(store.list(&GrantQuery::new("Keyring test"))), why);
        // What is plain is read. Its refresh token is not spent, since what it brings could not be kept.
        assert_eq!(loaded(&store, &key("bob")), Some(record("bob")));
        let mut lease = store.try_lock(&key("bob"), Lock::Refresh).unwrap().unwrap();
        let spend = Spend::new(record("bob").generation(), 4000);
        assert_eq!(of_keyring(store.reserve(&key("bob"), &mut lease, spend)), why);
        store.release(&key("bob"), lease);
        assert_eq!(place.all(), before);
        assert_eq!(place.refused(&mock.insisted_on()), why);

        // It appears later: who asks again has it, and so have the stores that were made before.
        mock.goes(Way::Answers);
        assert_eq!(of_keyring(store.load(&key("alice"))), why, "nobody asked again");
        assert_eq!(place.open(&keyring).1, AtRest::Sealed { key_id });
        assert_eq!(loaded(&store, &key("alice")), Some(record("alice")));
        assert_eq!(store.save(&key("carol"), &record("carol"), 0), Ok(Written::Done));
        assert!(!place.holds("refresh-secret-carol"));
    }
}

#[test]
fn who_wants_files_is_told_of_those_that_are_sealed() {
    let (place, mock) = (Place::new(), Mock::new(Way::Answers));
    let (_, key_id) = place.with_record(&mock.keyring());
    let (store, _) = place.open(&mock.keyring().mode(KeyringMode::File));
    match store.load(&key("alice")) {
        Err(StorageError::Sealed { why, .. }) => assert_eq!(why, SealError::NoSeal { key_id }),
        other => panic!("{other:?}"),
    }
}

/// A keyring that comes later seals what was plain.
#[test]
fn one_that_appears_is_used_from_the_next_start_on() {
    let why = KeyringError::Missing { why: "there is no bus".into() };
    let (place, mock) = (Place::new(), Mock::new(Way::Fails(why)));
    let (plain, _) = place.open(&mock.keyring());
    assert_eq!(plain.save(&key("alice"), &record("alice"), 0), Ok(Written::Done));
    mock.goes(Way::Answers);
    assert_eq!(plain.save(&key("bob"), &record("bob"), 0), Ok(Written::Done));
    assert!(place.holds("refresh-secret-bob"), "what was said holds");
    let (store, at_rest) = place.open(&mock.keyring());
    assert!(matches!(at_rest, AtRest::Sealed { .. }), "{at_rest:?}");
    assert_eq!(loaded(&store, &key("alice")), Some(record("alice")));
    assert_eq!(store.seal_anew("Keyring test"), Ok(2));
    assert!(!place.holds("refresh-secret-"));
}

#[test]
fn each_error_says_what_would_help() {
    let key_id = || Box::<str>::from("keyring-1");
    let [missing, locked, refused, failed] = troubles();
    for (error, words) in [
        (missing, ["no keyring in this session", "SSH"]),
        (locked, ["locked", "unlock the keyring"]),
        (refused, ["refuses", "macOS binds an item to the signature"]),
        (failed, ["failed", "see to the keyring"]),
        (
            KeyringError::TimedOut { waited: std::time::Duration::from_secs(2) },
            ["within 2 seconds", "answer what the keyring asks"],
        ),
        (KeyringError::Gone { key_id: key_id() }, ["`keyring-1` is no longer", "restore"]),
        (
            KeyringError::AnotherKey { expected: key_id(), found: "keyring-2".into() },
            ["`keyring-1`, and the keyring has `keyring-2`", "restore"],
        ),
        (KeyringError::NoKey { length: 5 }, ["5 bytes", "another name"]),
    ] {
        let said = format!("{error}; {}", error.advice());
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
}
