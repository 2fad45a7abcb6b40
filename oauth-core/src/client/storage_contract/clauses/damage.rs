//! What cannot be read is kept for those who can.

use crate::client::storage::nonblocking::Records as _;
use crate::client::storage::{GrantQuery, Loaded, StorageError, Written};
use crate::client::storage_contract::bench::{Bench, Handle};
use crate::client::storage_contract::finding::{Finding, Kept, ensure};
use crate::client::storage_contract::sample::record;
use crate::client::storage_contract::stage::Stage;
use crate::session::Key;

pub(in super::super) async fn what_is_damaged_is_set_aside<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (store, key, another) = (bench.open().await?, bench.key(""), bench.key("another"));
    let first = record("a", 0)?;
    store.saves(&another, &first, 0).await?;
    for damaged in [&b"{\"format\": 1, \"gen"[..], b"", b"\xff\0", b"[]"] {
        store.saves(&key, &first, 0).await?;
        put(bench, &key, damaged).await?;
        lists_only(bench, &store, &another).await?;
        let loaded = store.load(&key).await?;
        let is_told = matches!(loaded, Loaded::Damaged { .. });
        ensure!(is_told, "A damaged record is not said to be one.");
        store.holds_nothing(&key).await?;
        let next = record("next", 0)?;
        store.saves(&key, &next, 0).await?;
        store.holds(&key, &next).await?;
        store.deletes(&key, next.generation()).await?;
    }
    Ok(())
}

pub(in super::super) async fn what_is_newer_is_left_alone<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (store, key, another) = (bench.open().await?, bench.key(""), bench.key("another"));
    let first = record("a", 0)?;
    store.saves(&another, &first, 0).await?;
    store.saves(&key, &first, 0).await?;
    put(bench, &key, br#"{"format": 999, "what": "nobody knows"}"#).await?;
    let is_newer = async || {
        let loaded = store.store().load(&key).await;
        let is_told = matches!(loaded, Err(StorageError::Newer { found: 999, .. }));
        ensure!(is_told, "A record of a later version is not said to be one.");
        Ok(())
    };
    is_newer().await?;
    lists_only(bench, &store, &another).await?;
    // An error is as good as a conflict.
    let saved = store.store().save(&key, &record("b", 0)?, 0).await;
    ensure!(saved != Ok(Written::Done), "A record of a later version was replaced.");
    let erased = store.store().erase(&key).await;
    ensure!(erased.is_err(), "A record of a later version was erased.");
    is_newer().await
}

async fn put<S: Stage>(bench: &Bench<'_, S>, key: &Key, json: &[u8]) -> Kept {
    let is_done = bench.stage.put(key, json).await;
    if is_done {
        Ok(())
    } else {
        Err(Finding::NotChecked("the stage cannot put bytes in a record's place"))
    }
}

async fn lists_only<S: Stage>(bench: &Bench<'_, S>, store: &Handle<'_, S>, key: &Key) -> Kept {
    let listed = store.list_all(&GrantQuery::new(bench.application)).await?;
    let is_alone = matches!(&listed[..], [grant] if grant.key == *key);
    ensure!(is_alone, "What cannot be read is listed, or keeps others out of the list.");
    Ok(())
}
