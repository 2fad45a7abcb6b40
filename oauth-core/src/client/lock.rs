//! The wait for a lock that somebody else holds: never without an end, never without a word.

use core::time::Duration;

use crate::client::driver::HeldLock;
use crate::client::error::ClientError;
use crate::client::event::Event;
use crate::client::host::{Host, Runtime as _};
use crate::client::metrics;
use crate::client::pauses::Pauses;
use crate::client::shared::{Client, Failure};
use crate::client::storage::{LockPauses, StorageError};
use crate::client::user_agent::UserAgentError;
use crate::session::{Key, Lock};

impl<H: Host> Client<H> {
    /// Waits until nobody else logs in, and says so.
    pub(super) async fn lock_login(&self, limit: Duration) -> Result<HeldLock, Failure<H>> {
        if let Some(held) = self.try_lock(&self.key, Lock::Login).await? {
            return Ok(held);
        }
        // Whoever looks whether somebody logs in shares the lock for a moment.
        self.host.runtime().sleep(LockPauses::LOCAL.first).await;
        if let Some(held) = self.try_lock(&self.key, Lock::Login).await? {
            return Ok(held);
        }
        self.tell(&Event::LoginElsewhere);
        let locked = self.lock_within(&self.key, Lock::Login, limit).await?;
        locked.map_err(|waited| UserAgentError::Elsewhere { waited }.into())
    }

    /// Waits until nobody else refreshes, and says so. A refresh takes as long as its request and a save, unless
    /// its process was stopped.
    pub(super) async fn lock_refresh(&self, limit: Duration) -> Result<HeldLock, Failure<H>> {
        self.tell(&Event::RefreshElsewhere);
        match self.lock_within(&self.key, Lock::Refresh, limit).await? {
            Ok(held) => Ok(held),
            Err(waited) => {
                // To say less is no reason for another error.
                let spending = self.store().spending(&self.key).await.ok().flatten();
                Err(ClientError::Busy { waited, spending })
            }
        }
    }

    /// Waits until nobody else registers the client that profiles share.
    pub(super) async fn lock_client(
        &self,
        key: &Key,
        limit: Duration,
    ) -> Result<HeldLock, Failure<H>> {
        if let Some(held) = self.try_lock(key, Lock::Client).await? {
            return Ok(held);
        }
        let locked = self.lock_within(key, Lock::Client, limit).await?;
        locked.map_err(|waited| ClientError::Busy { waited, spending: None })
    }

    /// The lock, or how long it was waited for in vain.
    async fn lock_within(
        &self,
        key: &Key,
        lock: Lock,
        limit: Duration,
    ) -> Result<Result<HeldLock, Duration>, Failure<H>> {
        let LockPauses { first, longest } = self.store().pauses();
        let (begun, mut pauses) = (self.instant(), Pauses::new(first, longest));
        loop {
            let waited = self.since(begun);
            if waited >= limit {
                metrics::waited(lock, false, waited);
                return Ok(Err(waited));
            }
            let pause = pauses.next(self.chance());
            self.host.runtime().sleep(pause.min(limit - waited)).await;
            if let Some(held) = self.try_lock(key, lock).await? {
                metrics::waited(lock, true, self.since(begun));
                return Ok(Ok(held));
            }
        }
    }

    /// The lock, if it is free.
    pub(super) async fn try_lock(
        &self,
        key: &Key,
        lock: Lock,
    ) -> Result<Option<HeldLock>, StorageError> {
        let asked = self.instant();
        let lease = self.store().try_lock(key, lock).await?;
        Ok(lease.map(|lease| HeldLock::new(lease, asked)))
    }

    /// Releases a lock, if it is held.
    pub(super) async fn unlock(&self, key: &Key, held: Option<HeldLock>) {
        if let Some(held) = held {
            self.store().release(key, held.lease).await;
        }
    }
}
