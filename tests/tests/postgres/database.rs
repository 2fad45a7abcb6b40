//! A schema of one test, and what is put into it.

use std::env::var;
use std::sync::atomic::{AtomicU32, Ordering};

use oauth_core::client::Written;
use oauth_core::session::{Key, Record};
use oauth_tokio::Records as _;
use oauth_tokio::postgres::{PostgresStorage, Reconnecting, Statements, Tables};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

pub(crate) use crate::sample::{APPLICATION, SECRETS, assert_quiet, key, record};

/// Which way statements go.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    Direct,
    /// Through PgBouncer.
    Pooled,
    /// To the server that tests stop and start.
    Crashing,
    /// To it through PgBouncer, which goes on.
    CrashingPooled,
}

impl Way {
    pub(crate) fn config(self) -> Config {
        let variable = match self {
            Self::Direct => "STORES_POSTGRES",
            Self::Pooled => "STORES_PGBOUNCER",
            Self::Crashing => "STORES_CRASHING",
            Self::CrashingPooled => "STORES_PGBOUNCER",
        };
        let url = var(variable).expect("run by tests/stores/run");
        let mut config: Config = url.parse().unwrap();
        if matches!(self, Self::CrashingPooled) {
            config.dbname("crashing");
        }
        config
    }
}

/// A schema with the tables.
pub(crate) struct Database {
    pub(crate) way: Way,
    pub(crate) schema: String,
    admin: Client,
}

impl Database {
    pub(crate) async fn new(way: Way) -> Self {
        let database = Self::without_tables(way).await;
        database.store().create_tables().await.unwrap();
        database
    }

    /// A schema that is empty.
    pub(crate) async fn without_tables(way: Way) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let schema = format!("t{}_{number}", std::process::id());
        let database = Self { way, schema, admin: admin(way).await };
        database.sql(&format!("create schema {}", database.schema)).await;
        database
    }

    /// A store of its own, with a connection of its own: as another process has it.
    pub(crate) fn store(&self) -> PostgresStorage {
        self.over(Reconnecting::to(self.way.config(), NoTls))
    }

    pub(crate) fn over(&self, statements: impl Statements) -> PostgresStorage {
        PostgresStorage::new(statements).tables(self.tables())
    }

    pub(crate) fn tables(&self) -> Tables {
        Tables::default().in_schema(&self.schema).unwrap()
    }

    /// Once the server was stopped and started.
    pub(crate) async fn reconnect(&mut self) {
        self.admin = admin(self.way).await;
    }

    /// Runs statements in the schema, and gives the values of their rows.
    pub(crate) async fn sql(&self, statements: &str) -> Vec<Vec<String>> {
        let text = format!("set search_path to {}; {statements}", self.schema);
        let messages = self.admin.simple_query(&text).await.unwrap();
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|i| row.get(i).unwrap_or("null").to_owned()).collect())
            }
            _ => None,
        });
        rows.collect()
    }

    pub(crate) async fn value(&self, statement: &str) -> String {
        self.sql(statement).await[0][0].clone()
    }

    /// All leases have ended.
    pub(crate) async fn end_leases(&self) {
        self.sql("update mcp_oauth_lease set until = now() - interval '1 second'").await;
    }

    pub(crate) async fn saved(&self, key: &Key) -> Record {
        let record = record("1");
        assert_eq!(self.store().save(key, &record, 0).await, Ok(Written::Done));
        record
    }
}

/// Somebody who may do everything, and never goes through a pooler.
pub(crate) async fn admin(way: Way) -> Client {
    let way = match way {
        Way::Direct | Way::Pooled => Way::Direct,
        Way::Crashing | Way::CrashingPooled => Way::Crashing,
    };
    let (client, connection) = way.config().connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The same on both ways.
pub(crate) async fn both<F: Future<Output = ()>>(test: impl Fn(Database) -> F) {
    for way in [Way::Direct, Way::Pooled] {
        test(Database::new(way).await).await;
    }
}
