//! What was spent has to be kept: a save that is tried again, under the lock, as long as that holds; and the
//! look at what somebody else has written that comes before.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use oauth_core::session::{Key, LoadReply, SaveReply};

use super::client::Client;
use super::exchange::Deadline;
use super::host::Host;
use crate::event::Event;
use crate::storage::{LEASE, Loaded, Saved, StorageError};

impl Deadline {
    /// Until when the refresh lock is held at most under which a token is spent now.
    pub(super) fn of_lease() -> Self {
        Self::after(LEASE)
    }
}

impl<H: Host> Client<H> {
    /// Saves a record. If tokens would be lost with it that a refresh token was spent for, it is tried until the
    /// lease ends: nobody else spends that token before, since the lock is held.
    pub(super) async fn save(
        &self,
        key: &Key,
        reply: &SaveReply<'_>,
        lease: Option<Deadline>,
    ) -> Result<Saved, StorageError> {
        let save = || self.host.save(key, reply.record(), reply.expected());
        if !reply.is_spent() {
            return save().await;
        }
        self.insist(lease, save).await
    }

    /// Reads a record, in the same way where what was spent cannot be stored before.
    pub(super) async fn load(
        &self,
        key: &Key,
        reply: &LoadReply<'_>,
        lease: Option<Deadline>,
    ) -> Result<Loaded, StorageError> {
        let load = || self.host.load(key);
        if !reply.is_spent() {
            return load().await;
        }
        self.insist(lease, load).await
    }

    async fn insist<T, F: Future<Output = Result<T, StorageError>>>(
        &self,
        lease: Option<Deadline>,
        attempt: impl Fn() -> F,
    ) -> Result<T, StorageError> {
        let mut pauses = Pauses::default();
        loop {
            let done = attempt().await;
            let Err(error) = done else { return done };
            let again_in = lease.and_then(|lease| pauses.next_within(lease.left()));
            self.tell(&Event::SaveFailed { error: &error, again_in });
            let Some(pause) = again_in else { return Err(error) };
            self.host.sleep(pause).await;
        }
    }
}

/// The pauses between two tries: they grow, and two who try at the same time do so only once.
#[derive(Debug)]
struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Pauses {
    /// The next one; `None` if it would be over when that is.
    fn next_within(&mut self, left: Duration) -> Option<Duration> {
        let longest = self.0;
        self.0 = (longest * 2).min(LONGEST_PAUSE);
        // From a half to the whole.
        let chance = RandomState::new().hash_one(longest) as u32;
        let pause = longest / 2 + (longest / 2).mul_f64(f64::from(chance) / f64::from(u32::MAX));
        (pause < left).then_some(pause)
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_with_the_lease() {
        let (mut pauses, mut left) = (Pauses::default(), LEASE);
        let mut taken = Vec::new();
        while let Some(pause) = pauses.next_within(left) {
            left -= pause;
            taken.push(pause);
        }
        assert!((FIRST_PAUSE / 2..=FIRST_PAUSE).contains(&taken[0]), "{taken:?}");
        assert!(taken.iter().all(|pause| *pause <= LONGEST_PAUSE), "{taken:?}");
        assert!(taken[taken.len() - 1] >= LONGEST_PAUSE / 2, "{taken:?}");
        // As many as fit, and nothing after that.
        assert!((45..110).contains(&taken.len()) && left <= LONGEST_PAUSE, "{taken:?}");
    }
}
