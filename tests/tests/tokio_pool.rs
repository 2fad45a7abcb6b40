//! Blocking stores and user agents use threads; no client waits for ever because others use them all.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, OnceLock, mpsc};
use std::time::{Duration, Instant};

use oauth_blocking::{
    GrantPage, GrantQuery, Key, Lease, Leases, Loaded, Lock, Record, Records, StorageError,
    TokenStorage, Written,
};
use oauth_tests::serve::Served;
use oauth_tests::world::Knobs;
use oauth_tokio::{
    Blocking, Error, MemoryTokenStorage, NoUserAgent, OAuth, RedirectUri, SharedStorage,
};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio_common::common::{
    LIST, PATIENCE, assert_sound, expire, key, logins, refreshes, serve, visitor_who,
};
use tokio_common::{Directory, builder, call, client, logged_in};

/// The threads of a pool that is smaller than the number of clients.
const THREADS: usize = 2;
const CLIENTS: usize = 8;

fn small() -> Runtime {
    Builder::new_multi_thread().max_blocking_threads(THREADS).enable_all().build().unwrap()
}

/// What the clients get when all ask at once; a client that waits for ever fails.
fn all_at_once<T, F>(runtime: Runtime, clients: Vec<OAuth>, ask: impl Fn(OAuth) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let answers = runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for oauth in clients {
            tasks.spawn(ask(oauth));
        }
        tokio::time::timeout(PATIENCE / 2, tasks.join_all()).await
    });
    // What hangs would hang here once more.
    runtime.shutdown_background();
    answers.expect("they wait for each other")
}

fn refresh_once(store: &(impl TokenStorage + Into<SharedStorage> + Clone + 'static)) {
    let served = Arc::new(serve(Knobs::default()));
    let runtime = small();
    drop(runtime.block_on(logged_in(&served, store)));
    expire(store, &key(&served));
    served.delay_tokens(Duration::from_millis(50));
    let clients = (0..CLIENTS).map(|_| client(&served, store)).collect();
    let answers = all_at_once(runtime, clients, |oauth| {
        let served = Arc::clone(&served);
        async move { call(&oauth, &served, LIST).await.unwrap() }
    });
    assert_eq!(answers, [200; CLIENTS]);
    assert_eq!(refreshes(&served), 1);
    assert_sound(&served);
}

#[test]
fn clients_that_share_a_store_refresh_once() {
    refresh_once(&MemoryTokenStorage::new());
}

#[test]
fn clients_that_share_a_directory_refresh_once() {
    refresh_once(&Directory::new().store());
}

/// One client per user of a gateway.
fn users<T>(served: &Served, build: impl Fn(oauth_tokio::OAuthBuilder) -> T) -> Vec<T> {
    let store = MemoryTokenStorage::new();
    let user = |number| builder(served, &store).profile(&format!("user-{number}"));
    (0..CLIENTS).map(|number| build(user(number))).collect()
}

#[test]
fn logins_of_many_users_are_handed_out_at_once() {
    let served = serve(Knobs::default());
    let redirect_uri = RedirectUri::parse("https://host.example.com/callback").unwrap();
    let clients = users(&served, |builder| {
        builder.user_agent(NoUserAgent::new(redirect_uri.clone())).build().unwrap()
    });
    let errors = all_at_once(small(), clients, |oauth| async move { oauth.authenticate().await });
    for error in errors {
        assert!(matches!(error, Err(Error::Authentication(_))), "{error:?}");
    }
    assert_sound(&served);
}

#[test]
fn many_users_look_at_pages_at_once() {
    let served = serve(Knobs::default());
    let all_there = Arc::new(Barrier::new(CLIENTS));
    let clients = users(&served, |builder| {
        let all_there = Arc::clone(&all_there);
        let user = visitor_who(move |url| {
            all_there.wait();
            Ok(tokio_common::common::redirect(url))
        });
        builder.user_agent(Blocking::new(user)).build().unwrap()
    });
    let tokens = all_at_once(small(), clients, |oauth| async move { oauth.authenticate().await });
    assert!(tokens.iter().all(Result::is_ok), "{tokens:?}");
    assert_eq!(logins(&served), CLIENTS);
    assert_sound(&served);
}

/// A program that ends, or is told to, does not wait for its user.
#[test]
fn a_runtime_ends_while_a_user_looks_at_a_page() {
    let served = serve(Knobs::default());
    let (at_page, arrived) = mpsc::channel();
    let (leave, left) = mpsc::channel::<()>();
    let left = std::sync::Mutex::new(left);
    let user = visitor_who(move |_| {
        at_page.send(()).unwrap();
        let _ = left.lock().unwrap().recv();
        Err(oauth_blocking::UserAgentError::Cancelled)
    });
    let oauth = builder(&served, &MemoryTokenStorage::new())
        .user_agent(Blocking::new(user))
        .build()
        .unwrap();
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.spawn(async move { oauth.authenticate().await });
        arrived.recv_timeout(PATIENCE).unwrap();
        drop(runtime);
        ended.send(()).unwrap();
    });
    let outcome = end.recv_timeout(PATIENCE / 2);
    drop(leave);
    outcome.expect("the runtime waits for the user");
}

/// A store that answers nobody before it is told to, and counts looks into it.
#[derive(Debug, Clone, Default)]
struct Gated(Arc<OnceLock<()>>, Arc<AtomicUsize>);

