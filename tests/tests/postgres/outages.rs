//! What passes by itself: each is a retryable error, and the store works when it has passed.

use std::process::Command;
use std::time::Duration;

use oauth_tokio::postgres::{PostgresStorage, Reconnecting};
use oauth_tokio::{Records as _, StorageError, Written};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep};
use tokio_postgres::{Config, NoTls};

use crate::database::{Database, Way, assert_quiet, both, key, record};
use crate::remote::{loaded, taken};

/// The server that is stopped and started, for one test at a time.
pub(crate) struct Crashing {
    _one: MutexGuard<'static, ()>,
}

impl Crashing {
    pub(crate) async fn new() -> Self {
        static ONE: Mutex<()> = Mutex::const_new(());
        Self { _one: ONE.lock().await }
    }

    /// With words of `pg_ctl`.
    pub(crate) fn control(&self, words: &[&str]) {
        let program = std::env::var("STORES_CRASHING_CONTROL").unwrap();
        assert!(Command::new(program).args(words).status().unwrap().success(), "{words:?}");
    }
}

#[track_caller]
fn assert_passes(error: &StorageError) {
    assert!(error.is_retryable(), "{error}");
    assert_quiet(error);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_stopped_and_started() {
    let server = Crashing::new().await;
    for way in [Way::Crashing, Way::CrashingPooled] {
        let database = Database::new(way).await;
        let (store, key) = (database.store().time_limit(Duration::from_secs(2)), key(""));
        let saved = database.saved(&key).await;
        assert_eq!(loaded(&store, &key).await, Some(saved.clone()));
        for word in ["fast", "immediate"] {
            server.control(&["-m", word, "stop"]);
            for _ in 0..2 {
                assert_passes(&store.load(&key).await.unwrap_err());
                assert_passes(&store.save(&key, &record("2"), 0).await.unwrap_err());
                let taking =
                    oauth_tokio::Leases::try_lock(&store, &key, oauth_tokio::Lock::Refresh);
                assert_passes(&taking.await.unwrap_err());
            }
            server.control(&["start"]);
            // The pooler finds it out a little later.
            let begun = Instant::now();
            while let Err(error) = store.load(&key).await {
                assert_passes(&error);
                let patience =
                    Duration::from_secs(if matches!(way, Way::Crashing) { 0 } else { 10 });
                assert!(begun.elapsed() < patience, "{error}");
            }
            assert_eq!(loaded(&store, &key).await, Some(saved.clone()));
            drop(taken(&store, &key).await.unwrap());
        }
    }
}

#[tokio::test]
async fn a_connection_that_is_ended_by_an_operator() {
    both(|database| async move {
        let mut config = database.way.config();
        config.application_name(&database.schema);
        let store = database.over(Reconnecting::to(config, NoTls));
        let saved = database.saved(&key("")).await;
        for _ in 0..3 {
            assert_eq!(loaded(&store, &key("")).await, Some(saved.clone()));
            let end = "select pg_terminate_backend(pid) from pg_stat_activity \
                       where application_name = current_schema()";
            database.sql(end).await;
            // It may be found out in the middle.
            if let Err(error) = store.load(&key("")).await {
                assert_passes(&error);
                assert_eq!(loaded(&store, &key("")).await, Some(saved.clone()));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_of_the_hosts_own_is_used_as_long_as_it_lives() {
    let database = Database::new(Way::Direct).await;
    let client = std::sync::Arc::new(crate::database::admin(Way::Direct).await);
    let store = database.over(client.clone());
    assert_eq!(store.save(&key(""), &record("1"), 0).await, Ok(Written::Done));
    let pid = client.query_one("select pg_backend_pid()", &[]).await.unwrap().get::<_, i32>(0);
    database.sql(&format!("select pg_terminate_backend({pid})")).await;
    for _ in 0..2 {
        assert_passes(&store.load(&key("")).await.unwrap_err());
    }
}

#[tokio::test]
async fn too_many_connections() {
    let database = Database::new(Way::Direct).await;
    let role = format!("{}_role", database.schema);
    let make = format!("create role {role} login connection limit 0 password 'access-secret'");
    database.sql(&make).await;
    let mut config = Way::Direct.config();
    config.user(&role).password("access-secret");
    let store = database.over(Reconnecting::to(config, NoTls));
    let error = store.load(&key("")).await.unwrap_err();
    assert_passes(&error);
    assert!(error.to_string().contains("(53300)"), "{error}");
}

#[tokio::test]
async fn a_server_that_cannot_be_written() {
    let database = Database::new(Way::Direct).await;
    let mut config = Way::Direct.config();
    config.options("-c default_transaction_read_only=on");
    let store = database.over(Reconnecting::to(config, NoTls));
    assert_eq!(loaded(&store, &key("")).await, None);
    let error = store.save(&key(""), &record("1"), 0).await.unwrap_err();
    assert_passes(&error);
    assert!(error.to_string().contains("have to go to the primary"), "{error}");
    let error = oauth_tokio::Leases::try_lock(&store, &key(""), oauth_tokio::Lock::Refresh).await;
    assert_passes(&error.unwrap_err());
}

#[tokio::test]
async fn a_server_that_does_not_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut config = Config::new();
    config.host("127.0.0.1").port(port).user("owner").password("correct-horse-battery");
    let limit = Duration::from_millis(500);
    let store = PostgresStorage::new(Reconnecting::to(config, NoTls)).time_limit(limit);
    let begun = Instant::now();
    let error = store.load(&key("")).await.unwrap_err();
    assert!((limit..3 * limit).contains(&begun.elapsed()));
    assert_passes(&error);
    assert!(error.to_string().contains("not answered for 500ms"), "{error}");
}

/// The statements that wait behind it have to go on over another connection.
#[tokio::test]
async fn a_statement_that_hangs_and_those_after_it() {
    both(|database| async move {
        let store = database.store().time_limit(Duration::from_secs(1));
        let saved = database.saved(&key("")).await;
        let next = record("2").replacing(saved.generation());
        assert_eq!(loaded(&store, &key("")).await, Some(saved.clone()));
        database.sql("begin; lock mcp_oauth_grant").await;
        assert_passes(&store.save(&key(""), &next, saved.generation()).await.unwrap_err());
        // The leases are not locked.
        drop(taken(&store, &key("")).await.unwrap());
        database.sql("commit").await;
        // An answer that was lost says nothing: the save may come through now.
        let begun = Instant::now();
        while loaded(&store, &key("")).await.as_ref() != Some(&next) {
            assert!(begun.elapsed() < Duration::from_secs(10));
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}
