//! All grants of a program.

use oauth_core::client::{GrantPage, GrantQuery, StorageError, StoredGrant};
use oauth_core::seal::Sealing;
use oauth_core::session::{Key, Record};

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
        let records = list_shard(root, shard, query, sealing)?.into_iter();
        grants.extend(records.filter_map(|(key, record)| StoredGrant::new(&key, &record)));
        // One more tells that there is another page.
        if grants.len() > query.page_length() {
            break;
        }
    }
    Ok(query.page(grants))
}

/// The records in one of the directories that are asked for.
fn list_shard(
    root: &Directory,
    shard: &str,
    query: &GrantQuery,
    sealing: &Sealing,
) -> Result<Vec<(Key, Record)>, StorageError> {
    let (directory, mut grants) = (root.below(shard), Vec::new());
    if !directory.is_there()? {
        return Ok(grants);
    }
    for file in directory.list()? {
        // Locks, and what is not ours.
        if !file.ends_with(name::RECORD) {
            continue;
        }
        let path = directory.file(&file);
        let Some(bytes) = slot::read(&path)? else { continue };
        // Under another name than its own it would not be found by anybody.
        let Some(members) = Members::of(&bytes) else { continue };
        let key = members.key().filter(|key| {
            let name = Name::of(key);
            name.record() == file && name.shard() == shard && query.matches(key)
        });
        let Some(key) = key else { continue };
        match members.read(&key, sealing, &path.display().to_string()) {
            Ok(record) => grants.extend(record.map(|record| (key, record))),
            // Whoever has no key would see an empty list.
            Err(error @ StorageError::Sealed { .. }) => return Err(error),
            Err(_) => {}
        }
    }
    Ok(grants)
}
