//! The suite of what stores promise: directly, through a pooler, and sealed.

use std::time::Duration;

use oauth_core::client::storage_contract::{Report, Stage, check};
use oauth_core::seal::{SealSubject, Sealing, SealingKey, SealingKeys};
use oauth_core::session::Key;
use oauth_tokio::postgres::PostgresStorage;
use oauth_tokio::{Lock, Records as _, StorageError};
use tokio::time::{Instant, sleep};

use crate::database::{Database, Way, admin, key};
use crate::outages::Crashing;

/// A schema, and the server if nobody else uses it: then it can be killed.
struct Suite {
    database: Database,
    sealing: Sealing,
    server: Option<Crashing>,
}

impl Suite {
    /// Where the server can be killed.
    async fn with_crashes(way: Way) -> Self {
        let server = Some(Crashing::new().await);
        Self { database: Database::new(way).await, sealing: Sealing::none(), server }
    }

    async fn sealed(way: Way) -> Self {
        let key = SealingKey::new("2027", &[7; 32]).unwrap();
        let sealing = Sealing::only(SealingKeys::new(key));
        Self { database: Database::new(way).await, sealing, server: None }
    }
}

impl Stage for Suite {
    type Store = PostgresStorage;

    async fn open(&self) -> Result<PostgresStorage, StorageError> {
        Ok(self.database.store().sealed(self.sealing.clone()))
    }

    async fn sleep(&self, time: Duration) {
        sleep(time).await;
    }

    async fn pass(&self, key: &Key, lock: Lock, time: Duration) -> bool {
        let Database { way, schema, .. } = &self.database;
        let kind = match lock {
            Lock::Refresh => 1_i16,
            Lock::Login => 2,
            Lock::Client => 3,
        };
        let earlier = format!(
            "update {schema}.mcp_oauth_lease set until = until - make_interval(secs => $1) \
             where id = $2 and kind = $3"
        );
        let id = key.id();
        let values = (time.as_secs_f64(), id.as_bytes().as_slice());
        admin(*way).await.execute(&earlier, &[&values.0, &values.1, &kind]).await.unwrap() == 1
    }

    async fn restart(&self) -> bool {
        let Some(server) = &self.server else { return false };
        server.control(&["-m", "immediate", "stop"]);
        server.control(&["start"]);
        // The pooler finds it out a little later.
        let begun = Instant::now();
        while self.database.store().load(&key("")).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the pooler does not recover");
            sleep(Duration::from_millis(50)).await;
        }
        true
    }

    /// Sealed as the store would have done it, so that it is no seal that is found to be broken.
    async fn put(&self, key: &Key, json: &[u8]) -> bool {
        let Database { way, schema, .. } = &self.database;
        let (admin, id) = (admin(*way).await, key.id());
        let id = id.as_bytes().as_slice();
        let stored = format!("select generation from {schema}.mcp_oauth_grant where id = $1");
        let generation: i64 = admin.query_one(&stored, &[&id]).await.unwrap().get(0);
        let generation = generation.try_into().unwrap();
        let body = self.sealing.write(json, SealSubject::Record { key, generation }, [1; 24]);
        let replace = format!("update {schema}.mcp_oauth_grant set body = $1 where id = $2");
        admin.execute(&replace, &[&body.unwrap(), &id]).await.unwrap() == 1
    }
}

/// All clauses are tried, to the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_keeps_everything() {
    let report = check(&Suite::with_crashes(Way::Crashing).await).await;
    assert!(report.is_kept(), "{report}");
    assert_eq!(not_checked(&report), [""; 0], "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_behind_a_pooler_keeps_everything() {
    let report = check(&Suite::with_crashes(Way::CrashingPooled).await).await;
    assert!(report.is_kept(), "{report}");
    assert_eq!(not_checked(&report), [""; 0], "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_rows_keep_as_much() {
    let suite = Suite::sealed(Way::Direct).await;
    let report = check(&suite).await;
    assert!(report.is_kept(), "{report}");
    // Whether a row lasts has nothing to do with its seal.
    assert_eq!(not_checked(&report), UNSEEN_WITHOUT_CRASHES, "{report}");
    let plain = "select count(*) from mcp_oauth_grant where key_id is distinct from '2027'";
    assert_eq!(suite.database.value(plain).await, "0");
    assert_ne!(suite.database.value("select count(*) from mcp_oauth_grant").await, "0");
}

fn not_checked(report: &Report) -> Vec<&'static str> {
    report.not_checked().map(|it| it.clause.name).collect()
}

const UNSEEN_WITHOUT_CRASHES: [&str; 2] =
    ["a_store_that_was_killed_holds_everything", "a_store_that_was_killed_keeps_logins"];
