//! Redis, for what is tried at every server.

use std::time::Duration;

use oauth_core::seal::Sealing;
use oauth_core::session::Key;
use oauth_tokio::redis::RedisStorage;
use oauth_tokio::redis::redis::cmd;
use oauth_tokio::{Lock, StorageError};

use crate::database::Database;
use crate::remote::Server;

pub(crate) async fn each() -> [Database; 1] {
    [Database::new()]
}

impl Server for Database {
    type Store = RedisStorage;

    async fn open(&self) -> RedisStorage {
        self.store().await
    }

    fn sealed(store: RedisStorage, sealing: Sealing) -> RedisStorage {
        store.sealed(sealing)
    }

    async fn seal_anew(store: &RedisStorage, application: &str) -> Result<u64, StorageError> {
        store.seal_anew(application).await
    }

    async fn key_ids(&self) -> Vec<String> {
        let mut ids = of_records(self, &["key_id"]).await;
        ids.sort();
        ids
    }

    async fn generations(&self) -> Vec<String> {
        of_records(self, &["generation", "changed"]).await
    }

    async fn damaged(&self) -> usize {
        self.keys("*:damaged:*").await.len()
    }

    async fn leases(&self) -> usize {
        let mut count = 0;
        for lock in ["*:refresh", "*:login", "*:client"] {
            count += self.keys(lock).await.len();
        }
        count
    }

    async fn age_lease(&self, key: &Key, time: Duration) {
        assert!(self.age(key, Lock::Refresh, time).await);
    }

    async fn lease_left(&self, key: &Key) -> Duration {
        let left = self.left(key, Lock::Refresh).await;
        Duration::from_millis(left.try_into().unwrap())
    }

    async fn now(&self) -> u64 {
        let [now, _]: [u64; 2] = self.run(&cmd("TIME")).await;
        now
    }
}

/// Fields of all records.
async fn of_records(database: &Database, fields: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    for name in database.keys("*:record").await {
        let found: Vec<String> = database.run(cmd("HMGET").arg(name).arg(fields)).await;
        all.push(found.join(" "));
    }
    all
}
