//! A store that fails, panics, or is written by others, and what both adapters make of it: what was spent is
//! kept, and nobody hangs.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use oauth_blocking::{
    Adapter, Builder, ClientError, Event, GrantPage, GrantQuery, Key, Lease, Leases, Loaded, Lock,
    MemoryTokenStorage, OAuth, Record, Records, Spend, Spending, StorageError, TokenStorage,
    UserAgentError, Written,
};
use oauth_tests::serve::Served;
use oauth_tests::world::Knobs;
use oauth_tokio::Blocking;
use tokio::runtime::Runtime;
use tokio_common::Directory;
use tokio_common::common::{
    self, APPLICATION, LIST, PATIENCE, age, assert_sound, expire, key, logins, redirect, refreshes,
    registrations, serve, stored, stored_token, visitor_who,
};

/// While one tries to store what it has spent a token for, another waits, and has it in the end.
#[test]
fn a_save_that_fails_is_tried_again_while_nobody_else_spends_the_token() {
    for on_tokio in [false, true] {
        let (served, store) = (serve(Knobs::default()), Store::default());
        drop(common::logged_in(&served, &store));
        expire(&store, &key(&served));
        store.fails.store(4, Ordering::SeqCst);
        let (client, told) = Client::told(on_tokio, &served, &store);
        let other = Client::new(!on_tokio, &served, &store);
        both_call(&served, &client, &told, &other);
        assert_eq!((refreshes(&served), logins(&served)), (1, 0));
        // The first word was waited for.
        let told: Vec<_> = told.try_iter().collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told.iter().all(Option::is_some), "{told:?}");
        assert_sound(&served);
    }
}

/// One calls, and as soon as it could not store something, the other one does.
fn both_call(served: &Served, client: &Client, told: &Receiver<Option<Duration>>, other: &Client) {
    let outcomes = thread::scope(|scope| {
        let call = scope.spawn(|| client.call(served));
        told.recv_timeout(PATIENCE).unwrap();
        let other = other.call(served);
        [call.join().unwrap(), other]
    });
    assert_eq!(outcomes.map(Result::unwrap), [200, 200]);
}

/// A code is spent as well: nobody else sends the user to a page while what it brought is not stored.
#[test]
fn a_login_that_cannot_be_stored_for_a_moment_is_asked_for_once() {
    for on_tokio in [false, true] {
        let (served, store) = (serve(Knobs::default()), Store::default());
        let fails = Arc::clone(&store.fails);
        let user = visitor_who(move |url| {
            fails.store(4, Ordering::SeqCst);
            Ok(redirect(url))
        });
        let (watch, told) = saves_that_failed();
        let client = Client::with(on_tokio, &served, &store, user, watch);
        let other = Client::new(!on_tokio, &served, &store);
        both_call(&served, &client, &told, &other);
        assert_eq!(logins(&served), 1);
        let told: Vec<_> = told.try_iter().collect();
        assert!(told.len() == 3 && told.iter().all(Option::is_some), "{told:?}");
        assert_sound(&served);
    }
}

#[test]
fn a_living_token_goes_on_while_the_next_one_is_not_stored() {
    others_call_while_it_is_not_stored(|store, key| age(store, key, Duration::from_secs(30)));
}

#[test]
fn the_next_token_is_used_by_others_while_it_is_not_stored() {
    others_call_while_it_is_not_stored(expire);
}

fn others_call_while_it_is_not_stored(spoil: impl Fn(&Store, &Key)) {
    for on_tokio in [false, true] {
        let (served, store) = (serve(Knobs::default()), Store::default());
        drop(common::logged_in(&served, &store));
        spoil(&store, &key(&served));
        store.fails.store(usize::MAX, Ordering::SeqCst);
        let (client, told) = Client::told(on_tokio, &served, &store);
        thread::scope(|scope| {
            let first = scope.spawn(|| client.call(&served));
            assert!(told.recv_timeout(PATIENCE).unwrap().is_some());
            for _ in 0..3 {
                assert_eq!(client.call(&served).unwrap(), 200);
            }
            assert!(store.fails.load(Ordering::SeqCst) > 0, "it is stored already");
            store.fails.store(0, Ordering::SeqCst);
            assert_eq!(first.join().unwrap().unwrap(), 200);
        });
        client.end();
        assert_eq!((refreshes(&served), logins(&served)), (1, 0));
        let record = stored(&store, &key(&served)).unwrap();
        let expires_at = record.tokens().unwrap().expires_at.unwrap().as_secs();
        assert!(expires_at > served.world().now + 60, "it is not stored");
        assert_eq!(stored_token(&store, &key(&served)), client.token());
        assert_sound(&served);
    }
}

