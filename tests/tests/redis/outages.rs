//! What passes by itself: each is a retryable error, and the store works when it has passed.

use std::time::Duration;

use oauth_tests::world::Knobs;
use oauth_tokio::redis::{RedisStorage, Terms};
use oauth_tokio::{Leases as _, Lock, Records as _, StorageError};
use tokio::time::{Instant, sleep};

use crate::database::{Database, assert_quiet, connection, key, record};
use crate::remote::{loaded, taken};
use crate::server::Server;
use crate::tokio_common::common::{HOUR, LIST, PATIENCE, assert_sound, logins, refreshes, serve};
use crate::tokio_common::{call, client, logged_in};

#[track_caller]
fn assert_passes(error: &StorageError) {
    assert!(error.is_retryable(), "{error}");
    assert_quiet(error);
}

async fn assert_away(store: &RedisStorage) {
    assert_passes(&store.load(&key("")).await.unwrap_err());
    assert_passes(&store.save(&key(""), &record("2"), 0).await.unwrap_err());
    assert_passes(&store.try_lock(&key(""), Lock::Refresh).await.unwrap_err());
}

/// The connection is opened again a moment later.
async fn until_back(store: &RedisStorage) {
    let begun = Instant::now();
    while let Err(error) = store.load(&key("")).await {
        assert_passes(&error);
        assert!(begun.elapsed() < Duration::from_secs(10), "{error}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_stopped_and_started() {
    let mut server = Server::start(&[]).await;
    let database = Database::at(&server.url(), Terms::strict());
    let (store, key) = (database.store().await, key(""));
    let saved = database.saved(&key).await;
    for signal in ["TERM", "KILL"] {
        assert_eq!(loaded(&store, &key).await, Some(saved.clone()));
        if signal == "KILL" {
            server.kill()
        } else {
            server.signal(signal)
        }
        for _ in 0..2 {
            assert_away(&store).await;
        }
        server.start_again().await;
        until_back(&store).await;
        let lease = taken(&store, &key).await.unwrap();
        store.release(&key, lease).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer() {
    let mut server = Server::start(&[]).await;
    let database = Database::at(&server.url(), Terms::strict());
    let limit = Duration::from_millis(500);
    let store = database.store().await.time_limit(limit);
    server.signal("STOP");
    let begun = Instant::now();
    let error = store.load(&key("")).await.unwrap_err();
    assert!((limit..3 * limit).contains(&begun.elapsed()));
    assert_passes(&error);
    assert!(error.to_string().contains("not answered for 500ms"), "{error}");
    server.signal("CONT");
    until_back(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_no_room() {
    let server = Server::start(&[("maxmemory", "1kb"), ("maxmemory-policy", "noeviction")]).await;
    let database = Database::at(&server.url(), Terms::strict());
    let store = database.store().await;
    let error = store.save(&key(""), &record("1"), 0).await.unwrap_err();
    assert_passes(&error);
    assert!(error.to_string().contains("(OOM); give the server more memory"), "{error}");
    // No lease is given where nothing can be stored: the token would be spent in vain.
    let error = store.try_lock(&key(""), Lock::Refresh).await.unwrap_err();
    assert_passes(&error);
    assert_eq!(loaded(&store, &key("")).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_is_not_written() {
    let primary = Server::start(&[]).await;
    let port = primary.address().1.to_string().leak();
    let of = format!("127.0.0.1 {port}").leak();
    let password = crate::database::SECRETS[0];
    let replica = Server::start(&[("replicaof", of), ("masterauth", password)]).await;
    let store = Database::at(&replica.url(), Terms::strict()).store().await;
    let begun = Instant::now();
    loop {
        let error = store.save(&key(""), &record("1"), 0).await.unwrap_err();
        assert_passes(&error);
        // It may be loading what the primary has.
        if error.to_string().contains("(READONLY); commands have to go to the primary") {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{error}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// A living token goes on, one that has ended is an error that passes, and nobody has to log in.
#[tokio::test(flavor = "multi_thread")]
async fn a_living_token_goes_on_without_the_server() {
    let mut server = Server::start(&[]).await;
    let database = Database::at(&server.url(), Terms::strict());
    let served = serve(Knobs::default());
    drop(logged_in(&served, &database.store().await).await);
    let oauth = client(&served, &database.store().await);
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    server.kill();
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    served.advance(HOUR);
    let error = call(&oauth, &served, LIST).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert_eq!(refreshes(&served), 0);
    server.start_again().await;
    let begun = Instant::now();
    while call(&oauth, &served, LIST).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!((refreshes(&served), logins(&served)), (1, 0));
    assert!(oauth.shutdown(PATIENCE).await);
    assert_sound(&served);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_that_passes() {
    let server = Server::start(&[]).await;
    let url = server.url();
    let connection = connection(&url).await.unwrap();
    drop(server);
    let error = RedisStorage::open(connection, Terms::strict()).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert_quiet(&error.into());
}
