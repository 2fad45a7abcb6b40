//! Records in one store, leases in another.

use alloc::sync::Arc;

use crate::UnixTime;
use crate::client::storage::{
    GrantPage, GrantQuery, Lease, Leases, Loaded, LockPauses, LoginId, Migrated, Records,
    StorageError, TokenStorage, WaitingLogin, Written, nonblocking,
};
use crate::flow::Settings;
use crate::session::{Key, Lock, PendingLogin, Record};

/// Records in one store and leases in another: the host's database, and a cache that all of its machines share.
///
/// The locks decide who asks; that nothing is overwritten is up to the records alone. Both are looked at before a
/// refresh token is spent.
#[derive(Debug, Clone)]
pub struct Split<R, L> {
    /// Where records rest.
    pub records: R,
    /// Where locks are taken.
    pub leases: L,
}

impl<R: Records, L: Send + Sync> Records for Split<R, L> {
    fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        self.records.load(key)
    }

    fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Written, StorageError> {
        self.records.save(key, record, expected)
    }

    fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        self.records.delete(key, expected)
    }

    fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        self.records.list(query)
    }

    fn put_login(&self, waiting: &WaitingLogin<'_>) -> Result<(), StorageError> {
        self.records.put_login(waiting)
    }

    fn take_login(
        &self,
        application: &str,
        id: &LoginId,
        now: UnixTime,
    ) -> Result<Option<PendingLogin>, StorageError> {
        self.records.take_login(application, id, now)
    }

    fn migrate(&self, key: &Key, settings: &Settings) -> Result<Migrated, StorageError> {
        self.records.migrate(key, settings)
    }
}

impl<R: Send + Sync, L: Leases> Leases for Split<R, L> {
    fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError> {
        self.leases.try_lock(key, lock)
    }

    fn extend(&self, key: &Key, lease: &mut Lease) -> Result<bool, StorageError> {
        self.leases.extend(key, lease)
    }

    fn release(&self, key: &Key, lease: Lease) {
        self.leases.release(key, lease);
    }

    fn is_held(&self, key: &Key, lock: Lock) -> Result<bool, StorageError> {
        self.leases.is_held(key, lock)
    }

    fn pauses(&self) -> LockPauses {
        self.leases.pauses()
    }
}

impl<R: Records, L: Leases> TokenStorage for Split<R, L> {}

impl<R: nonblocking::Records, L: Send + Sync + 'static> nonblocking::Records for Split<R, L> {
    async fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        self.records.load(key).await
    }

    async fn save(
        &self,
        key: &Key,
        record: &Record,
        expected: u64,
    ) -> Result<Written, StorageError> {
        self.records.save(key, record, expected).await
    }

    async fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        self.records.delete(key, expected).await
    }

    async fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        self.records.list(query).await
    }

    async fn put_login(&self, waiting: &WaitingLogin<'_>) -> Result<(), StorageError> {
        self.records.put_login(waiting).await
    }

    async fn take_login(
        &self,
        application: &str,
        id: &LoginId,
        now: UnixTime,
    ) -> Result<Option<PendingLogin>, StorageError> {
        self.records.take_login(application, id, now).await
    }

    async fn migrate(&self, key: &Key, settings: &Arc<Settings>) -> Result<Migrated, StorageError> {
        self.records.migrate(key, settings).await
    }
}

impl<R: Send + Sync + 'static, L: nonblocking::Leases> nonblocking::Leases for Split<R, L> {
    async fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError> {
        self.leases.try_lock(key, lock).await
    }

    async fn extend(&self, key: &Key, lease: &mut Lease) -> Result<bool, StorageError> {
        self.leases.extend(key, lease).await
    }

    async fn release(&self, key: &Key, lease: Lease) {
        self.leases.release(key, lease).await;
    }

    async fn is_held(&self, key: &Key, lock: Lock) -> Result<bool, StorageError> {
        self.leases.is_held(key, lock).await
    }

    fn pauses(&self) -> LockPauses {
        self.leases.pauses()
    }
}

impl<R: nonblocking::Records, L: nonblocking::Leases> nonblocking::TokenStorage for Split<R, L> {}
