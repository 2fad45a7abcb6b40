//! Leases: one holder, until it releases or the server's clock says so.

use std::time::Duration;

use oauth_core::session::{Key, Spend};
use oauth_tokio::redis::redis::cmd;
use oauth_tokio::{Leases as _, Lock, Records as _, TokenStorage as _, Written};

use crate::database::{Database, key, record, taken};

/// How many of twenty get the lease: half of them share a store.
async fn winners(database: &Database, key: &Key) -> Vec<oauth_tokio::Lease> {
    let shared = database.store().await;
    let mut tasks = Vec::new();
    for number in 0..20 {
        let store = if number % 2 == 0 { shared.clone() } else { database.store().await };
        let key = key.clone();
        tasks.push(tokio::spawn(async move { taken(&store, &key).await }));
    }
    let mut won = Vec::new();
    for task in tasks {
        won.extend(task.await.unwrap());
    }
    won
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_at_once_one_gets_it_also_after_its_end() {
    let (database, key) = (Database::new(), key(""));
    let first = winners(&database, &key).await;
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].length(), Some(oauth_core::client::LEASE_LENGTH));
    assert_eq!(winners(&database, &key).await.len(), 0);
    database.end_lease(&key).await;
    assert_eq!(winners(&database, &key).await.len(), 1);
}

#[tokio::test]
async fn a_lease_lasts_by_the_clock_of_the_server() {
    let (database, key) = (Database::new(), key(""));
    let store = database.store().await;
    let mut lease = taken(&store, &key).await.unwrap();
    let left = async || database.left(&key, Lock::Refresh).await;
    assert!((85_000..=90_000).contains(&left().await));
    assert!(database.age(&key, Lock::Refresh, Duration::from_secs(80)).await);
    assert!(left().await <= 10_000);
    assert_eq!(store.extend(&key, &mut lease).await, Ok(true));
    assert!((85_000..=90_000).contains(&left().await));
}

#[tokio::test]
async fn who_has_lost_a_lease_neither_extends_nor_releases_it() {
    let (database, key) = (Database::new(), key(""));
    let (store, other) = (database.store().await, database.store().await);
    let generation = database.saved(&key).await.generation();
    let mut late = taken(&store, &key).await.unwrap();
    database.end_lease(&key).await;
    assert_eq!(store.extend(&key, &mut late).await, Ok(false));
    let mut current = taken(&other, &key).await.unwrap();
    assert_eq!(store.extend(&key, &mut late).await, Ok(false));
    assert_eq!(store.reserve(&key, &mut late, Spend::new(generation, 0)).await, Ok(false));
    store.release(&key, late).await;
    assert!(taken(&store, &key).await.is_none());
    assert_eq!(other.extend(&key, &mut current).await, Ok(true));
    other.release(&key, current).await;
    assert!(taken(&store, &key).await.is_some());
}

#[tokio::test]
async fn a_token_is_spent_under_the_lease_and_from_the_stored_record_only() {
    let (database, key) = (Database::new(), key(""));
    let store = database.store().await;
    let first = database.saved(&key).await;
    let spend = Spend::new(first.generation(), 4096);
    let mut lease = taken(&store, &key).await.unwrap();
    assert_eq!(store.spending(&key).await, Ok(None));
    assert!(database.age(&key, Lock::Refresh, Duration::from_secs(80)).await);
    assert_eq!(store.reserve(&key, &mut lease, spend).await, Ok(true));
    assert!(database.left(&key, Lock::Refresh).await > 80_000);
    let spending = database.store().await.spending(&key).await.unwrap().unwrap();
    let [now, _]: [u64; 2] = database.run(&cmd("TIME")).await;
    assert!(spending.since.as_secs().abs_diff(now) < 10);
    // To extend it leaves that where it is.
    assert_eq!(store.extend(&key, &mut lease).await, Ok(true));
    assert!(store.spending(&key).await.unwrap().is_some());

    let second = record("2").replacing(first.generation());
    assert_eq!(store.save(&key, &second, first.generation()).await, Ok(Written::Done));
    assert_eq!(store.reserve(&key, &mut lease, spend).await, Ok(false));
    let spend = Spend::new(second.generation(), 4096);
    assert_eq!(store.reserve(&key, &mut lease, spend).await, Ok(true));
    database.end_lease(&key).await;
    assert_eq!(store.reserve(&key, &mut lease, spend).await, Ok(false));
    assert_eq!(store.spending(&key).await, Ok(None));
    // Who takes it next spends nothing yet.
    let mut next = taken(&database.store().await, &key).await.unwrap();
    assert_eq!(store.spending(&key).await, Ok(None));
    store.erase(&key).await.unwrap();
    assert_eq!(store.reserve(&key, &mut next, spend).await, Ok(false));
}

#[tokio::test]
async fn the_lease_of_another_store_or_key_is_an_error() {
    let (database, key) = (Database::new(), key(""));
    let store = database.store().await;
    let mut foreign = oauth_tokio::Lease::new(());
    assert!(store.extend(&key, &mut foreign).await.is_err());
    let mut lease = taken(&store, &key).await.unwrap();
    let error = store.extend(&self::key("another"), &mut lease).await.unwrap_err();
    assert!(!error.is_retryable());
    assert_eq!(store.extend(&key, &mut lease).await, Ok(true));
}
