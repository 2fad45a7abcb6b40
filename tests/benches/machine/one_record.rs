//! A store that holds one record for everybody, as text: what is loaded has texts of its own, as from a file or a
//! database.

use std::sync::Arc;

use oauth_blocking::{Leases, Records, TokenStorage};
use oauth_core::client::{
    GrantPage, GrantQuery, Lease, Loaded, StorageError, Written, nonblocking,
};
use oauth_core::session::{Key, Lock, Record};

use crate::documents;
use crate::prepared::{Answers, settings};
use crate::users::aged;

#[derive(Clone)]
pub(crate) struct OneRecord(Arc<str>);

impl OneRecord {
    /// Everybody's grant after a login, with a token that lives.
    pub(crate) fn after_login(tokens: String) -> Self {
        let answers = Answers::with_documents(documents::server(), tokens);
        Self(aged(&answers.record(settings()), LEFT).to_json().into())
    }

    fn load(&self, key: &Key) -> Loaded {
        if !key.kind.is_grant() {
            return Loaded::Nothing;
        }
        let record = Record::from_json(self.0.as_bytes()).expect("the record is one");
        Loaded::Record(Box::new(record))
    }
}

/// Seconds: longer than anybody measures.
const LEFT: u64 = 24 * 60 * 60;

const NOBODY_WRITES: &str = "nothing is written here";

impl Records for OneRecord {
    fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        Ok(self.load(key))
    }

    fn save(&self, _: &Key, _: &Record, _: u64) -> Result<Written, StorageError> {
        Err(StorageError::refused(NOBODY_WRITES))
    }

    fn delete(&self, _: &Key, _: u64) -> Result<Written, StorageError> {
        Err(StorageError::refused(NOBODY_WRITES))
    }

    fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        Ok(query.page(Vec::new()))
    }
}

impl Leases for OneRecord {
    fn try_lock(&self, _: &Key, _: Lock) -> Result<Option<Lease>, StorageError> {
        Err(StorageError::refused(NOBODY_WRITES))
    }

    fn extend(&self, _: &Key, _: &mut Lease) -> Result<bool, StorageError> {
        Ok(false)
    }
}

impl TokenStorage for OneRecord {}

impl nonblocking::Records for OneRecord {
    async fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        Ok(self.load(key))
    }

    async fn save(&self, _: &Key, _: &Record, _: u64) -> Result<Written, StorageError> {
        Err(StorageError::refused(NOBODY_WRITES))
    }

    async fn delete(&self, _: &Key, _: u64) -> Result<Written, StorageError> {
        Err(StorageError::refused(NOBODY_WRITES))
    }

    async fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        Ok(query.page(Vec::new()))
    }
}

impl nonblocking::Leases for OneRecord {
    async fn try_lock(&self, _: &Key, _: Lock) -> Result<Option<Lease>, StorageError> {
        Err(StorageError::refused(NOBODY_WRITES))
    }

    async fn extend(&self, _: &Key, _: &mut Lease) -> Result<bool, StorageError> {
        Ok(false)
    }
}

impl nonblocking::TokenStorage for OneRecord {}
