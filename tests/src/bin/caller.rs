//! A host that calls an MCP server again and again, for the test that kills such processes:
//! `caller NUMBER URL DIRECTORY SEED`.
//!
//! The tokens are in the directory, on a disk that fails when the test says so ([`oauth_tests::faulty`]). Every
//! fourth caller is on tokio, the others are blocking. On standard output there is a line for everything that
//! happens, written in one piece before anything else happens, so that it is known how far a caller had come
//! that was killed:
//!
//! ```text
//!   locked LOCK           the lock is taken
//!   loaded RECORD         the store was read
//!   saving RECORD         the store is about to be written
//!   saved RECORD          it was
//!   conflict RECORD       it was not: it holds another generation
//!   unlocking             the lock is about to be released
//!   visit URL             the user has to go there; the query of the redirect is expected as a line
//!   got STATUS            the server was called
//!   renewed FOUND         another token was asked for; whether there is one
//!   retryable ERROR       neither, and it is worth another try
//!   stopped               as it was told to by the line `stop`
//! ```
//!
//! Anything else is an error. A record is its generation, its access token and its refresh token or `-`:
//! those of a simulated server are no secrets. Once standard input ends, nobody is left to call for.

#![allow(clippy::unwrap_used, reason = "a part of a test may panic anywhere")]

use std::error::Error;
use std::fmt::Display;
use std::io::stdin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, process, thread};

use oauth_blocking::ureq::http;
use oauth_blocking::{
    ClientError, GrantPage, GrantQuery, Key, Lease, Leases, Loaded, Lock, OAuth, Record, Records,
    RedirectUri, Spend, Spending, StorageError, TokenStorage, UserAgent, UserAgentError,
    UserAgentFn, Written,
};
use oauth_tests::drive::dice;
use oauth_tests::faulty::FaultyStorage;
use oauth_tokio::Blocking;
use tokio::runtime::Runtime;

fn main() {
    let told: Vec<String> = env::args().skip(1).collect();
    let [number, server, directory, seed] = told.try_into().unwrap();
    let (number, seed): (u64, u64) = (number.parse().unwrap(), seed.parse().unwrap());
    let (sender, redirects) = channel();
    let has_to_stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&has_to_stop);
    thread::spawn(move || obey(&told, &sender));
    thread::spawn(|| {
        thread::sleep(LIMIT);
        process::exit(1);
    });
    let store = Told(FaultyStorage::in_dir(directory));
    let client = Client::new(number.is_multiple_of(4), &server, store, asking(redirects));
    let url = format!("{server}?caller={number}");
    let mut dice = (0..).map(|turn| dice(seed + (number << 32) + turn));
    while !has_to_stop.load(Ordering::SeqCst) {
        let dice = dice.next().unwrap();
        say(if dice[0] % RENEW == 0 { client.renew() } else { client.call(&url) });
        thread::sleep(Duration::from_millis((dice[1] % PAUSE).into()));
    }
    client.stop();
    say("stopped");
}

/// Hands the redirects on to the user agent.
fn obey(has_to_stop: &AtomicBool, redirects: &Sender<String>) {
    for line in stdin().lines().map_while(Result::ok) {
        if line == "stop" {
            has_to_stop.store(true, Ordering::SeqCst);
        } else {
            redirects.send(line).unwrap();
        }
    }
    process::exit(1);
}

/// A user agent that asks whoever started this process for the redirect.
fn asking(redirects: Receiver<String>) -> impl UserAgent + 'static {
    let redirects = Mutex::new(redirects);
    UserAgentFn::new(RedirectUri::parse(REDIRECT_URI).unwrap(), move |url| {
        say(format_args!("visit {}", url.as_str()));
        redirects.lock().unwrap().recv_timeout(PATIENCE).map_err(|_| UserAgentError::Cancelled)
    })
}

/// Says something, in one piece.
fn say(words: impl Display) {
    println!("{words}");
}

enum Client {
    Threads(OAuth),
    Tasks(Runtime, oauth_tokio::OAuth),
}

impl Client {
    fn new(is_on_tokio: bool, url: &str, store: Told, user: impl UserAgent + 'static) -> Self {
        if is_on_tokio {
            let builder = oauth_tokio::OAuth::new(url).unwrap().application(APPLICATION);
            let builder = builder.wait(PATIENCE);
            let builder =
                builder.token_storage(Blocking::new(store)).user_agent(Blocking::new(user));
            return Self::Tasks(Runtime::new().unwrap(), builder.build().unwrap());
        }
        let builder = OAuth::new(url).unwrap().application(APPLICATION).wait(PATIENCE);
        Self::Threads(builder.token_storage(store).user_agent(user).build().unwrap())
    }

