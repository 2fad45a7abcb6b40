//! A lease that is held, or about to be taken.

use std::time::Instant;

use oauth_core::session::Key;
use tokio::runtime::Handle;

use crate::postgres::error::StatementError;
use crate::postgres::orphans::{Name, Owner};
use crate::postgres::row;
use crate::postgres::statement::Parameter;
use crate::postgres::storage::PostgresStorage;

/// Made before the statement that takes the lease is sent. Whenever it is dropped, its row may be there: those who share
/// the store may take over from it, and a task deletes it.
pub(super) struct Held {
    store: PostgresStorage,
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

impl Held {
    pub(super) fn new(store: &PostgresStorage, name: Name) -> Result<Self, StatementError> {
        let owner = Owner::draw()
            .map_err(|error| StatementError::refused(format!("no random numbers: {error}")))?;
        Ok(Self { store: store.clone(), name, owner, end: End::Release })
    }

    /// For certain there is no row of this owner.
    pub(super) fn forget(mut self) {
        self.end = End::Nothing;
    }

    /// There may be one, but nothing can be done about it now.
    pub(super) fn abandon(mut self) {
        self.end = End::Abandon;
    }

    pub(super) fn is_of(&self, key: &Key) -> bool {
        self.name.id == key.id()
    }

    pub(super) fn name(&self) -> Name {
        self.name
    }

    pub(super) fn owner(&self) -> String {
        self.owner.to_string()
    }

    pub(super) async fn release(&mut self) {
        // If this is cut off, the drop begins it anew.
        self.end = match release(&self.store, self.name, self.owner).await {
            Ok(()) => End::Nothing,
            Err(_) => End::Abandon,
        };
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.end == End::Nothing {
            return;
        }
        let (name, owner) = (self.name, self.owner);
        // Before the task has come to it, a taking does not have to wait.
        self.store.orphans().add(name, owner, Instant::now());
        if self.end == End::Release
            && let Ok(runtime) = Handle::try_current()
        {
            let store = self.store.clone();
            runtime.spawn(async move {
                // The lease ends by itself.
                let _ = release(&store, name, owner).await;
            });
        }
    }
}

/// The owner stays among the orphans: a taking that was cut off may come after this.
async fn release(store: &PostgresStorage, name: Name, owner: Owner) -> Result<(), StatementError> {
    let owner = owner.to_string();
    let parameters = [
        Parameter::Bytes(name.id.as_bytes()),
        Parameter::Number(row::lock(name.lock)),
        Parameter::Text(&owner),
    ];
    store.run(&store.sql().release, &parameters).await.map(drop)
}
