//! A keyring that hangs: nobody waits for longer than they said, and its answer is not lost.

use std::path::PathBuf;
use std::time::Duration;

use oauth_blocking::oauth_core::seal::KeyringError;
use oauth_blocking::{AtRest, Keyring};
use oauth_tests::files;

use crate::mock::{Mock, Way};
use crate::place::{Place, key, loaded, record};

/// It hangs until the test lets it go, so who comes back has not waited for it.
const SHORT: Duration = Duration::from_millis(200);

fn timed_out() -> KeyringError {
    KeyringError::TimedOut { waited: SHORT }
}

fn hurried(mock: &Mock) -> Keyring {
    mock.keyring().deadline(SHORT)
}

#[test]
fn nobody_waits_longer_than_the_deadline() {
    let (place, mock) = (Place::new(), Mock::new(Way::Hangs));
    let keyring = hurried(&mock);
    assert_eq!(place.open(&keyring).1, AtRest::Plain { why: Some(timed_out()) });
    assert_eq!(place.refused(&mock.insisted_on().deadline(SHORT)), timed_out());
    // Who asks again waits for the same answer: no second question, and no second thread.
    assert_eq!(place.open(&keyring).1, AtRest::Plain { why: Some(timed_out()) });
    assert_eq!(mock.calls(), (1, 0), "nor does another process ask while the first one is at it");
    mock.goes(Way::Answers);
}

#[test]
fn where_records_are_sealed_they_are_withheld() {
    let (place, mock) = (Place::new(), Mock::new(Way::Answers));
    let (_, key_id) = place.with_record(&mock.keyring());
    mock.goes(Way::Hangs);
    let keyring = hurried(&mock);
    let (store, at_rest) = place.open(&keyring);
    assert_eq!(at_rest, AtRest::Withheld { key_id: key_id.clone(), why: timed_out() });
    let (reads, _) = mock.calls();
    // It is answered later, for instance by a person.
    mock.goes(Way::Answers);
    let patient = keyring.clone().deadline(Duration::from_secs(20));
    assert_eq!(place.open(&patient).1, AtRest::Sealed { key_id });
    assert_eq!(mock.calls().0, reads, "the late answer does");
    assert_eq!(loaded(&store, &key("alice")), Some(record("alice")));
}

/// Nothing is put into a keyring that nobody waits for any more.
#[test]
fn no_key_is_made_after_the_deadline() {
    let (place, mock) = (Place::new(), Mock::new(Way::Hangs));
    let keyring = hurried(&mock);
    assert_eq!(place.open(&keyring).1, AtRest::Plain { why: Some(timed_out()) });
    let is_lock = |path: &PathBuf| path.extension().is_some_and(|end| end == "lock");
    let is_at_it = || files::below(&place.0).iter().any(is_lock);
    assert!(is_at_it());
    mock.goes(Way::Answers);
    // Its lock goes with it.
    for _ in 0..2000 {
        if !is_at_it() {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!((is_at_it(), mock.secret(), mock.calls().1), (false, None, 0));
    let (_, at_rest) = place.open(&keyring);
    assert!(matches!(at_rest, AtRest::Sealed { .. }), "who asks again has one made: {at_rest:?}");
}

/// A key that is put there late would replace another process's: the lock is held until it is there.
#[test]
fn one_that_hangs_while_a_key_is_made_lets_nobody_else_make_one() {
    let (place, mock) = (Place::new(), Mock::new(Way::HangsAtWrite));
    let (first, second) = (hurried(&mock), hurried(&mock));
    assert_eq!(place.open(&first).1, AtRest::Plain { why: Some(timed_out()) });
    match place.open(&second).1 {
        AtRest::Plain { why: Some(KeyringError::TimedOut { .. }) } => {}
        other => panic!("{other:?}"),
    }
    mock.goes(Way::Answers);
    let long = Duration::from_secs(20);
    let ids = [first, second].map(|keyring| match place.open(&keyring.deadline(long)).1 {
        AtRest::Sealed { key_id } => key_id,
        other => panic!("{other:?}"),
    });
    assert_eq!(ids[0], ids[1]);
    assert_eq!(mock.calls().1, 1);
}

#[test]
fn one_that_panics_holds_nobody_up() {
    let (place, mock) = (Place::new(), Mock::new(Way::Panics));
    match place.refused(&mock.insisted_on()) {
        KeyringError::Failed { why } => assert!(why.contains("panic"), "{why}"),
        other => panic!("{other:?}"),
    }
}
