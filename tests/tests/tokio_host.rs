//! What a host brings and keeps: stores and users of its own, and types that go anywhere.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use oauth_tests::world::Knobs;
use oauth_tokio::{
    AuthenticationError, Blocking, Consent, Error, FileTokenStorage, GrantPage, GrantQuery, Key,
    Lease, Leases, Loaded, Lock, LoopbackBrowser, MemoryTokenStorage, OAuth, OAuthBuilder,
    PendingLogin, Prepared, Record, Records, RedirectUri, SharedStorage, SharedUserAgent, Spend,
    StorageError, StoredGrant, TokenStorage, UserAgent, UserAgentError, Written, with_oauth_retry,
};
use tokio::sync::Mutex;
use tokio_common::common::{
    ELSEWHERE, LIST, PATIENCE, assert_sound, logins, refreshes, registrations, serve,
};
use tokio_common::{builder, call, client, redirect};

const fn goes_anywhere<T: Send + Sync + 'static>() {}
const fn is_cheap_to_share<T: Clone + Send + Sync + 'static>() {}
const fn can_be_handed_over<T: Send + 'static>() {}

const _: () = {
    is_cheap_to_share::<OAuth>();
    is_cheap_to_share::<SharedStorage>();
    is_cheap_to_share::<SharedUserAgent>();
    goes_anywhere::<Error>();
    goes_anywhere::<AuthenticationError>();
    goes_anywhere::<PendingLogin>();
    goes_anywhere::<Blocking<FileTokenStorage>>();
    goes_anywhere::<Blocking<MemoryTokenStorage>>();
    goes_anywhere::<Blocking<LoopbackBrowser>>();
    can_be_handed_over::<Prepared>();
    can_be_handed_over::<OAuthBuilder>();
};

fn sent<T>(future: impl Future<Output = T> + Send) -> impl Future<Output = T> + Send {
    future
}

/// Never run: that it compiles is the test.
#[expect(dead_code, reason = "it is for the compiler")]
async fn every_future_is_send(
    oauth: OAuth,
    pending: PendingLogin,
    store: impl TokenStorage,
    user: impl UserAgent,
    record: Record,
    key: Key,
) {
    let _ = sent(oauth.authenticate()).await;
    let _ = sent(oauth.initialize()).await;
    let _ = sent(oauth.token()).await;
    let _ = sent(oauth.refresh_token()).await;
    let _ = sent(oauth.send(|http| http.get("https://mcp.example.com/mcp"))).await;
    let _ = sent(oauth.resume(pending, "")).await;
    let _ = sent(oauth.shutdown(Duration::ZERO)).await;
    let _ = sent(oauth.consent(None)).await;
    let _ = sent(store.load(&key)).await;
    let _ = sent(store.try_lock(&key, Lock::Refresh)).await;
    let _ = sent(store.save(&key, &record, 0)).await;
    let _ = sent(user.prepare(None)).await;
}

/// A gateway has thousands of them, and almost none ever waits: what a login and a refresh need is not in each.
#[test]
fn a_call_is_small_until_it_has_to_wait() {
    let oauth = OAuth::new("https://mcp.example.com/mcp").unwrap().build().unwrap();
    let [token, login] = [size_of_val(&oauth.token()), size_of_val(&oauth.authenticate())];
    let sent = size_of_val(&oauth.send(|http| http.get("https://mcp.example.com/mcp")));
    assert!(token < 1024 && login < 1024, "{token} and {login} bytes");
    // With the request and its answer.
    assert!(sent < 3 * 1024, "{sent} bytes");
}

#[tokio::test]
async fn a_retried_call_can_be_a_task() {
    let served = serve(Knobs::default());
    let oauth = client(&served, &MemoryTokenStorage::new());
    let task = tokio::spawn(async move {
        with_oauth_retry(&oauth, async || oauth.token().await).await.map(drop)
    });
    task.await.unwrap().unwrap();
    assert_eq!(logins(&served), 1);
}

/// A store as a host has it: async, with no thread of the pool.
#[derive(Clone, Default)]
struct Database(Arc<Tables>);

#[derive(Default)]
struct Tables {
    records: Mutex<HashMap<Key, Record>>,
    locks: Mutex<HashMap<(Key, Lock), Held>>,
    writes: AtomicUsize,
}

type Held = Arc<Mutex<()>>;

impl From<Database> for SharedStorage {
    fn from(database: Database) -> Self {
        Self::new(database)
    }
}

impl Records for Database {
    async fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        tokio::task::yield_now().await;
        let records = self.0.records.lock().await;
        Ok(records.get(key).cloned().map_or(Loaded::Nothing, |found| Loaded::Record(found.into())))
    }

    async fn save(
        &self,
        key: &Key,
        record: &Record,
        expected: u64,
    ) -> Result<Written, StorageError> {
        let mut records = self.0.records.lock().await;
        let stored = records.get(key).map_or(0, Record::generation);
        if stored != expected {
            return Ok(Written::Conflict { stored });
        }
        records.insert(key.clone(), record.clone());
        self.0.writes.fetch_add(1, Ordering::SeqCst);
        Ok(Written::Done)
    }

    async fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        let mut records = self.0.records.lock().await;
        let stored = records.get(key).map_or(0, Record::generation);
        if stored != expected {
            return Ok(Written::Conflict { stored });
        }
        records.remove(key);
        Ok(Written::Done)
    }

    async fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        let records = self.0.records.lock().await;
        let asked = records.iter().filter(|(key, _)| query.matches(key));
        let grants = asked.filter_map(|(key, record)| StoredGrant::new(key, record));
        Ok(query.page(grants.collect()))
    }
}

