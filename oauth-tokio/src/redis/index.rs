//! Which records a program has: sets of their ids, in the order of which they are listed.
//!
//! They lie in another slot of a cluster than the records, so no script writes both. An id is entered before its record is
//! written, and once more afterwards; it is struck out after the record was deleted, or was long not found, and only if
//! it was not entered meanwhile. So each record is in its sets, unless who wrote it was killed between the two while
//! somebody else deleted the one before: then it is listed after its next login. What is in a set without a record is not listed.

use oauth_core::client::StorageError;
use oauth_core::session::Key;

use crate::redis::keys::Indexes;
use crate::redis::scripts::{Call, ENTER, FIELDS, PAGE, STRIKE};
use crate::redis::storage::RedisStorage;
use crate::remote::{self, Found, hex};

/// An id of a set, and its stamp: when it was entered, and whose it is.
pub(super) struct Entry {
    pub(super) id: String,
    stamp: String,
}

impl RedisStorage {
    pub(super) async fn enter(&self, key: &Key) -> Result<(), StorageError> {
        let indexes = self.prefix.indexes(&key.application);
        let is_listed = key.kind.is_grant();
        let profile = if is_listed { indexes.profile(&key.profile) } else { String::new() };
        let (id, keys) = (key.id().to_string(), indexes.of(&profile));
        let arguments = [id.as_bytes(), profile.as_bytes()];
        self.connection.call::<u8>(Call::new(&ENTER, &texts(&keys), &arguments)).await?;
        Ok(())
    }

    /// What an id is entered as.
    pub(super) async fn entry(&self, key: &Key) -> Result<Option<Entry>, StorageError> {
        let stamps = self.prefix.indexes(&key.application).stamps();
        let id = key.id().to_string();
        let call = Call::new(&FIELDS, &[&stamps], &[id.as_bytes()]);
        let [stamp]: [Option<String>; 1] = self.connection.look(call).await?;
        Ok(stamp.map(|stamp| Entry { id, stamp }))
    }

    /// Strikes an id out that was entered so long ago, in microseconds, and not again.
    pub(super) async fn strike(
        &self,
        application: &str,
        entry: &Entry,
        age: u64,
    ) -> Result<(), StorageError> {
        let indexes = self.prefix.indexes(application);
        let profile = entry.stamp.split_once(':').map_or("", |(_, profile)| profile);
        let (keys, age) = (indexes.of(profile), age.to_string());
        let arguments = [entry.id.as_bytes(), entry.stamp.as_bytes(), age.as_bytes()];
        self.connection.call::<u8>(Call::new(&STRIKE, &texts(&keys), &arguments)).await?;
        Ok(())
    }

    /// The records of a set whose ids come after one, as many as there are among so many ids; and the last id, if there
    /// may be more.
    pub(super) async fn page(
        &self,
        application: &str,
        set: impl FnOnce(&Indexes) -> String,
        after: &[u8],
        length: usize,
    ) -> Result<(Vec<Found>, Option<Vec<u8>>), StorageError> {
        let indexes = self.prefix.indexes(application);
        let (set, stamps) = (set(&indexes), indexes.stamps());
        let from = if after.is_empty() { "-".to_owned() } else { format!("({}", hex(after)) };
        let arguments = [from.into_bytes(), length.to_string().into_bytes()];
        let call = Call::new(&PAGE, &[&set, &stamps], &[&arguments[0], &arguments[1]]);
        let flat: Vec<String> = self.connection.look(call).await?;
        let entries = flat
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[id, stamp]| Entry { id: id.clone(), stamp: stamp.clone() });
        let (mut all, mut last, mut count) = (Vec::new(), None, 0);
        for entry in entries {
            count += 1;
            let Some(id) = remote::id(&entry.id) else { continue };
            last = Some(id.to_vec());
            match self.found(id, &self.prefix.record_of(&entry.id)).await? {
                Some(found) => all.push(found),
                // No page fails over it.
                None => drop(self.strike(application, &entry, LONG).await),
            }
        }
        Ok((all, last.filter(|_| count == length)))
    }
}

fn texts(keys: &[String]) -> Vec<&str> {
    keys.iter().map(String::as_str).collect()
}

/// An hour, in microseconds: no write is that long on its way.
const LONG: u64 = 3_600_000_000;
