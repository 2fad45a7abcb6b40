//! What operations on a shared store are made of: locks, and records on their way into the store.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::session::record::Record;

/// Which lock of a [`Key`](crate::session::Key). They are independent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Lock {
    /// Held for the length of one token request and one save.
    Refresh,
    /// Held while a person looks at a page: minutes.
    Login,
    /// The lock of a [client's key](crate::session::KeyKind::Client): held for the length of one registration
    /// and one save, while the login lock is held as well.
    Client,
}

/// A record on its way into the store.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Saving {
    pub(crate) record: Record,
    /// The generation that it replaces; 0 for none.
    pub(crate) expected: u64,
}

impl Saving {
    /// The record gets its number here.
    pub(crate) fn new(record: Record, expected: u64) -> Self {
        Self { record: record.numbered(expected), expected }
    }

    /// The same for those who carry it along.
    pub(crate) fn boxed(record: Record, expected: u64) -> Box<Self> {
        Box::new(Self::new(record, expected))
    }

    /// The same over another record than was expected.
    pub(crate) fn over(self, stored: u64) -> Self {
        Self { record: self.record.numbered(stored), expected: stored }
    }
}
