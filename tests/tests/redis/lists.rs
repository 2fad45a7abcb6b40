//! Lists: by pages and by profile, from sets that are not written together with the records.

use oauth_core::session::{Key, KeyKind};
use oauth_tokio::redis::redis::cmd;
use oauth_tokio::{GrantQuery, Records as _, Written};

use crate::database::{APPLICATION, Database, key, record};

/// The sets of the program's, each with how many ids it has.
async fn sizes(database: &Database, set: &str) -> Vec<u64> {
    let mut sizes = Vec::new();
    for key in database.keys(set).await {
        sizes.push(database.run(cmd("ZCARD").arg(key)).await);
    }
    sizes
}

#[tokio::test]
async fn what_was_deleted_leaves_nothing() {
    let database = Database::new();
    let store = database.store().await;
    let client = Key { kind: KeyKind::Client, ..key("a") };
    for key in [key("a"), key("b"), client.clone()] {
        assert_eq!(store.save(&key, &record("1"), 0).await, Ok(Written::Done));
    }
    assert_eq!(sizes(&database, "*:records").await, [3]);
    assert_eq!(sizes(&database, "*:grants*").await, [2, 1, 1]);
    for key in [key("a"), key("b"), client] {
        store.erase(&key).await.unwrap();
    }
    assert_eq!(database.keys("*").await, [""; 0]);
}

/// Somebody was killed between the sets and the record, or somebody has taken a record away.
#[tokio::test]
async fn an_id_without_a_record_is_not_listed_and_is_struck_out_after_an_hour() {
    let database = Database::new();
    let store = database.store().await;
    for profile in ["gone", "there"] {
        database.saved(&key(profile)).await;
    }
    let _: i64 = database.run(cmd("DEL").arg(database.record_of(&key("gone")))).await;
    let query = GrantQuery::new(APPLICATION);
    let listed = async || store.list_all(&query).await.unwrap();
    assert_eq!(listed().await.len(), 1);
    // It may be about to be written.
    assert_eq!(sizes(&database, "*:records").await, [2]);
    let stamps = database.keys("*:stamps").await.remove(0);
    for (field, stamp) in database.fields(&stamps).await {
        let stamp = String::from_utf8(stamp).unwrap();
        let (time, rest) = stamp.split_once(':').unwrap();
        let earlier = time.parse::<u64>().unwrap() - 3_601_000_000;
        let earlier = format!("{earlier}:{rest}");
        let _: i64 = database.run(cmd("HSET").arg(&stamps).arg(field).arg(earlier)).await;
    }
    let grants = listed().await;
    assert_eq!(grants.iter().map(|it| it.key.clone()).collect::<Vec<_>>(), [key("there")]);
    assert_eq!(sizes(&database, "*:records").await, [1]);
    assert_eq!(sizes(&database, "*:grants*").await, [1, 1]);
    assert_eq!(database.fields(&stamps).await.len(), 1);
}

/// While one deletes, another one logs in again: whichever comes first, what is stored is listed.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_while_another_one_deletes_is_listed() {
    let (database, key) = (Database::new(), key(""));
    let (one, other) = (database.store().await, database.store().await);
    for number in 0..100 {
        let record = record(&number.to_string());
        assert_eq!(one.save(&key, &record, 0).await, Ok(Written::Done));
        let deleting = one.delete(&key, record.generation());
        let saving = async {
            loop {
                match other.save(&key, &self::record("x"), 0).await.unwrap() {
                    Written::Done => return,
                    Written::Conflict { .. } => tokio::task::yield_now().await,
                }
            }
        };
        let (deleted, ()) = tokio::join!(deleting, saving);
        assert_eq!(deleted, Ok(Written::Done));
        let listed = one.list_all(&GrantQuery::new(APPLICATION)).await.unwrap();
        assert_eq!(listed.len(), 1, "round {number}");
        other.erase(&key).await.unwrap();
    }
}

#[tokio::test]
async fn any_text_can_be_a_profile_and_a_record_can_be_long() {
    let database = Database::new();
    let store = database.store().await;
    let long = "p".repeat(1 << 20);
    let odd = ["", "\0", "a\0b", "a", "ä", "A", "*{}:", "\r\n", "\u{10ffff}", &long];
    for profile in odd {
        let key = Key::grant("A\0pp", profile, "https://mcp.example/mcp/?q=\0");
        let record = record(profile.get(..1 << 19).unwrap_or("x"));
        assert_eq!(store.save(&key, &record, 0).await, Ok(Written::Done), "{profile:.9}");
        assert_eq!(crate::remote::loaded(&store, &key).await, Some(record), "{profile:.9}");
        let grants = store.list_all(&GrantQuery::new("A\0pp").profile(profile)).await.unwrap();
        assert_eq!(grants.len(), 1, "{profile:.9}");
        assert_eq!(grants[0].key, key);
    }
    assert_eq!(store.list_all(&GrantQuery::new("A\0pp")).await.unwrap().len(), odd.len());
}

pub(crate) fn all() -> GrantQuery {
    GrantQuery::new(APPLICATION)
}
