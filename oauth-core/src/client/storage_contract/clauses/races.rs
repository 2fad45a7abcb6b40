//! Many at once: one wins, and all others know it.

use alloc::format;
use alloc::vec::Vec;

use crate::client::storage::nonblocking::{Leases as _, Records as _};
use crate::client::storage::{StorageError, Written};
use crate::client::storage_contract::bench::{Bench, Handle};
use crate::client::storage_contract::finding::{Finding, Kept, ensure};
use crate::client::storage_contract::sample::record;
use crate::client::storage_contract::stage::Stage;
use crate::session::{Key, Lock, Record};

pub(in super::super) async fn one_of_many_first_saves_is_done<S: Stage>(
    bench: &Bench<'_, S>,
) -> Kept {
    let stores = bench.open_many().await?;
    for round in 0..ROUNDS {
        race(bench, &stores, &bench.key(&format!("{round}")), 0).await?;
    }
    Ok(())
}

pub(in super::super) async fn one_of_many_saves_is_done<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (stores, key) = (bench.open_many().await?, bench.key(""));
    let first = record("a", 0)?;
    bench.open().await?.saves(&key, &first, 0).await?;
    let mut stored = first.generation();
    for _ in 0..ROUNDS {
        stored = race(bench, &stores, &key, stored).await?;
    }
    Ok(())
}

pub(in super::super) async fn one_of_many_changes_is_done<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (store, stores) = (bench.open().await?, bench.open_many().await?);
    for round in 0..ROUNDS {
        let (key, first) = (bench.key(&format!("{round}")), record("a", 0)?);
        store.saves(&key, &first, 0).await?;
        let expected = first.generation();
        let next = record("next", expected)?;
        // Who begins first has an advantage: it is another one each time.
        let saves = |at: usize| (at + round).is_multiple_of(2);
        let calls = stores.iter().enumerate();
        let calls = calls.map(|(at, store)| changes(store, &key, &next, expected, saves(at)));
        let calls = calls.collect();
        let answers = all(bench.at_once(calls).await?)?;
        let winner = one_winner(&answers)?;
        if saves(winner) {
            store.holds(&key, &next).await?;
        } else {
            store.holds_nothing(&key).await?;
        }
    }
    Ok(())
}

pub(in super::super) async fn one_of_many_takes_a_lock<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let stores = bench.open_many().await?;
    let locks = [Lock::Refresh, Lock::Login];
    for (round, lock) in (0..ROUNDS).zip(locks.into_iter().cycle()) {
        // Those that were locked before, and new ones.
        let key = bench.key(&format!("{}", round / 4));
        let calls = stores.iter().map(|store| store.store().try_lock(&key, lock)).collect();
        let answers = all(bench.at_once(calls).await?)?;
        let held: Vec<_> =
            stores.iter().zip(answers).filter_map(|(store, lease)| Some((store, lease?))).collect();
        let holders = held.len();
        for (store, lease) in held {
            store.releases(&key, lease).await?;
        }
        ensure!(holders < 2, "{holders} had the lock {lock:?} at the same time.");
        ensure!(holders > 0, "All were told that somebody else has the lock {lock:?}.");
    }
    Ok(())
}

/// All save over one generation. The generation of who won.
async fn race<S: Stage>(
    bench: &Bench<'_, S>,
    stores: &[Handle<'_, S>],
    key: &Key,
    expected: u64,
) -> Result<u64, Finding> {
    let records = (0..stores.len()).map(|at| record(at, expected));
    let records = records.collect::<Result<Vec<Record>, _>>()?;
    let calls = stores.iter().zip(&records);
    let calls = calls.map(|(store, record)| store.store().save(key, record, expected));
    let answers = all(bench.at_once(calls.collect()).await?)?;
    let winner = &records[one_winner(&answers)?];
    for store in stores.iter().take(2) {
        store.holds(key, winner).await?;
    }
    let told = Written::Conflict { stored: winner.generation() };
    let is_told = |answer: &&Written| **answer == Written::Done || **answer == told;
    let wrong = answers.iter().find(|answer| !is_told(answer));
    ensure!(wrong.is_none(), "Who lost to another was not told its generation: {wrong:?}.");
    Ok(winner.generation())
}

/// A save, or a delete.
async fn changes<S: Stage>(
    store: &Handle<'_, S>,
    key: &Key,
    record: &Record,
    expected: u64,
    saves: bool,
) -> Result<Written, StorageError> {
    if saves {
        store.store().save(key, record, expected).await
    } else {
        store.store().delete(key, expected).await
    }
}

/// No answer is an error: a store that has many callers is not in trouble.
fn all<T>(answers: Vec<Result<T, StorageError>>) -> Result<Vec<T>, Finding> {
    let failed = |error| Finding::Broken(format!("One of many calls at once failed: {error}."));
    answers.into_iter().collect::<Result<_, _>>().map_err(failed)
}

/// Which one was done.
fn one_winner(answers: &[Written]) -> Result<usize, Finding> {
    let done: Vec<_> = (0..answers.len()).filter(|at| answers[*at] == Written::Done).collect();
    match done[..] {
        [winner] => Ok(winner),
        _ => {
            let (done, all) = (done.len(), answers.len());
            Err(Finding::Broken(format!("{done} of {all} changes to one generation were done.")))
        }
    }
}

/// How often many try at once. A store that looks first and writes then is lucky sometimes.
const ROUNDS: usize = 12;
