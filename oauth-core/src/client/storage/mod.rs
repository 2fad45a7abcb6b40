//! Where grants rest: what a store promises, what it says, and one in memory. Adapters bring others.
//!
//! A store is records and leases. One type may be both, as a directory or a database is; or two stand side by side
//! ([`Split`]), such as records in the host's database and leases in a cache that all of its machines share.

use alloc::sync::Arc;
use core::ops::Deref;

mod blocking;
mod error;
mod lease;
mod memory;
pub mod nonblocking;
mod page;
mod sealed;
mod split;
mod stored;
mod waiting;

pub use blocking::{Leases, Records, TokenStorage};
pub use error::{Insecurity, StorageError, StoreFailure, SystemError};
pub use lease::{LEASE_LENGTH, Lease, LockPauses};
pub use memory::MemoryTokenStorage;
pub use page::{Cursor, GrantPage, GrantQuery};
pub use split::Split;
pub use stored::{Loaded, Migrated, Spending, StoredGrant, Written};
pub use waiting::{LoginId, WaitingLogin};

/// A store that the clones of a client share.
#[derive(Clone)]
pub struct SharedStorage(Arc<dyn TokenStorage>);

impl<S: TokenStorage + 'static> From<S> for SharedStorage {
    fn from(storage: S) -> Self {
        Self(Arc::new(storage))
    }
}

impl core::fmt::Debug for SharedStorage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SharedStorage")
    }
}

impl Deref for SharedStorage {
    type Target = dyn TokenStorage;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

/// How often others may be faster than who stores or deletes tokens.
pub(super) const MAX_LOST_RACES: usize = 3;

/// What a store says that keeps records only.
const NO_LOGINS: &str = "it keeps no logins that wait for their users";
