//! Where grants rest, without holding up a worker: the async trait, and blocking stores behind it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use oauth_blocking::FileTokenStorage;
use oauth_core::TokenData;
use oauth_core::client::{
    Guard, Loaded, MemoryTokenStorage, Migrated, Saved, Spending, StorageError, Store, StoredGrant,
    TokenStorage as BlockingTokenStorage,
};
use oauth_core::flow::Settings;
use oauth_core::session::{Key, Lock, Record, Spend};
use tokio::runtime::Handle;

/// A store of grants that tasks and processes share; the contract is that of
/// [`BlockingTokenStorage`].
pub trait TokenStorage: Send + Sync + 'static {
    /// Reads the record under a key.
    fn load(&self, key: &Key) -> impl Future<Output = Result<Loaded, StorageError>> + Send;

    /// Takes a lock, without waiting for it: `None` while somebody else holds it.
    fn try_lock(
        &self,
        key: &Key,
        lock: Lock,
    ) -> impl Future<Output = Result<Option<Guard>, StorageError>> + Send;

    /// Sees, right before a refresh token is spent, that its result can be stored: takes the guard of
    /// [`Lock::Refresh`] and gives it back if the lock is still held; `None` if it was lost.
    fn reserve(
        &self,
        key: &Key,
        guard: Guard,
        spend: Spend,
    ) -> impl Future<Output = Result<Option<Guard>, StorageError>> + Send;

    /// Who spends the refresh token of a key, as far as the store can tell. It decides about nothing.
    fn spending(
        &self,
        key: &Key,
    ) -> impl Future<Output = Result<Option<Spending>, StorageError>> + Send {
        let _ = key;
        async { Ok(None) }
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

    /// Writes a record over the generation `expected`; 0 if there must be none.
    fn save(
        &self,
        key: &Key,
        record: &Record,
        expected: u64,
    ) -> impl Future<Output = Result<Saved, StorageError>> + Send;

    /// Deletes the record under a key, if there is one.
    fn delete(&self, key: &Key) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Which grants a program has, in the order of their keys, without secrets.
    fn list(
        &self,
        application: &str,
    ) -> impl Future<Output = Result<Vec<StoredGrant>, StorageError>> + Send;

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
    /// ([`BlockingTokenStorage::save_tokens`]).
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
                    Saved::Done => return Ok(()),
                    Saved::Conflict { stored: other } => stored = other,
                }
            }
            Err(StorageError::Contended)
        }
    }

    /// Deletes what a program has stored for a server in the default profile
    /// ([`BlockingTokenStorage::delete_tokens`]).
    fn delete_tokens(
        &self,
        application: &str,
        server_url: &str,
    ) -> impl Future<Output = Result<(), StorageError>> + Send {
        let key = Key::grant(application, "", server_url);
        async move { self.delete(&key).await }
    }
}

/// A blocking store or user agent, run on tokio's blocking pool. A login, which waits for a person, has a
/// thread of its own: the pool's are few, and a runtime that ends waits for all of them.
#[derive(Debug)]
pub struct Blocking<T>(pub(crate) Arc<T>);

impl<T> Blocking<T> {
    /// Takes a blocking store or user agent.
    pub fn new(blocking: T) -> Self {
        Self(Arc::new(blocking))
    }
}

impl<S: BlockingTokenStorage + 'static> Blocking<S> {
    async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&S) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let store = Arc::clone(&self.0);
        match tokio::task::spawn_blocking(move || call(&store)).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => Err(StorageError::Other(error.to_string().into())),
            },
        }
    }
}

impl<S: BlockingTokenStorage + 'static> TokenStorage for Blocking<S> {
    async fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        let key = key.clone();
        self.run(move |store| store.load(&key)).await
    }

    async fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Guard>, StorageError> {
        let key = key.clone();
        self.run(move |store| store.try_lock(&key, lock)).await
    }

    async fn reserve(
        &self,
        key: &Key,
        guard: Guard,
        spend: Spend,
    ) -> Result<Option<Guard>, StorageError> {
        let key = key.clone();
        self.run(move |store| store.reserve(&key, guard, spend)).await
    }

    async fn spending(&self, key: &Key) -> Result<Option<Spending>, StorageError> {
        let key = key.clone();
        self.run(move |store| store.spending(&key)).await
    }

    async fn is_held(&self, key: &Key, lock: Lock) -> Result<bool, StorageError> {
        let key = key.clone();
        self.run(move |store| store.is_held(&key, lock)).await
    }

    async fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Saved, StorageError> {
        let (key, record) = (key.clone(), record.clone());
        self.run(move |store| store.save(&key, &record, expected)).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StorageError> {
        let key = key.clone();
        self.run(move |store| store.delete(&key)).await
    }

    async fn list(&self, application: &str) -> Result<Vec<StoredGrant>, StorageError> {
        let application: Box<str> = application.into();
        self.run(move |store| store.list(&application)).await
    }

    async fn migrate(&self, key: &Key, settings: &Arc<Settings>) -> Result<Migrated, StorageError> {
        let (key, settings) = (key.clone(), Arc::clone(settings));
        self.run(move |store| store.migrate(&key, &settings)).await
    }
}

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
#[derive(Clone)]
pub struct SharedStorage(Arc<dyn Erased>);

