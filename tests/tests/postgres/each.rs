//! PostgreSQL, for what is tried at every server.

use std::time::Duration;

use oauth_core::seal::Sealing;
use oauth_core::session::Key;
use oauth_tokio::StorageError;
use oauth_tokio::postgres::PostgresStorage;

use crate::database::{Database, Way};
use crate::remote::Server;

/// Directly, and behind PgBouncer.
pub(crate) async fn each() -> [Database; 2] {
    [Database::new(Way::Direct).await, Database::new(Way::Pooled).await]
}

impl Server for Database {
    type Store = PostgresStorage;

    async fn open(&self) -> PostgresStorage {
        self.store()
    }

    fn sealed(store: PostgresStorage, sealing: Sealing) -> PostgresStorage {
        store.sealed(sealing)
    }

    async fn seal_anew(store: &PostgresStorage, application: &str) -> Result<u64, StorageError> {
        store.seal_anew(application).await
    }

    async fn key_ids(&self) -> Vec<String> {
        let ids = "select coalesce(key_id, '') from mcp_oauth_grant order by 1";
        self.sql(ids).await.into_iter().flatten().collect()
    }

    async fn generations(&self) -> Vec<String> {
        let of = "select generation || ' ' || changed from mcp_oauth_grant order by id";
        self.sql(of).await.into_iter().flatten().collect()
    }

    async fn damaged(&self) -> usize {
        self.value("select count(*) from mcp_oauth_damaged").await.parse().unwrap()
    }

    async fn leases(&self) -> usize {
        self.value("select count(*) from mcp_oauth_lease").await.parse().unwrap()
    }

    async fn age_lease(&self, key: &Key, time: Duration) {
        let id = key.id();
        let earlier = format!(
            "update mcp_oauth_lease set until = until - interval '{} seconds' \
             where id = '\\x{id}' and kind = 1 returning 1",
            time.as_secs()
        );
        assert_eq!(self.sql(&earlier).await.len(), 1);
    }

    async fn lease_left(&self, key: &Key) -> Duration {
        let id = key.id();
        let left = format!(
            "select floor(extract(epoch from until - clock_timestamp()))::int from mcp_oauth_lease \
             where id = '\\x{id}' and kind = 1"
        );
        Duration::from_secs(self.value(&left).await.parse().unwrap())
    }

    async fn now(&self) -> u64 {
        self.value("select extract(epoch from now())::bigint").await.parse().unwrap()
    }
}
