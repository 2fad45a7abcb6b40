//! What is counted where nobody records: without the feature `metrics`, nothing.

use core::time::Duration;

use crate::Endpoint;
use crate::client::event::Event;
use crate::client::storage::StorageError;
use crate::session::Lock;

pub(super) fn event(_event: &Event<'_>) {}

pub(super) fn asked(_endpoint: Endpoint, _status: Option<u16>, _took: Duration) {}

pub(super) fn waited(_lock: Lock, _is_taken: bool, _waited: Duration) {}

pub(super) fn stored<T>(_call: &'static str, _: &Result<T, StorageError>, _took: Duration) {}