impl<S: TokenStorage> From<S> for SharedStorage {
    fn from(storage: S) -> Self {
        Self(Arc::new(storage))
    }
}

impl From<FileTokenStorage> for SharedStorage {
    fn from(storage: FileTokenStorage) -> Self {
        Blocking::new(storage).into()
    }
}

impl From<MemoryTokenStorage> for SharedStorage {
    fn from(storage: MemoryTokenStorage) -> Self {
        Blocking::new(storage).into()
    }
}

impl Store for SharedStorage {
    async fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        self.0.load(key).await
    }

    async fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Guard>, StorageError> {
        self.0.try_lock(key, lock).await
    }

    async fn reserve(
        &self,
        key: &Key,
        guard: Guard,
        spend: Spend,
    ) -> Result<Option<Guard>, StorageError> {
        self.0.reserve(key, guard, spend).await
    }

    async fn spending(&self, key: &Key) -> Result<Option<Spending>, StorageError> {
        self.0.spending(key).await
    }

    async fn is_held(&self, key: &Key, lock: Lock) -> Result<bool, StorageError> {
        self.0.is_held(key, lock).await
    }

    async fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Saved, StorageError> {
        self.0.save(key, record, expected).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StorageError> {
        self.0.delete(key).await
    }

    async fn list(&self, application: &str) -> Result<Vec<StoredGrant>, StorageError> {
        self.0.list(application).await
    }

    async fn migrate(&self, key: &Key, settings: &Arc<Settings>) -> Result<Migrated, StorageError> {
        self.0.migrate(key, settings).await
    }
}

impl std::fmt::Debug for SharedStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedStorage")
    }
}

type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StorageError>> + Send + 'a>>;

/// The trait in the form that can be shared without naming the store's type.
trait Erased: Send + Sync {
    fn load<'a>(&'a self, key: &'a Key) -> Pending<'a, Loaded>;
    fn try_lock<'a>(&'a self, key: &'a Key, lock: Lock) -> Pending<'a, Option<Guard>>;
    fn reserve<'a>(
        &'a self,
        key: &'a Key,
        guard: Guard,
        spend: Spend,
    ) -> Pending<'a, Option<Guard>>;
    fn spending<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Spending>>;
    fn is_held<'a>(&'a self, key: &'a Key, lock: Lock) -> Pending<'a, bool>;
    fn save<'a>(&'a self, key: &'a Key, record: &'a Record, expected: u64) -> Pending<'a, Saved>;
    fn delete<'a>(&'a self, key: &'a Key) -> Pending<'a, ()>;
    fn list<'a>(&'a self, application: &'a str) -> Pending<'a, Vec<StoredGrant>>;
    fn migrate<'a>(&'a self, key: &'a Key, settings: &'a Arc<Settings>) -> Pending<'a, Migrated>;
}

impl<S: TokenStorage> Erased for S {
    fn load<'a>(&'a self, key: &'a Key) -> Pending<'a, Loaded> {
        Box::pin(TokenStorage::load(self, key))
    }

    fn try_lock<'a>(&'a self, key: &'a Key, lock: Lock) -> Pending<'a, Option<Guard>> {
        Box::pin(TokenStorage::try_lock(self, key, lock))
    }

    fn reserve<'a>(
        &'a self,
        key: &'a Key,
        guard: Guard,
        spend: Spend,
    ) -> Pending<'a, Option<Guard>> {
        Box::pin(TokenStorage::reserve(self, key, guard, spend))
    }

    fn spending<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Spending>> {
        Box::pin(TokenStorage::spending(self, key))
    }

    fn is_held<'a>(&'a self, key: &'a Key, lock: Lock) -> Pending<'a, bool> {
        Box::pin(TokenStorage::is_held(self, key, lock))
    }

    fn save<'a>(&'a self, key: &'a Key, record: &'a Record, expected: u64) -> Pending<'a, Saved> {
        Box::pin(TokenStorage::save(self, key, record, expected))
    }

    fn delete<'a>(&'a self, key: &'a Key) -> Pending<'a, ()> {
        Box::pin(TokenStorage::delete(self, key))
    }

    fn list<'a>(&'a self, application: &'a str) -> Pending<'a, Vec<StoredGrant>> {
        Box::pin(TokenStorage::list(self, application))
    }

    fn migrate<'a>(&'a self, key: &'a Key, settings: &'a Arc<Settings>) -> Pending<'a, Migrated> {
        Box::pin(TokenStorage::migrate(self, key, settings))
    }
}

/// How often others may be faster than who stores tokens.
const MAX_LOST_RACES: usize = 3;
