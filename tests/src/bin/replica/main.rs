//! One of several processes of a host that share their users' grants in PostgreSQL or Redis, for the tests that kill and
//! stop such processes: `replica NAME SCHEMA [SECONDS]`, or `replica NAME PREFIX [SECONDS]`, with the URL of the server in
//! `REPLICA_DATABASE`. With a time, its calls wait no longer than that for others, and it looks whether a lock is free as
//! seldom as the store says.
//!
//! PostgreSQL knows it by its name, as `application_name`; in Redis it notes what it writes. It obeys the lines of its
//! standard input, and ends with that:
//!
//! ```text
//!   call USER URL ROUND   the MCP server is called for the user, and the round is told with what came of it
//!   hold MILLISECONDS     from now on there is a pause so long before a refresh token is spent
//!   slow MILLISECONDS     from now on names are looked up so slowly
//!   stop                  ends after what is under way
//! ```
//!
//! On standard output there is a line for everything that happens, written in one piece before anything else happens,
//! so that it is known how far a process had come that was killed:
//!
//! ```text
//!   locked USER                   the refresh lock is taken
//!   reserved USER GENERATION      the refresh token of this generation is about to be spent
//!   lost USER GENERATION          it may not be
//!   looking up                    a name is slowly looked up
//!   saving USER                   a record is about to be written
//!   saved USER                    it was
//!   conflict USER                 it was not: another generation is stored
//!   unlocking USER                the refresh lock is about to be released
//!   got USER ROUND STATUS         the server was called
//!   out USER ROUND ERROR          the user has to log in
//!   retryable USER ROUND ERROR    neither, and it is worth another try
//!   error USER ROUND ERROR        anything else
//!   stopped
//! ```

#![allow(clippy::unwrap_used, reason = "a part of a test may panic anywhere")]

mod noted;

use std::collections::HashMap;
use std::env;
use std::fmt::Display;
use std::io::stdin;
use std::net::{Ipv4Addr, SocketAddr};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use oauth_core::client::{GrantPage, GrantQuery, LockPauses, Spending, StorageError};
use oauth_core::session::{Key, Record, Spend};
use oauth_tokio::postgres::tokio_postgres::{Config, NoTls};
use oauth_tokio::postgres::{PostgresStorage, Reconnecting, Tables};
use oauth_tokio::redis::{RedisStorage, Terms};
use oauth_tokio::reqwest::dns::{Addrs, Name, Resolve, Resolving};
use oauth_tokio::{
    HttpClient, Lease, Leases, Loaded, Lock, NeedsConsent as _, NoUserAgent, OAuth, Records,
    RedirectUri, SharedStorage, TokenStorage, Written,
};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;

use noted::Noted;

fn main() {
    let told: Vec<String> = env::args().skip(1).collect();
    let (name, schema) = (&told[0], &told[1]);
    let wait = told.get(2).map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
    thread::spawn(|| {
        thread::sleep(LIMIT);
        process::exit(1);
    });
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(obey(name, schema, wait));
}

async fn obey(name: &str, schema: &str, wait: Option<Duration>) {
    let store = store(name, schema).await;
    // Shorter than those of the store: so there is more to collide with, and rounds take less time.
    let pauses = if wait.is_some() { store.pauses() } else { LockPauses::LOCAL };
    let (store, wait) = (Told { store, pauses }, wait.unwrap_or(PATIENCE));
    let (sender, mut lines) = unbounded_channel();
    thread::spawn(move || {
        stdin().lines().map_while(Result::ok).try_for_each(|line| sender.send(line)).unwrap();
        process::exit(1);
    });
    let (mut servers, mut users) = (HashMap::new(), HashMap::new());
    let mut calls = JoinSet::new();
    while let Some(line) = lines.recv().await {
        match *line.split(' ').collect::<Vec<_>>() {
            ["call", user, url, round] => {
                let server =
                    servers.entry(url.to_owned()).or_insert_with(|| client(url, &store, wait));
                let oauth =
                    users.entry(user.to_owned()).or_insert_with(|| server.for_profile(user));
                calls.spawn(call(oauth.clone(), url.to_owned(), format!("{user} {round}")));
            }
            ["hold", milliseconds] => HOLD.store(milliseconds.parse().unwrap(), Ordering::SeqCst),
            ["slow", milliseconds] => SLOW.store(milliseconds.parse().unwrap(), Ordering::SeqCst),
            ["stop"] => break,
            _ => panic!("{line}"),
        }
    }
    while let Some(done) = calls.join_next().await {
        done.unwrap();
    }
    for oauth in servers.values() {
        assert!(oauth.shutdown(PATIENCE).await);
    }
    say("stopped");
}

