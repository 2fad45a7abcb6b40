//! Records that cannot be read, and records of a later version.

use oauth_tokio::redis::redis::cmd;
use oauth_tokio::{GrantQuery, Loaded, Records as _, StorageError, Written};

use crate::database::{APPLICATION, Database, key, record};
use crate::remote::loaded;

#[tokio::test]
async fn what_is_damaged_is_kept_beside_and_a_new_one_takes_its_place() {
    let database = Database::new();
    let (store, key) = (database.store().await, key(""));
    let damages: [(&str, Option<&[u8]>); 11] = [
        ("body", Some(b"access-secret {")),
        ("body", Some(b"")),
        ("body", Some(b"\xff\0")),
        ("body", None),
        ("generation", Some(b"17")),
        ("generation", Some(b"0x1")),
        ("generation", None),
        ("format", Some(b"0")),
        ("format", None),
        ("profile", Some(b"somebody else")),
        ("kind", Some(b"3")),
    ];
    for (number, (field, value)) in damages.into_iter().enumerate() {
        let saved = database.saved(&key).await;
        match value {
            Some(value) => database.set(&key, field, value).await,
            None => {
                let name = database.record_of(&key);
                let _: i64 = database.run(cmd("HDEL").arg(name).arg(field)).await;
            }
        }
        // Neither is it listed, nor does a list change anything.
        assert_eq!(store.list_all(&GrantQuery::new(APPLICATION)).await, Ok(vec![]), "{field}");
        // It is not replaced before it was looked at.
        let over = store.save(&key, &record("x"), 0).await;
        assert!(matches!(over, Ok(Written::Conflict { stored: 1.. })), "{field}: {over:?}");
        let before = database.fields(&database.record_of(&key)).await;
        let Loaded::Damaged { kept } = store.load(&key).await.unwrap() else { panic!("{field}") };
        let mut kept = database.fields(kept.strip_prefix("key ").unwrap()).await;
        assert!(kept.remove("found").is_some());
        assert_eq!(kept, before, "{field} {value:?}");
        assert_eq!(database.keys("*:damaged:*").await.len(), number + 1);
        assert_eq!(loaded(&store, &key).await, None);
        assert_eq!(store.save(&key, &saved, 0).await, Ok(Written::Done), "{field}");
        store.erase(&key).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_later_version_wrote_is_left_alone() {
    let database = Database::new();
    let (store, key) = (database.store().await, key(""));
    let saved = database.saved(&key).await;
    let next = record("2").replacing(saved.generation());
    database.set(&key, "format", b"2").await;
    database.set(&key, "body", b"sealed").await;
    let name = database.record_of(&key);
    let before = database.fields(&name).await;
    let newer = StorageError::Newer { place: format!("key {name}").into(), found: 2 };
    assert_eq!(store.load(&key).await, Err(newer.clone()));
    assert_eq!(store.save(&key, &record("2"), 0).await, Err(newer.clone()));
    assert_eq!(store.save(&key, &next, saved.generation()).await, Err(newer.clone()));
    assert_eq!(store.delete(&key, saved.generation()).await, Err(newer.clone()));
    assert_eq!(store.erase(&key).await, Err(newer));
    assert_eq!(store.list_all(&GrantQuery::new(APPLICATION)).await, Ok(vec![]));
    assert_eq!(database.fields(&name).await, before);

    // A record of a later version that stands where none is.
    let body = br#"{"format": 9, "generation": 5}"#;
    database.set(&key, "format", b"1").await;
    database.set(&key, "body", body).await;
    let error = store.load(&key).await.unwrap_err();
    assert!(matches!(error, StorageError::Newer { found: 9, .. }), "{error}");
    assert_eq!(database.fields(&name).await["body"], body);
}

#[tokio::test]
async fn another_prefix_is_another_store() {
    let database = Database::new();
    let store = database.store().await;
    database.saved(&key("")).await;
    let other = store.clone().prefix(&format!("{}-other", database.prefix)).unwrap();
    assert_eq!(loaded(&other, &key("")).await, None);
    assert_eq!(other.list_all(&GrantQuery::new(APPLICATION)).await, Ok(vec![]));
    assert!(crate::remote::taken(&store, &key("")).await.is_some());
    assert!(crate::remote::taken(&other, &key("")).await.is_some());
}
