//! What was acknowledged outlives a crash, also where commits do not wait for the disk.

use oauth_core::session::Spend;
use oauth_tokio::{Records as _, TokenStorage as _, Written};

use crate::database::{Database, Way, key, record};
use crate::outages::Crashing;
use crate::remote::{loaded, taken};

/// Each write is the last thing that happens before the crash.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_answered_is_lost_with_synchronous_commit_off() {
    let server = Crashing::new().await;
    let database = Database::new(Way::Crashing).await;
    assert_eq!(database.value("show synchronous_commit").await, "off");
    database.sql("create table others (n int)").await;
    let (schema, key) = (database.schema.clone(), key(""));
    let (first, damaged) = (record("1"), "update mcp_oauth_grant set body = ''");
    let second = record("2").replacing(first.generation());
    let store = database.store();
    let crash = async || {
        // What is written after it, by others, is lost: the crash is one.
        let admin = crate::database::admin(Way::Crashing).await;
        admin.batch_execute(&format!("insert into {schema}.others values (1)")).await.unwrap();
        server.control(&["-m", "immediate", "stop"]);
        server.control(&["start"]);
        let admin = crate::database::admin(Way::Crashing).await;
        let count = format!("select count(*) from {schema}.others");
        let lost = admin.query_one(&count, &[]).await.unwrap().get::<_, i64>(0);
        assert_eq!(lost, 0);
        admin
    };

    assert_eq!(store.save(&key, &first, 0).await, Ok(Written::Done));
    crash().await;
    assert_eq!(loaded(&store, &key).await, Some(first.clone()));

    assert_eq!(store.save(&key, &second, first.generation()).await, Ok(Written::Done));
    crash().await;
    assert_eq!(loaded(&store, &key).await, Some(second.clone()));

    let mut lease = taken(&store, &key).await.unwrap();
    crash().await;
    assert!(taken(&database.store(), &key).await.is_none());
    let spend = Spend::new(second.generation(), 0);
    assert_eq!(store.reserve(&key, &mut lease, spend).await, Ok(true));
    crash().await;
    assert!(store.spending(&key).await.unwrap().is_some());

    let admin = crate::database::admin(Way::Crashing).await;
    admin.batch_execute(&format!("set search_path to {schema}; {damaged}")).await.unwrap();
    assert!(matches!(store.load(&key).await, Ok(oauth_tokio::Loaded::Damaged { .. })));
    crash().await;
    assert_eq!(loaded(&store, &key).await, None);

    assert_eq!(store.save(&key, &first, 0).await, Ok(Written::Done));
    assert_eq!(store.delete(&key, first.generation()).await, Ok(Written::Done));
    let admin = crash().await;
    assert_eq!(loaded(&store, &key).await, None);
    // It was for those commits only.
    let row = admin.query_one("show synchronous_commit", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "off");
}
