//! A keyring that has another key, none any more, or something else.

use oauth_blocking::oauth_core::seal::KeyringError;
use oauth_blocking::{AtRest, Records as _};

use crate::mock::{Mock, Way};
use crate::place::{Place, key, loaded, of_keyring, record};

#[test]
fn another_key_opens_nothing_and_replaces_nothing() {
    let (place, mock) = (Place::new(), Mock::new(Way::Answers));
    let (_, key_id) = place.with_record(&mock.keyring());
    let before = place.all();
    let own = mock.has(Some(&[9; 32]));
    let error = place.refused(&mock.insisted_on());
    match &error {
        KeyringError::AnotherKey { expected, found } => {
            assert_eq!(*expected, key_id);
            assert!(*found != key_id, "{found}");
        }
        other => panic!("{other:?}"),
    }
    let keyring = mock.keyring();
    let (store, at_rest) = place.open(&keyring);
    assert_eq!(at_rest, AtRest::Withheld { key_id: key_id.clone(), why: error.clone() });
    assert_eq!(of_keyring(store.load(&key("alice"))), error);
    assert_eq!(of_keyring(store.save(&key("bob"), &record("bob"), 0)), error);
    assert_eq!(place.all(), before);
    mock.has(own.as_deref());
    let (store, at_rest) = place.open(&mock.keyring());
    assert_eq!(at_rest, AtRest::Sealed { key_id });
    assert_eq!(loaded(&store, &key("alice")), Some(record("alice")));
}

/// No new key is made, so that the old one finds its place when it is restored.
#[test]
fn one_that_was_emptied_is_told_from_a_new_one() {
    let (place, mock) = (Place::new(), Mock::new(Way::Answers));
    let (_, key_id) = place.with_record(&mock.keyring());
    let before = place.all();
    let own = mock.has(None);
    let gone = KeyringError::Gone { key_id: key_id.clone() };
    assert_eq!(place.refused(&mock.insisted_on()), gone);
    let (store, at_rest) = place.open(&mock.keyring());
    assert_eq!(at_rest, AtRest::Withheld { key_id: key_id.clone(), why: gone.clone() });
    assert_eq!(of_keyring(store.load(&key("alice"))), gone);
    assert_eq!((mock.calls().1, mock.secret(), place.all()), (1, None, before));
    mock.has(own.as_deref());
    assert_eq!(place.open(&mock.keyring()).1, AtRest::Sealed { key_id });
}

#[test]
fn what_is_no_key_is_left_where_it_is() {
    let (place, mock) = (Place::new(), Mock::new(Way::Answers));
    mock.has(Some(b"hello"));
    assert_eq!(place.refused(&mock.insisted_on()), KeyringError::NoKey { length: 5 });
    let why = Some(KeyringError::NoKey { length: 5 });
    assert_eq!(place.open(&mock.keyring()).1, AtRest::Plain { why });
    assert_eq!((mock.secret(), mock.calls().1), (Some(b"hello".to_vec()), 0));
}

/// Else records would be sealed with a key that nobody has.
#[test]
fn one_that_keeps_nothing_is_not_trusted() {
    let (place, mock) = (Place::new(), Mock::new(Way::Forgets));
    match place.refused(&mock.insisted_on()) {
        KeyringError::Failed { why } => assert!(why.contains("does not keep"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert!(!place.0.exists() || place.all().is_empty());
}
