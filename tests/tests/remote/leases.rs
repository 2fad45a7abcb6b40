//! Leases: one holder, until it releases or the server's clock says so.

use std::time::Duration;

use oauth_core::client::LEASE_LENGTH;
use oauth_core::session::{Key, Spend};
use oauth_tokio::{Lease, Leases as _, Lock, Records as _, TokenStorage as _, Written};

use super::{Server as _, each, taken};
use crate::database::Database;
use crate::sample::{key, record};

/// Those of twenty tasks that have it: some share a connection, and some have their own.
async fn winners(server: &Database, key: &Key) -> Vec<Lease> {
    let shared = server.open().await;
    let mut tasks = Vec::new();
    for number in 0..20 {
        let store = if number % 2 == 0 { shared.clone() } else { server.open().await };
        let key = key.clone();
        tasks.push(tokio::spawn(async move { taken(&store, &key).await }));
    }
    let mut winners = Vec::new();
    for task in tasks {
        winners.extend(task.await.unwrap());
    }
    winners
}

fn is_new(left: Duration) -> bool {
    (Duration::from_secs(85)..=LEASE_LENGTH).contains(&left)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_at_once_one_gets_it_also_after_its_end() {
    for server in each().await {
        let key = key("");
        let first = winners(&server, &key).await;
        assert_eq!(first.len(), 1);
        assert_eq!(first[0].length(), Some(LEASE_LENGTH));
        assert_eq!(winners(&server, &key).await.len(), 0);
        server.end_lease(&key).await;
        let second = winners(&server, &key).await;
        assert_eq!(second.len(), 1);
    }
}

#[tokio::test]
async fn a_lease_lasts_by_the_clock_of_the_server() {
    for server in each().await {
        let (store, key) = (server.open().await, key(""));
        let mut lease = taken(&store, &key).await.unwrap();
        assert!(is_new(server.lease_left(&key).await));
        server.age_lease(&key, Duration::from_secs(80)).await;
        assert!(server.lease_left(&key).await <= Duration::from_secs(10));
        assert_eq!(store.extend(&key, &mut lease).await, Ok(true));
        assert!(is_new(server.lease_left(&key).await));
    }
}

#[tokio::test]
async fn who_has_lost_a_lease_neither_extends_nor_releases_it() {
    for server in each().await {
        let (store, other, key) = (server.open().await, server.open().await, key(""));
        let generation = server.saved(&key).await.generation();
        let mut late = taken(&store, &key).await.unwrap();
        server.end_lease(&key).await;
        // Nobody else has it, but it may have been another's meanwhile.
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
}

#[tokio::test]
async fn the_locks_of_a_key_are_independent() {
    for server in each().await {
        let (store, other, key) = (server.open().await, server.open().await, key(""));
        let locks = [Lock::Refresh, Lock::Login, Lock::Client];
        let mut held = Vec::new();
        for lock in locks {
            assert_eq!(other.is_held(&key, lock).await, Ok(false));
            held.push(store.try_lock(&key, lock).await.unwrap().unwrap());
            assert_eq!(other.is_held(&key, lock).await, Ok(true));
            assert!(other.try_lock(&key, lock).await.unwrap().is_none());
        }
        assert!(taken(&other, &self::key("another")).await.is_some());
        store.release(&key, held.remove(1)).await;
        for (lock, expected) in locks.into_iter().zip([true, false, true]) {
            assert_eq!(other.is_held(&key, lock).await, Ok(expected), "{lock:?}");
        }
        server.end_lease(&key).await;
        assert_eq!(other.is_held(&key, Lock::Refresh).await, Ok(false));
    }
}

#[tokio::test]
async fn a_token_is_spent_under_the_lease_and_from_the_stored_record_only() {
    for server in each().await {
        let (store, key) = (server.open().await, key(""));
        let first = server.saved(&key).await;
        let spend = Spend::new(first.generation(), 4096);
        let mut lease = taken(&store, &key).await.unwrap();
        assert_eq!(store.spending(&key).await, Ok(None));
        server.age_lease(&key, Duration::from_secs(80)).await;
        assert_eq!(store.reserve(&key, &mut lease, spend).await, Ok(true));
        assert!(is_new(server.lease_left(&key).await));
        let spending = server.open().await.spending(&key).await.unwrap().unwrap();
        assert!(spending.since.as_secs().abs_diff(server.now().await) < 10);
        // To extend it leaves that where it is.
        assert_eq!(store.extend(&key, &mut lease).await, Ok(true));
        assert_eq!(store.spending(&key).await, Ok(Some(spending)));

        let second = record("2").replacing(first.generation());
        assert_eq!(store.save(&key, &second, first.generation()).await, Ok(Written::Done));
        assert_eq!(store.reserve(&key, &mut lease, spend).await, Ok(false));
        let spend = Spend::new(second.generation(), 4096);
        assert_eq!(store.reserve(&key, &mut lease, spend).await, Ok(true));
        server.end_lease(&key).await;
        assert_eq!(store.reserve(&key, &mut lease, spend).await, Ok(false));
        assert_eq!(store.spending(&key).await, Ok(None));
        // Who takes it next spends nothing yet.
        let mut next = taken(&server.open().await, &key).await.unwrap();
        assert_eq!(store.spending(&key).await, Ok(None));
        store.erase(&key).await.unwrap();
        assert_eq!(store.reserve(&key, &mut next, spend).await, Ok(false));
    }
}

#[tokio::test]
async fn the_lease_of_another_store_or_key_is_an_error() {
    for server in each().await {
        let (store, key) = (server.open().await, key(""));
        let mut foreign = Lease::new(());
        assert!(store.extend(&key, &mut foreign).await.is_err());
        let mut lease = taken(&store, &key).await.unwrap();
        let error = store.extend(&self::key("another"), &mut lease).await.unwrap_err();
        assert!(!error.is_retryable());
        assert_eq!(store.extend(&key, &mut lease).await, Ok(true));
    }
}
