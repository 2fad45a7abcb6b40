//! A host that calls an MCP server again and again, for the test that kills such processes:
//! `caller NUMBER URL DIRECTORY SEED`.
//!
//! The tokens are in the directory. Every fourth caller is on tokio, the others are blocking. On standard
//! output there is a line for everything that happens, written in one piece before anything else happens,
//! so that it is known how far a caller had come that was killed:
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
//!   stopped               as it was told to by the line `stop`
//! ```
//!
//! Anything else is an error. A record is its generation, its access token and its refresh token or `-`:
//! those of a simulated server are no secrets. Where standard input ends without `stop`, nobody is left to
//! call for.

#![allow(clippy::unwrap_used, reason = "a part of a test may panic anywhere")]

use std::fmt::{Debug, Display};
use std::io::stdin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, process, thread};

use oauth_blocking::ureq::http;
use oauth_blocking::{
    FileTokenStorage, Guard, Key, Loaded, Lock, OAuth, Record, RedirectUri, Saved, StorageError,
    StoredGrant, TokenStorage, UserAgent, UserAgentError, Visitor,
};
use oauth_tests::drive::Random;
use oauth_tokio::OnPool;
use tokio::runtime::Runtime;

fn main() {
    let [number, server, directory, seed] = env::args().skip(1).collect::<Vec<_>>().try_into().unwrap();
    let number: u64 = number.parse().unwrap();
    let (sender, redirects) = channel();
    let has_to_stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&has_to_stop);
    thread::spawn(move || obey(&told, &sender));
    thread::spawn(|| {
        thread::sleep(LIMIT);
        process::exit(1);
    });
    let store = Told(FileTokenStorage::in_dir(directory));
    let url = format!("{server}?caller={number}");
    let client = Client::new(number % 4 == 0, &server, store, asking(redirects));
    let mut random = Random(seed.parse::<u64>().unwrap() + number);
    while !has_to_stop.load(Ordering::SeqCst) {
        say(if random.below(16) == 0 { client.renew() } else { client.call(&url) });
        thread::sleep(Duration::from_millis(random.below(40)));
    }
    client.stop();
    say("stopped");
}
