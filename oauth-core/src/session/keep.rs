//! Tokens on their way into the store: what comes after that, what wins if somebody else stored a record, and how
//! they are used while the store takes none.
//!
//! ```text
//!  Save ─┬─ stored ─▶ what the tokens are for
//!    ▲   ├─ others stored a record ─▶ Load ─┬─ it is worth less ─▶ Save
//!    │   │                                  ├─ it is as good ────▶ Access, with theirs
//!    │   │                                  └─ a logout ─────────▶ Logout: ours end as well
//!    │   └─ failed, and the new token lives ─▶ Kept ─┐
//!    └────────────── the next access ────────────────┘
//! ```
//!
//! No refresh token is spent while tokens are kept like that, since every access saves first. What is lost if the
//! session ends before is what would be lost if it ended between the answer and the save.

use alloc::boxed::Box;
use core::mem;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::session::authorization::Snapshot;
use crate::session::event::{Ask, Event};
use crate::session::known::Known;
use crate::session::need::{MAX_LOST_RACES, MAX_LOST_SAVES, Need};
use crate::session::next::{Next, To};
use crate::session::record::Record;
use crate::session::transaction::{Lock, Saving};
use crate::session::unstored::{AfterKeep, HeldBefore, Unstored};
use crate::time::UnixTime;

/// Where tokens stand that the store does not know yet.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Keep {
    /// They are on their way into it.
    Save(Box<Unstored>),
    /// A look at what somebody else stored in their place.
    Load(Box<Unstored>),
    /// Nothing: others stored theirs again and again. The next access tries once more.
    Unsaved(Box<Unstored>),
    /// Nothing: they are used without the store. The next access tries once more.
    Kept(Box<Unstored>),
}

impl Keep {
    pub(crate) fn ask(&self, _: &Snapshot) -> Result<Ask, Error> {
        Ok(match self {
            Self::Save(_) => Ask::Save,
            Self::Load(_) => Ask::Load,
            Self::Unsaved(_) => return Err(Error::Contended),
            Self::Kept(_) => Ask::Ready,
        })
    }

    pub(crate) fn handle(self, event: Event<'_>, known: &mut Known) -> Next<Self> {
        match (self, event) {
            (Self::Save(unstored), Event::Saved(now)) => {
                Next::Away(known.tokens_stored(*unstored, now))
            }
            (Self::Save(unstored), Event::Conflict(stored)) => Self::outrun(unstored, stored),
            (Self::Load(unstored), Event::Loaded(stored, now)) => {
                known.tokens_outrun(unstored, stored, now)
            }
            (Self::Save(unstored) | Self::Load(unstored), Event::Failed(now))
                if unstored.serves(&known.held, now) =>
            {
                Next::Away(known.keep(unstored, now))
            }
            (Self::Save(unstored), Event::Failed(now)) => known.end_unwritten(unstored, now),
            (keep, _) => Next::Stay(keep),
        }
    }

    /// The store holds this generation, and not the one that was expected.
    fn outrun(mut unstored: Box<Unstored>, stored: u64) -> Next<Self> {
        let is_login = unstored.is_login();
        // Whoever gets the lock next would spend again what was spent for them.
        let most = if unstored.then.is_spent() { MAX_LOST_SAVES } else { MAX_LOST_RACES };
        let lost_races = unstored.then.lost_races();
        if *lost_races >= most {
            *lost_races = 0;
            let lock = if is_login { Lock::Login } else { Lock::Refresh };
            return lock.release(To::Unsaved(unstored)).into();
        }
        *lost_races += 1;
        // Numbers grow, so nothing was made from ours.
        let is_older = stored < unstored.saving.record.generation;
        Next::Here(match is_login && is_older {
            true => Self::Save(unstored.over(stored)),
            false => Self::Load(unstored),
        })
    }

    /// What the session would hold if the record could not be stored now; `None` if its tokens are good for nothing
    /// without the store.
    pub(crate) fn would_hold(&self, held: &Snapshot, now: UnixTime) -> Option<Snapshot> {
        match self {
            Self::Save(unstored) if unstored.serves(held, now) => {
                Some(held.clone().keeping(unstored.saving.record.clone(), now))
            }
            _ => None,
        }
    }

    /// The host has stopped before it heard that the record is stored, and starts over.
    pub(crate) fn late(self, need: Need) -> Self {
        match self {
            Self::Load(unstored) if !unstored.is_login() => Self::Load(unstored.late(need)),
            Self::Save(unstored)
            | Self::Load(unstored)
            | Self::Unsaved(unstored)
            | Self::Kept(unstored) => Self::Save(unstored.late(need)),
        }
    }

    /// What they are on the way with.
    pub(crate) fn saving(&self) -> Option<&Saving> {
        match self {
            Self::Save(unstored) => Some(&unstored.saving),
            _ => None,
        }
    }

    /// Whether tokens are lost if the store fails.
    pub(crate) fn is_spent(&self) -> bool {
        self.unstored().then.is_spent()
    }

    fn unstored(&self) -> &Unstored {
        match self {
            Self::Save(unstored)
            | Self::Load(unstored)
            | Self::Unsaved(unstored)
            | Self::Kept(unstored) => unstored,
        }
    }

