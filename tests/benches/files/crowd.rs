//! Many users of one gateway, all logged in.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use oauth_blocking::TokenStorage;
use oauth_tokio::{
    Blocking, HttpClient, Loaded, OAuth, Profiles, SharedStorage, UserAgentFn, Written,
};
use tokio::sync::{Barrier, Semaphore};
use tokio::task::JoinSet;

use crate::directory::{APPLICATION, at_once, key, user};
use crate::served::Servers;
use crate::users::{aged, elsewhere, redirect};

/// A store that clients share.
pub(crate) trait Store: TokenStorage + Into<SharedStorage> + Clone + 'static {}

impl<S: TokenStorage + Into<SharedStorage> + Clone + 'static> Store for S {}

/// Users at one server, whose grants are in one store.
pub(crate) struct Crowd<S> {
    servers: Servers,
    http: HttpClient,
    store: S,
    users: usize,
}

/// What came of it that all asked at once.
pub(crate) struct Storm {
    /// When the last one had a token.
    pub(crate) last: Duration,
    /// How many had one.
    pub(crate) served: u64,
    pub(crate) refreshes: u64,
    /// Most threads that this process had, without the one that counted.
    pub(crate) threads: u64,
    /// What this process has computed.
    pub(crate) cpu: Duration,
}

impl<S: Store> Crowd<S> {
    /// Lets all log in, a few at a time.
    pub(crate) async fn new(store: S, users: usize) -> Self {
        let servers = Servers::start();
        let http = HttpClient::new(|http| http).expect("there is a TLS backend");
        let crowd = Self { servers, http, store, users };
        let (gateway, profiles) = crowd.gateway();
        // The client is registered once.
        log_in(profiles.of(&gateway, &user(0))).await;
        let (mut all, turns) = (JoinSet::new(), Arc::new(Semaphore::new(AT_A_TIME)));
        for number in 1..users {
            let (oauth, turns) = (profiles.of(&gateway, &user(number)), Arc::clone(&turns));
            all.spawn(async move {
                let _turn = turns.acquire().await;
                log_in(oauth).await;
            });
        }
        all.join_all().await;
        crowd.servers.take_refreshes();
        crowd
    }

    /// The gateway, as it was just started.
    fn gateway(&self) -> (OAuth, Profiles) {
        let oauth = OAuth::new(self.servers.url())
            .expect("the server's URL is one")
            .application(APPLICATION)
            .token_storage(self.store.clone())
            .http_client(self.http.clone())
            .user_agent(Blocking::new(UserAgentFn::new(elsewhere(), redirect)))
            .build()
            .expect("the settings fit together");
        (oauth.clone(), Profiles::new(oauth))
    }

    /// Lets all stored tokens expire, and all users ask for one at once.
    pub(crate) async fn storm(&self) -> Storm {
        self.expire();
        let (gateway, profiles) = self.gateway();
        let (start, mut all) = (Arc::new(Barrier::new(self.users + 1)), JoinSet::new());
        for number in 0..self.users {
            let (oauth, start) = (profiles.of(&gateway, &user(number)), Arc::clone(&start));
            all.spawn(async move {
                start.wait().await;
                oauth.token().await.is_ok()
            });
        }
        let (watch, cpu) = (Threads::watch(), cpu());
        start.wait().await;
        let begun = Instant::now();
        let served = all.join_all().await.iter().filter(|is_served| **is_served).count();
        let last = begun.elapsed();
        Storm {
            last,
            served: served as u64,
            refreshes: self.servers.take_refreshes(),
            threads: watch.most(),
            cpu: self::cpu().saturating_sub(cpu),
        }
    }

    fn expire(&self) {
        at_once(self.users, |number| {
            let key = key(number, self.servers.url());
            let Ok(Loaded::Record(record)) = self.store.load(&key) else {
                panic!("there is no record of {key:?}");
            };
            let saved = self.store.save(&key, &aged(&record, 0), record.generation());
            assert_eq!(saved.expect("the store works"), Written::Done);
        });
    }
}

async fn log_in(oauth: OAuth) {
    oauth.authenticate().await.expect("the user consents");
}

/// Looks how many threads this process has.
struct Threads {
    most: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    watcher: JoinHandle<()>,
}

impl Threads {
    fn watch() -> Self {
        let (most, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (seen, is_ended) = (Arc::clone(&most), Arc::clone(&ended));
        let watcher = thread::spawn(move || {
            while !is_ended.load(SeqCst) {
                seen.fetch_max(threads(), SeqCst);
                thread::sleep(BETWEEN_LOOKS);
            }
        });
        Self { most, ended, watcher }
    }

    /// The most that were seen, without the one that looked.
    fn most(self) -> u64 {
        self.ended.store(true, SeqCst);
        self.watcher.join().expect("it only looks");
        self.most.load(SeqCst).saturating_sub(1)
    }
}

fn threads() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Threads:"));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or_default()
}

/// What all threads of this process have computed, those included that have ended.
fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program may have blanks in it, and ends with the last parenthesis.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>();
    Duration::from_millis(10 * ticks)
}

/// How many log in at a time.
const AT_A_TIME: usize = 16;

const BETWEEN_LOOKS: Duration = Duration::from_millis(1);
