//! A lease that is held, or about to be taken.

use std::time::Instant;

use oauth_core::client::{LEASE_LENGTH, Lease, StorageError};
use oauth_core::session::{Key, Lock};
use tokio::runtime::Handle;

use crate::remote::orphans::{Name, Orphans, Owner};

/// A store of leases, each under the name of its lock, with an owner.
pub(crate) trait LeaseRows: Clone + Send + Sync + 'static {
    /// Those that clones of the store share.
    fn orphans(&self) -> &Orphans;

    /// Takes a lease that nobody holds, or one of these, which have commas between them; false if somebody else holds it.
    fn take(
        &self,
        name: Name,
        owner: Owner,
        orphans: &str,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Ends a lease, if it is this owner's.
    fn end(
        &self,
        name: Name,
        owner: Owner,
    ) -> impl Future<Output = Result<(), StorageError>> + Send;
}

/// Made before the lease is asked for. Whenever it is dropped, its row may be there: those who share the store may take
/// over from it, and a task deletes it.
pub(crate) struct Held<S: LeaseRows> {
    store: S,
    name: Name,
    owner: Owner,
    end: End,
}

/// What is left to do when it is dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Release,
    /// To be remembered only: the store is not reached.
    Abandon,
    Nothing,
}

impl<S: LeaseRows> Held<S> {
    /// Takes a lock; `None` while somebody else holds it.
    pub(crate) async fn take(
        store: &S,
        key: &Key,
        lock: Lock,
    ) -> Result<Option<Lease>, StorageError> {
        let (name, owner) = (Name::of(key, lock), Owner::draw()?);
        let mut held = Self { store: store.clone(), name, owner, end: End::Release };
        let orphans = store.orphans().of(name, Instant::now());
        match store.take(name, owner, &orphans).await {
            Ok(true) => Ok(Some(Lease::lasting(LEASE_LENGTH, held))),
            Ok(false) => {
                // For certain there is no row of this owner.
                held.end = End::Nothing;
                Ok(None)
            }
            Err(error) => {
                // There may be one, but nothing can be done about it now.
                held.end = End::Abandon;
                Err(error)
            }
        }
    }

    /// Which lock a lease of this store is on, and whose it is.
    ///
    /// # Errors
    ///
    /// It is another store's, or another key's.
    pub(crate) fn of(lease: &mut Lease, key: &Key) -> Result<(Name, Owner), StorageError> {
        let held = lease.held::<Self>().filter(|held| held.name.id == key.id());
        held.map(|held| (held.name, held.owner)).ok_or_else(|| {
            StorageError::refused("the lease is not one of this store's for this key")
        })
    }

    /// Releases a lease.
    pub(crate) async fn release(mut lease: Lease) {
        // What a host has put around one is dropped, and that hands it to a task.
        let Some(held) = lease.held::<Self>() else { return };
        // If this is cut off, the drop begins it anew.
        held.end = match held.store.end(held.name, held.owner).await {
            Ok(()) => End::Nothing,
            Err(_) => End::Abandon,
        };
    }
}

impl<S: LeaseRows> Drop for Held<S> {
    fn drop(&mut self) {
        if self.end == End::Nothing {
            return;
        }
        let (name, owner) = (self.name, self.owner);
        // Before the task has come to it, a taking does not have to wait. The owner stays there: a taking that was cut
        // off may come after this.
        self.store.orphans().add(name, owner, Instant::now());
        if self.end == End::Release
            && let Ok(runtime) = Handle::try_current()
        {
            let store = self.store.clone();
            runtime.spawn(async move {
                // The lease ends by itself.
                let _ = store.end(name, owner).await;
            });
        }
    }
}
