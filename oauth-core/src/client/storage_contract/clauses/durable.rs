//! What was acknowledged lasts.

use alloc::format;
use alloc::vec::Vec;

use crate::client::storage_contract::bench::{Bench, Handle};
use crate::client::storage_contract::finding::{Finding, Kept};
use crate::client::storage_contract::sample::record;
use crate::client::storage_contract::stage::Stage;
use crate::session::{Key, Record};

pub(in super::super) async fn a_store_that_is_opened_again_holds_everything<S: Stage>(
    bench: &Bench<'_, S>,
) -> Kept {
    for round in 0..ROUNDS {
        let store = bench.open().await?;
        let written = write(bench, &store, round).await?;
        drop(store);
        read(bench, written).await?;
    }
    Ok(())
}

pub(in super::super) async fn a_store_that_was_killed_holds_everything<S: Stage>(
    bench: &Bench<'_, S>,
) -> Kept {
    for round in 0..ROUNDS {
        let store = bench.open().await?;
        let written = write(bench, &store, round).await?;
        if !bench.stage.restart().await {
            return Err(Finding::NotChecked("the stage cannot restart the store"));
        }
        drop(store);
        read(bench, written).await?;
    }
    Ok(())
}

/// Three keys, and what is there then: a new record last, since the last write is the first one to be lost.
async fn write<S: Stage>(
    bench: &Bench<'_, S>,
    store: &Handle<'_, S>,
    round: usize,
) -> Result<Vec<(Key, Option<Record>)>, Finding> {
    let [new, replaced, deleted] =
        ["new", "replaced", "deleted"].map(|name| bench.key(&format!("{name} {round}")));
    let first = record("a", 0)?;
    for key in [&replaced, &deleted] {
        store.saves(key, &first, 0).await?;
    }
    let second = record("b", first.generation())?;
    let mut written = Vec::new();
    // Each of them is the last one once.
    for at in 0..3 {
        match (at + round) % 3 {
            0 => {
                store.saves(&new, &first, 0).await?;
                written.push((new.clone(), Some(first.clone())));
            }
            1 => {
                store.saves(&replaced, &second, first.generation()).await?;
                written.push((replaced.clone(), Some(second.clone())));
            }
            _ => {
                store.deletes(&deleted, first.generation()).await?;
                written.push((deleted.clone(), None));
            }
        }
    }
    Ok(written)
}

async fn read<S: Stage>(bench: &Bench<'_, S>, written: Vec<(Key, Option<Record>)>) -> Kept {
    let store = bench.open().await?;
    for (key, record) in written {
        match record {
            Some(record) => store.holds(&key, &record).await?,
            None => store.holds_nothing(&key).await?,
        }
    }
    Ok(())
}

const ROUNDS: usize = 3;
