//! Locks of the store on trial: leases that end when its clock says so.

use alloc::sync::Arc;

use crate::client::storage::nonblocking::Leases;
use crate::client::storage::{LEASE_LENGTH, Lease, StorageError};
use crate::client::storage_contract::tests::fault::Fault;
use crate::client::storage_contract::tests::store::{Shared, Store, locked, turns};
use crate::session::{Key, Lock};

impl Leases for Store {
    async fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError> {
        self.begin().await?;
        let place = self.lock_of(key, lock);
        while self.is(Fault::WaitsForLocks) && self.shared.is_held(&place) {
            turns(1).await;
        }
        let mut is_free = !self.shared.is_held(&place);
        if self.is(Fault::LooksThenLocks) && is_free {
            turns(1).await;
        }
        is_free |= self.is(Fault::LocksNobodyOut);
        if !is_free {
            return Ok(None);
        }
        let shared = Arc::clone(&self.shared);
        let (owner, until) = (shared.owner(), shared.until());
        locked(&shared.leases).insert(place.clone(), (owner, until));
        if self.is(Fault::KeptByADroppedCall) {
            // It would be given back, but for those who stop here.
            locked(&shared.leases).insert(place.clone(), (owner, u64::MAX));
            turns(1).await;
            locked(&shared.leases).insert(place.clone(), (owner, until));
        }
        let has_no_end = self.is(Fault::StaysWhenDropped);
        let length =
            if self.is(Fault::LeaseSaysItIsShort) { LEASE_LENGTH / 3 } else { LEASE_LENGTH };
        let held = Held { shared, place, owner, is_released: false };
        Ok(Some(if has_no_end { Lease::new(held) } else { Lease::lasting(length, held) }))
    }

    async fn extend(&self, _: &Key, lease: &mut Lease) -> Result<bool, StorageError> {
        self.begin().await?;
        let Some(held) = lease.held::<Held>() else { return Ok(false) };
        Ok(match self.shared.fault {
            Fault::ExtendFrees => {
                let is_held = held.extend(true);
                held.release();
                is_held
            }
            Fault::ExtendSaysLost => false,
            Fault::ExtendsNothing => held.extend(false),
            Fault::ExtendsWhatIsLost => {
                held.extend(true);
                true
            }
            Fault::ExtendRevives => held.revive(),
            _ => held.extend(true),
        })
    }

    async fn release(&self, _: &Key, mut lease: Lease) {
        let _ = self.begin().await;
        if let Some(held) = lease.held::<Held>() {
            if self.is(Fault::NeverReleased) {
                held.is_released = true;
            } else if self.is(Fault::ReleaseFreesOthers) {
                locked(&self.shared.leases).remove(&held.place);
            } else {
                held.release();
            }
        }
    }

    async fn is_held(&self, key: &Key, lock: Lock) -> Result<bool, StorageError> {
        self.begin().await?;
        Ok(match self.shared.fault {
            Fault::HeldIsAlwaysSaid => true,
            Fault::HeldIsNeverSaid => false,
            _ => self.shared.is_held(&self.lock_of(key, lock)),
        })
    }
}

impl Store {
    fn lock_of(&self, key: &Key, lock: Lock) -> (Key, Lock) {
        let mut key = key.clone();
        match self.shared.fault {
            Fault::OneLockForAKey => (key, Lock::Refresh),
            Fault::OneLockForAll => (Key::grant("", "", ""), lock),
            Fault::LocksLikeIt => {
                key.profile = key.profile.to_lowercase().into();
                (key, lock)
            }
            _ => (key, lock),
        }
    }
}

impl Shared {
    fn is_held(&self, place: &(Key, Lock)) -> bool {
        locked(&self.leases).get(place).is_some_and(|(_, until)| *until > self.now())
    }

    /// The end of a lease that begins now.
    fn until(&self) -> u64 {
        match self.fault {
            Fault::LeaseHasNoEnd | Fault::StaysWhenDropped => u64::MAX,
            Fault::LeaseIsShort => self.now() + LEASE_LENGTH.as_secs() / 3,
            _ => self.now() + LEASE_LENGTH.as_secs(),
        }
    }
}

/// A lock that somebody holds, or has lost.
pub(super) struct Held {
    shared: Arc<Shared>,
    place: (Key, Lock),
    owner: u64,
    is_released: bool,
}

impl Held {
    /// Whether it is still held; its lease begins anew then, if it is to.
    pub(super) fn extend(&mut self, begins_anew: bool) -> bool {
        let (now, end) = (self.shared.now(), self.shared.until());
        let mut leases = locked(&self.shared.leases);
        let own = leases
            .get_mut(&self.place)
            .filter(|(owner, until)| *owner == self.owner && *until > now);
        match own {
            Some((_, until)) if begins_anew => {
                *until = end;
                true
            }
            own => own.is_some(),
        }
    }

    /// The same, also if its end has come.
    fn revive(&mut self) -> bool {
        let end = self.shared.until();
        let mut leases = locked(&self.shared.leases);
        let own = leases.get_mut(&self.place).filter(|(owner, _)| *owner == self.owner);
        own.map(|(_, until)| *until = end).is_some()
    }

    fn release(&mut self) {
        let mut leases = locked(&self.shared.leases);
        if leases.get(&self.place).is_some_and(|(owner, _)| *owner == self.owner) {
            leases.remove(&self.place);
        }
        self.is_released = true;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.shared.is(Fault::DropFreesOthers) && !self.is_released {
            locked(&self.shared.leases).remove(&self.place);
        }
        let is_left = self.shared.is(Fault::StaysWhenDropped) || self.is_released;
        if !is_left {
            self.release();
        }
    }
}
