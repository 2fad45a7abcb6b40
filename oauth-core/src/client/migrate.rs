//! What an earlier version stored, moved before anything else is done.

use core::sync::atomic::Ordering;
use core::time::Duration;

use crate::client::host::{Host, Runtime as _};
use crate::client::shared::Client;
use crate::client::storage::{Migrated, StorageError};

impl<H: Host> Client<H> {
    /// Moves it, if there is any and it was not looked for before. While a program with the earlier version
    /// works on it, that is waited for; then the user logs in to this one anew.
    pub(super) async fn migrate(&self) -> Result<(), StorageError> {
        if self.has_migrated.load(Ordering::Acquire) {
            return Ok(());
        }
        let begun = self.instant();
        while self.store().migrate(&self.key, &self.settings).await? == Migrated::Busy
            && self.since(begun) < PATIENCE
        {
            self.host.runtime().sleep(BETWEEN_LOOKS).await;
        }
        self.has_migrated.store(true, Ordering::Release);
        Ok(())
    }
}

/// How long a program with an earlier version is waited for: a refresh is done by then.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often is looked whether it is done.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
