//! The wait for a lock that somebody else holds: never without an end, never without a word.

use core::time::Duration;

use crate::client::error::ClientError;
use crate::client::event::Event;
use crate::client::host::{Host, Runtime as _};
use crate::client::shared::{Client, Failure};
use crate::client::storage::Guard;
use crate::client::store::Store as _;
use crate::client::user_agent::UserAgentError;
use crate::session::{Key, Lock};

impl<H: Host> Client<H> {
    /// Waits until nobody else logs in, and says so.
    pub(super) async fn lock_login(&self, limit: Duration) -> Result<Guard, Failure<H>> {
        if let Some(guard) = self.host.store().try_lock(&self.key, Lock::Login).await? {
            return Ok(guard);
        }
        // Whoever looks whether somebody logs in shares the lock for a moment.
        self.host.runtime().sleep(FIRST_PAUSE).await;
        if let Some(guard) = self.host.store().try_lock(&self.key, Lock::Login).await? {
            return Ok(guard);
        }
        self.tell(&Event::LoginElsewhere);
        let locked = self.lock_within(&self.key, Lock::Login, limit).await?;
        locked.map_err(|waited| UserAgentError::Elsewhere { waited }.into())
    }

    /// Waits until nobody else refreshes, and says so. A refresh takes as long as its request and a save, unless
    /// its process was stopped.
    pub(super) async fn lock_refresh(&self, limit: Duration) -> Result<Guard, Failure<H>> {
        self.tell(&Event::RefreshElsewhere);
        match self.lock_within(&self.key, Lock::Refresh, limit).await? {
            Ok(guard) => Ok(guard),
            Err(waited) => {
                // To say less is no reason for another error.
                let spending = self.host.store().spending(&self.key).await.ok().flatten();
                Err(ClientError::Busy { waited, spending })
            }
        }
    }

    /// Waits until nobody else registers the client that profiles share.
    pub(super) async fn lock_client(
        &self,
        key: &Key,
        limit: Duration,
    ) -> Result<Guard, Failure<H>> {
        if let Some(guard) = self.host.store().try_lock(key, Lock::Client).await? {
            return Ok(guard);
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
    ) -> Result<Result<Guard, Duration>, Failure<H>> {
        let (begun, mut pause) = (self.instant(), FIRST_PAUSE);
        loop {
            let waited = self.since(begun);
            if waited >= limit {
                return Ok(Err(waited));
            }
            self.host.runtime().sleep(pause.min(limit - waited)).await;
            pause = (pause * 2).min(BETWEEN_LOOKS);
            if let Some(guard) = self.host.store().try_lock(key, lock).await? {
                return Ok(Ok(guard));
            }
        }
    }
}

/// Most refreshes are done in less than a tenth of a second.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// How often is looked whether another process is done.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
