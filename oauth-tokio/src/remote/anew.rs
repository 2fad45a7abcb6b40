//! Sealing all records anew, whatever others do meanwhile.

use oauth_blocking::adapter::OperatingSystem;
use oauth_core::client::StorageError;

use crate::remote::row::{self, Found, Rows};

/// Seals each record of a program anew that is plain, or sealed with another key than the one that writes; how many
/// there were.
pub(crate) async fn seal_anew(store: &impl Rows, application: &str) -> Result<u64, StorageError> {
    let (mut after, mut count, mut first) = (Vec::new(), 0, None);
    loop {
        let (found, last) = store.walk(application, &after).await?;
        for found in &found {
            match seal_one(store, found).await {
                Ok(is_new) => count += u64::from(is_new),
                Err(error @ (StorageError::Sealed { .. } | StorageError::Newer { .. })) => {
                    first.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        match last {
            Some(last) => after = last,
            None => break,
        }
    }
    first.map_or(Ok(count), Err)
}

async fn seal_one(store: &impl Rows, found: &Found) -> Result<bool, StorageError> {
    let Some(key) = found.own_key() else { return Ok(false) };
    let (sealing, place) = (store.sealing(), store.place(key));
    // A later version's seal may be current for it alone.
    let is_newer = found.format > row::FORMAT;
    if !is_newer && sealing.is_current(&found.body) {
        return Ok(false);
    }
    let Some(record) = row::read(sealing, key, found.numbers(), &found.body, &place)? else {
        return Ok(false);
    };
    let anew = sealing.to_store(key, &record, &place, &OperatingSystem)?;
    store.put_anew(found, &anew).await
}
