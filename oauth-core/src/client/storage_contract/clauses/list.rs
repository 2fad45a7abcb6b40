//! A list has every grant that is asked for, once, and nothing else.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use crate::client::storage::{Cursor, GrantQuery, StoredGrant};
use crate::client::storage_contract::bench::{Bench, Handle, Short};
use crate::client::storage_contract::finding::{Finding, Kept, ensure};
use crate::client::storage_contract::sample::{SECRET, URL, alike, odd, record, without_tokens};
use crate::client::storage_contract::stage::Stage;
use crate::session::{Key, KeyKind, Record};

pub(in super::super) async fn pages_hold_everything_once<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let store = bench.open().await?;
    let query = GrantQuery::new(bench.application);
    is(&pages(&store, &query).await?, &[])?;
    let mut keys = some_keys(bench);
    keys.push(bench.key_of(KeyKind::Machine, ""));
    let stored = save_all(&store, &keys).await?;
    let other = bench.open().await?;
    let in_order = pages(&other, &query).await?;
    let all = keys.len();
    for limit in [1, 2, 3, all - 1, all, all + 1, 1_000_000, usize::MAX] {
        let listed = pages(&other, &query.clone().limit(limit)).await?;
        is(&listed, &stored)?;
        ensure!(listed == in_order, "With {limit} on a page grants come in another order.");
        let listed = other.list_all(&query.clone().limit(limit)).await?;
        ensure!(listed == in_order, "list_all has other grants than the pages.");
    }
    Ok(())
}

pub(in super::super) async fn pages_survive_changes<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let store = bench.open().await?;
    let query = GrantQuery::new(bench.application).limit(3);
    let mut stored = save_all(&store, &some_keys(bench)).await?;
    let mut query_of_page = query.clone();
    let (mut added, mut listed) = (0, Vec::new());
    for _ in 0..MOST_PAGES {
        let page = store.list(&query_of_page).await?;
        for grant in &page.grants {
            // What was listed is deleted, and others come, before and behind.
            store.erase(&grant.key).await?;
            added += 1;
            let key = bench.key(&format!("added {added}"));
            if added <= 3 {
                store.saves(&key, &record("added", 0)?, 0).await?;
            }
        }
        listed.extend(page.grants);
        let Some(next) = page.next else { break };
        query_of_page = query.clone().after(next);
    }
    listed.retain(|grant| !grant.key.profile.starts_with("added"));
    stored.retain(|(key, _)| !key.profile.starts_with("added"));
    is(&listed, &stored)
}

pub(in super::super) async fn a_profile_is_listed_alone<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let store = bench.open().await?;
    let profiles: Vec<_> = alike().chain(odd().take(6)).collect();
    let keys: Vec<_> = profiles.iter().map(|profile| bench.key(profile)).collect();
    let others = ["work", "%", ""]
        .map(|profile| Key::grant(bench.application, profile, "https://b.example"));
    let stored = save_all(&store, &[keys, others.into()].concat()).await?;
    let query = GrantQuery::new(bench.application).limit(1);
    for profile in &profiles {
        let listed = pages(&store, &query.clone().profile(profile)).await?;
        let wanted: Vec<_> =
            stored.iter().filter(|(key, _)| *key.profile == **profile).cloned().collect();
        is(&listed, &wanted)?;
    }
    is(&pages(&store, &query.profile("nobody")).await?, &[])?;
    delete_all(&store, &stored).await
}

pub(in super::super) async fn an_application_is_listed_alone<S: Stage>(
    bench: &Bench<'_, S>,
) -> Kept {
    let store = bench.open().await?;
    let names: Vec<_> = alike().map(|text| format!("{}{text}", bench.application)).collect();
    let keys: Vec<_> = names.iter().map(|name| Key::grant(name, "", URL)).collect();
    let stored = save_all(&store, &keys).await?;
    for (name, grant) in names.iter().zip(&stored) {
        is(&pages(&store, &GrantQuery::new(name)).await?, core::slice::from_ref(grant))?;
    }
    let nobody = format!("{} nobody", bench.application);
    is(&pages(&store, &GrantQuery::new(&nobody)).await?, &[])?;
    delete_all(&store, &stored).await
}

