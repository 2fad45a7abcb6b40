//! Leases whose taking or release was cut off: a program does not wait for itself, and nobody has a lease twice.

use std::time::Duration;

use oauth_tokio::redis::RedisStorage;
use oauth_tokio::{Leases as _, Lock};
use tokio::time::{Instant, sleep, timeout};

use crate::database::{Database, key};
use crate::remote::taken;
use crate::wired::Wire;

/// Long enough for a command, and no more.
const MOMENT: Duration = Duration::from_millis(300);

async fn is_held(database: &Database) -> bool {
    database.left(&key(""), Lock::Refresh).await > 0
}

/// Waits until the lease is there, or is not.
async fn until(database: &Database, expected: bool) {
    let begun = Instant::now();
    while is_held(database).await != expected {
        assert!(begun.elapsed() < Duration::from_secs(10));
        sleep(Duration::from_millis(10)).await;
    }
}

/// A taking that is run, and whose caller has gone before the answer.
async fn cut_off(store: &RedisStorage, wire: &Wire) {
    // The time is for the taking, not for its script.
    drop(store.try_lock(&key("warm"), Lock::Refresh).await.unwrap());
    Wire::set(&wire.state.holds_answers, true);
    assert!(timeout(MOMENT, store.try_lock(&key(""), Lock::Refresh)).await.is_err());
    Wire::set(&wire.state.holds_answers, false);
}

#[tokio::test]
async fn a_dropped_lease_is_free_at_once_for_its_own_store_and_soon_for_others() {
    let (database, key) = (Database::new(), key(""));
    let store = database.store().await;
    let lease = taken(&store, &key).await.unwrap();
    assert!(taken(&store, &key).await.is_none());
    drop(lease);
    let again = taken(&store.clone(), &key).await.unwrap();
    drop(again);
    until(&database, false).await;
    assert!(taken(&database.store().await, &key).await.is_some());
}

#[tokio::test]
async fn what_is_dropped_without_a_runtime_is_remembered() {
    let (database, key) = (Database::new(), key(""));
    let (store, other) = (database.store().await, database.store().await);
    let lease = taken(&store, &key).await.unwrap();
    std::thread::spawn(move || drop(lease)).join().unwrap();
    sleep(MOMENT).await;
    assert!(taken(&other, &key).await.is_none());
    assert!(taken(&store, &key).await.is_some());
}

#[tokio::test]
async fn a_release_that_fails_is_remembered() {
    let (database, key) = (Database::new(), key(""));
    let wire = Wire::new(&database).await;
    let (store, other) = (database.over(wire.clone()).await, database.store().await);
    Wire::set(&wire.state.fails_releases, true);
    for is_dropped in [false, true] {
        let lease = taken(&store, &key).await.unwrap();
        if is_dropped {
            drop(lease);
            sleep(MOMENT).await;
        } else {
            store.release(&key, lease).await;
        }
        assert!(taken(&other, &key).await.is_none());
    }
    // The other lock, another key and another store have nothing to do with it.
    assert!(store.try_lock(&key, Lock::Login).await.unwrap().is_some());
    assert!(taken(&store, &key).await.is_some());
}

#[tokio::test]
async fn a_taking_that_was_cut_off_is_taken_over() {
    let (database, key) = (Database::new(), key(""));
    let wire = Wire::new(&database).await;
    let (store, other) = (database.over(wire.clone()).await, database.store().await);
    Wire::set(&wire.state.fails_releases, true);
    for _ in 0..3 {
        cut_off(&store, &wire).await;
        assert!(is_held(&database).await);
        assert!(taken(&other, &key).await.is_none());
    }
    let mut lease = taken(&store.clone(), &key).await.unwrap();
    assert!(taken(&store, &key).await.is_none());
    assert_eq!(store.extend(&key, &mut lease).await, Ok(true));
}

#[tokio::test]
async fn a_taking_that_was_cut_off_is_soon_free_for_others() {
    let database = Database::new();
    let wire = Wire::new(&database).await;
    let store = database.over(wire.clone()).await;
    cut_off(&store, &wire).await;
    until(&database, false).await;
    assert!(taken(&database.store().await, &key("")).await.is_some());
}

#[tokio::test]
async fn a_taking_whose_answer_is_on_its_way_is_not_taken_over() {
    let (database, key) = (Database::new(), key(""));
    let wire = Wire::new(&database).await;
    let store = database.over(wire.clone()).await;
    Wire::set(&wire.state.holds_answers, true);
    let first = tokio::spawn({
        let (store, key) = (store.clone(), key.clone());
        async move { taken(&store, &key).await }
    });
    // Also the answer that the server does not have the script.
    wire.state.answers.add_permits(1);
    until(&database, true).await;
    Wire::set(&wire.state.holds_answers, false);
    assert!(taken(&store, &key).await.is_none());
    wire.state.answers.add_permits(1);
    let mut lease = first.await.unwrap().unwrap();
    assert_eq!(store.extend(&key, &mut lease).await, Ok(true));
}

/// Behind a proxy, a command may come after those that were sent later.
#[tokio::test]
async fn a_taking_that_comes_after_all_is_taken_over_as_well() {
    let (database, key) = (Database::new(), key(""));
    let wire = Wire::new(&database).await;
    let store = database.over(wire.clone()).await;
    drop(taken(&store, &self::key("warm")).await);
    Wire::set(&wire.state.holds_takings, true);
    assert!(timeout(MOMENT, taken(&store, &key)).await.is_err());
    Wire::set(&wire.state.holds_takings, false);
    let lease = taken(&store, &key).await.unwrap();
    store.release(&key, lease).await;
    assert!(!is_held(&database).await);
    wire.state.takings.add_permits(1);
    until(&database, true).await;
    assert!(taken(&database.store().await, &key).await.is_none());
    assert!(taken(&store, &key).await.is_some());
}

#[tokio::test]
async fn a_release_that_is_cut_off_is_begun_anew() {
    let (database, key) = (Database::new(), key(""));
    let store = database.store().await;
    let lease = taken(&store, &key).await.unwrap();
    // Not even the first step of it is made.
    drop(store.release(&key, lease));
    until(&database, false).await;
}
