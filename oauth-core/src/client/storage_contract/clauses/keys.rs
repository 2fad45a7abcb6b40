//! No two keys meet.

use alloc::format;
use alloc::vec::Vec;

use crate::client::storage::Loaded;
use crate::client::storage_contract::bench::{Bench, Short};
use crate::client::storage_contract::finding::{Finding, Kept, ensure};
use crate::client::storage_contract::sample::{URL, alike, odd, record};
use crate::client::storage_contract::stage::Stage;
use crate::session::{Key, KeyKind};

pub(in super::super) async fn any_text_is_a_key<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let profiles = odd().map(|text| bench.key(&text));
    let urls = odd().map(|text| Key::grant(bench.application, "url", &format!("{URL}{text}")));
    tells_apart(bench, profiles.chain(urls).collect()).await
}

pub(in super::super) async fn spellings_are_told_apart<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let profiles = alike().map(|text| bench.key(&text));
    let urls = alike().map(|text| Key::grant(bench.application, "url", &format!("{URL}/{text}")));
    let of_slashes =
        [URL, "https://mcp.example.com", "https://mcp.example.com/", "HTTPS://MCP.EXAMPLE.COM/"];
    let of_slashes = of_slashes.map(|url| Key::grant(bench.application, "slash", url));
    tells_apart(bench, profiles.chain(urls).chain(of_slashes).collect()).await
}

pub(in super::super) async fn parts_are_told_apart<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let name = bench.application;
    let mut keys = Vec::new();
    for between in BETWEEN {
        // Joined by it, all three are the same text.
        keys.push(Key::grant(&format!("{name}{between}a"), "b", "c"));
        keys.push(Key::grant(name, &format!("a{between}b"), "c"));
        keys.push(Key::grant(name, "a", &format!("b{between}c")));
        // So are these, where a part may be empty.
        keys.push(Key::grant(name, &format!("{between}a"), ""));
        keys.push(Key::grant(name, "", &format!("a{between}")));
    }
    tells_apart(bench, keys).await
}

pub(in super::super) async fn kinds_are_told_apart<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let kinds = [KeyKind::Grant, KeyKind::Machine, KeyKind::Client, KeyKind::ClientIssuer];
    tells_apart(bench, kinds.map(|kind| bench.key_of(kind, "a")).into()).await
}

pub(in super::super) async fn applications_are_told_apart<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let keys = alike().map(|text| Key::grant(&format!("{} {text}", bench.application), "", URL));
    tells_apart(bench, keys.collect()).await
}

/// Each has a record of its own, before and after others are deleted.
async fn tells_apart<S: Stage>(bench: &Bench<'_, S>, keys: Vec<Key>) -> Kept {
    let store = bench.open().await?;
    let mut kept = Vec::new();
    for (name, key) in keys.into_iter().enumerate() {
        let loaded = store.load(&key).await?;
        if let Loaded::Record(found) = &loaded {
            let other = kept.iter().find(|(_, record)| *record == **found);
            let other = other.map_or(&key, |(other, _)| other);
            return Err(Finding::Broken(format!("{} is taken for {}.", Short(&key), Short(other))));
        }
        ensure!(loaded == Loaded::Nothing, "{} was not empty.", Short(&key));
        let record = record(name, 0)?;
        store.saves(&key, &record, 0).await?;
        kept.push((key, record));
    }
    let other = bench.open().await?;
    for (key, record) in &kept {
        other.holds(key, record).await?;
    }
    let (deleted, left): (Vec<_>, Vec<_>) =
        kept.into_iter().enumerate().partition(|(at, _)| at % 2 == 0);
    for (_, (key, record)) in &deleted {
        store.deletes(key, record.generation()).await?;
    }
    for (_, (key, _)) in &deleted {
        other.holds_nothing(key).await?;
    }
    for (_, (key, record)) in &left {
        other.holds(key, record).await?;
    }
    // What comes after is faster for it: some stores read all records to list one.
    for (_, (key, record)) in &left {
        store.deletes(key, record.generation()).await?;
    }
    Ok(())
}

/// What a store may put between the parts of a key.
const BETWEEN: [&str; 18] = [
    "", "\0", ":", "::", "/", "|", ",", ";", " ", "\t", "\n", ".", "-", "_", "#", "\\", "\u{1f}",
    "\u{1}",
];
