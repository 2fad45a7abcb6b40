//! Sealing all records anew, while others write.

use oauth_core::seal::{SealError, Sealing, SealingKey, SealingKeys};
use oauth_core::session::{Key, KeyKind};
use oauth_tokio::{Records as _, StorageError, Written};

use crate::database::{APPLICATION, both, key, loaded, record};

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
    both(|database| async move {
        let (plain, new) = (database.store(), sealing_key("new"));
        let others = Key { application: "Another".into(), ..key("") };
        let mut stored = Vec::new();
        for (number, key) in keys().into_iter().enumerate() {
            let record = record(&number.to_string());
            let old = database.store().sealed(Sealing::with(SealingKeys::new(sealing_key("old1"))));
            let store = if number % 2 == 0 { &plain } else { &old };
            assert_eq!(store.save(&key, &record, 0).await, Ok(Written::Done));
            stored.push((key, record));
        }
        assert_eq!(plain.save(&others, &record("x"), 0).await, Ok(Written::Done));
        let of = "select generation, changed from mcp_oauth_grant order by id";
        let before = database.sql(of).await;
        let keys = SealingKeys::new(new.clone()).and_reading(sealing_key("old1"));
        let store = database.store().sealed(Sealing::with(keys));
        assert_eq!(store.seal_anew(APPLICATION).await, Ok(133));
        assert_eq!(store.seal_anew(APPLICATION).await, Ok(0));
        assert_eq!(database.sql(of).await, before);
        let only = database.store().sealed(Sealing::only(SealingKeys::new(new)));
        for (key, record) in stored {
            assert_eq!(loaded(&only, &key).await, Some(record));
        }
        let count = "select count(*) from mcp_oauth_grant where key_id = 'new'";
        assert_eq!(database.value(count).await, "133");
        assert_eq!(loaded(&plain, &others).await.map(|it| it.tokens().is_some()), Some(true));
    })
    .await;
}

#[tokio::test]
async fn one_that_cannot_be_opened_keeps_no_other_from_it() {
    both(|database| async move {
        let with = |id| Sealing::with(SealingKeys::new(sealing_key(id)));
        for (profile, sealing) in
            [("a", Sealing::none()), ("lost", with("old1")), ("b", Sealing::none())]
        {
            let store = database.store().sealed(sealing);
            assert_eq!(store.save(&key(profile), &record(profile), 0).await, Ok(Written::Done));
        }
        let store = database.store().sealed(with("new"));
        let why = SealError::UnknownKey { key_id: "old1".into() };
        match store.seal_anew(APPLICATION).await {
            Err(StorageError::Sealed { why: found, .. }) => assert_eq!(found, why),
            other => panic!("{other:?}"),
        }
        let ids = "select key_id from mcp_oauth_grant order by key_id";
        assert_eq!(database.sql(ids).await, [["new"], ["new"], ["old1"]]);
        assert_eq!(database.value("select count(*) from mcp_oauth_damaged").await, "0");
    })
    .await;
}

/// Nothing that was saved meanwhile is lost, and no save is told of a conflict.
#[tokio::test(flavor = "multi_thread")]
async fn programs_go_on_meanwhile() {
    both(|database| async move {
        let (key, mut stored) = (key(""), record("1"));
        let ring = |first, second| {
            let keys = SealingKeys::new(sealing_key(first)).and_reading(sealing_key(second));
            database.store().sealed(Sealing::with(keys))
        };
        let (one, other) = (ring("new", "old1"), ring("old1", "new"));
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
    })
    .await;
}
