//! A lease ends by itself, and who has lost it does no harm.

use alloc::format;
use core::time::Duration;

use crate::client::storage::{LEASE_LENGTH, Lease};
use crate::client::storage_contract::bench::{Bench, Handle};
use crate::client::storage_contract::finding::{Finding, Kept, ensure};
use crate::client::storage_contract::stage::Stage;
use crate::session::{Key, Lock};

pub(in super::super) async fn a_lease_lasts<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (one, other, key) = (bench.open().await?, bench.open().await?, bench.key(""));
    for lock in LOCKS {
        let mut lease = one.takes(&key, lock).await?;
        if let Some(length) = lease.length() {
            ensure!(length >= LEASE_LENGTH, "The lease lasts for {length:?} only.");
        }
        bench.pass(&key, lock, lease.length(), ALMOST).await?;
        other.finds_held(&key, lock, format!("{ALMOST:?} after another had it")).await?;
        let is_held = one.extends(&key, &mut lease).await?;
        ensure!(is_held, "The lock {lock:?} was lost after {ALMOST:?}.");
        one.releases(&key, lease).await?;
    }
    Ok(())
}

pub(in super::super) async fn a_lease_ends<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (one, other, key) = (bench.open().await?, bench.open().await?, bench.key(""));
    for lock in LOCKS {
        let lost = loses(bench, &one, &key, lock).await?;
        let lease = takes_over(&other, &key, lock).await?;
        one.finds_held(&key, lock, "by who has lost it, while another holds it").await?;
        other.releases(&key, lease).await?;
        drop(lost);
    }
    Ok(())
}

pub(in super::super) async fn an_extended_lease_begins_anew<S: Stage>(
    bench: &Bench<'_, S>,
) -> Kept {
    let (one, other, key) = (bench.open().await?, bench.open().await?, bench.key(""));
    for lock in LOCKS {
        let mut lease = one.takes(&key, lock).await?;
        for _ in 0..3 {
            bench.pass(&key, lock, lease.length(), ALMOST).await?;
            let is_held = one.extends(&key, &mut lease).await?;
            ensure!(is_held, "The lock {lock:?} was lost {ALMOST:?} after it was extended.");
        }
        bench.pass(&key, lock, lease.length(), ALMOST).await?;
        other.finds_held(&key, lock, format!("{ALMOST:?} after it was extended")).await?;
        one.releases(&key, lease).await?;
    }
    Ok(())
}

pub(in super::super) async fn a_lost_lease_cannot_be_extended<S: Stage>(
    bench: &Bench<'_, S>,
) -> Kept {
    let (one, other, key) = (bench.open().await?, bench.open().await?, bench.key(""));
    for lock in LOCKS {
        let mut lost = loses(bench, &one, &key, lock).await?;
        let is_held = one.extends(&key, &mut lost).await?;
        ensure!(!is_held, "Whose lease of {lock:?} has ended was told that it goes on.");
        let mut lease = takes_over(&other, &key, lock).await?;
        let is_held = one.extends(&key, &mut lost).await?;
        ensure!(!is_held, "Who has lost {lock:?} to another was told that they hold it.");
        let is_held = other.extends(&key, &mut lease).await?;
        ensure!(is_held, "Who has {lock:?} lost it to one who had lost it before.");
        other.releases(&key, lease).await?;
    }
    Ok(())
}

pub(in super::super) async fn a_lost_lease_frees_nothing<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (one, other, key) = (bench.open().await?, bench.open().await?, bench.key(""));
    for is_dropped in [false, true] {
        for lock in LOCKS {
            let lost = loses(bench, &one, &key, lock).await?;
            let mut lease = takes_over(&other, &key, lock).await?;
            if is_dropped {
                drop(lost);
                // What a destructor hands to others takes a moment.
                bench.stage.sleep(Duration::from_secs(1)).await;
            } else {
                one.releases(&key, lost).await?;
            }
            let when = "while it was held, since another has released it late";
            bench.open().await?.finds_held(&key, lock, when).await?;
            let is_held = other.extends(&key, &mut lease).await?;
            ensure!(is_held, "Who has {lock:?} lost it by the late release of another.");
            other.releases(&key, lease).await?;
        }
    }
    Ok(())
}

/// Takes a lock, and holds it until its lease is over.
pub(super) async fn loses<S: Stage>(
    bench: &Bench<'_, S>,
    store: &Handle<'_, S>,
    key: &Key,
    lock: Lock,
) -> Result<Lease, Finding> {
    let lease = store.takes(key, lock).await?;
    let length = lease.length();
    bench.pass(key, lock, length, length.unwrap_or_default() + MARGIN).await?;
    Ok(lease)
}

/// Takes a lock that another has lost.
pub(super) async fn takes_over<S: Stage>(
    store: &Handle<'_, S>,
    key: &Key,
    lock: Lock,
) -> Result<Lease, Finding> {
    let lease = store.try_lock(key, lock).await?;
    lease.ok_or_else(|| Finding::Broken(format!("A lease of {lock:?} does not end.")))
}

/// Less than a lease lasts, and more than half of that.
pub(super) const ALMOST: Duration = Duration::from_secs(LEASE_LENGTH.as_secs() / 3 * 2);

/// How far behind its end a lease is over.
const MARGIN: Duration = Duration::from_secs(1);

const LOCKS: [Lock; 3] = [Lock::Refresh, Lock::Login, Lock::Client];
