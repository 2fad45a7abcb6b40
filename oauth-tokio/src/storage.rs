//! Where grants rest, without holding up a worker: stores that take their time, and blocking ones behind the same traits.

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use oauth_blocking::FileTokenStorage;
use oauth_core::UnixTime;
use oauth_core::client::{
    GrantPage, GrantQuery, Lease, Loaded, LockPauses, LoginId, MemoryTokenStorage, Migrated,
    Spending, StorageError, TokenStorage as BlockingTokenStorage, WaitingLogin, Written,
};
use oauth_core::flow::Settings;
use oauth_core::session::{Key, Lock, PendingLogin, Record, Spend};
use tokio::runtime::Handle;

pub use blocking::Blocking;
pub use oauth_core::client::nonblocking::{Leases, Records, TokenStorage};

mod blocking;
mod turns;

/// Runs work on a thread of its own, in the runtime's context as on its pool.
pub(crate) fn spawn_thread(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let runtime = Handle::current();
    let work = move || {
        let _context = runtime.enter();
        work();
    };
    std::thread::Builder::new().name("oauth".into()).spawn(work).map(drop)
}

/// A store that the clones of a client share.
///
/// Those of this crate become one where a client is built. One of the host's own is put in by [`new`](Self::new).
#[derive(Clone)]
pub struct SharedStorage(Arc<dyn Erased>);

impl SharedStorage {
    /// A store that takes its time. One that blocks is a [`Blocking`] first. With `impl From<Yours> for SharedStorage` it
    /// is put in where a client is built, as those of this crate are.
    pub fn new(storage: impl TokenStorage) -> Self {
        Self(Arc::new(storage))
    }
}

impl<S: BlockingTokenStorage + 'static> From<Blocking<S>> for SharedStorage {
    fn from(storage: Blocking<S>) -> Self {
        Self::new(storage)
    }
}

impl From<FileTokenStorage> for SharedStorage {
    fn from(storage: FileTokenStorage) -> Self {
        Blocking::new(storage).into()
    }
}

/// It holds up no worker: no call of it waits for anything.
impl From<MemoryTokenStorage> for SharedStorage {
    fn from(storage: MemoryTokenStorage) -> Self {
        Self::new(oauth_core::client::SharedStorage::from(storage))
    }
}

impl Records for SharedStorage {
    async fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        self.0.load(key).await
    }

    async fn save(
        &self,
        key: &Key,
        record: &Record,
        expected: u64,
    ) -> Result<Written, StorageError> {
        self.0.save(key, record, expected).await
    }

    async fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        self.0.delete(key, expected).await
    }

    async fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        self.0.list(query).await
    }

    async fn put_login(&self, waiting: &WaitingLogin<'_>) -> Result<(), StorageError> {
        self.0.put_login(waiting).await
    }

    async fn take_login(
        &self,
        application: &str,
        id: &LoginId,
        now: UnixTime,
    ) -> Result<Option<PendingLogin>, StorageError> {
        self.0.take_login(application, id, now).await
    }

    async fn migrate(&self, key: &Key, settings: &Arc<Settings>) -> Result<Migrated, StorageError> {
        self.0.migrate(key, settings).await
    }
}

impl Leases for SharedStorage {
    async fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError> {
        self.0.try_lock(key, lock).await
    }

    async fn extend(&self, key: &Key, lease: &mut Lease) -> Result<bool, StorageError> {
        self.0.extend(key, lease).await
    }

    async fn release(&self, key: &Key, lease: Lease) {
        self.0.release(key, lease).await;
    }

    async fn is_held(&self, key: &Key, lock: Lock) -> Result<bool, StorageError> {
        self.0.is_held(key, lock).await
    }

    fn pauses(&self) -> LockPauses {
        self.0.pauses()
    }
}

impl TokenStorage for SharedStorage {
    async fn reserve(
        &self,
        key: &Key,
        lease: &mut Lease,
        spend: Spend<'_>,
    ) -> Result<bool, StorageError> {
        self.0.reserve(key, lease, spend).await
    }

    async fn spending(&self, key: &Key) -> Result<Option<Spending>, StorageError> {
        self.0.spending(key).await
    }
}

impl std::fmt::Debug for SharedStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedStorage")
    }
}

type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type Tried<'a, T> = Pending<'a, Result<T, StorageError>>;

