//! A connection that counts what is asked of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use oauth_tokio::postgres::tokio_postgres::NoTls;
use oauth_tokio::postgres::{Answer, Parameter, PostgresStorage, Reconnecting, Statements};

use crate::prepared::{config, tables};

/// Statements of one process.
pub(crate) struct Counted {
    inner: Reconnecting,
    count: AtomicU64,
}

impl Counted {
    pub(crate) fn new() -> Arc<Self> {
        let inner = Reconnecting::to(config(), NoTls);
        Arc::new(Self { inner, count: AtomicU64::new(0) })
    }

    pub(crate) fn store(self: &Arc<Self>, schema: &str) -> PostgresStorage {
        PostgresStorage::new(Arc::clone(self)).tables(tables(schema))
    }

    /// How many there were since it was asked last.
    pub(crate) fn take(&self) -> u64 {
        self.count.swap(0, Ordering::Relaxed)
    }
}

impl Statements for Counted {
    fn run<'a>(&'a self, statement: &'a str, parameters: &'a [Parameter<'a>]) -> Answer<'a> {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.inner.run(statement, parameters)
    }
}
