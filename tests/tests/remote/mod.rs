//! What is tried in the same way at every store that is a server of its own. Which one it is, each test says in its
//! `each.rs`.

mod anew;
mod leases;
mod machines;
mod spending;

use std::time::Duration;

use oauth_core::seal::{SealError, Sealing};
use oauth_core::session::{Key, Record};
use oauth_tokio::{Lease, Loaded, Lock, SharedStorage, StorageError, TokenStorage};

use crate::each::each;

/// A place at a server that nobody else uses, and what can be done to it without a store.
pub(crate) trait Server {
    type Store: TokenStorage + Into<SharedStorage> + Clone;

    /// A store of its own, with a connection of its own: as another process has it.
    async fn open(&self) -> Self::Store;

    fn sealed(store: Self::Store, sealing: Sealing) -> Self::Store;

    async fn seal_anew(store: &Self::Store, application: &str) -> Result<u64, StorageError>;

    /// The ids of the seals' keys that stand beside the records, in their order; empty for plain ones.
    async fn key_ids(&self) -> Vec<String>;

    /// The generations of the records, and when each was saved.
    async fn generations(&self) -> Vec<String>;

    /// How many are kept that were damaged.
    async fn damaged(&self) -> usize;

    /// How many leases there are.
    async fn leases(&self) -> usize;

    /// Lets a lease end so much sooner.
    async fn age_lease(&self, key: &Key, time: Duration);

    /// How long a lease lasts still.
    async fn lease_left(&self, key: &Key) -> Duration;

    /// The time by the server's clock, in seconds.
    async fn now(&self) -> u64;

    /// Lets a lease end.
    async fn end_lease(&self, key: &Key) {
        self.age_lease(key, Duration::from_secs(1000)).await;
    }
}

pub(crate) async fn loaded(store: &impl TokenStorage, key: &Key) -> Option<Record> {
    match store.load(key).await.unwrap() {
        Loaded::Nothing => None,
        Loaded::Record(record) => Some(*record),
        Loaded::Damaged { kept } => panic!("damaged: {kept}"),
    }
}

pub(crate) async fn taken(store: &impl TokenStorage, key: &Key) -> Option<Lease> {
    store.try_lock(key, Lock::Refresh).await.unwrap()
}

/// Why nothing is done for want of a key.
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, StorageError>) -> SealError {
    match result {
        Err(StorageError::Sealed { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}