    pub(crate) fn into_record(self) -> Record {
        match self {
            Self::Save(unstored)
            | Self::Load(unstored)
            | Self::Unsaved(unstored)
            | Self::Kept(unstored) => unstored.saving.record,
        }
    }
}

impl Known {
    /// The tokens are stored, or their end is.
    fn tokens_stored(&mut self, unstored: Unstored, now: UnixTime) -> To {
        let Unstored { saving, then, before } = unstored;
        // A refresh token alone is no other token: nothing was tried yet that did not help.
        if let AfterKeep::Refreshed(need) = &then {
            self.learn_refresh(need);
        }
        let (generation, is_same_token) =
            (self.generation(), self.is_same_token(Some(&saving.record)));
        self.adopt_after(before.as_deref(), Some(saving.record), now);
        if is_same_token {
            self.renumber(generation);
        }
        match then {
            AfterKeep::Refreshed(_) => {
                self.own_generation = self.generation();
                Lock::Refresh.release(To::Vouch)
            }
            AfterKeep::Rotated(need, error) => {
                let need = self.renumbered(need);
                self.go_on(need, *error, now)
            }
            // Meanwhile it may have expired.
            AfterKeep::Late(need) => To::Access(need),
            AfterKeep::Ended(need) if need.asked_for => Lock::Refresh.release(To::Access(need)),
            AfterKeep::Ended(need) => {
                let need = self.renumbered(need);
                let to = match self.is_alive(&need, now) {
                    true => To::Ready,
                    false => self.need_login(need, now),
                };
                self.mark_and_unlock(to, now)
            }
            AfterKeep::LoggedIn { .. } => self.has_logged_in(),
        }
    }

    /// Somebody stored another record although the lock was held.
    #[expect(clippy::boxed_local, reason = "tokens that are saved again stay where they are")]
    fn tokens_outrun(
        &mut self,
        unstored: Box<Unstored>,
        stored: Option<Record>,
        now: UnixTime,
    ) -> Next<Keep> {
        let held = self.held.record.as_ref();
        let is_better = match &stored {
            Some(stored) => unstored.is_better_than(stored, held, now),
            None => unstored.is_login(),
        };
        if is_better {
            let stored = stored.map_or(0, |stored| stored.generation);
            return Next::Here(Keep::Save(unstored.over(stored)));
        }
        let has_left = stored.as_ref().is_some_and(Record::has_left);
        let Unstored { saving, then, before } = *unstored;
        self.adopt_after(before.as_deref(), stored, now);
        Next::Away(match then {
            AfterKeep::Refreshed(need) | AfterKeep::Rotated(need, _) | AfterKeep::Late(need)
                if has_left =>
            {
                Lock::Refresh.release(To::Disown(Box::new(saving.record), need))
            }
            AfterKeep::Refreshed(need)
            | AfterKeep::Rotated(need, _)
            | AfterKeep::Late(need)
            | AfterKeep::Ended(need) => Lock::Refresh.release(To::Access(need)),
            AfterKeep::LoggedIn { .. } => self.has_logged_in(),
        })
    }

    /// The end of a grant cannot be written: who refreshes next finds out the same.
    fn end_unwritten(&mut self, unstored: Box<Unstored>, now: UnixTime) -> Next<Keep> {
        let AfterKeep::Ended(need) = &unstored.then else {
            return Next::Stay(Keep::Save(unstored));
        };
        if self.can_spare(need, now) {
            self.spare(now);
            return Next::Away(Lock::Refresh.release(To::Ready));
        }
        match unstored.then {
            // What the server says is the answer, whatever the store says.
            AfterKeep::Ended(need) if self.held.refused.is_some() => {
                Next::Away(Lock::Refresh.release(To::Login(need)))
            }
            then => Next::Stay(Keep::Save(Box::new(Unstored { then, ..*unstored }))),
        }
    }

    /// The tokens cannot be stored for now, and are used all the same.
    fn keep(&mut self, mut unstored: Box<Unstored>, now: UnixTime) -> To {
        if let AfterKeep::Refreshed(need) = &unstored.then {
            self.learn_refresh(need);
        }
        let held = || Box::new(HeldBefore { record: self.held.record.clone() });
        unstored.before.get_or_insert_with(held);
        let held = self.held.clone().keeping(unstored.saving.record.clone(), now);
        let before = mem::replace(&mut self.held, held).record;
        self.meet_after(before.as_ref());
        self.own_generation = self.generation();
        if unstored.is_login() {
            self.learn_login();
        }
        match unstored.then.lock() {
            Some(lock) => lock.release(To::Kept(unstored)),
            None => To::Kept(unstored),
        }
    }

    /// Takes what the store holds. A token that was used for some seconds at a time, while it could not be stored, is
    /// as good as any other then.
    fn adopt_after(&mut self, before: Option<&HeldBefore>, stored: Option<Record>, now: UnixTime) {
        if before.is_some() {
            self.held.record = None;
        }
        self.adopt(stored, now);
    }

    fn has_logged_in(&mut self) -> To {
        self.own_generation = self.generation();
        self.learn_login();
        self.forget_unmet();
        Lock::Login.release(To::Vouch)
    }
}
