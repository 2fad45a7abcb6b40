//! The keys of one test, and what is put under them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use oauth_core::client::Written;
use oauth_core::session::{Key, Record};
use oauth_tokio::redis::redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use oauth_tokio::redis::redis::{self, Cmd, FromRedisValue, cmd};
use oauth_tokio::redis::{RedisStorage, Terms};
use oauth_tokio::{Lock, Records as _};

pub(crate) use crate::sample::{APPLICATION, SECRETS, assert_quiet, key, record};

/// A beginning of keys at a server.
pub(crate) struct Database {
    url: String,
    pub(crate) prefix: String,
    terms: Terms,
}

impl Database {
    /// At the server that keeps everything, and that all tests share.
    pub(crate) fn new() -> Self {
        Self::at(&std::env::var("STORES_REDIS").expect("run by tests/stores/run"), Terms::strict())
    }

    pub(crate) fn at(url: &str, terms: Terms) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self { url: url.into(), prefix: format!("t{}_{number}", std::process::id()), terms }
    }

    pub(crate) async fn connection(&self) -> ConnectionManager {
        connection(&self.url).await.unwrap()
    }

    /// A store of its own, with a connection of its own: as another process has it.
    pub(crate) async fn store(&self) -> RedisStorage {
        self.over(self.connection().await).await
    }

    pub(crate) async fn over<C>(&self, connection: C) -> RedisStorage
    where
        C: ConnectionLike + Clone + Send + Sync + 'static,
    {
        let store = RedisStorage::open(connection, self.terms).await.unwrap();
        store.prefix(&self.prefix).unwrap()
    }

    /// Runs a command as somebody who may do everything.
    pub(crate) async fn run<T: FromRedisValue>(&self, command: &Cmd) -> T {
        command.query_async(&mut self.connection().await).await.unwrap()
    }

    /// The keys that there are of such a form, after the prefix.
    pub(crate) async fn keys(&self, pattern: &str) -> Vec<String> {
        let pattern = format!("{}:{pattern}", self.prefix);
        let mut keys: Vec<String> = self.run(cmd("KEYS").arg(pattern)).await;
        keys.sort();
        keys
    }

    pub(crate) fn record_of(&self, key: &Key) -> String {
        format!("{}:{{{}}}:record", self.prefix, key.id())
    }

    pub(crate) async fn fields(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        self.run(cmd("HGETALL").arg(name)).await
    }

    pub(crate) async fn set(&self, key: &Key, field: &str, value: &[u8]) {
        let _: i64 = self.run(cmd("HSET").arg(self.record_of(key)).arg(field).arg(value)).await;
    }

    pub(crate) fn lease_of(&self, key: &Key, lock: Lock) -> String {
        let name = match lock {
            Lock::Refresh => "refresh",
            Lock::Login => "login",
            Lock::Client => "client",
        };
        format!("{}:{{{}}}:{name}", self.prefix, key.id())
    }

    /// What is left of a lease, in milliseconds; -2 if there is none.
    pub(crate) async fn left(&self, key: &Key, lock: Lock) -> i64 {
        self.run(cmd("PTTL").arg(self.lease_of(key, lock))).await
    }

    /// A lease ends so much sooner.
    pub(crate) async fn age(&self, key: &Key, lock: Lock, time: Duration) -> bool {
        let left = self.left(key, lock).await - i64::try_from(time.as_millis()).unwrap();
        let lease = self.lease_of(key, lock);
        self.run::<bool>(cmd("PEXPIRE").arg(lease).arg(left)).await
    }

    pub(crate) async fn saved(&self, key: &Key) -> Record {
        let record = record("1");
        assert_eq!(self.store().await.save(key, &record, 0).await, Ok(Written::Done));
        record
    }
}

pub(crate) async fn connection(url: &str) -> redis::RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_response_timeout(Some(Duration::from_secs(10)))
        .set_number_of_retries(1)
        .set_max_delay(Duration::from_millis(50));
    ConnectionManager::new_with_config(redis::Client::open(url)?, config).await
}
