//! Blocking stores behind the traits of those that take their time.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, OnceLock};

use oauth_core::UnixTime;
use oauth_core::client::{
    GrantPage, GrantQuery, Lease, Loaded, LockPauses, LoginId, Migrated, Spending, StorageError,
    TokenStorage as BlockingTokenStorage, WaitingLogin, Written,
};
use oauth_core::flow::Settings;
use oauth_core::session::{Key, Lock, PendingLogin, Record, Spend};
use tokio::sync::oneshot;

use crate::storage::turns::Turns;
use crate::storage::{Leases, Records, TokenStorage};

/// A blocking store or user agent, run on tokio's blocking pool. A login, which waits for a person, has a
/// thread of its own: the pool's are few, and a runtime that ends waits for all of them.
///
/// A store uses 24 threads of the pool at most, or [as many as the host says](Self::with_threads). A call that finds them
/// all in use waits for its turn without one, so that a thousand users whose tokens expire at once make no thousand
/// threads. They gain nothing by more: so many calls at a time keep any disk busy.
pub struct Blocking<T> {
    pub(crate) inner: Arc<T>,
    threads: usize,
    /// Made with the first call of a store.
    turns: OnceLock<Arc<Turns>>,
}

impl<T> Blocking<T> {
    /// Takes a blocking store or user agent.
    pub fn new(blocking: T) -> Self {
        Self::with(blocking, THREADS)
    }

    fn with(blocking: T, threads: usize) -> Self {
        Self { inner: Arc::new(blocking), threads, turns: OnceLock::new() }
    }
}

impl<S: BlockingTokenStorage> Blocking<S> {
    /// The same for a store that uses so many threads at most, at least one. One that waits for servers may gain by more than
    /// the 24 of [`new`](Self::new), as far as the pool has them (`max_blocking_threads` of tokio's builder).
    pub fn with_threads(store: S, threads: usize) -> Self {
        Self::with(store, threads)
    }
}

impl<T: fmt::Debug> fmt::Debug for Blocking<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Blocking").field(&self.inner).finish()
    }
}

impl<S: BlockingTokenStorage + 'static> Blocking<S> {
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&S) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let store = Arc::clone(&self.inner);
        let (said, answer) = oneshot::channel();
        let turns = self.turns.get_or_init(|| Arc::new(Turns::new(self.threads)));
        turns.give(move || {
            let result = catch_unwind(AssertUnwindSafe(|| call(&store)));
            // Before anybody goes on who may want to be the last one that has it.
            drop(store);
            // Whoever asked may be gone.
            let _ = said.send(result);
        });
        match answer.await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(ended) => Err(StorageError::unreachable(ended)),
        }
    }

    /// Another store in its place, with as many threads.
    #[cfg(feature = "keyring")]
    pub(crate) fn replaced(&self, store: S) -> Self {
        Self::with_threads(store, self.threads)
    }

    /// The same with a lease, which goes there and comes back.
    async fn run_with<T: Send + 'static>(
        &self,
        lease: &mut Lease,
        call: impl FnOnce(&S, &mut Lease) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let mut moved = std::mem::replace(lease, Lease::new(()));
        let (moved, result) = self
            .run(move |store| {
                let result = call(store, &mut moved);
                Ok((moved, result))
            })
            .await?;
        *lease = moved;
        result
    }
}

impl<S: BlockingTokenStorage + 'static> Records for Blocking<S> {
    async fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        let key = key.clone();
        self.run(move |store| store.load(&key)).await
    }

    async fn save(
        &self,
        key: &Key,
        record: &Record,
        expected: u64,
    ) -> Result<Written, StorageError> {
        let (key, record) = (key.clone(), record.clone());
        self.run(move |store| store.save(&key, &record, expected)).await
    }

    async fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        let key = key.clone();
        self.run(move |store| store.delete(&key, expected)).await
    }

    async fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        let query = query.clone();
        self.run(move |store| store.list(&query)).await
    }

    async fn put_login(&self, waiting: &WaitingLogin<'_>) -> Result<(), StorageError> {
        let WaitingLogin { id, application, login } = waiting;
        let (id, application) = (*id, Box::<str>::from(*application));
        let login = PendingLogin::clone(login);
        self.run(move |store| {
            store.put_login(&WaitingLogin { id, application: &application, login: &login })
        })
        .await
    }

    async fn take_login(
        &self,
        application: &str,
        id: &LoginId,
        now: UnixTime,
    ) -> Result<Option<PendingLogin>, StorageError> {
        let (id, application) = (*id, Box::<str>::from(application));
        self.run(move |store| store.take_login(&application, &id, now)).await
    }

    async fn migrate(&self, key: &Key, settings: &Arc<Settings>) -> Result<Migrated, StorageError> {
        let (key, settings) = (key.clone(), Arc::clone(settings));
        self.run(move |store| store.migrate(&key, &settings)).await
    }
}

impl<S: BlockingTokenStorage + 'static> Leases for Blocking<S> {
    async fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError> {
        let key = key.clone();
        self.run(move |store| store.try_lock(&key, lock)).await
    }

    async fn extend(&self, key: &Key, lease: &mut Lease) -> Result<bool, StorageError> {
        let key = key.clone();
        self.run_with(lease, move |store, lease| store.extend(&key, lease)).await
    }

    async fn release(&self, key: &Key, lease: Lease) {
        let key = key.clone();
        // It cannot fail, and nobody is told of a runtime that ends.
        let _ = self
            .run(move |store| {
                store.release(&key, lease);
                Ok(())
            })
            .await;
    }

    async fn is_held(&self, key: &Key, lock: Lock) -> Result<bool, StorageError> {
        let key = key.clone();
        self.run(move |store| store.is_held(&key, lock)).await
    }

    fn pauses(&self) -> LockPauses {
        self.inner.pauses()
    }
}

impl<S: BlockingTokenStorage + 'static> TokenStorage for Blocking<S> {
    async fn reserve(
        &self,
        key: &Key,
        lease: &mut Lease,
        spend: Spend<'_>,
    ) -> Result<bool, StorageError> {
        let (key, spend) = (key.clone(), Spend::new(spend.generation, spend.room()));
        self.run_with(lease, move |store, lease| store.reserve(&key, lease, spend)).await
    }

    async fn spending(&self, key: &Key) -> Result<Option<Spending>, StorageError> {
        let key = key.clone();
        self.run(move |store| store.spending(&key)).await
    }
}

/// How many threads a store uses if nothing is said: more do not make a disk faster.
const THREADS: usize = 24;
