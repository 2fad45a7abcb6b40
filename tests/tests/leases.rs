//! Locks that end by themselves: begun anew while a user is away, and looked at right before a refresh token is spent.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use oauth_blocking::adapter::{Threads, ready};
use oauth_blocking::{
    AuthorizationUrl, GrantPage, GrantQuery, Key, Lease, Leases, Loaded, Lock, MemoryTokenStorage,
    Record, Records, RedirectUri, SharedStorage, SharedUserAgent, Spend, StorageError,
    TokenStorage, UserAgentError, UserAgentFn, Written,
};
use oauth_core::client::{
    Client, Gifts, HostParts, HttpSender, Limits, Mode, Runtime, System, Unanswered, Users,
    nonblocking,
};
use oauth_core::flow::Settings;
use oauth_core::session::Session;
use oauth_core::{Entropy, Request, Response, UnixTime};
use oauth_tests::world::{Grant, Knobs, What, World};
use oauth_tokio::Blocking;
use oauth_tokio::adapter::Tasks;

/// The servers, and a machine that can be stopped: its clock goes on meanwhile.
#[derive(Clone)]
struct Machine {
    world: Arc<Mutex<World>>,
    stopped: Arc<AtomicU64>,
}

impl Machine {
    fn new() -> Self {
        let world = Arc::new(Mutex::new(World::new(Knobs::default())));
        Self { world, stopped: Arc::default() }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    fn stop(&self, seconds: u64) {
        self.stopped.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl HttpSender for Machine {
    type Error = io::Error;

    async fn exchange(&self, request: &Request, _: Duration) -> Result<Response, Unanswered> {
        Ok(self.world().handle(&request.into()).into())
    }

    async fn ask(&self, request: &Request, limit: Duration) -> Result<Response, Unanswered> {
        self.exchange(request, limit).await
    }
}

impl System for Machine {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.world().now)
    }

    fn instant(&self) -> Instant {
        Instant::now() + Duration::from_secs(self.stopped.load(Ordering::SeqCst))
    }

    fn entropy(&self) -> Option<Entropy> {
        Entropy::from_os().ok()
    }

    fn chance(&self) -> u32 {
        0
    }
}

/// A store whose locks end by themselves, as a database's do.
#[derive(Clone)]
struct Leased {
    inner: MemoryTokenStorage,
    machine: Machine,
    length: Duration,
    /// For how many seconds the machine is stopped after the next look at the lock.
    stops: Arc<AtomicU64>,
    /// What comes of each attempt to begin a lease anew.
    extends: Result<bool, StorageError>,
    extended: Arc<AtomicUsize>,
    reserved: Arc<AtomicUsize>,
    released: Arc<AtomicUsize>,
}

impl Leased {
    fn new(machine: &Machine, length: Duration) -> Self {
        let (extended, reserved, released, stops) = Default::default();
        let (inner, machine, extends) = (MemoryTokenStorage::new(), machine.clone(), Ok(true));
        Self { inner, machine, length, stops, extends, extended, reserved, released }
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
    fn reserve(&self, key: &Key, lease: &mut Lease, spend: Spend) -> Result<bool, StorageError> {
        self.reserved.fetch_add(1, Ordering::SeqCst);
        let is_held = self.inner.reserve(key, lease, spend);
        self.machine.stop(self.stops.swap(0, Ordering::SeqCst));
        is_held
    }
}

type Own<R, S, U> = HostParts<Machine, S, U, R, Machine>;

/// A client whose user takes that long to consent.
fn client<R: Runtime, S: nonblocking::TokenStorage + Clone, U: Users + Clone>(
    machine: &Machine,
    runtime: impl FnOnce(Session) -> R,
    store: S,
    users: impl FnOnce(UserAgentFn<Box<Consents>>) -> U,
    takes: Duration,
) -> Arc<Client<Own<R, S, U>>> {
    let settings = Settings::new(&machine.world().server_url()).unwrap();
    let redirect_uri = RedirectUri::parse("http://127.0.0.1:1/callback").unwrap();
    let browser = machine.clone();
    let visit: Box<Consents> = Box::new(move |url| {
        thread::sleep(takes);
        Ok(browser.world().visit(url.as_str()).unwrap())
    });
    let (http, system) = (machine.clone(), machine.clone());
    let users = users(UserAgentFn::new(redirect_uri, visit));
    let host = |session| Own { http, store, users, runtime: runtime(session), system };
    Arc::new(Client::new(&Arc::new(settings), "", Limits::default(), None, Gifts::default(), host))
}

type Consents = dyn Fn(&AuthorizationUrl) -> Result<String, UserAgentError> + Send + Sync;

/// On threads.
fn on_threads(machine: &Machine, store: &Leased, takes: Duration) -> Result<(), String> {
    let storage = SharedStorage::from(store.clone());
    let client = client(machine, Threads::new, storage, SharedUserAgent::from, takes);
    ready(client.token(Mode::Interactive)).map(drop).map_err(|error| error.to_string())
}

/// And with tasks.
async fn on_tasks(machine: &Machine, store: &Leased, takes: Duration) -> Result<(), String> {
    let storage = Blocking::new(store.clone());
    let storage = oauth_tokio::SharedStorage::from(storage);
    let client = client(machine, Tasks::new, storage, oauth_tokio::SharedUserAgent::from, takes);
    client.token(Mode::Interactive).await.map(drop).map_err(|error| error.to_string())
}

/// Its lease is longer than whoever waits for the user sees to it.
#[tokio::test(flavor = "multi_thread")]
async fn the_lease_of_a_login_is_begun_anew_while_its_user_is_away() {
    let failed = || Err(StorageError::unreachable("the network is down"));
    for extends in [Ok(true), Ok(false), failed()] {
        for on_tokio in [false, true] {
            let machine = Machine::new();
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
    for (stops, reserved) in [(0, 1), (45, 1), (55, 2), (100, 2)] {
        let machine = Machine::new();
        let store = Leased::new(&machine, Duration::from_secs(90));
        on_threads(&machine, &store, Duration::ZERO).unwrap();
        machine.world().now += 24 * 60 * 60;
        store.stops.store(stops, Ordering::SeqCst);
        let before = store.released.load(Ordering::SeqCst);
        on_threads(&machine, &store, Duration::ZERO).unwrap();
        assert_eq!(store.reserved.load(Ordering::SeqCst), reserved, "{stops} seconds");
        assert_eq!(store.released.load(Ordering::SeqCst) - before, reserved, "each is released");
        let world = machine.world();
        let asked = [What::Authorize, What::Token(Grant::Refresh)];
        assert_eq!(asked.map(|what| world.count(what)), [1, 1], "{stops} seconds");
        assert_eq!(world.violations, [""; 0]);
    }
}
