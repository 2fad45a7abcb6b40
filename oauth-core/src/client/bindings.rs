//! What tokens are bound to, once for all profiles.

use alloc::sync::{Arc, Weak};
use std::sync::{Mutex, PoisonError};

use crate::flow::Binding;
use crate::session::Record;

/// The binding that was seen last. Where all users share a client, theirs are alike: ten thousand copies of the same
/// addresses would take more memory than their tokens.
///
/// It is gone with the last of them.
#[derive(Debug, Default)]
pub(super) struct Bindings(Mutex<Weak<Binding>>);

impl Bindings {
    /// The same record, with a binding that others have too.
    pub(super) fn shared(&self, mut record: Record) -> Record {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match last.upgrade().filter(|last| *last == record.binding) {
            Some(last) => record.binding = last,
            None => *last = Arc::downgrade(&record.binding),
        }
        record
    }
}
