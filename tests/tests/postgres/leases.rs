//! Leases: one holder, until it releases or the database's clock says so.

use oauth_core::session::{Key, Spend};
use oauth_tokio::{Leases as _, Lock, Records as _, TokenStorage as _, Written};

use crate::database::{Database, both, key, record, taken};

/// How many of twenty get the lease: half of them share a store.
async fn winners(database: &Database, key: &Key) -> Vec<oauth_tokio::Lease> {
    let shared = database.store();
    let tasks = (0..20).map(|number| {
        let store = if number % 2 == 0 { shared.clone() } else { database.store() };
        let key = key.clone();
        tokio::spawn(async move { taken(&store, &key).await })
    });
    let mut won = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        won.extend(task.await.unwrap());
    }
    won
}

#[tokio::test]
async fn of_twenty_at_once_one_gets_it_also_after_its_end() {
    both(|database| async move {
        let key = key("");
        let first = winners(&database, &key).await;
        assert_eq!(first.len(), 1);
        assert_eq!(first[0].length(), Some(oauth_core::client::LEASE_LENGTH));
        assert_eq!(winners(&database, &key).await.len(), 0);
        database.end_leases().await;
        let second = winners(&database, &key).await;
        assert_eq!(second.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_lease_lasts_by_the_clock_of_the_database() {
    both(|database| async move {
        let (store, key) = (database.store(), key(""));
        let mut lease = taken(&store, &key).await.unwrap();
        let left = "select extract(epoch from until - now())::int from mcp_oauth_lease";
        let left = async || database.value(left).await.parse::<i32>().unwrap();
        assert!((85..=90).contains(&left().await));
        database.sql("update mcp_oauth_lease set until = now() + interval '9 seconds'").await;
        assert_eq!(store.extend(&key, &mut lease).await, Ok(true));
        assert!((85..=90).contains(&left().await));
    })
    .await;
}

#[tokio::test]
async fn who_has_lost_a_lease_neither_extends_nor_releases_it() {
    both(|database| async move {
        let (store, other, key) = (database.store(), database.store(), key(""));
        let generation = database.saved(&key).await.generation();
        let mut late = taken(&store, &key).await.unwrap();
        database.end_leases().await;
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
    })
    .await;
}

#[tokio::test]
async fn the_locks_of_a_key_are_independent() {
    both(|database| async move {
        let (store, other, key) = (database.store(), database.store(), key(""));
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
        database.end_leases().await;
        assert_eq!(other.is_held(&key, Lock::Refresh).await, Ok(false));
    })
    .await;
}

#[tokio::test]
async fn a_token_is_spent_under_the_lease_and_from_the_stored_record_only() {
    both(|database| async move {
        let (store, key) = (database.store(), key(""));
        let first = database.saved(&key).await;
        let spend = Spend::new(first.generation(), 4096);
        let mut lease = taken(&store, &key).await.unwrap();
        assert_eq!(store.spending(&key).await, Ok(None));
        database.sql("update mcp_oauth_lease set until = now() + interval '9 seconds'").await;
        assert_eq!(store.reserve(&key, &mut lease, spend).await, Ok(true));
        let left = "select extract(epoch from until - now())::int from mcp_oauth_lease";
        assert!(database.value(left).await.parse::<i32>().unwrap() > 80);
        let spending = database.store().spending(&key).await.unwrap().unwrap();
        let now: u64 =
            database.value("select extract(epoch from now())::bigint").await.parse().unwrap();
        assert!(spending.since.as_secs().abs_diff(now) < 10);

        let second = record("2").replacing(first.generation());
        assert_eq!(store.save(&key, &second, first.generation()).await, Ok(Written::Done));
        assert_eq!(store.reserve(&key, &mut lease, spend).await, Ok(false));
        let spend = Spend::new(second.generation(), 4096);
        assert_eq!(store.reserve(&key, &mut lease, spend).await, Ok(true));
        database.end_leases().await;
        assert_eq!(store.reserve(&key, &mut lease, spend).await, Ok(false));
        assert_eq!(store.spending(&key).await, Ok(None));
        // Who takes it next spends nothing yet.
        let mut next = taken(&database.store(), &key).await.unwrap();
        assert_eq!(store.spending(&key).await, Ok(None));
        store.erase(&key).await.unwrap();
        assert_eq!(store.reserve(&key, &mut next, spend).await, Ok(false));
    })
    .await;
}

#[tokio::test]
async fn the_lease_of_another_store_or_key_is_an_error() {
    both(|database| async move {
        let (store, key) = (database.store(), key(""));
        let mut foreign = oauth_tokio::Lease::new(());
        assert!(store.extend(&key, &mut foreign).await.is_err());
        let mut lease = taken(&store, &key).await.unwrap();
        let error = store.extend(&self::key("another"), &mut lease).await.unwrap_err();
        assert!(!error.is_retryable());
        assert_eq!(store.extend(&key, &mut lease).await, Ok(true));
    })
    .await;
}
