//! Sealing all records anew, while others write.

use oauth_core::seal::{SealError, Sealing, SealingKey, SealingKeys};
use oauth_core::session::{Key, KeyKind};
use oauth_tokio::{Records as _, StorageError, Written};

use crate::database::{APPLICATION, Database, key, loaded, record};
use crate::sealed::with;

fn sealing_key(id: &str) -> SealingKey {
    SealingKey::new(id, &[id.len().try_into().unwrap(); 32]).unwrap()
}

/// Some of each kind, more than are asked for at once.
fn keys() -> Vec<Key> {
    let kinds = [KeyKind::Machine, KeyKind::Client, KeyKind::ClientIssuer];
    let others = kinds.map(|kind| Key { kind, ..key("") });
    (0..130).map(|number| key(&number.to_string())).chain(others).collect()
}

#[tokio::test]
async fn all_records_of_a_program_are_sealed_anew_under_their_generations() {
    let database = Database::new();
    let plain = database.store().await;
    let old = plain.clone().sealed(with("old1"));
    let others = Key { application: "Another".into(), ..key("") };
    let mut stored = Vec::new();
    for (number, key) in keys().into_iter().enumerate() {
        let record = record(&number.to_string());
        let store = if number % 2 == 0 { &plain } else { &old };
        assert_eq!(store.save(&key, &record, 0).await, Ok(Written::Done));
        stored.push((key, record));
    }
    assert_eq!(plain.save(&others, &record("x"), 0).await, Ok(Written::Done));
    let keys = SealingKeys::new(sealing_key("new")).and_reading(sealing_key("old1"));
    let store = plain.clone().sealed(Sealing::with(keys));
    assert_eq!(store.seal_anew(APPLICATION).await, Ok(133));
    assert_eq!(store.seal_anew(APPLICATION).await, Ok(0));
    let only = Sealing::only(SealingKeys::new(sealing_key("new")));
    let only = plain.clone().sealed(only);
    for (key, record) in stored {
        assert_eq!(loaded(&only, &key).await, Some(record));
        let fields = database.fields(&database.record_of(&key)).await;
        assert_eq!(fields["key_id"], b"new");
    }
    assert!(loaded(&plain, &others).await.is_some());
}

#[tokio::test]
async fn one_that_cannot_be_opened_keeps_no_other_from_it() {
    let database = Database::new();
    let store = database.store().await;
    for (profile, sealing) in
        [("a", Sealing::none()), ("lost", with("old1")), ("b", Sealing::none())]
    {
        let store = store.clone().sealed(sealing);
        assert_eq!(store.save(&key(profile), &record(profile), 0).await, Ok(Written::Done));
    }
    let why = SealError::UnknownKey { key_id: "old1".into() };
    match store.sealed(with("new")).seal_anew(APPLICATION).await {
        Err(StorageError::Sealed { why: found, .. }) => assert_eq!(found, why),
        other => panic!("{other:?}"),
    }
    for (profile, id) in [("a", "new"), ("lost", "old1"), ("b", "new")] {
        let fields = database.fields(&database.record_of(&key(profile))).await;
        assert_eq!(fields["key_id"], id.as_bytes());
    }
}

/// Nothing that was saved meanwhile is lost, and no save is told of a conflict.
#[tokio::test(flavor = "multi_thread")]
async fn programs_go_on_meanwhile() {
    let database = Database::new();
    let (key, mut stored) = (key(""), record("1"));
    let (first, second) = (database.store().await, database.store().await);
    let ring = |one, other| {
        Sealing::with(SealingKeys::new(sealing_key(one)).and_reading(sealing_key(other)))
    };
    let (one, other) = (first.sealed(ring("new", "old1")), second.sealed(ring("old1", "new")));
    assert_eq!(one.save(&key, &stored, 0).await, Ok(Written::Done));
    for number in 0..40 {
        let next = record(&number.to_string()).replacing(stored.generation());
        let (saved, first, second) = tokio::join!(
            one.save(&key, &next, stored.generation()),
            one.seal_anew(APPLICATION),
            other.seal_anew(APPLICATION),
        );
        assert_eq!(saved, Ok(Written::Done));
        assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
        stored = next;
        assert_eq!(loaded(&one, &key).await.as_ref(), Some(&stored));
    }
}
