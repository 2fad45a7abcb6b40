//! Leases whose taking or release was cut off: a program does not wait for itself, and nobody has a lease twice.

use std::time::Duration;

use oauth_tokio::postgres::PostgresStorage;
use oauth_tokio::{Leases as _, Lock, Records as _};
use tokio::time::{Instant, sleep, timeout};

use crate::database::{Database, both, key};
use crate::remote::taken;
use crate::wired::Wire;

/// Long enough for a statement, and no more.
const MOMENT: Duration = Duration::from_millis(300);

async fn rows(database: &Database) -> String {
    database.value("select count(*) from mcp_oauth_lease").await
}

/// Waits until others can have the lease as well.
async fn until_free(database: &Database) {
    let begun = Instant::now();
    while rows(database).await != "0" {
        assert!(begun.elapsed() < Duration::from_secs(10));
        sleep(Duration::from_millis(10)).await;
    }
}

/// A taking that is run, and whose caller has gone before the answer.
async fn cut_off(store: &PostgresStorage, wire: &Wire) {
    // The time is for the taking, not for the connection.
    assert!(store.load(&key("")).await.is_ok());
    Wire::set(&wire.holds_answers, true);
    assert!(timeout(MOMENT, store.try_lock(&key(""), Lock::Refresh)).await.is_err());
    Wire::set(&wire.holds_answers, false);
}

#[tokio::test]
async fn a_dropped_lease_is_free_at_once_for_its_own_store_and_soon_for_others() {
    both(|database| async move {
        let (store, key) = (database.store(), key(""));
        let lease = taken(&store, &key).await.unwrap();
        assert!(taken(&store, &key).await.is_none());
        drop(lease);
        let again = taken(&store.clone(), &key).await.unwrap();
        drop(again);
        until_free(&database).await;
        assert!(taken(&database.store(), &key).await.is_some());
    })
    .await;
}

#[tokio::test]
async fn what_is_dropped_without_a_runtime_is_remembered() {
    both(|database| async move {
        let (store, other, key) = (database.store(), database.store(), key(""));
        let lease = taken(&store, &key).await.unwrap();
        std::thread::spawn(move || drop(lease)).join().unwrap();
        sleep(MOMENT).await;
        assert!(taken(&other, &key).await.is_none());
        assert!(taken(&store, &key).await.is_some());
    })
    .await;
}

#[tokio::test]
async fn a_release_that_fails_is_remembered() {
    both(|database| async move {
        let wire = Wire::new(database.way);
        let (store, other, key) = (database.over(wire.clone()), database.store(), key(""));
        Wire::set(&wire.fails_releases, true);
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
    })
    .await;
}

#[tokio::test]
async fn a_taking_that_was_cut_off_is_taken_over() {
    both(|database| async move {
        let wire = Wire::new(database.way);
        let (store, other, key) = (database.over(wire.clone()), database.store(), key(""));
        Wire::set(&wire.fails_releases, true);
        for _ in 0..3 {
            cut_off(&store, &wire).await;
            assert_eq!(rows(&database).await, "1");
            assert!(taken(&other, &key).await.is_none());
        }
        let mut lease = taken(&store.clone(), &key).await.unwrap();
        assert!(taken(&store, &key).await.is_none());
        assert_eq!(store.extend(&key, &mut lease).await, Ok(true));
    })
    .await;
}

#[tokio::test]
async fn a_taking_that_was_cut_off_is_soon_free_for_others() {
    both(|database| async move {
        let wire = Wire::new(database.way);
        let store = database.over(wire.clone());
        cut_off(&store, &wire).await;
        until_free(&database).await;
        assert!(taken(&database.store(), &key("")).await.is_some());
    })
    .await;
}

#[tokio::test]
async fn a_taking_whose_answer_is_on_its_way_is_not_taken_over() {
    both(|database| async move {
        let wire = Wire::new(database.way);
        let (store, key) = (database.over(wire.clone()), key(""));
        Wire::set(&wire.holds_answers, true);
        let first = tokio::spawn({
            let (store, key) = (store.clone(), key.clone());
            async move { taken(&store, &key).await }
        });
        while rows(&database).await != "1" {
            sleep(Duration::from_millis(10)).await;
        }
        Wire::set(&wire.holds_answers, false);
        assert!(taken(&store, &key).await.is_none());
        wire.answers.add_permits(1);
        let mut lease = first.await.unwrap().unwrap();
        assert_eq!(store.extend(&key, &mut lease).await, Ok(true));
    })
    .await;
}

/// Behind a pool, a statement may come after those that were sent later.
#[tokio::test]
async fn a_taking_that_comes_after_all_is_taken_over_as_well() {
    both(|database| async move {
        let wire = Wire::new(database.way);
        let (store, key) = (database.over(wire.clone()), key(""));
        Wire::set(&wire.holds_takings, true);
        assert!(timeout(MOMENT, taken(&store, &key)).await.is_err());
        Wire::set(&wire.holds_takings, false);
        let lease = taken(&store, &key).await.unwrap();
        store.release(&key, lease).await;
        assert_eq!(rows(&database).await, "0");
        wire.takings.add_permits(1);
        while rows(&database).await != "1" {
            sleep(Duration::from_millis(10)).await;
        }
        assert!(taken(&database.store(), &key).await.is_none());
        assert!(taken(&store, &key).await.is_some());
    })
    .await;
}

#[tokio::test]
async fn a_release_that_is_cut_off_is_begun_anew() {
    both(|database| async move {
        let (store, key) = (database.store(), key(""));
        let lease = taken(&store, &key).await.unwrap();
        // Not even the first step of it is made.
        drop(store.release(&key, lease));
        until_free(&database).await;
    })
    .await;
}