#[test]
fn who_waits_in_vain_is_told_who_spends_the_token() {
    for on_tokio in [false, true] {
        let (served, directory) = (serve(Knobs::default()), Directory::new());
        let store = directory.store();
        drop(common::logged_in(&served, &store));
        expire(&store, &key(&served));
        let lock = || store.try_lock(&key(&served), Lock::Refresh).unwrap().unwrap();
        let impatient = |guard: Lease| {
            let client = Client::impatient(on_tokio, &served, &store);
            let failed = client.call(&served).unwrap_err();
            drop(guard);
            assert!(failed.is_retryable, "{failed:?}");
            failed
        };
        let failed = impatient(lock());
        assert_eq!((failed.code, failed.spending), ("busy", None));
        let generation = stored(&store, &key(&served)).unwrap().generation();
        let spend = Spend::new(generation, 1000);
        let mut lease = lock();
        assert_eq!(store.reserve(&key(&served), &mut lease, spend), Ok(true));
        let failed = impatient(lease);
        assert_eq!(failed.spending.unwrap().process, Some(std::process::id()));
        let number = format!("by process {} since", std::process::id());
        assert!(failed.words.contains(&number), "{failed:?}");
        assert_eq!(Client::new(on_tokio, &served, &store).call(&served).unwrap(), 200);
        assert_eq!(refreshes(&served), 1);
    }
}

/// Somebody who respects no lock has stored other tokens in the middle of a refresh: those are used.
#[test]
fn what_others_stored_meanwhile_is_adopted() {
    for on_tokio in [false, true] {
        let (served, store) = (serve(Knobs::default()), Store::default());
        drop(common::logged_in(&served, &store));
        let elsewhere = MemoryTokenStorage::new();
        drop(common::logged_in(&served, &elsewhere));
        expire(&store, &key(&served));
        let theirs = stored_token(&elsewhere, &key(&served));
        *store.meddles.lock().unwrap() = stored(&elsewhere, &key(&served));
        let client = Client::new(on_tokio, &served, &store);
        assert_eq!(client.call(&served).unwrap(), 200);
        assert!(store.meddles.lock().unwrap().is_none(), "there was no conflict");
        assert_eq!(stored_token(&store, &key(&served)), theirs);
        assert_eq!(client.token(), theirs);
        assert_eq!((refreshes(&served), logins(&served)), (1, 0));
        assert_sound(&served);
    }
}

/// Somebody who respects no lock has written the same tokens again, and the store cannot be read: the token is
/// spent, so that the look that has to come before the next save is tried until it succeeds.
#[test]
fn a_look_at_what_others_wrote_is_tried_again_before_what_was_spent_for_is_lost() {
    for on_tokio in [false, true] {
        let (served, store) = (serve(Knobs::default()), Store::default());
        drop(common::logged_in(&served, &store));
        expire(&store, &key(&served));
        *store.meddles.lock().unwrap() = stored(&store, &key(&served));
        store.blind.store(3, Ordering::SeqCst);
        let client = Client::new(on_tokio, &served, &store);
        assert_eq!(client.call(&served).unwrap(), 200);
        assert_eq!(store.blind.load(Ordering::SeqCst), 0, "the store was not looked into");
        assert_eq!(client.token(), stored_token(&store, &key(&served)));
        assert_eq!((refreshes(&served), logins(&served)), (1, 0));
        assert_sound(&served);
    }
}

/// Nobody comes back from a page that says that the client is not known. So the next login has another one.
#[test]
fn a_page_that_was_given_up_casts_doubt_on_the_client() {
    for on_tokio in [false, true] {
        let (served, store) = (serve(Knobs::default()), Store::default());
        assert_eq!(Client::new(on_tokio, &served, &store).call(&served).unwrap(), 200);
        served.world().log.clear();
        // The registration stays.
        store.erase(&key(&served)).unwrap();
        let pages = Arc::new(AtomicUsize::new(0));
        let shown = Arc::clone(&pages);
        let user = visitor_who(move |url| match shown.fetch_add(1, Ordering::SeqCst) {
            0 => Err(UserAgentError::Cancelled),
            _ => Ok(redirect(url)),
        });
        let client = Client::with(on_tokio, &served, &store, user, |_| {});
        let failed = client.call(&served).unwrap_err();
        assert_eq!((failed.code, registrations(&served)), ("user_agent", 0), "{failed:?}");
        assert_eq!(client.call(&served).unwrap(), 200);
        assert_eq!((pages.load(Ordering::SeqCst), registrations(&served)), (2, 1));
        assert_sound(&served);
    }
}

