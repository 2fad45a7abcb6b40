//! What is saved is what is loaded, and a save over another record is none.

use alloc::boxed::Box;
use alloc::format;
use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;

use crate::client::storage::Loaded;
use crate::client::storage::nonblocking::Records as _;
use crate::client::storage_contract::bench::Bench;
use crate::client::storage_contract::finding::{Kept, ensure};
use crate::client::storage_contract::sample::{noise, record, record_of, without_tokens};
use crate::client::storage_contract::stage::Stage;
use crate::session::{KeyKind, Record};

pub(in super::super) async fn nothing_is_there_at_first<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (store, key) = (bench.open().await?, bench.key(""));
    store.holds_nothing(&key).await?;
    let never_stored = 7;
    let record = record("a", never_stored)?;
    store.refuses_save(&key, &record, never_stored, 0).await?;
    store.refuses_delete(&key, never_stored, 0).await?;
    store.holds_nothing(&key).await
}

pub(in super::super) async fn what_is_saved_is_loaded<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (store, key) = (bench.open().await?, bench.key(""));
    let mut replaced = 0;
    for name in ["a", "b", "c"] {
        let record = record(name, replaced)?;
        store.saves(&key, &record, replaced).await?;
        store.holds(&key, &record).await?;
        replaced = record.generation();
    }
    Ok(())
}

pub(in super::super) async fn others_see_it_at_once<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (one, other, key) = (bench.open().await?, bench.open().await?, bench.key(""));
    let mut replaced = 0;
    for name in ["a", "b", "c"] {
        for (by, writer, reader) in [("one", &one, &other), ("other", &other, &one)] {
            let record = record(format!("{name}-{by}"), replaced)?;
            writer.saves(&key, &record, replaced).await?;
            reader.holds(&key, &record).await?;
            replaced = record.generation();
        }
    }
    one.deletes(&key, replaced).await?;
    other.holds_nothing(&key).await
}

pub(in super::super) async fn a_conflict_changes_nothing<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (store, other, key) = (bench.open().await?, bench.open().await?, bench.key(""));
    let first = record("a", 0)?;
    store.saves(&key, &first, 0).await?;
    let second = record("b", first.generation())?;
    store.saves(&key, &second, first.generation()).await?;
    let stored = second.generation();
    // Before it, after it, far away, and none.
    for expected in [0, 1, first.generation(), stored - 1, stored + 1, stored * 2] {
        let late = record("late", expected)?;
        other.refuses_save(&key, &late, expected, stored).await?;
        store.holds(&key, &second).await?;
    }
    Ok(())
}

pub(in super::super) async fn a_repeated_save_meets_itself<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (store, key) = (bench.open().await?, bench.key(""));
    let first = record("a", 0)?;
    store.saves(&key, &first, 0).await?;
    store.refuses_save(&key, &first, 0, first.generation()).await?;
    let second = record("b", first.generation())?;
    store.saves(&key, &second, first.generation()).await?;
    store.refuses_save(&key, &second, first.generation(), second.generation()).await?;
    store.holds(&key, &second).await
}

pub(in super::super) async fn generations_are_exact<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (store, key) = (bench.open().await?, bench.key(""));
    // A generation grows by 2¹⁶ at most.
    let last = (1 << 53) - (2 << 16);
    let first = record("a", last)?;
    store.saves(&key, &first, 0).await?;
    store.holds(&key, &first).await?;
    let stored = first.generation();
    for expected in [stored - 1, stored + 1] {
        store.refuses_save(&key, &record("late", expected)?, expected, stored).await?;
        store.refuses_delete(&key, expected, stored).await?;
    }
    let second = record("b", stored)?;
    store.saves(&key, &second, stored).await?;
    store.holds(&key, &second).await
}

pub(in super::super) async fn long_records_are_kept<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let (store, key) = (bench.open().await?, bench.key(""));
    let tokens = |name: &str| {
        let token = noise(300 << 10);
        format!(r#"{{"access_token": "{name}{token}", "refresh_token": "rt-{name}"}}"#)
    };
    let first = record_of(&tokens("a"), 0)?;
    store.saves(&key, &first, 0).await?;
    store.holds(&key, &first).await?;
    let second = record_of(&tokens("b"), first.generation())?;
    store.saves(&key, &second, first.generation()).await?;
    bench.open().await?.holds(&key, &second).await
}

pub(in super::super) async fn any_content_is_kept<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let store = bench.open().await?;
    let contents = [
        r#"{"access_token": "at"}"#,
        r#"{"access_token": "at", "expires_at": 1, "scope": "a"}"#,
        r#"{"access_token": "at", "refresh_token": "'\"\\ \u0000 \ud83d\ude00 caf\u00e9 \r\n"}"#,
        r#"{"access_token": "at", "id_token": "x", "n": [1.50, 18446744073709551615, null, {}],
            "\u0000": "\u0000", "z": 1, "a": 2, "": "", "Z": "cafe\u0301"}"#,
    ];
    for (name, tokens) in contents.into_iter().enumerate() {
        let (key, record) = (bench.key(&format!("{name}")), record_of(tokens, 0)?);
        store.saves(&key, &record, 0).await?;
        store.holds(&key, &record).await?;
    }
    for kind in [KeyKind::Grant, KeyKind::Machine, KeyKind::Client, KeyKind::ClientIssuer] {
        let (key, record) = (bench.key_of(kind, "without tokens"), without_tokens("a", 0)?);
        store.saves(&key, &record, 0).await?;
        store.holds(&key, &record).await?;
    }
    Ok(())
}

/// The call is polled once, twice and so on, and then dropped.
pub(in super::super) async fn a_dropped_save_is_done_or_not<S: Stage>(
    bench: &Bench<'_, S>,
) -> Kept {
    let (store, other) = (bench.open().await?, bench.open().await?);
    for polls in 1..=POLLS {
        // What is under way elsewhere may be done after all, and late: so each has a key of its own.
        let (key, first) = (bench.key(&format!("{polls}")), record("a", 0)?);
        store.saves(&key, &first, 0).await?;
        let next = record("next", first.generation())?;
        let mut call = Box::pin(store.store().save(&key, &next, first.generation()));
        for _ in 0..polls {
            let is_done =
                poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_ready())).await;
            if is_done {
                break;
            }
            // In between others have their turn.
            bench.stage.sleep(MOMENT).await;
        }
        drop(call);
        let mut is_done = false;
        for _ in 0..LOOKS {
            let loaded = other.load(&key).await?;
            let found = |it: &Record| matches!(&loaded, Loaded::Record(found) if **found == *it);
            ensure!(
                found(&next) || found(&first) && !is_done,
                "After a save that was dropped there is neither the old record nor the new one."
            );
            is_done = found(&next);
            bench.stage.sleep(MOMENT).await;
        }
    }
    Ok(())
}

/// How often a call is polled at most before it is dropped, and how often is looked what became of it.
const POLLS: usize = 6;
const LOOKS: usize = 6;

/// The pause between two polls.
const MOMENT: Duration = Duration::from_millis(1);
