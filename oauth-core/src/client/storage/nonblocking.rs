//! What a store promises, for stores that take their time: databases. The contract is that of the blocking
//! [`Records`](super::Records) and [`Leases`](super::Leases), method by method.
//!
//! A call that is dropped before it is done may have done its work or not. What it has taken by then has to be given
//! back, or has to end by itself.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::TokenData;
use crate::UnixTime;
use crate::client::storage::{
    GrantPage, GrantQuery, Lease, Loaded, LockPauses, LoginId, MAX_LOST_RACES, Migrated, NO_LOGINS,
    SharedStorage, Spending, StorageError, StoredGrant, WaitingLogin, Written,
};
use crate::flow::Settings;
use crate::session::{Key, Lock, PendingLogin, Record, Spend};

/// Records that tasks, processes and machines share.
pub trait Records: Send + Sync + 'static {
    /// Reads the record under a key.
    fn load(&self, key: &Key) -> impl Future<Output = Result<Loaded, StorageError>> + Send;

    /// Writes a record over the generation `expected`; 0 if there must be none. A store that loses what it has
    /// acknowledged is not supported ([why](super::Records::save)).
    fn save(
        &self,
        key: &Key,
        record: &Record,
        expected: u64,
    ) -> impl Future<Output = Result<Written, StorageError>> + Send;

    /// Deletes the record of the generation `expected`. It is never 0.
    fn delete(
        &self,
        key: &Key,
        expected: u64,
    ) -> impl Future<Output = Result<Written, StorageError>> + Send;

    /// Which grants a program has, page by page, without secrets.
    fn list(
        &self,
        query: &GrantQuery,
    ) -> impl Future<Output = Result<GrantPage, StorageError>> + Send;

    /// All pages from one on.
    fn list_all(
        &self,
        query: &GrantQuery,
    ) -> impl Future<Output = Result<Vec<StoredGrant>, StorageError>> + Send {
        async {
            let GrantPage { mut grants, mut next } = self.list(query).await?;
            while let Some(cursor) = next {
                let page = self.list(&query.clone().after(cursor.clone())).await?;
                grants.extend(page.grants);
                next = page.next.filter(|next| *next != cursor);
            }
            Ok(grants)
        }
    }

    /// Deletes the record under a key, whichever it is, if there is one.
    fn erase(&self, key: &Key) -> impl Future<Output = Result<(), StorageError>> + Send {
        async {
            let mut stored = self.load(key).await?.generation();
            for _ in 0..MAX_LOST_RACES {
                if stored == 0 {
                    return Ok(());
                }
                match self.delete(key, stored).await? {
                    Written::Done => return Ok(()),
                    Written::Conflict { stored: other } => stored = other,
                }
            }
            Err(StorageError::Contended)
        }
    }

    /// Keeps a login that was handed out, until it is taken or its end has come.
    fn put_login(
        &self,
        waiting: &WaitingLogin<'_>,
    ) -> impl Future<Output = Result<(), StorageError>> + Send {
        let _ = waiting;
        async { Err(StorageError::refused(NO_LOGINS)) }
    }

    /// Takes a login out: whoever asks first gets it, and nobody after them. `None` also if its end has come.
    fn take_login(
        &self,
        application: &str,
        id: &LoginId,
        now: UnixTime,
    ) -> impl Future<Output = Result<Option<PendingLogin>, StorageError>> + Send {
        let _ = (application, id, now);
        async { Err(StorageError::refused(NO_LOGINS)) }
    }

    /// Moves what a version of this crate before applications has stored. Only stores in files have such
    /// records; others do nothing.
    fn migrate(
        &self,
        key: &Key,
        settings: &Arc<Settings>,
    ) -> impl Future<Output = Result<Migrated, StorageError>> + Send {
        let _ = (key, settings);
        async { Ok(Migrated::Nothing) }
    }
}

