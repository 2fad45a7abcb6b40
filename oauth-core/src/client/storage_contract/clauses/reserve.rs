//! A refresh token is spent by who holds the lock, and only while it is the one that is stored.

use alloc::format;

use crate::client::storage_contract::bench::Bench;
use crate::client::storage_contract::clauses::leases::{ALMOST, loses, takes_over};
use crate::client::storage_contract::finding::{Kept, ensure};
use crate::client::storage_contract::sample::record;
use crate::client::storage_contract::stage::Stage;
use crate::session::Lock;

pub(in super::super) async fn the_holder_reserves<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (one, other, key) = (bench.open().await?, bench.open().await?, bench.key(""));
    // A token that is got without a user replaces nothing, the first time.
    let mut stored = 0;
    for name in ["a", "b", "c"] {
        let mut lease = one.takes(&key, Lock::Refresh).await?;
        let is_reserved = one.reserves(&key, &mut lease, stored).await?;
        ensure!(is_reserved, "Who holds the lock may not spend the token of {stored}.");
        other.finds_held(&key, Lock::Refresh, "after the token was reserved").await?;
        let is_held = one.extends(&key, &mut lease).await?;
        ensure!(is_held, "The lock was lost after the token was reserved.");
        let next = record(name, stored)?;
        one.saves(&key, &next, stored).await?;
        one.releases(&key, lease).await?;
        other.holds(&key, &next).await?;
        stored = next.generation();
    }
    let lease = other.takes(&key, Lock::Refresh).await?;
    other.releases(&key, lease).await
}

pub(in super::super) async fn another_generation_is_not_reserved<S: Stage>(
    bench: &Bench<'_, S>,
) -> Kept {
    let (one, other, key) = (bench.open().await?, bench.open().await?, bench.key(""));
    let refuses = async |generation: u64, stored: u64| {
        let mut lease = one.takes(&key, Lock::Refresh).await?;
        let is_reserved = one.reserves(&key, &mut lease, generation).await?;
        one.releases(&key, lease).await?;
        ensure!(!is_reserved, "The token of {generation} may be spent where {stored} is stored.");
        Ok(())
    };
    refuses(7, 0).await?;
    let first = record("a", 0)?;
    one.saves(&key, &first, 0).await?;
    let second = record("b", first.generation())?;
    // Somebody was slow to store, and does so now.
    let mut lease = one.takes(&key, Lock::Refresh).await?;
    other.saves(&key, &second, first.generation()).await?;
    let is_reserved = one.reserves(&key, &mut lease, first.generation()).await?;
    ensure!(!is_reserved, "A token may be spent that was replaced under the lock.");
    one.releases(&key, lease).await?;
    let stored = second.generation();
    for generation in [0, first.generation(), stored - 1, stored + 1] {
        refuses(generation, stored).await?;
    }
    other.deletes(&key, stored).await?;
    refuses(stored, 0).await
}

pub(in super::super) async fn a_lost_lease_reserves_nothing<S: Stage>(
    bench: &Bench<'_, S>,
) -> Kept {
    let (one, other, key) = (bench.open().await?, bench.open().await?, bench.key(""));
    let first = record("a", 0)?;
    one.saves(&key, &first, 0).await?;
    let mut lost = loses(bench, &one, &key, Lock::Refresh).await?;
    let is_reserved = one.reserves(&key, &mut lost, first.generation()).await?;
    ensure!(!is_reserved, "Whose lease has ended may spend.");
    let mut lease = takes_over(&other, &key, Lock::Refresh).await?;
    let is_reserved = one.reserves(&key, &mut lost, first.generation()).await?;
    ensure!(!is_reserved, "Who has lost the lock to another may spend.");
    let is_reserved = other.reserves(&key, &mut lease, first.generation()).await?;
    ensure!(is_reserved, "Who holds the lock may not spend, since another had it before.");
    other.releases(&key, lease).await
}

pub(in super::super) async fn a_reserved_lease_begins_anew<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (one, other, key) = (bench.open().await?, bench.open().await?, bench.key(""));
    let first = record("a", 0)?;
    one.saves(&key, &first, 0).await?;
    let mut lease = one.takes(&key, Lock::Refresh).await?;
    bench.pass(&key, Lock::Refresh, lease.length(), ALMOST).await?;
    let is_reserved = one.reserves(&key, &mut lease, first.generation()).await?;
    ensure!(is_reserved, "The lock was lost after {ALMOST:?}.");
    bench.pass(&key, Lock::Refresh, lease.length(), ALMOST).await?;
    let when = format!("{ALMOST:?} after a token was reserved under it");
    other.finds_held(&key, Lock::Refresh, when).await?;
    one.releases(&key, lease).await
}
