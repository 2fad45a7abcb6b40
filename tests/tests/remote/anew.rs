//! Sealing all records anew, while others write.

use oauth_core::seal::{SealError, Sealing, SealingKey, SealingKeys};
use oauth_core::session::{Key, KeyKind};
use oauth_tokio::{Records as _, Written};

use super::{Server, each, loaded, refused};
use crate::database::Database;
use crate::sample::{APPLICATION, key, record};

fn sealing_key(id: &str) -> SealingKey {
    SealingKey::new(id, &[id.len().try_into().unwrap(); 32]).unwrap()
}

fn with(id: &str) -> Sealing {
    Sealing::with(SealingKeys::new(sealing_key(id)))
}

/// Writes with one key, and reads what is sealed with another as well.
fn ring(one: &str, other: &str) -> Sealing {
    Sealing::with(SealingKeys::new(sealing_key(one)).and_reading(sealing_key(other)))
}

/// Some of each kind, more than are asked for at once.
fn keys() -> Vec<Key> {
    let kinds = [KeyKind::Machine, KeyKind::Client, KeyKind::ClientIssuer];
    let others = kinds.map(|kind| Key { kind, ..key("") });
    (0..130).map(|number| key(&number.to_string())).chain(others).collect()
}

#[tokio::test]
async fn all_records_of_a_program_are_sealed_anew_under_their_generations() {
    for server in each().await {
        let plain = server.open().await;
        let old = Database::sealed(plain.clone(), with("old1"));
        let others = Key { application: "Another".into(), ..key("") };
        let mut stored = Vec::new();
        for (number, key) in keys().into_iter().enumerate() {
            let record = record(&number.to_string());
            let store = if number % 2 == 0 { &plain } else { &old };
            assert_eq!(store.save(&key, &record, 0).await, Ok(Written::Done));
            stored.push((key, record));
        }
        assert_eq!(plain.save(&others, &record("x"), 0).await, Ok(Written::Done));
        let before = server.generations().await;
        let store = Database::sealed(plain.clone(), ring("new", "old1"));
        assert_eq!(Database::seal_anew(&store, APPLICATION).await, Ok(133));
        assert_eq!(Database::seal_anew(&store, APPLICATION).await, Ok(0));
        assert_eq!(server.generations().await, before);
        let only = Sealing::only(SealingKeys::new(sealing_key("new")));
        let only = Database::sealed(plain.clone(), only);
        for (key, record) in stored {
            assert_eq!(loaded(&only, &key).await, Some(record));
        }
        let ids = server.key_ids().await;
        assert_eq!(ids.iter().filter(|id| *id == "new").count(), 133);
        assert!(loaded(&plain, &others).await.is_some());
    }
}

#[tokio::test]
async fn one_that_cannot_be_opened_keeps_no_other_from_it() {
    for server in each().await {
        let store = server.open().await;
        for (profile, sealing) in
            [("a", Sealing::none()), ("lost", with("old1")), ("b", Sealing::none())]
        {
            let store = Database::sealed(store.clone(), sealing);
            assert_eq!(store.save(&key(profile), &record(profile), 0).await, Ok(Written::Done));
        }
        let sealed = Database::seal_anew(&Database::sealed(store, with("new")), APPLICATION).await;
        assert_eq!(refused(sealed), SealError::UnknownKey { key_id: "old1".into() });
        assert_eq!(server.key_ids().await, ["new", "new", "old1"]);
        assert_eq!(server.damaged().await, 0);
    }
}

/// Nothing that was saved meanwhile is lost, and no save is told of a conflict: two at once seal to and fro.
#[tokio::test]
async fn programs_go_on_meanwhile() {
    for server in each().await {
        let (key, mut stored) = (key(""), record("1"));
        let one = Database::sealed(server.open().await, ring("new", "old1"));
        let other = Database::sealed(server.open().await, ring("old1", "new"));
        assert_eq!(one.save(&key, &stored, 0).await, Ok(Written::Done));
        for number in 0..40 {
            let next = record(&number.to_string()).replacing(stored.generation());
            let (saved, first, second) = tokio::join!(
                one.save(&key, &next, stored.generation()),
                Database::seal_anew(&one, APPLICATION),
                Database::seal_anew(&other, APPLICATION),
            );
            assert_eq!(saved, Ok(Written::Done));
            assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
            stored = next;
            assert_eq!(loaded(&one, &key).await.as_ref(), Some(&stored));
        }
    }
}