/// Whoever called hears of it, and the next call is as good as ever.
#[test]
fn a_store_that_panics_hangs_nobody() {
    for on_tokio in [false, true] {
        for at in ["load", "try_lock", "reserve", "save"] {
            let (served, store) = (serve(Knobs::default()), Store::default());
            drop(common::logged_in(&served, &store));
            expire(&store, &key(&served));
            let client = Client::new(on_tokio, &served, &store);
            *store.panics.lock().unwrap() = Some(at);
            panics_in_time(&client, &served, at);
            assert!(store.panics.lock().unwrap().is_none(), "{at}");
            assert_eq!(client.call(&served).unwrap(), 200, "{at}");
            assert_eq!(refreshes(&served), 1, "{at}");
            assert_sound(&served);
        }
    }
}

#[test]
fn a_watcher_that_panics_hangs_nobody() {
    for on_tokio in [false, true] {
        let (served, store) = (serve(Knobs::default()), Store::default());
        drop(common::logged_in(&served, &store));
        expire(&store, &key(&served));
        let left = AtomicUsize::new(1);
        let watch = move |event: &Event<'_>| {
            let is_exchange = matches!(event, Event::Exchange { .. });
            let is_first =
                || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |it| it.checked_sub(1));
            assert!(!is_exchange || is_first().is_err(), "the watcher panics");
        };
        let client = Client::with(on_tokio, &served, &store, common::visitor(), watch);
        panics_in_time(&client, &served, "watcher");
        assert_eq!(client.call(&served).unwrap(), 200);
        assert_eq!((refreshes(&served), logins(&served)), (1, 0));
        assert_sound(&served);
    }
}

fn panics_in_time(client: &Client, served: &Served, at: &str) {
    let (begun, call) = (Instant::now(), AssertUnwindSafe(|| client.call(served)));
    assert!(catch_unwind(call).is_err(), "{at}");
    assert!(begun.elapsed() < PATIENCE, "{at}");
}

/// Somebody else logs in, and takes a while over it.
#[test]
fn whoever_waits_for_the_login_of_others_looks_now_and_then() {
    for on_tokio in [false, true] {
        let (served, store) = (serve(Knobs::default()), Store::default());
        let _held = store.try_lock(&key(&served), Lock::Login).unwrap().unwrap();
        let client = Client::impatient(on_tokio, &served, &store);
        store.looks.store(0, Ordering::SeqCst);
        assert_eq!(client.call(&served).unwrap_err().code, "user_agent");
        let looks = store.looks.load(Ordering::SeqCst);
        assert!((2..=IMPATIENCE.as_millis() / 25).contains(&(looks as u128)), "{looks}");
        assert_eq!(logins(&served), 0);
    }
}

/// A store that does what it is told.
#[derive(Clone, Default)]
struct Store {
    inner: MemoryTokenStorage,
    /// So many saves fail.
    fails: Arc<AtomicUsize>,
    /// So many looks fail after somebody has stored something.
    blind: Arc<AtomicUsize>,
    /// Somebody stores this before the next save.
    meddles: Arc<Mutex<Option<Record>>>,
    /// The next call of this method panics.
    panics: Arc<Mutex<Option<&'static str>>>,
    /// How often a lock was tried.
    looks: Arc<AtomicUsize>,
}

impl Store {
    fn called(&self, method: &str) {
        let is_told = self.panics.lock().unwrap().take_if(|at| *at == method).is_some();
        assert!(!is_told, "the store panics");
    }
}

impl Records for Store {
    fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        self.called("load");
        let fails = |left: usize| left.checked_sub(1);
        let has_meddled = self.meddles.lock().unwrap().is_none();
        if has_meddled && self.blind.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails).is_ok()
        {
            return Err(StorageError::refused("out of sight"));
        }
        self.inner.load(key)
    }

    fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Written, StorageError> {
        self.called("save");
        let fails = |left: usize| left.checked_sub(1);
        if self.fails.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails).is_ok() {
            return Err(StorageError::refused("out of order"));
        }
        if let Some(theirs) = self.meddles.lock().unwrap().take() {
            let generation = format!("\"generation\":{}", theirs.generation());
            let next = format!("\"generation\":{}", expected + 1);
            let theirs = theirs.to_json().replace(&generation, &next);
            let theirs = Record::from_json(theirs.as_bytes()).unwrap();
            assert_eq!(self.inner.save(key, &theirs, expected)?, Written::Done);
        }
        self.inner.save(key, record, expected)
    }

    fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        self.inner.delete(key, expected)
    }

    fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        self.inner.list(query)
    }
}

impl Leases for Store {
    fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError> {
        self.called("try_lock");
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.inner.try_lock(key, lock)
    }

    fn extend(&self, key: &Key, lease: &mut Lease) -> Result<bool, StorageError> {
        self.inner.extend(key, lease)
    }
}

