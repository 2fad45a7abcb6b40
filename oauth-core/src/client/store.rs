//! The host's token store as the client calls it: each call is measured.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::UnixTime;
use crate::client::host::Host;
use crate::client::metrics;
use crate::client::shared::Client;
use crate::client::storage::nonblocking::{Leases as _, Records as _, TokenStorage as _};
use crate::client::storage::{
    GrantQuery, Lease, Loaded, LockPauses, LoginId, Migrated, Spending, StorageError, StoredGrant,
    WaitingLogin, Written,
};
use crate::flow::Settings;
use crate::session::{Key, Lock, PendingLogin, Record, Spend};

/// The token store of a client's host.
pub(super) struct Store<'a, H: Host>(&'a Client<H>);

impl<H: Host> Client<H> {
    pub(super) fn store(&self) -> Store<'_, H> {
        Store(self)
    }
}

/// The methods of the store's traits, under their names.
impl<H: Host> Store<'_, H> {
    pub(super) async fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        self.measured("load", self.inner().load(key)).await
    }

    pub(super) async fn save(
        &self,
        key: &Key,
        record: &Record,
        expected: u64,
    ) -> Result<Written, StorageError> {
        self.measured("save", self.inner().save(key, record, expected)).await
    }

    pub(super) async fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        self.measured("delete", self.inner().delete(key, expected)).await
    }

    pub(super) async fn erase(&self, key: &Key) -> Result<(), StorageError> {
        self.measured("erase", self.inner().erase(key)).await
    }

    pub(super) async fn list_all(
        &self,
        query: &GrantQuery,
    ) -> Result<Vec<StoredGrant>, StorageError> {
        self.measured("list_all", self.inner().list_all(query)).await
    }

    pub(super) async fn put_login(&self, waiting: &WaitingLogin<'_>) -> Result<(), StorageError> {
        self.measured("put_login", self.inner().put_login(waiting)).await
    }

    pub(super) async fn take_login(
        &self,
        application: &str,
        id: &LoginId,
        now: UnixTime,
    ) -> Result<Option<PendingLogin>, StorageError> {
        self.measured("take_login", self.inner().take_login(application, id, now)).await
    }

    pub(super) async fn migrate(
        &self,
        key: &Key,
        settings: &Arc<Settings>,
    ) -> Result<Migrated, StorageError> {
        self.measured("migrate", self.inner().migrate(key, settings)).await
    }

    pub(super) async fn try_lock(
        &self,
        key: &Key,
        lock: Lock,
    ) -> Result<Option<Lease>, StorageError> {
        self.measured("try_lock", self.inner().try_lock(key, lock)).await
    }

    pub(super) async fn extend(&self, key: &Key, lease: &mut Lease) -> Result<bool, StorageError> {
        self.measured("extend", self.inner().extend(key, lease)).await
    }

    pub(super) async fn is_held(&self, key: &Key, lock: Lock) -> Result<bool, StorageError> {
        self.measured("is_held", self.inner().is_held(key, lock)).await
    }

    pub(super) async fn reserve(
        &self,
        key: &Key,
        lease: &mut Lease,
        spend: Spend<'_>,
    ) -> Result<bool, StorageError> {
        self.measured("reserve", self.inner().reserve(key, lease, spend)).await
    }

    pub(super) async fn spending(&self, key: &Key) -> Result<Option<Spending>, StorageError> {
        self.measured("spending", self.inner().spending(key)).await
    }

    pub(super) async fn release(&self, key: &Key, lease: Lease) {
        self.inner().release(key, lease).await;
    }

    pub(super) fn pauses(&self) -> LockPauses {
        self.inner().pauses()
    }

    fn inner(&self) -> &H::Store {
        self.0.host.store()
    }

    async fn measured<T>(
        &self,
        call: &'static str,
        work: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, StorageError> {
        let begun = self.0.instant();
        let outcome = work.await;
        metrics::stored(call, &outcome, self.0.since(begun));
        outcome
    }
}
