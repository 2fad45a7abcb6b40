//! Where a host keeps grants, in the form in which the client works with it.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::client::storage::{
    Guard, Loaded, Migrated, Saved, SharedStorage, Spending, StorageError, StoredGrant,
};
use crate::flow::Settings;
use crate::session::{Key, Lock, Record, Spend};

/// A [`TokenStorage`](super::TokenStorage) that may take its time. A [`SharedStorage`] is one that blocks.
pub trait Store: Send + Sync + 'static {
    /// [`TokenStorage::load`](super::TokenStorage::load).
    fn load(&self, key: &Key) -> impl Future<Output = Result<Loaded, StorageError>> + Send;

    /// [`TokenStorage::migrate`](super::TokenStorage::migrate).
    fn migrate(
        &self,
        key: &Key,
        settings: &Arc<Settings>,
    ) -> impl Future<Output = Result<Migrated, StorageError>> + Send;

    /// [`TokenStorage::try_lock`](super::TokenStorage::try_lock).
    fn try_lock(
        &self,
        key: &Key,
        lock: Lock,
    ) -> impl Future<Output = Result<Option<Guard>, StorageError>> + Send;

    /// [`TokenStorage::reserve`](super::TokenStorage::reserve).
    fn reserve(
        &self,
        key: &Key,
        guard: Guard,
        spend: Spend,
    ) -> impl Future<Output = Result<Option<Guard>, StorageError>> + Send;

    /// [`TokenStorage::spending`](super::TokenStorage::spending).
    fn spending(
        &self,
        key: &Key,
    ) -> impl Future<Output = Result<Option<Spending>, StorageError>> + Send;

    /// [`TokenStorage::is_held`](super::TokenStorage::is_held).
    fn is_held(
        &self,
        key: &Key,
        lock: Lock,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// [`TokenStorage::save`](super::TokenStorage::save).
    fn save(
        &self,
        key: &Key,
        record: &Record,
        expected: u64,
    ) -> impl Future<Output = Result<Saved, StorageError>> + Send;

    /// [`TokenStorage::delete`](super::TokenStorage::delete).
    fn delete(&self, key: &Key) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// [`TokenStorage::list`](super::TokenStorage::list).
    fn list(
        &self,
        application: &str,
    ) -> impl Future<Output = Result<Vec<StoredGrant>, StorageError>> + Send;
}

/// For hosts that block: it does its work when it is asked.
impl Store for SharedStorage {
    async fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        (**self).load(key)
    }

    async fn migrate(&self, key: &Key, settings: &Arc<Settings>) -> Result<Migrated, StorageError> {
        (**self).migrate(key, settings)
    }

    async fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Guard>, StorageError> {
        (**self).try_lock(key, lock)
    }

    async fn reserve(
        &self,
        key: &Key,
        guard: Guard,
        spend: Spend,
    ) -> Result<Option<Guard>, StorageError> {
        (**self).reserve(key, guard, spend)
    }

    async fn spending(&self, key: &Key) -> Result<Option<Spending>, StorageError> {
        (**self).spending(key)
    }

    async fn is_held(&self, key: &Key, lock: Lock) -> Result<bool, StorageError> {
        (**self).is_held(key, lock)
    }

    async fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Saved, StorageError> {
        (**self).save(key, record, expected)
    }

    async fn delete(&self, key: &Key) -> Result<(), StorageError> {
        (**self).delete(key)
    }

    async fn list(&self, application: &str) -> Result<Vec<StoredGrant>, StorageError> {
        (**self).list(application)
    }
}
