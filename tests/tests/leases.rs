//! Locks that end by themselves: begun anew while a user is away, and looked at right before a refresh token is spent.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use oauth_blocking::adapter::{Threads, ready};
use oauth_blocking::{
    GrantPage, GrantQuery, Key, Lease, Leases, Loaded, Lock, MemoryTokenStorage, Record, Records,
    SharedStorage, SharedUserAgent, Spend, StorageError, TokenStorage, Written,
};
use oauth_core::client::Mode;
use oauth_tests::direct::Direct;
use oauth_tests::world::{Grant, What};
use oauth_tokio::Blocking;
use oauth_tokio::adapter::Tasks;

/// A store whose locks end by themselves, as a database's do.
#[derive(Clone)]
struct Leased {
    inner: MemoryTokenStorage,
    machine: Direct,
    length: Duration,
    /// For how many seconds the machine is stopped after the next look at the lock.
    stops: Arc<AtomicU64>,
    /// The same, and its clock that never goes back is stopped, too.
    suspends: Arc<AtomicU64>,
    /// What comes of each attempt to begin a lease anew.
    extends: Result<bool, StorageError>,
    extended: Arc<AtomicUsize>,
    reserved: Arc<AtomicUsize>,
    released: Arc<AtomicUsize>,
}

impl Leased {
    fn new(machine: &Direct, length: Duration) -> Self {
        let (extended, reserved, released, stops, suspends) = Default::default();
        let (inner, machine, extends) = (MemoryTokenStorage::new(), machine.clone(), Ok(true));
        Self { inner, machine, length, stops, suspends, extends, extended, reserved, released }
    }
}

impl Records for Leased {
    fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        self.inner.load(key)
    }

    fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Written, StorageError> {
        self.inner.save(key, record, expected)
    }

    fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        self.inner.delete(key, expected)
    }

    fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        self.inner.list(query)
    }
}

impl Leases for Leased {
    fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError> {
        let lease = self.inner.try_lock(key, lock)?;
        Ok(lease.map(|lease| Lease::lasting(self.length, lease)))
    }

    fn extend(&self, _: &Key, _: &mut Lease) -> Result<bool, StorageError> {
        self.extended.fetch_add(1, Ordering::SeqCst);
        self.extends.clone()
    }

    fn release(&self, _: &Key, lease: Lease) {
        self.released.fetch_add(1, Ordering::SeqCst);
        drop(lease);
    }
}

impl TokenStorage for Leased {
    fn reserve(
        &self,
        key: &Key,
        lease: &mut Lease,
        spend: Spend<'_>,
    ) -> Result<bool, StorageError> {
        self.reserved.fetch_add(1, Ordering::SeqCst);
        let is_held = self.inner.reserve(key, lease, spend);
        self.machine.stop(self.stops.swap(0, Ordering::SeqCst));
        self.machine.world().now += self.suspends.swap(0, Ordering::SeqCst);
        is_held
    }
}

/// On threads.
fn on_threads(machine: &Direct, store: &Leased, takes: Duration) -> Result<(), String> {
    let storage = SharedStorage::from(store.clone());
    let client = machine.client(Threads::new, storage, SharedUserAgent::from, takes);
    ready(client.token(Mode::Interactive)).map(drop).map_err(|error| error.to_string())
}

/// And with tasks.
async fn on_tasks(machine: &Direct, store: &Leased, takes: Duration) -> Result<(), String> {
    let storage = Blocking::new(store.clone());
    let storage = oauth_tokio::SharedStorage::from(storage);
    let client = machine.client(Tasks::new, storage, oauth_tokio::SharedUserAgent::from, takes);
    client.token(Mode::Interactive).await.map(drop).map_err(|error| error.to_string())
}

/// Its lease is longer than whoever waits for the user sees to it.
#[tokio::test(flavor = "multi_thread")]
async fn the_lease_of_a_login_is_begun_anew_while_its_user_is_away() {
    let failed = || Err(StorageError::unreachable("the network is down"));
    for extends in [Ok(true), Ok(false), failed()] {
        for on_tokio in [false, true] {
            let machine = Direct::new();
            let mut store = Leased::new(&machine, Duration::from_millis(300));
            store.extends = extends.clone();
            let takes = Duration::from_millis(700);
            let outcome = match on_tokio {
                false => {
                    let (machine, store) = (machine.clone(), store.clone());
                    thread::spawn(move || on_threads(&machine, &store, takes)).join().unwrap()
                }
                true => on_tasks(&machine, &store, takes).await,
            };
            assert_eq!(outcome, Ok(()), "what is stored decides, not the lock: {extends:?}");
            let extended = store.extended.load(Ordering::SeqCst);
            match &extends {
                // Lost once, it is not asked for again.
                Ok(false) => assert_eq!(extended, 1),
                // In an outage, it is asked for again soon, and not all the time.
                _ => assert!((3..=150).contains(&extended), "{extended} {extends:?}"),
            }
            assert_eq!(machine.world().count(What::Authorize), 1);
        }
    }
}

/// Until the store has answered that the lock is held, and the request leaves, anything may happen to a process.
#[test]
fn no_refresh_leaves_after_its_process_was_stopped() {
    // The clock of a machine that is suspended stands still on some systems, and goes on on others.
    let pauses = [(0, 1), (45, 1), (55, 2), (100, 2)];
    let all = pauses.map(|(seconds, reserved)| [(seconds, 0, reserved), (0, seconds, reserved)]);
    for (stops, suspends, reserved) in all.into_iter().flatten() {
        let machine = Direct::new();
        let store = Leased::new(&machine, Duration::from_secs(90));
        on_threads(&machine, &store, Duration::ZERO).unwrap();
        machine.world().now += 24 * 60 * 60;
        store.stops.store(stops, Ordering::SeqCst);
        store.suspends.store(suspends, Ordering::SeqCst);
        let before = store.released.load(Ordering::SeqCst);
        on_threads(&machine, &store, Duration::ZERO).unwrap();
        assert_eq!(store.reserved.load(Ordering::SeqCst), reserved, "{stops}, {suspends} seconds");
        assert_eq!(store.released.load(Ordering::SeqCst) - before, reserved, "each is released");
        let world = machine.world();
        let asked = [What::Authorize, What::Token(Grant::Refresh)];
        assert_eq!(asked.map(|what| world.count(what)), [1, 1], "{stops}, {suspends} seconds");
        assert_eq!(world.violations, [""; 0]);
    }
}
