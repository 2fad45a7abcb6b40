//! All grants of a program.

use oauth_core::client::{GrantPage, GrantQuery, StorageError, StoredGrant};
use oauth_core::seal::Sealing;

use super::directory::Directory;
use super::document::Members;
use super::name::{self, Name};
use super::slot;

/// What [`Records::list`](crate::Records::list) says. Directories that come before the page are not opened.
pub(super) fn list(
    root: &Directory,
    query: &GrantQuery,
    sealing: &Sealing,
) -> Result<GrantPage, StorageError> {
    let mut grants = Vec::new();
    let mut shards = if root.exists()? { root.list()? } else { Vec::new() };
    shards.retain(|name| name::is_shard(name));
    shards.sort_unstable();
    let first = query.cursor().map_or("", |cursor| name::shard_of(cursor.as_str()));
    for shard in shards.iter().filter(|shard| ***shard >= *first) {
        list_shard(root, shard, query, sealing, &mut grants)?;
        if is_full(&grants, query) {
            break;
        }
    }
    Ok(query.page_in_order(grants))
}

/// One more than the page has tells that there is another page.
fn is_full(grants: &[StoredGrant], query: &GrantQuery) -> bool {
    grants.len() > query.page_length()
}

/// The grants in one of the directories that are asked for, until there are enough. Their hashes begin as their ids do.
fn list_shard(
    root: &Directory,
    shard: &str,
    query: &GrantQuery,
    sealing: &Sealing,
    grants: &mut Vec<StoredGrant>,
) -> Result<(), StorageError> {
    let directory = root.below(shard);
    if !directory.is_there()? {
        return Ok(());
    }
    let after = query.cursor().map_or("", |cursor| cursor.as_str());
    let files = directory.list()?;
    // Locks, and what is not ours, are no records.
    let records = files.iter().filter_map(|file| Some((name::hash_of_record(file)?, file)));
    // The last one of the page before has a longer id than its own hash.
    let mut records: Vec<_> = records.filter(|(hash, _)| **hash > *after).collect();
    records.sort_unstable();
    for (_, file) in records {
        let path = directory.file(file);
        let Some(bytes) = slot::read(&path)? else { continue };
        // Under another name than its own it would not be found by anybody.
        let Some(members) = Members::of(&bytes) else { continue };
        let key = members.key().filter(|key| {
            let name = Name::of(key);
            name.record() == *file && name.shard() == shard && query.matches(key)
        });
        let Some(key) = key else { continue };
        match members.read(&key, sealing, &path.display().to_string()) {
            Ok(record) => grants.extend(record.and_then(|it| StoredGrant::new(&key, &it))),
            // Whoever has no key would see an empty list.
            Err(error @ StorageError::Sealed { .. }) => return Err(error),
            Err(_) => {}
        }
        if is_full(grants, query) {
            break;
        }
    }
    Ok(())
}