impl TokenStorage for Store {
    fn reserve(
        &self,
        key: &Key,
        lease: &mut Lease,
        spend: Spend<'_>,
    ) -> Result<bool, StorageError> {
        self.called("reserve");
        self.inner.reserve(key, lease, spend)
    }
}

/// A client of one adapter or the other.
enum Client {
    Threads(OAuth),
    Tasks(Runtime, oauth_tokio::OAuth),
}

/// Why a call failed, whichever adapter it is from.
#[derive(Debug)]
struct Failed {
    code: &'static str,
    words: String,
    is_retryable: bool,
    spending: Option<Spending>,
}

impl Client {
    fn new(on_tokio: bool, served: &Served, store: &(impl TokenStorage + Clone + 'static)) -> Self {
        Self::with(on_tokio, served, store, common::visitor(), |_| {})
    }

    /// The same, and what it tells of saves that failed: when they are tried again.
    fn told(on_tokio: bool, served: &Served, store: &Store) -> (Self, Receiver<Option<Duration>>) {
        let (watch, told) = saves_that_failed();
        (Self::with(on_tokio, served, store, common::visitor(), watch), told)
    }

    fn impatient(
        on_tokio: bool,
        served: &Served,
        store: &(impl TokenStorage + Clone + 'static),
    ) -> Self {
        Self::waiting(on_tokio, served, store, (common::visitor(), |_: &_| {}), IMPATIENCE)
    }

    fn with(
        on_tokio: bool,
        served: &Served,
        store: &(impl TokenStorage + Clone + 'static),
        user: impl oauth_blocking::UserAgent + 'static,
        watch: impl Fn(&Event<'_>) + Send + Sync + 'static,
    ) -> Self {
        Self::waiting(on_tokio, served, store, (user, watch), PATIENCE)
    }

    fn waiting(
        on_tokio: bool,
        served: &Served,
        store: &(impl TokenStorage + Clone + 'static),
        (user, watch): (
            impl oauth_blocking::UserAgent + 'static,
            impl Fn(&Event<'_>) + Send + Sync + 'static,
        ),
        wait: Duration,
    ) -> Self {
        fn finished<A: Adapter>(builder: Builder<A>) -> A
        where
            A::Error: std::fmt::Debug,
        {
            builder.application(APPLICATION).build().unwrap()
        }
        let url = served.server_url();
        if on_tokio {
            let builder = oauth_tokio::OAuth::new(&url).unwrap().wait(wait).on_event(watch);
            let builder = builder.token_storage(Blocking::new(store.clone()));
            let oauth = finished(builder.user_agent(Blocking::new(user)));
            return Self::Tasks(Runtime::new().unwrap(), oauth);
        }
        let builder = OAuth::new(&url).unwrap().wait(wait).on_event(watch);
        Self::Threads(finished(builder.token_storage(store.clone()).user_agent(user)))
    }

    fn call(&self, served: &Served) -> Result<u16, Failed> {
        match self {
            Self::Threads(oauth) => common::call(oauth, served, LIST).map_err(failed),
            Self::Tasks(runtime, oauth) => runtime.block_on(async {
                let call = tokio_common::call(oauth, served, LIST);
                // Longer than anything takes, so that what hangs is known from what panics.
                let done = tokio::time::timeout(2 * PATIENCE, call).await;
                done.expect("it hangs").map_err(failed)
            }),
        }
    }

    fn token(&self) -> Option<String> {
        let token = match self {
            Self::Threads(oauth) => oauth.initialize().map_err(failed),
            Self::Tasks(runtime, oauth) => runtime.block_on(oauth.initialize()).map_err(failed),
        };
        token.unwrap().map(|token| token.token().to_owned())
    }

    /// Waits for what has begun aside.
    fn end(&self) {
        if let Self::Tasks(runtime, oauth) = self {
            assert!(runtime.block_on(oauth.shutdown(PATIENCE)));
        }
    }
}

/// A watcher, and what it is told of saves that failed: when they are tried again.
fn saves_that_failed() -> (impl Fn(&Event<'_>) + Send + Sync + 'static, Receiver<Option<Duration>>)
{
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    let watch = move |event: &Event<'_>| {
        if let Event::SaveFailed { again_in, .. } = event {
            let _ = tell.lock().unwrap().send(*again_in);
        }
    };
    (watch, told)
}

fn failed<H: std::error::Error>(error: ClientError<H>) -> Failed {
    let (code, words, is_retryable) = (error.code(), error.to_string(), error.is_retryable());
    let spending = match error {
        ClientError::Busy { spending, .. } => spending,
        _ => None,
    };
    Failed { code, words, is_retryable, spending }
}

/// How long the impatient wait.
const IMPATIENCE: Duration = Duration::from_millis(500);
