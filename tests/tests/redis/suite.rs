//! The suite of what stores promise: plain, sealed, and at a server that is killed.

use std::time::Duration;

use oauth_core::client::storage_contract::{Report, Stage, check};
use oauth_core::seal::{SealSubject, Sealing, SealingKey, SealingKeys};
use oauth_core::session::Key;
use oauth_tokio::redis::redis::cmd;
use oauth_tokio::redis::{RedisStorage, Terms};
use oauth_tokio::{Lock, StorageError};
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::database::Database;
use crate::server::Server;

struct Suite {
    database: Database,
    sealing: Sealing,
    /// That can be killed.
    server: Option<Mutex<Server>>,
}

impl Suite {
    async fn with_crashes(terms: Terms, settings: &[(&'static str, &'static str)]) -> Self {
        let server = Server::start(settings).await;
        let database = Database::at(&server.url(), terms);
        Self { database, sealing: Sealing::none(), server: Some(Mutex::new(server)) }
    }
}

impl Stage for Suite {
    type Store = RedisStorage;

    async fn open(&self) -> Result<RedisStorage, StorageError> {
        Ok(self.database.store().await.sealed(self.sealing.clone()))
    }

    async fn sleep(&self, time: Duration) {
        sleep(time).await;
    }

    async fn pass(&self, key: &Key, lock: Lock, time: Duration) -> bool {
        self.database.age(key, lock, time).await
    }

    async fn restart(&self) -> bool {
        let Some(server) = &self.server else { return false };
        let mut server = server.lock().await;
        server.kill();
        server.start_again().await;
        true
    }

    /// Sealed as the store would have done it, so that it is no seal that is found to be broken.
    async fn put(&self, key: &Key, json: &[u8]) -> bool {
        let record = self.database.record_of(key);
        let generation: u64 = self.database.run(cmd("HGET").arg(record).arg("generation")).await;
        let body = self.sealing.write(json, SealSubject::Record { key, generation }, [1; 24]);
        self.database.set(key, "body", &body.unwrap()).await;
        true
    }
}

/// All clauses are tried, to the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_keeps_everything() {
    let report = check(&Suite::with_crashes(Terms::strict(), &[]).await).await;
    assert!(report.is_kept(), "{report}");
    assert_eq!(not_checked(&report), [""; 0], "{report}");
}

/// What the suite is good for: a server that writes once a second is found out.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_file_is_found_out() {
    let settings = [("appendonly", "no")];
    let report =
        check(&Suite::with_crashes(Terms::strict().accept_lost_saves(), &settings).await).await;
    let broken: Vec<_> = report.broken().map(|it| it.clause.name).collect();
    assert_eq!(broken, CRASHES, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_records_keep_as_much() {
    let key = SealingKey::new("2027", &[7; 32]).unwrap();
    let sealing = Sealing::only(SealingKeys::new(key));
    let suite = Suite { database: Database::new(), sealing, server: None };
    let report = check(&suite).await;
    assert!(report.is_kept(), "{report}");
    // Whether a record lasts has nothing to do with its seal.
    assert_eq!(not_checked(&report), CRASHES, "{report}");
    let records = suite.database.keys("*:record").await;
    assert!(records.len() > 3);
    for record in records {
        let fields = suite.database.fields(&record).await;
        assert_eq!(fields["key_id"], b"2027", "{fields:?}");
    }
}

fn not_checked(report: &Report) -> Vec<&'static str> {
    report.not_checked().map(|it| it.clause.name).collect()
}

const CRASHES: [&str; 2] =
    ["a_store_that_was_killed_holds_everything", "a_store_that_was_killed_keeps_logins"];
