//! What is made before anything is measured: servers, runtimes, stores, and clients that have logged in.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use oauth_blocking::TokenStorage;
use oauth_tests::serve::Served;
use oauth_tests::world::{Grant, Knobs, What};
use oauth_tokio::{
    Blocking, FileTokenStorage, Key, Loaded, OAuth, OAuthBuilder, Record, SharedStorage,
    UserAgentFn, Written,
};
use tokio::runtime::{Builder, Runtime};

use crate::users::{aged, elsewhere, redirect};

/// A store that clients share.
pub(crate) trait Store: TokenStorage + Into<SharedStorage> + Clone + 'static {}

impl<S: TokenStorage + Into<SharedStorage> + Clone + 'static> Store for S {}

pub(crate) fn serve() -> Served {
    Served::start(Knobs::default()).expect("there are ports on this machine")
}

/// A runtime with as many workers as a small machine has.
pub(crate) fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(WORKERS).enable_all().build().expect("there are threads on this machine")
}

pub(crate) const WORKERS: usize = 2;

/// A client whose user consents at once.
pub(crate) fn builder(served: &Served, store: &impl Store) -> OAuthBuilder {
    OAuth::new(&served.server_url())
        .expect("the server's URL is one")
        .application(APPLICATION)
        .token_storage(store.clone())
        .user_agent(Blocking::new(UserAgentFn::new(elsewhere(), redirect)))
}

/// A client that has logged in; the log begins after that.
pub(crate) async fn logged_in(served: &Served, store: &impl Store) -> OAuth {
    let oauth = builder(served, store).build().expect("the settings fit together");
    oauth.authenticate().await.expect("the user consents");
    served.world().log.clear();
    oauth
}

/// Lets the stored token expire. Clients that have it in memory go on with that: make another one.
pub(crate) fn expire(served: &Served, store: &impl TokenStorage) {
    age(served, store, 0);
}

/// Lets the stored token be an hour old, and live on. One that is refused when it is new is given a moment, and sent again.
pub(crate) fn mature(served: &Served, store: &impl TokenStorage) {
    age(served, store, 3600);
}

/// Lets the stored token be an hour old, and live for so many seconds.
fn age(served: &Served, store: &impl TokenStorage, left: u64) {
    let record = stored(served, store);
    let aged = aged(&record, left);
    let saved = store.save(&key(served), &aged, record.generation());
    assert_eq!(saved.expect("the store works"), Written::Done);
}

pub(crate) fn stored(served: &Served, store: &impl TokenStorage) -> Record {
    match store.load(&key(served)) {
        Ok(Loaded::Record(record)) => *record,
        other => panic!("there is no record: {other:?}"),
    }
}

/// The program that all clients are.
const APPLICATION: &str = "bench";

fn key(served: &Served) -> Key {
    Key::grant(APPLICATION, "", &served.server_url())
}

/// How many refreshes were asked for since the log was begun, which begins anew.
pub(crate) fn take_refreshes(served: &Served) -> usize {
    let mut world = served.world();
    assert_eq!(world.violations, [""; 0]);
    assert_eq!(world.reuses, 0);
    let refreshes = world.count(What::Token(Grant::Refresh));
    world.log.clear();
    refreshes
}

/// A directory for tokens that is gone when this is.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("mcp-oauth-bench-{}", std::process::id()));
        fs::create_dir(&path).expect("a directory can be made");
        Self(path)
    }

    pub(crate) fn store(&self) -> FileTokenStorage {
        FileTokenStorage::in_dir(self.0.join("tokens"))
    }

    /// How long it takes to replace a file by this text so that it outlives a loss of power: what any
    /// store has to do.
    pub(crate) fn durable_write(&self, text: &str) -> Duration {
        let write = || -> io::Result<()> {
            let (temporary, path) = (self.0.join("bare.tmp"), self.0.join("bare"));
            let mut file = File::create_new(&temporary)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            drop(file);
            fs::rename(&temporary, &path)?;
            File::open(&self.0)?.sync_all()
        };
        let begun = Instant::now();
        write().expect("the disk works");
        begun.elapsed()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
