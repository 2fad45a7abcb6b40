//! All grants of a program.

use oauth_core::client::{StorageError, StoredGrant};
use oauth_core::session::{Key, Record};

use super::directory::Directory;
use super::name::{self, Name};
use super::{document, slot};

/// What [`TokenStorage::list`](crate::TokenStorage::list) says.
pub(super) fn list(root: &Directory, application: &str) -> Result<Vec<StoredGrant>, StorageError> {
    if !root.exists()? {
        return Ok(Vec::new());
    }
    let mut grants = Vec::new();
    for shard in root.list()?.iter().filter(|name| name::is_shard(name)) {
        let records = list_shard(root, shard)?.into_iter();
        let own = records.filter(|(key, _)| *key.application == *application);
        grants.extend(own.filter_map(|(key, record)| StoredGrant::new(&key, &record)));
    }
    grants.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(grants)
}

/// The grants in one of the directories.
fn list_shard(root: &Directory, shard: &str) -> Result<Vec<(Key, Record)>, StorageError> {
    let (directory, mut grants) = (root.below(shard), Vec::new());
    if !directory.is_there()? {
        return Ok(grants);
    }
    for file in directory.list()? {
        // Locks, and what is not ours.
        let Some(bytes) =
            file.ends_with(name::RECORD).then(|| slot::read(&directory.file(&file))).transpose()?
        else {
            continue;
        };
        // Under another name than its own it would not be found by anybody.
        let key = bytes.as_deref().and_then(document::key).filter(|key| {
            let name = Name::of(key);
            name.record() == file && name.shard() == shard
        });
        grants.extend(key.zip(bytes).and_then(|(key, bytes)| {
            let record = document::read(&key, &bytes).ok()?;
            Some((key, record))
        }));
    }
    Ok(grants)
}
