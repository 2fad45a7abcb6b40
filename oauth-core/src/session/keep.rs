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
use crate::session::access::Access;
use crate::session::authorization::Snapshot;
use crate::session::login::Login;
use crate::session::machine::{Next, Op, Session};
use crate::session::need::Need;
use crate::session::record::Record;
use crate::session::transaction::{Lock, Saving};
use crate::session::turn::{Ask, Event};
use crate::time::UnixTime;

mod unstored;

use unstored::HeldBefore;
pub(crate) use unstored::{AfterKeep, Unstored};

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
    /// Stores a record over that of this generation; 0 for none.
    pub(crate) fn save(record: Record, expected: u64, then: AfterKeep) -> Op {
        let saving = *Saving::new(record, expected);
        Self::Save(Box::new(Unstored { saving, then, before: None })).into()
    }

    pub(crate) fn ask(&self, _: &Snapshot) -> Result<Ask, Error> {
        Ok(match self {
            Self::Save(_) => Ask::Save,
            Self::Load(_) => Ask::Load,
            Self::Unsaved(_) => return Err(Error::Contended),
            Self::Kept(_) => Ask::Ready,
        })
    }

    pub(crate) fn handle(self, event: Event<'_>, session: &mut Session) -> Next {
        match (self, event) {
            (Self::Save(unstored), Event::Saved(now)) => {
                Next::To(session.tokens_stored(*unstored, now))
            }
            (Self::Save(unstored), Event::Conflict(stored)) => Next::to(unstored.outrun(stored)),
            (Self::Load(unstored), Event::Loaded(stored, now)) => {
                Next::To(session.tokens_outrun(unstored, stored, now))
            }
            (Self::Save(unstored) | Self::Load(unstored), Event::Failed(now))
                if unstored.serves(&session.held, now) =>
            {
                Next::To(session.keep(unstored, now))
            }
            (Self::Save(unstored), Event::Failed(now)) => session.end_unwritten(unstored, now),
            (keep, _) => Next::stay(keep),
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

impl Session {
    /// The tokens are stored, or their end is.
    fn tokens_stored(&mut self, unstored: Unstored, now: UnixTime) -> Op {
        let Unstored { saving, then, before } = unstored;
        if let AfterKeep::Refreshed(need) | AfterKeep::Rotated(need, _) = &then {
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
                Lock::Refresh.release(self.vouch())
            }
            AfterKeep::Rotated(need, error) => {
                let need = self.renumbered(need);
                self.go_on(need, *error, now)
            }
            // Meanwhile it may have expired.
            AfterKeep::Late(need) => Access(need).into(),
            AfterKeep::Ended(need) if need.asked_for => Lock::Refresh.release(Access(need)),
            AfterKeep::Ended(need) => {
                let need = self.renumbered(need);
                let op = match self.is_alive(&need, now) {
                    true => Op::Ready,
                    false => self.need_login(need, now),
                };
                self.mark_and_unlock(op, now)
            }
            AfterKeep::LoggedIn { .. } => self.has_logged_in(),
        }
    }

    /// Somebody stored another record although the lock was held.
    fn tokens_outrun(
        &mut self,
        unstored: Box<Unstored>,
        stored: Option<Record>,
        now: UnixTime,
    ) -> Op {
        let held = self.held.record.as_ref();
        let is_better = match &stored {
            Some(stored) => unstored.is_better_than(stored, held, now),
            None => unstored.is_login(),
        };
        if is_better {
            let stored = stored.map_or(0, |stored| stored.generation);
            return Keep::Save(unstored.over(stored)).into();
        }
        let has_left = stored.as_ref().is_some_and(Record::has_left);
        let Unstored { saving, then, before } = *unstored;
        self.adopt_after(before.as_deref(), stored, now);
        match then {
            AfterKeep::Ended(need) => Lock::Refresh.release(Access(need)),
            AfterKeep::Refreshed(need) | AfterKeep::Rotated(need, _) | AfterKeep::Late(need) => {
                match has_left {
                    true => Self::disown(saving.record, need),
                    false => Lock::Refresh.release(Access(need)),
                }
            }
            AfterKeep::LoggedIn { .. } => self.has_logged_in(),
        }
    }

    /// The end of a grant cannot be written: who refreshes next finds out the same.
    fn end_unwritten(&mut self, unstored: Box<Unstored>, now: UnixTime) -> Next {
        let AfterKeep::Ended(need) = &unstored.then else {
            return Next::stay(Keep::Save(unstored));
        };
        if self.can_spare(need, now) {
            self.spare(now);
            return Next::To(Lock::Refresh.release(Op::Ready));
        }
        match unstored.then {
            // What the server says is the answer, whatever the store says.
            AfterKeep::Ended(need) if self.held.refused.is_some() => {
                Next::To(Lock::Refresh.release(Login::Needed(need)))
            }
            then => Next::stay(Keep::Save(Box::new(Unstored { then, ..*unstored }))),
        }
    }

    /// The tokens cannot be stored for now, and are used all the same.
    fn keep(&mut self, mut unstored: Box<Unstored>, now: UnixTime) -> Op {
        if let AfterKeep::Refreshed(need) | AfterKeep::Rotated(need, _) = &unstored.then {
            self.learn_refresh(need);
        }
        let held = || Box::new(HeldBefore { record: self.held.record.clone() });
        unstored.before.get_or_insert_with(held);
        let held = self.snapshot().keeping(unstored.saving.record.clone(), now);
        let before = mem::replace(&mut self.held, held).record;
        self.meet_after(before.as_ref());
        self.own_generation = self.generation();
        if unstored.is_login() {
            self.learn_login();
        }
        match unstored.then.lock() {
            Some(lock) => lock.release(Keep::Kept(unstored)),
            None => Keep::Kept(unstored).into(),
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

    /// What the session would hold if the record that it saves could not be stored now.
    pub(crate) fn would_keep(&self, now: UnixTime) -> Option<Snapshot> {
        match &self.op {
            Op::Keep(Keep::Save(unstored)) if unstored.serves(&self.held, now) => {
                Some(self.snapshot().keeping(unstored.saving.record.clone(), now))
            }
            _ => None,
        }
    }

    /// The token that was refused stays refused under its new number.
    pub(crate) fn renumbered(&self, mut need: Need) -> Need {
        need.refused = need.refused.map(|_| self.generation());
        need
    }

    fn has_logged_in(&mut self) -> Op {
        self.own_generation = self.generation();
        self.learn_login();
        self.unmet = None;
        Lock::Login.release(self.vouch())
    }
}