impl Records for Gated {
    fn load(&self, _: &Key) -> Result<Loaded, StorageError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.wait();
        Ok(Loaded::Nothing)
    }

    fn save(&self, _: &Key, _: &Record, _: u64) -> Result<Written, StorageError> {
        self.0.wait();
        Ok(Written::Done)
    }

    fn delete(&self, _: &Key, _: u64) -> Result<Written, StorageError> {
        self.0.wait();
        Ok(Written::Done)
    }

    fn list(&self, _: &GrantQuery) -> Result<GrantPage, StorageError> {
        self.0.wait();
        Ok(GrantPage::default())
    }
}

impl Leases for Gated {
    fn try_lock(&self, _: &Key, _: Lock) -> Result<Option<Lease>, StorageError> {
        self.0.wait();
        Ok(None)
    }

    fn extend(&self, _: &Key, _: &mut Lease) -> Result<bool, StorageError> {
        self.0.wait();
        Ok(false)
    }
}

impl TokenStorage for Gated {}

/// Many users who ask a slow store at once take some threads of the pool, and not all: what else blocks goes on.
fn leave_a_thread(of: usize, store: impl FnOnce(Gated) -> Blocking<Gated>) {
    let gated = Gated::default();
    let storage = SharedStorage::from(store(gated.clone()));
    let mut builder = Builder::new_current_thread();
    let runtime = builder.max_blocking_threads(of).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut calls = JoinSet::new();
        for _ in 0..2 * of {
            let storage = storage.clone();
            let key = Key::grant("test", "", "https://mcp.example.com/mcp");
            calls.spawn(async move { oauth_tokio::Records::load(&storage, &key).await });
        }
        // All of them have asked before this is begun: there is one thread for tasks, and each had its turn.
        for _ in 0..2 * of {
            tokio::task::yield_now().await;
        }
        let beside = tokio::task::spawn_blocking(|| ());
        let beside = tokio::time::timeout(PATIENCE / 2, beside).await;
        gated.0.set(()).unwrap();
        beside.expect("the store has taken all threads").unwrap();
        // Nobody is forgotten.
        let answers = calls.join_all().await;
        assert!(answers.iter().all(|answer| *answer == Ok(Loaded::Nothing)), "{answers:?}");
    });
}

#[test]
fn a_slow_store_leaves_threads_of_the_pool_to_others() {
    leave_a_thread(25, Blocking::new);
}

#[test]
fn a_slow_store_takes_as_many_threads_as_the_host_says() {
    leave_a_thread(3, |store| Blocking::with_threads(store, 2));
    // None would be a store that never answers.
    leave_a_thread(2, |store| Blocking::with_threads(store, 0));
}

/// A store of one thread, which the first call keeps until it is told to go on.
fn one_thread() -> (Gated, SharedStorage) {
    let gated = Gated::default();
    (gated.clone(), Blocking::with_threads(gated, 1).into())
}

fn load(storage: &SharedStorage) -> impl Future<Output = Result<Loaded, StorageError>> + use<> {
    let storage = storage.clone();
    let key = Key::grant("test", "", "https://mcp.example.com/mcp");
    async move { oauth_tokio::Records::load(&storage, &key).await }
}

/// A thread of one runtime does not end with the calls of another.
#[test]
fn calls_of_two_runtimes_share_the_threads_of_a_store() {
    let (gated, storage) = one_thread();
    let runtimes = [small(), small()];
    let calls: Vec<_> = (0..6).map(|number| runtimes[number % 2].spawn(load(&storage))).collect();
    gated.0.set(()).unwrap();
    let answers = runtimes[0].block_on(async {
        let mut answers = Vec::new();
        for call in calls {
            answers.push(tokio::time::timeout(PATIENCE / 4, call).await);
        }
        answers
    });
    // What hangs would hang here once more.
    runtimes.into_iter().for_each(Runtime::shutdown_background);
    for answer in answers {
        assert_eq!(answer.expect("a call is forgotten").unwrap(), Ok(Loaded::Nothing));
    }
}

/// Its call waits while another runtime's has the thread. Nobody makes it any more, and who asks later has its place.
#[test]
fn a_runtime_that_ends_while_its_call_waits_leaves_its_place_to_others() {
    let (gated, storage) = one_thread();
    let runtime = small();
    let first = runtime.spawn(load(&storage));
    let begun = Instant::now();
    while gated.1.load(Ordering::SeqCst) == 0 {
        assert!(begun.elapsed() < PATIENCE, "the first call is not made");
        std::thread::yield_now();
    }
    let ending = Builder::new_current_thread().enable_all().build().unwrap();
    ending.spawn(load(&storage));
    // There is one thread for tasks, and the call has its turn.
    ending.block_on(async {
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
    });
    ending.shutdown_background();
    gated.0.set(()).unwrap();
    let both = runtime.block_on(async {
        let both = async { [first.await.unwrap(), load(&storage).await] };
        tokio::time::timeout(PATIENCE / 2, both).await
    });
    runtime.shutdown_background();
    assert_eq!(both.expect("its place is lost"), [Ok(Loaded::Nothing), Ok(Loaded::Nothing)]);
    assert_eq!(gated.1.load(Ordering::SeqCst), 2, "calls that were made");
}
