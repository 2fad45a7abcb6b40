//! Tokens that the store has not taken: they are used while they live, and stored before anything else is done.
//!
//! ```text
//!  Save ─▶ failed, and the new token lives ─▶ Unlock ─▶ Kept ─▶ the next access: Save ─┬─ stored ─▶ Load
//!                                                       ▲                              │
//!                                                       └────────── failed, and it lives
//! ```
//!
//! No refresh token is spent meanwhile, since every access saves first. What is lost if the session ends before is
//! what would be lost if it ended between the answer and the save.

use alloc::boxed::Box;
use core::mem;

use serde::{Deserialize, Serialize};

use crate::session::authorization::Snapshot;
use crate::session::machine::{Lock, Session, State};
use crate::session::record::Record;
use crate::session::saving::{AfterSave, Saving};
use crate::time::UnixTime;

/// What a session held before it used tokens that were not stored: what the store may still hold.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Before {
    pub(crate) record: Option<Record>,
}

impl Saving {
    /// Whether the tokens can be used although they are not stored.
    fn serves(&self, held: &Snapshot, now: UnixTime) -> bool {
        let is_good = match &self.then {
            AfterSave::Refreshed(_) | AfterSave::LoggedIn { .. } => true,
            // The access token is the old one.
            AfterSave::Rotated(want, _) => want.refused.is_none() && held.refused.is_none(),
            AfterSave::Late(want) => {
                !want.asked_for && want.refused != Some(self.record.generation)
            }
            _ => false,
        };
        is_good && self.record.is_alive(now)
    }
}

impl Session {
    /// The record cannot be stored for now. True if its tokens are used all the same.
    pub(crate) fn keep(&mut self, now: UnixTime) -> bool {
        let mut saving = match mem::replace(&mut self.state, State::Ready) {
            State::Save(saving) | State::LoadConflict(saving, _) | State::LoadOverLogin(saving)
                if saving.serves(&self.held, now) =>
            {
                saving
            }
            state => {
                self.state = state;
                return false;
            }
        };
        let lock = match &saving.then {
            AfterSave::Refreshed(want) | AfterSave::Rotated(want, _) => {
                self.learn_refresh(want);
                Some(Lock::Refresh)
            }
            AfterSave::LoggedIn { .. } => Some(Lock::Login),
            // The host has released it long ago.
            _ => None,
        };
        let held = || Box::new(Before { record: self.held.record.clone() });
        saving.before.get_or_insert_with(held);
        let held = self.snapshot().keeping(saving.record.clone(), now);
        let before = mem::replace(&mut self.held, held).record;
        self.meet_after(before.as_ref());
        self.brought = self.generation();
        if lock == Some(Lock::Login) {
            self.learn_login();
        }
        let kept = State::Kept(saving);
        self.state = match lock {
            Some(lock) => lock.release(kept),
            None => kept,
        };
        true
    }

    /// Takes what the store holds. A token that was used for some seconds at a time, while it could not be stored, is
    /// as good as any other then.
    pub(crate) fn adopt_after(
        &mut self,
        before: Option<&Before>,
        stored: Option<Record>,
        now: UnixTime,
    ) {
        if before.is_some() {
            self.held.record = None;
        }
        self.adopt(stored, now);
    }

    /// What the session would hold if the record that it saves could not be stored now.
    pub(crate) fn would_keep(&self, now: UnixTime) -> Option<Snapshot> {
        match &self.state {
            State::Save(saving) if saving.serves(&self.held, now) => {
                Some(self.snapshot().keeping(saving.record.clone(), now))
            }
            _ => None,
        }
    }
}