impl Leases for Database {
    async fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError> {
        let lock = Arc::clone(self.0.locks.lock().await.entry((key.clone(), lock)).or_default());
        Ok(lock.try_lock_owned().ok().map(Lease::new))
    }

    async fn extend(&self, _: &Key, _: &mut Lease) -> Result<bool, StorageError> {
        Ok(true)
    }
}

impl TokenStorage for Database {
    async fn reserve(&self, _: &Key, _: &mut Lease, _: Spend<'_>) -> Result<bool, StorageError> {
        Ok(true)
    }
}

#[tokio::test]
async fn a_store_of_the_hosts_own_is_used() {
    let served = serve(Knobs::default());
    let store = Database::default();
    let oauth = client(&served, &store);
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_eq!(
        store.0.writes.load(Ordering::SeqCst),
        3,
        "the client for all, and for this profile; the grant"
    );
    let another = client(&served, &store);
    assert_eq!(call(&another, &served, LIST).await.unwrap(), 200);
    assert_eq!(served.world().oauth_requests(), 5);
    assert_sound(&served);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_share_a_store_of_the_hosts_own_refresh_once() {
    const CLIENTS: usize = 20;
    let served = Arc::new(serve(Knobs::default()));
    let store = Database::default();
    assert_eq!(call(&client(&served, &store), &served, LIST).await.unwrap(), 200);
    served.world().revoke_access_tokens();
    served.delay_tokens(Duration::from_millis(20));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let (oauth, served) = (client(&served, &store), Arc::clone(&served));
        tasks.spawn(async move { call(&oauth, &served, LIST).await.unwrap() });
    }
    assert_eq!(tasks.join_all().await, [200; CLIENTS]);
    assert_eq!((refreshes(&served), logins(&served)), (1, 1));
    assert_sound(&served);
}

/// A user of the host's own, who says what they were asked.
#[derive(Default)]
struct Page {
    registered: Arc<std::sync::Mutex<Vec<Option<String>>>>,
}

impl UserAgent for Page {
    async fn prepare(&self, registered: Option<&str>) -> Result<Prepared, UserAgentError> {
        self.registered.lock().unwrap().push(registered.map(str::to_owned));
        tokio::task::yield_now().await;
        let redirect_uri = RedirectUri::parse(ELSEWHERE)?;
        Ok(Prepared::new(redirect_uri, async |url, deadline: Instant, _told| {
            assert!(deadline > Instant::now() && deadline <= Instant::now() + PATIENCE);
            Ok(redirect(&url).await.into())
        }))
    }
}

#[tokio::test]
async fn a_user_agent_of_the_hosts_own_is_asked() {
    let served = serve(Knobs::default());
    let page = Page::default();
    let asked = Arc::clone(&page.registered);
    let oauth = builder(&served, &Database::default()).user_agent(page).build().unwrap();
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    served.world().end_grants();
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_eq!(*asked.lock().unwrap(), [None, Some(ELSEWHERE.to_owned())]);
    assert_eq!((logins(&served), registrations(&served)), (2, 1));
    assert_sound(&served);
}

#[tokio::test]
async fn a_user_agent_that_cannot_be_used_is_typed() {
    struct Nobody;
    impl UserAgent for Nobody {
        async fn prepare(&self, _registered: Option<&str>) -> Result<Prepared, UserAgentError> {
            RedirectUri::parse("http://app.example.com/callback")?;
            Err(UserAgentError::Cancelled)
        }
    }
    let served = serve(Knobs::default());
    let oauth = builder(&served, &Database::default()).user_agent(Nobody).build().unwrap();
    match oauth.authenticate().await.unwrap_err() {
        Error::UserAgent(UserAgentError::RedirectUri(_)) => {}
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn one_program_talks_to_many_servers() {
    const SERVERS: usize = 5;
    let store = Database::default();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..SERVERS {
        let store = store.clone();
        tasks.spawn(async move {
            let served = serve(Knobs::default());
            let oauth = client(&served, &store);
            assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
            assert_sound(&served);
            served.world().oauth_requests()
        });
    }
    assert_eq!(tasks.join_all().await, [5; SERVERS]);
    let records = store.0.records.lock().await;
    assert_eq!(records.keys().filter(|key| key.kind.is_grant()).count(), SERVERS);
}

#[tokio::test]
async fn nothing_that_is_printed_shows_a_secret() {
    let served = serve(Knobs::default());
    let store = SharedStorage::from(Database::default());
    let oauth = builder(&served, &store).build().unwrap();
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    let printed = format!("{oauth:?} {store:?}");
    let secrets = served.world().secrets();
    assert!(!secrets.is_empty());
    assert!(!secrets.iter().any(|secret| printed.contains(secret)), "{printed}");
}