async fn store(name: &str, schema: &str) -> SharedStorage {
    let url = env::var("REPLICA_DATABASE").unwrap();
    if url.starts_with("redis:") {
        let connection = Noted::open(&url, name, schema).await.unwrap();
        let store = RedisStorage::open(connection, Terms::strict()).await.unwrap();
        return store.prefix(schema).unwrap().into();
    }
    let mut config: Config = url.parse().unwrap();
    config.application_name(name);
    let tables = Tables::default().in_schema(schema).unwrap();
    PostgresStorage::new(Reconnecting::to(config, NoTls)).tables(tables).into()
}

fn client(url: &str, store: &Told, wait: Duration) -> OAuth {
    let builder = OAuth::new(url).unwrap().application(APPLICATION).wait(wait);
    let nobody = NoUserAgent::new(RedirectUri::parse(REDIRECT_URI).unwrap());
    let http = HttpClient::with_resolver(|http| http, Lookup).unwrap();
    let builder = builder.token_storage(store.clone()).user_agent(nobody);
    builder.http_client(http).build().unwrap()
}

/// All names are this machine's.
struct Lookup;

impl Resolve for Lookup {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(async {
            let slow = SLOW.load(Ordering::SeqCst);
            if slow > 0 {
                say("looking up");
                tokio::time::sleep(Duration::from_millis(slow)).await;
            }
            let found = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            Ok(Box::new([found].into_iter()) as Addrs)
        })
    }
}

async fn call(oauth: OAuth, url: String, of: String) {
    let json = ("content-type", "application/json");
    let answer = oauth.send(|http| http.post(&url).header(json.0, json.1).body(LIST)).await;
    match answer {
        Ok(answer) => say(format_args!("got {of} {}", answer.status().as_u16())),
        Err(error) if error.needs_consent() => say(format_args!("out {of} {error:?}")),
        Err(error) if error.is_retryable() => say(format_args!("retryable {of} {error:?}")),
        Err(error) => say(format_args!("error {of} {error:?}")),
    }
}

/// Says something, in one piece.
fn say(words: impl Display) {
    println!("{words}");
}

/// The store; it says what it does.
#[derive(Clone)]
struct Told {
    store: SharedStorage,
    pauses: LockPauses,
}

impl From<Told> for SharedStorage {
    fn from(told: Told) -> Self {
        Self::new(told)
    }
}

impl Records for Told {
    async fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        self.store.load(key).await
    }

    async fn save(
        &self,
        key: &Key,
        record: &Record,
        expected: u64,
    ) -> Result<Written, StorageError> {
        if !key.kind.is_grant() {
            return self.store.save(key, record, expected).await;
        }
        say(format_args!("saving {}", key.profile));
        let saved = self.store.save(key, record, expected).await?;
        let word = if saved == Written::Done { "saved" } else { "conflict" };
        say(format_args!("{word} {}", key.profile));
        Ok(saved)
    }

    async fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        self.store.delete(key, expected).await
    }

    async fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        self.store.list(query).await
    }
}

impl Leases for Told {
    async fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError> {
        let taken = self.store.try_lock(key, lock).await?;
        if taken.is_some() && lock == Lock::Refresh {
            say(format_args!("locked {}", key.profile));
        }
        Ok(taken)
    }

    async fn extend(&self, key: &Key, lease: &mut Lease) -> Result<bool, StorageError> {
        self.store.extend(key, lease).await
    }

    async fn release(&self, key: &Key, lease: Lease) {
        say(format_args!("unlocking {}", key.profile));
        self.store.release(key, lease).await;
    }

    async fn is_held(&self, key: &Key, lock: Lock) -> Result<bool, StorageError> {
        self.store.is_held(key, lock).await
    }

    fn pauses(&self) -> LockPauses {
        self.pauses
    }
}

impl TokenStorage for Told {
    async fn reserve(
        &self,
        key: &Key,
        lease: &mut Lease,
        spend: Spend<'_>,
    ) -> Result<bool, StorageError> {
        let is_reserved = self.store.reserve(key, lease, spend).await?;
        let word = if is_reserved { "reserved" } else { "lost" };
        say(format_args!("{word} {} {}", key.profile, spend.generation));
        let hold = HOLD.load(Ordering::SeqCst);
        if hold > 0 {
            tokio::time::sleep(Duration::from_millis(hold)).await;
        }
        Ok(is_reserved)
    }

    async fn spending(&self, key: &Key) -> Result<Option<Spending>, StorageError> {
        self.store.spending(key).await
    }
}

/// The pause before a token is spent, in milliseconds.
static HOLD: AtomicU64 = AtomicU64::new(0);

/// How long it takes to look up a name, in milliseconds.
static SLOW: AtomicU64 = AtomicU64::new(0);

/// The program that all of them are.
const APPLICATION: &str = "test";

const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;

/// A page that nobody has to load.
const REDIRECT_URI: &str = "http://127.0.0.1:1/callback";

/// Far more than anything takes, also where all is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// None lives longer; the test ends before.
const LIMIT: Duration = Duration::from_secs(1800);