pub(in super::super) async fn only_grants_are_listed<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let store = bench.open().await?;
    let stored = save_all(&store, &[bench.key("a"), bench.key_of(KeyKind::Machine, "a")]).await?;
    for kind in [KeyKind::Grant, KeyKind::Machine, KeyKind::Client, KeyKind::ClientIssuer] {
        let key = bench.key_of(kind, "without tokens");
        store.saves(&key, &without_tokens("b", 0)?, 0).await?;
    }
    let query = GrantQuery::new(bench.application);
    for limit in [1, 2, 100] {
        is(&pages(&store, &query.clone().limit(limit)).await?, &stored)?;
    }
    is(&pages(&store, &query.profile("without tokens")).await?, &[])
}

pub(in super::super) async fn a_list_has_no_secrets<S: Stage>(bench: &Bench<'_, S>) -> Kept {
    let store = bench.open().await?;
    save_all(&store, &some_keys(bench)).await?;
    let page = store.list(&GrantQuery::new(bench.application).limit(2)).await?;
    let cursor = page.next.as_ref().map_or("", Cursor::as_str);
    for text in [format!("{page:?}"), cursor.to_string()] {
        ensure!(!text.contains(SECRET), "A token or a client secret is in a list.");
    }
    Ok(())
}

fn some_keys<S: Stage>(bench: &Bench<'_, S>) -> Vec<Key> {
    let profiles = ["", "a", "b", "c"];
    let urls = [URL, "https://b.example/mcp", "https://c.example/"];
    let keys = profiles
        .into_iter()
        .flat_map(|profile| urls.map(|url| Key::grant(bench.application, profile, url)));
    keys.collect()
}

/// Each with a record of its own.
async fn save_all<S: Stage>(
    store: &Handle<'_, S>,
    keys: &[Key],
) -> Result<Vec<(Key, Record)>, Finding> {
    let mut stored = Vec::new();
    for (name, key) in keys.iter().enumerate() {
        let record = record(name, 0)?;
        store.saves(key, &record, 0).await?;
        stored.push((key.clone(), record));
    }
    Ok(stored)
}

/// What comes after is faster for it: some stores read all records to list one.
async fn delete_all<S: Stage>(store: &Handle<'_, S>, stored: &[(Key, Record)]) -> Kept {
    for (key, record) in stored {
        store.deletes(key, record.generation()).await?;
    }
    Ok(())
}

/// All pages of a list.
async fn pages<S: Stage>(
    store: &Handle<'_, S>,
    query: &GrantQuery,
) -> Result<Vec<StoredGrant>, Finding> {
    let (mut listed, mut query_of_page) = (Vec::new(), query.clone());
    for _ in 0..MOST_PAGES {
        let page = store.list(&query_of_page).await?;
        let (length, limit) = (page.grants.len(), query.page_length());
        ensure!(length <= limit, "There are {length} grants on a page of at most {limit}.");
        listed.extend(page.grants);
        let Some(next) = page.next else { return Ok(listed) };
        query_of_page = query.clone().after(next);
    }
    Err(Finding::Broken(format!("A list has no end: {MOST_PAGES} pages were seen.")))
}

/// These grants were listed, each once and as it is stored.
fn is(listed: &[StoredGrant], stored: &[(Key, Record)]) -> Kept {
    let mut found = BTreeMap::new();
    for grant in listed {
        let before = found.insert(&grant.key, grant);
        ensure!(before.is_none(), "The grant of {} is listed twice.", Short(&grant.key));
    }
    for (key, record) in stored {
        let grant = found.remove(key);
        ensure!(grant.is_some(), "The grant of {} is not listed.", Short(key));
        let is_it = StoredGrant::new(key, record).as_ref() == grant;
        ensure!(is_it, "The grant of {} is listed as something else.", Short(key));
    }
    match found.keys().next() {
        Some(key) => {
            Err(Finding::Broken(format!("{} is listed, and was not asked for.", Short(key))))
        }
        None => Ok(()),
    }
}

/// More pages than there are grants.
const MOST_PAGES: usize = 200;
