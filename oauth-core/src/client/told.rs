//! What those who watch were told already, so that they are told it once.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::BearerAuth;
use crate::session::Record;
use crate::wire::TokenData;

/// What was told already.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// That a login is needed, and there was no token since.
    pub(super) is_needed: AtomicBool,
    /// The token that the store was seen to hold, once it was looked at. It is the record's own, and no copy.
    pub(super) token: Mutex<Option<Option<Arc<TokenData>>>>,
    /// The token that the MCP server refused last.
    pub(super) refused: Mutex<Option<BearerAuth>>,
    /// The MCP server has refused a request without a token.
    pub(super) was_asked: AtomicBool,
}

impl Told {
    /// There is a token: the next need for a login is another one.
    pub(super) fn met(&self) {
        self.is_needed.store(false, Ordering::Relaxed);
    }

    pub(super) fn was_asked(&self) -> bool {
        self.was_asked.load(Ordering::Relaxed)
    }

    /// Whether the token of this record is the one that the MCP server refused.
    pub(super) fn was_refused(&self, record: Option<&Record>) -> bool {
        let refused = lock(&self.refused);
        let token = record.and_then(Record::access_token);
        refused.is_some() && refused.as_ref() == token
    }

    /// The MCP server takes the token that is held, whatever it said before.
    pub(super) fn accepted(&self) {
        *lock(&self.refused) = None;
    }

    /// The need is told already, or none: the host itself wants the login.
    pub(super) fn need_is_known(&self) {
        self.is_needed.store(true, Ordering::Relaxed);
    }
}

/// Whoever panicked has left what is whole: each change is one assignment.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
