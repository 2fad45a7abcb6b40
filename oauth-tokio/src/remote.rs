//! What the stores share that are servers of their own: leases that end whatever becomes of their holder, and what they
//! do with a record, wherever it lies.

mod anew;
mod held;
mod orphans;
mod page;
mod row;

pub(crate) use anew::seal_anew;
pub(crate) use held::{Held, LeaseRows};
pub(crate) use orphans::{Name, Orphans, Owner};
pub(crate) use page::{after, length, page};
#[cfg(feature = "redis")]
pub(crate) use page::{hex, id};
pub(crate) use row::{FORMAT, Found, Rows, key, key_id, kind, load};

use std::time::Duration;

/// How long one question may take.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(10);

/// How often others may be faster between two questions of one call.
pub(crate) const MOST_TRIES: usize = 3;