    fn call(&self, url: &str) -> String {
        let json = ("content-type", "application/json");
        let status = match self {
            Self::Threads(oauth) => {
                let send = || http::Request::post(url).header(json.0, json.1).body(LIST);
                shown(oauth.send(send).map(|answer| answer.status().as_u16()))
            }
            Self::Tasks(runtime, oauth) => runtime.block_on(async {
                let answer = oauth.send(|http| http.post(url).header(json.0, json.1).body(LIST));
                shown(answer.await.map(|answer| answer.status().as_u16()))
            }),
        };
        status.map_or_else(|error| error, |status| format!("got {status}"))
    }

    fn renew(&self) -> String {
        let found = match self {
            Self::Threads(oauth) => shown(oauth.refresh_token().map(|token| token.is_some())),
            Self::Tasks(runtime, oauth) => {
                shown(runtime.block_on(oauth.refresh_token()).map(|token| token.is_some()))
            }
        };
        found.map_or_else(|error| error, |found| format!("renewed {found}"))
    }

    /// Waits for the end of what has begun.
    fn stop(self) {
        if let Self::Tasks(runtime, oauth) = self {
            assert!(runtime.block_on(oauth.shutdown(PATIENCE)));
        }
    }
}

fn shown<T, H: Error>(result: Result<T, ClientError<H>>) -> Result<T, String> {
    result.map_err(|error| match error.is_retryable() {
        true => format!("retryable {error:?}"),
        false => format!("error {error:?}"),
    })
}

/// The store; it says what it does.
struct Told(FaultyStorage);

/// A lock that says that it is about to be released.
struct ToldLease(Lease);

impl ToldLease {
    fn of(guard: Lease, lock: Lock) -> Lease {
        say(format_args!("locked {lock:?}"));
        Lease::new(Self(guard))
    }
}

impl Drop for ToldLease {
    fn drop(&mut self) {
        say("unlocking");
    }
}

impl Records for Told {
    fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        let loaded = self.0.load(key)?;
        match &loaded {
            _ if !key.kind.is_grant() => {}
            Loaded::Record(record) => say(format_args!("loaded {}", line(record))),
            other => say(format_args!("{other:?}")),
        }
        Ok(loaded)
    }

    fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Written, StorageError> {
        // What is told is about the grant.
        if !key.kind.is_grant() {
            return self.0.save(key, record, expected);
        }
        say(format_args!("saving {}", line(record)));
        let saved = self.0.save(key, record, expected)?;
        let word = if saved == Written::Done { "saved" } else { "conflict" };
        say(format_args!("{word} {}", line(record)));
        Ok(saved)
    }

    fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        self.0.delete(key, expected)
    }

    fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        self.0.list(query)
    }
}

impl Leases for Told {
    fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError> {
        Ok(self.0.try_lock(key, lock)?.map(|guard| ToldLease::of(guard, lock)))
    }

    fn extend(&self, key: &Key, lease: &mut Lease) -> Result<bool, StorageError> {
        match lease.held::<ToldLease>() {
            Some(told) => self.0.extend(key, &mut told.0),
            None => Ok(false),
        }
    }
}

impl TokenStorage for Told {
    fn reserve(
        &self,
        key: &Key,
        lease: &mut Lease,
        spend: Spend<'_>,
    ) -> Result<bool, StorageError> {
        match lease.held::<ToldLease>() {
            Some(told) => self.0.reserve(key, &mut told.0, spend),
            None => Ok(false),
        }
    }

    fn spending(&self, key: &Key) -> Result<Option<Spending>, StorageError> {
        self.0.spending(key)
    }
}

/// A record with tokens as a word of a line.
fn line(record: &Record) -> String {
    let tokens = record.tokens().unwrap();
    let refresh = tokens.refresh_token.as_ref().map_or("-", |token| token.expose());
    format!("{} {} {refresh}", record.generation(), tokens.access_token.token())
}

/// The program that all callers are.
const APPLICATION: &str = "test";

const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;

/// A page that nobody has to load.
const REDIRECT_URI: &str = "http://127.0.0.1:1/callback";

/// One turn in so many asks for another token.
const RENEW: u8 = 12;

/// The pause between two turns is shorter, in milliseconds.
const PAUSE: u8 = 30;

/// Far more than a login takes, also where all is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// No caller lives longer; the test ends before.
const LIMIT: Duration = Duration::from_secs(900);