/// The trait in the form that can be shared without naming the store's type.
trait Erased: Send + Sync {
    fn load<'a>(&'a self, key: &'a Key) -> Tried<'a, Loaded>;
    fn save<'a>(&'a self, key: &'a Key, record: &'a Record, expected: u64) -> Tried<'a, Written>;
    fn delete<'a>(&'a self, key: &'a Key, expected: u64) -> Tried<'a, Written>;
    fn list<'a>(&'a self, query: &'a GrantQuery) -> Tried<'a, GrantPage>;
    fn put_login<'a>(&'a self, waiting: &'a WaitingLogin<'_>) -> Tried<'a, ()>;
    fn take_login<'a>(
        &'a self,
        application: &'a str,
        id: &'a LoginId,
        now: UnixTime,
    ) -> Tried<'a, Option<PendingLogin>>;
    fn migrate<'a>(&'a self, key: &'a Key, settings: &'a Arc<Settings>) -> Tried<'a, Migrated>;
    fn try_lock<'a>(&'a self, key: &'a Key, lock: Lock) -> Tried<'a, Option<Lease>>;
    fn extend<'a>(&'a self, key: &'a Key, lease: &'a mut Lease) -> Tried<'a, bool>;
    fn release<'a>(&'a self, key: &'a Key, lease: Lease) -> Pending<'a, ()>;
    fn is_held<'a>(&'a self, key: &'a Key, lock: Lock) -> Tried<'a, bool>;
    fn pauses(&self) -> LockPauses;
    fn reserve<'a>(
        &'a self,
        key: &'a Key,
        lease: &'a mut Lease,
        spend: Spend<'a>,
    ) -> Tried<'a, bool>;
    fn spending<'a>(&'a self, key: &'a Key) -> Tried<'a, Option<Spending>>;
}

impl<S: TokenStorage> Erased for S {
    fn load<'a>(&'a self, key: &'a Key) -> Tried<'a, Loaded> {
        Box::pin(Records::load(self, key))
    }

    fn save<'a>(&'a self, key: &'a Key, record: &'a Record, expected: u64) -> Tried<'a, Written> {
        Box::pin(Records::save(self, key, record, expected))
    }

    fn delete<'a>(&'a self, key: &'a Key, expected: u64) -> Tried<'a, Written> {
        Box::pin(Records::delete(self, key, expected))
    }

    fn list<'a>(&'a self, query: &'a GrantQuery) -> Tried<'a, GrantPage> {
        Box::pin(Records::list(self, query))
    }

    fn put_login<'a>(&'a self, waiting: &'a WaitingLogin<'_>) -> Tried<'a, ()> {
        Box::pin(Records::put_login(self, waiting))
    }

    fn take_login<'a>(
        &'a self,
        application: &'a str,
        id: &'a LoginId,
        now: UnixTime,
    ) -> Tried<'a, Option<PendingLogin>> {
        Box::pin(Records::take_login(self, application, id, now))
    }

    fn migrate<'a>(&'a self, key: &'a Key, settings: &'a Arc<Settings>) -> Tried<'a, Migrated> {
        Box::pin(Records::migrate(self, key, settings))
    }

    fn try_lock<'a>(&'a self, key: &'a Key, lock: Lock) -> Tried<'a, Option<Lease>> {
        Box::pin(Leases::try_lock(self, key, lock))
    }

    fn extend<'a>(&'a self, key: &'a Key, lease: &'a mut Lease) -> Tried<'a, bool> {
        Box::pin(Leases::extend(self, key, lease))
    }

    fn release<'a>(&'a self, key: &'a Key, lease: Lease) -> Pending<'a, ()> {
        Box::pin(Leases::release(self, key, lease))
    }

    fn is_held<'a>(&'a self, key: &'a Key, lock: Lock) -> Tried<'a, bool> {
        Box::pin(Leases::is_held(self, key, lock))
    }

    fn pauses(&self) -> LockPauses {
        Leases::pauses(self)
    }

    fn reserve<'a>(
        &'a self,
        key: &'a Key,
        lease: &'a mut Lease,
        spend: Spend<'a>,
    ) -> Tried<'a, bool> {
        Box::pin(TokenStorage::reserve(self, key, lease, spend))
    }

    fn spending<'a>(&'a self, key: &'a Key) -> Tried<'a, Option<Spending>> {
        Box::pin(TokenStorage::spending(self, key))
    }
}
