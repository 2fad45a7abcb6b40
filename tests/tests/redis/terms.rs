//! Servers that lose what they have acknowledged are refused, unless the host accepts it.

use oauth_tokio::redis::redis::{Value, cmd};
use oauth_tokio::redis::{OpenError, RedisStorage, Terms};
use oauth_tokio::{Leases as _, Records as _, StorageError, Written};

use crate::database::{Database, connection, key, record};
use crate::remote::{loaded, taken};
use crate::server::Server;

async fn opened(url: &str, terms: Terms) -> Result<RedisStorage, OpenError> {
    RedisStorage::open(connection(url).await.unwrap(), terms).await
}

/// One by default: snapshots only.
#[tokio::test]
async fn a_server_without_a_file_is_refused() {
    let url = std::env::var("STORES_REDIS_LOOSE").unwrap();
    let error = opened(&url, Terms::strict()).await.unwrap_err();
    assert_eq!(error, OpenError::LosesSaves { setting: "appendonly", found: "no".into() });
    assert!(
        error.to_string().contains("set appendonly to yes and appendfsync to always"),
        "{error}"
    );
    assert!(!StorageError::from(error).is_retryable());
    let all_others = Terms::strict().accept_evicted_records().vouch_for_untold_configuration();
    assert!(opened(&url, all_others).await.is_err());
    let store = opened(&url, Terms::strict().accept_lost_saves()).await.unwrap();
    assert_eq!(loaded(&store, &key("")).await, None);
}

#[tokio::test]
async fn a_server_that_writes_too_late_is_refused() {
    for (setting, found) in [("appendfsync", "everysec"), ("no-appendfsync-on-rewrite", "yes")] {
        let server = Server::start(&[(setting, found)]).await;
        let error = opened(&server.url(), Terms::strict()).await.unwrap_err();
        assert_eq!(error, OpenError::LosesSaves { setting, found: found.into() });
        assert!(opened(&server.url(), Terms::strict().accept_lost_saves()).await.is_ok());
    }
}

#[tokio::test]
async fn a_server_that_throws_records_away_is_refused() {
    let server = Server::start(&[("maxmemory-policy", "allkeys-lru")]).await;
    let error = opened(&server.url(), Terms::strict()).await.unwrap_err();
    assert_eq!(error, OpenError::EvictsRecords { policy: "allkeys-lru".into() });
    assert!(opened(&server.url(), Terms::strict().accept_lost_saves()).await.is_err());
    assert!(opened(&server.url(), Terms::strict().accept_evicted_records()).await.is_ok());
}

/// As managed servers do it.
#[tokio::test]
async fn a_server_that_does_not_tell_has_to_be_vouched_for() {
    let server = Server::start(&[("rename-command", "CONFIG nobody-knows")]).await;
    let error = opened(&server.url(), Terms::strict()).await.unwrap_err();
    assert!(matches!(error, OpenError::Untold { .. }), "{error}");
    assert!(error.to_string().contains("vouch for the server"), "{error}");
    assert!(opened(&server.url(), Terms::strict().accept_lost_saves()).await.is_err());
    let terms = Terms::strict().vouch_for_untold_configuration();
    assert!(opened(&server.url(), terms).await.is_ok());
}

/// Where the server can be asked to wait, a file that is written once a second will do; otherwise it is said.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_waited_for_keeps_what_it_acknowledges() {
    let mut server = Server::start(&[("appendfsync", "everysec")]).await;
    let terms = Terms::strict().wait_for_disk();
    let database = Database::at(&server.url(), terms);
    let known: Value = database.run(cmd("COMMAND").arg("INFO").arg("WAITAOF")).await;
    if known == Value::Array(vec![Value::Nil]) {
        let error = opened(&server.url(), terms).await.unwrap_err();
        assert_eq!(error, OpenError::CannotWait);
        return;
    }
    let (key, mut stored) = (key(""), 0);
    for number in 0..3 {
        let (store, next) = (database.store().await, record(&number.to_string()).replacing(stored));
        let lease = taken(&store, &key).await.unwrap();
        store.release(&key, lease).await;
        let saved = store.save(&key, &next, stored).await;
        server.kill();
        assert_eq!(saved, Ok(Written::Done));
        server.start_again().await;
        assert_eq!(loaded(&database.store().await, &key).await.as_ref(), Some(&next));
        stored = next.generation();
    }
}
