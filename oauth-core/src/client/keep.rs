//! What was spent has to be kept: a save that is tried again, under the lock, as long as that holds; and the
//! look at what somebody else has written that comes before.

use core::time::Duration;
use std::time::Instant;

use crate::UnixTime;
use crate::client::deadline::Deadline;
use crate::client::event::Event;
use crate::client::host::{Host, Runtime as _};
use crate::client::pauses::Pauses;
use crate::client::shared::{Client, Outcome};
use crate::client::storage::{LEASE_LENGTH, Loaded, StorageError, Written};
use crate::session::{Key, KeyKind, LoadReply, SaveReply};

impl<H: Host> Client<H> {
    /// Until when a save is tried under the login lock, from when there is something to store.
    pub(super) fn time_to_store(&self) -> Deadline {
        self.deadline_after(AT_PAGE)
    }

    /// Saves a record. If tokens would be lost with it that a refresh token or a login was spent for, it is tried
    /// until the lease ends: nobody else spends that token or asks the user before, since the lock is held.
    pub(super) async fn save(
        &self,
        key: &Key,
        reply: &SaveReply<'_>,
        store_by: Option<Deadline>,
    ) -> Result<Written, StorageError> {
        let save = || async {
            let saved = self.store().save(key, reply.record(), reply.expected()).await;
            // Nobody else has to wait for the next try.
            if saved.is_err()
                && let Some(kept) = reply.would_keep(self.now())
            {
                self.show(self.seen(kept));
            }
            saved
        };
        if !reply.is_spent() {
            return save().await;
        }
        self.insist(store_by, save).await
    }

    /// Reads a record, in the same way where what was spent cannot be stored before.
    pub(super) async fn load(
        &self,
        key: &Key,
        reply: &LoadReply<'_>,
        store_by: Option<Deadline>,
    ) -> Result<Loaded, StorageError> {
        let store = self.store();
        let load = || store.load(key);
        if !reply.is_spent() {
            return load().await;
        }
        self.insist(store_by, load).await
    }

    async fn insist<T, F: Future<Output = Result<T, StorageError>>>(
        &self,
        store_by: Option<Deadline>,
        attempt: impl Fn() -> F,
    ) -> Result<T, StorageError> {
        let mut pauses = Pauses::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            let done = attempt().await;
            let Err(error) = done else { return done };
            let again_in = store_by.and_then(|by| pauses.next_within(self.left(by), self.chance()));
            self.tell(&Event::SaveFailed { error: &error, again_in });
            let Some(pause) = again_in else { return Err(error) };
            self.host.runtime().sleep(pause).await;
        }
    }

    /// The store failed, which does not matter if the session goes on without it.
    pub(super) fn spared(
        &self,
        error: StorageError,
        about: KeyKind,
        goes_on: bool,
    ) -> Outcome<(), H> {
        if !goes_on {
            return Err(error.into());
        }
        let error = &error;
        self.tell(&match about {
            KeyKind::Grant | KeyKind::Machine => Event::StoreFailed { error },
            KeyKind::Client | KeyKind::ClientIssuer => Event::ClientNotStored { error },
        });
        Ok(())
    }
}

/// A refresh token may be spent: for as long as its lock is held for sure, from when that was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reserved {
    /// Until when a save of what came for it is tried. One that began just before the end of the lease could come after
    /// somebody else has looked.
    pub(super) store_by: Deadline,
    /// The same beginning by the other clock: on many systems the first one stands still while a machine is suspended.
    since: UnixTime,
}

impl Reserved {
    pub(super) fn new(begun: Instant, since: UnixTime) -> Self {
        Self { store_by: Deadline::after(TIME_TO_STORE, begun), since }
    }

    /// How much of that time is left, by the clock that shows less.
    pub(super) fn left(self, instant: Instant, now: UnixTime) -> Duration {
        let by_clock = TIME_TO_STORE.saturating_sub(now.since(self.since));
        self.store_by.left(instant).min(by_clock)
    }
}

/// The user waits for it at a page.
const AT_PAGE: Duration = Duration::from_secs(10);

const TIME_TO_STORE: Duration = LEASE_LENGTH.saturating_sub(LAST_SAVE);

/// How long one save may take.
const LAST_SAVE: Duration = Duration::from_secs(10);

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
