//! A delete takes one record, and no later one.

use crate::client::storage_contract::bench::Bench;
use crate::client::storage_contract::finding::Kept;
use crate::client::storage_contract::sample::record;
use crate::client::storage_contract::stage::Stage;

pub(in super::super) async fn only_what_is_expected_is_deleted<S: Stage>(
    bench: &Bench<'_, S>,
) -> Kept {
    let (store, other, key) = (bench.open().await?, bench.open().await?, bench.key(""));
    let first = record("a", 0)?;
    store.saves(&key, &first, 0).await?;
    let second = record("b", first.generation())?;
    store.saves(&key, &second, first.generation()).await?;
    let stored = second.generation();
    for expected in [1, first.generation(), stored - 1, stored + 1] {
        other.refuses_delete(&key, expected, stored).await?;
        store.holds(&key, &second).await?;
    }
    other.deletes(&key, stored).await?;
    store.holds_nothing(&key).await?;
    store.refuses_delete(&key, stored, 0).await
}

pub(in super::super) async fn what_was_deleted_can_be_saved_anew<S: Stage>(
    bench: &Bench<'_, S>,
) -> Kept {
    let (store, other, key) = (bench.open().await?, bench.open().await?, bench.key(""));
    let first = record("a", 0)?;
    store.saves(&key, &first, 0).await?;
    store.deletes(&key, first.generation()).await?;
    // A refresh that was under way brings back nothing.
    let late = record("late", first.generation())?;
    other.refuses_save(&key, &late, first.generation(), 0).await?;
    other.holds_nothing(&key).await?;
    let second = record("b", 0)?;
    store.saves(&key, &second, 0).await?;
    // Nor does a logout that is late end the new login.
    other.refuses_delete(&key, first.generation(), second.generation()).await?;
    other.refuses_save(&key, &late, first.generation(), second.generation()).await?;
    store.holds(&key, &second).await
}

pub(in super::super) async fn erase_deletes_whatever_is_there<S: Stage>(
    bench: &Bench<'_, S>,
) -> Kept {
    let (store, key, another) = (bench.open().await?, bench.key(""), bench.key("another"));
    store.erase(&key).await?;
    let first = record("a", 0)?;
    store.saves(&key, &first, 0).await?;
    store.saves(&another, &first, 0).await?;
    store.erase(&key).await?;
    store.holds_nothing(&key).await?;
    store.erase(&key).await?;
    store.holds(&another, &first).await
}
