//! Sealing all records anew: after the first key was set up, or another one.

use oauth_core::client::StorageError;

use crate::redis::storage::RedisStorage;
use crate::remote;

impl RedisStorage {
    /// Seals each record of a program anew that is plain, or sealed with another key than the one that writes; how many
    /// there were. When it is done, that other key can go, and [`Sealing::only`](oauth_core::seal::Sealing::only) may
    /// take the place of [`with`](oauth_core::seal::Sealing::with).
    ///
    /// Clients that profiles share are records as well. Programs may go on meanwhile: a record keeps its generation, and
    /// one that somebody replaces at that moment is theirs to seal, so all of them have to write with the new key by
    /// then. It may be stopped, and called again. What is damaged is left to who loads it, and logins that wait end by
    /// themselves.
    ///
    /// # Errors
    ///
    /// A [`StorageError`]. Where one record cannot be opened, or is of a later version, all others are done, and the
    /// error is that of the first one.
    pub async fn seal_anew(&self, application: &str) -> Result<u64, StorageError> {
        remote::seal_anew(self, application).await
    }
}