/// Locks that tasks, processes and machines share.
pub trait Leases: Send + Sync + 'static {
    /// Takes a lock, without waiting for it: `None` while somebody else holds it.
    fn try_lock(
        &self,
        key: &Key,
        lock: Lock,
    ) -> impl Future<Output = Result<Option<Lease>, StorageError>> + Send;

    /// Sees that a lock is still held, and has its lease begin anew; false if it was lost.
    fn extend(
        &self,
        key: &Key,
        lease: &mut Lease,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Releases a lock. It cannot fail: what is not released ends by itself.
    fn release(&self, key: &Key, lease: Lease) -> impl Future<Output = ()> + Send {
        let _ = key;
        drop(lease);
        async {}
    }

    /// Whether somebody holds a lock, without taking it and without writing. It decides about nothing, and a store
    /// that cannot look says no.
    fn is_held(
        &self,
        key: &Key,
        lock: Lock,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send {
        let _ = (key, lock);
        async { Ok(false) }
    }

    /// How often those who wait look whether a lock is free.
    fn pauses(&self) -> LockPauses {
        LockPauses::REMOTE
    }
}

/// A store of grants that tasks, processes and machines share: records, and leases on them.
pub trait TokenStorage: Records + Leases {
    /// Sees, right before a refresh token is spent, that [`Lock::Refresh`] is still held and that what comes of the token
    /// can be stored ([the blocking one](super::TokenStorage::reserve) says how); its lease begins anew. False if the
    /// lock was lost, or the record is another one by now.
    fn reserve(
        &self,
        key: &Key,
        lease: &mut Lease,
        spend: Spend<'_>,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send {
        async move {
            Ok(self.load(key).await?.generation() == spend.generation
                && self.extend(key, lease).await?)
        }
    }

    /// Who spends the refresh token of a key, as far as the store can tell. It decides about nothing.
    fn spending(
        &self,
        key: &Key,
    ) -> impl Future<Output = Result<Option<Spending>, StorageError>> + Send {
        let _ = key;
        async { Ok(None) }
    }

    /// A program's tokens for a server, in the default profile.
    fn load_tokens(
        &self,
        application: &str,
        server_url: &str,
    ) -> impl Future<Output = Result<Option<TokenData>, StorageError>> + Send {
        let key = Key::grant(application, "", server_url);
        async move { Ok(self.load(&key).await?.into_tokens()) }
    }

    /// Stores tokens that a program brings for a server, in the default profile and in place of what is there
    /// ([the blocking one](super::TokenStorage::save_tokens)).
    fn save_tokens(
        &self,
        application: &str,
        server_url: &str,
        record: Record,
    ) -> impl Future<Output = Result<(), StorageError>> + Send {
        let key = Key::grant(application, "", server_url);
        async move {
            let (mut record, mut stored) = (record, self.load(&key).await?.generation());
            for _ in 0..MAX_LOST_RACES {
                record = record.replacing(stored);
                match self.save(&key, &record, stored).await? {
                    Written::Done => return Ok(()),
                    Written::Conflict { stored: other } => stored = other,
                }
            }
            Err(StorageError::Contended)
        }
    }

    /// Deletes what a program has stored for a server in the default profile
    /// ([the blocking one](super::TokenStorage::delete_tokens)).
    fn delete_tokens(
        &self,
        application: &str,
        server_url: &str,
    ) -> impl Future<Output = Result<(), StorageError>> + Send {
        let key = Key::grant(application, "", server_url);
        async move { self.erase(&key).await }
    }
}

/// For hosts that block: it does its work when it is asked.
impl Records for SharedStorage {
    async fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        (**self).load(key)
    }

    async fn save(
        &self,
        key: &Key,
        record: &Record,
        expected: u64,
    ) -> Result<Written, StorageError> {
        (**self).save(key, record, expected)
    }

    async fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        (**self).delete(key, expected)
    }

    async fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        (**self).list(query)
    }

    async fn put_login(&self, waiting: &WaitingLogin<'_>) -> Result<(), StorageError> {
        (**self).put_login(waiting)
    }

    async fn take_login(
        &self,
        application: &str,
        id: &LoginId,
        now: UnixTime,
    ) -> Result<Option<PendingLogin>, StorageError> {
        (**self).take_login(application, id, now)
    }

    async fn migrate(&self, key: &Key, settings: &Arc<Settings>) -> Result<Migrated, StorageError> {
        (**self).migrate(key, settings)
    }
}

impl Leases for SharedStorage {
    async fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError> {
        (**self).try_lock(key, lock)
    }

    async fn extend(&self, key: &Key, lease: &mut Lease) -> Result<bool, StorageError> {
        (**self).extend(key, lease)
    }

    async fn release(&self, key: &Key, lease: Lease) {
        (**self).release(key, lease);
    }

    async fn is_held(&self, key: &Key, lock: Lock) -> Result<bool, StorageError> {
        (**self).is_held(key, lock)
    }

    fn pauses(&self) -> LockPauses {
        (**self).pauses()
    }
}

impl TokenStorage for SharedStorage {
    async fn reserve(
        &self,
        key: &Key,
        lease: &mut Lease,
        spend: Spend<'_>,
    ) -> Result<bool, StorageError> {
        (**self).reserve(key, lease, spend)
    }

    async fn spending(&self, key: &Key) -> Result<Option<Spending>, StorageError> {
        (**self).spending(key)
    }
}
