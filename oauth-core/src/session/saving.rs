//! A record on its way into the store: what comes after it, and what wins if somebody else stored one.

use alloc::boxed::Box;
use core::mem;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::session::access::{MAX_LOST_RACES, Want, access_token};
use crate::session::cancel::Doubts;
use crate::session::kept::Before;
use crate::session::login::Running;
use crate::session::logout::Leaving;
use crate::session::machine::{Lock, Session, State};
use crate::session::record::Record;
use crate::session::refresh::refresh_token;
use crate::time::UnixTime;

/// A record on its way into the store.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Saving {
    pub(crate) record: Record,
    /// The generation that it replaces; 0 for none.
    pub(crate) expected: u64,
    pub(crate) then: AfterSave,
    /// What the session held before it used these tokens, if it did that before they were stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Box<Before>>,
}

impl Saving {
    /// The same over another record than was expected.
    fn over(mut self: Box<Self>, stored: u64) -> Box<Self> {
        let Self { record, expected, then, .. } = &mut *self;
        let before = record.generation;
        (*record, *expected) = (record.clone().numbered(stored), stored);
        // Used before it was stored, and refused, it stays refused under its new number.
        if let AfterSave::Late(want) = then
            && want.refused == Some(before)
        {
            want.refused = Some(record.generation);
        }
        self
    }

    /// Whether it says of tokens what the store does not know: that they were issued, or have ended.
    pub(crate) fn is_about_tokens(&self) -> bool {
        let is_about_them = self.then.is_spent() || matches!(self.then, AfterSave::Ended(_));
        is_about_them && self.record.tokens.is_some()
    }

    /// Why the session works, if tokens are stored late.
    pub(crate) fn want(&self) -> Option<&Want> {
        match &self.then {
            AfterSave::Late(want) | AfterSave::Ended(want) => Some(want),
            _ => None,
        }
    }

    /// The host has stopped before it heard that the record is stored, and starts over.
    pub(crate) fn late(mut self: Box<Self>, want: Want) -> Box<Self> {
        let generation = self.record.generation;
        self.then = match self.then {
            AfterSave::Ended(_) => AfterSave::Ended(want),
            // What was refused before it was stored is refused for whoever asks next as well.
            AfterSave::Late(before)
                if before.refuses(generation) && !want.was_answered && !want.asked_for =>
            {
                AfterSave::Late(before)
            }
            _ => AfterSave::Late(want),
        };
        self
    }
}

/// What is done once a record is stored, and where to start over if somebody else stored one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum AfterSave {
    /// Refreshed tokens: use them.
    Refreshed(Want),
    /// A new refresh token that came without an access token, for the reason kept here: go on with the old
    /// one while it lives.
    Rotated(Want, Box<Error>),
    /// Why there are no new tokens, for all who share the store: go on with the old one while it lives.
    Troubled(Want, Box<Error>),
    /// Tokens of either kind that were to be stored earlier, and perhaps were: what others stored since
    /// is newer.
    Late(Want),
    /// The grant has ended, which is written down: use what lives, else log in.
    Ended(Want),
    /// The token is refused, which is written down: log in.
    Refused(Want),
    /// The client that all profiles share is known, under its lock: go on with the login.
    Shared(Box<Running>),
    /// That client is doubted no more.
    Vouched,
    /// The same, because the host has cancelled the login that had doubted it.
    Cancelled(Doubts),
    /// The client that the host brings is this server's: go on with the login, which sends its secret there.
    Claimed(Box<Running>),
    /// The client is known: go on with the login.
    Registered(Box<Running>),
    /// The user came back and no tokens did, for the reason kept here: the client is doubted no more.
    Declined(Box<Error>),
    /// Tokens of a login: use them. Nobody else's tokens are better, so they replace what is there, unless it is what
    /// became of them: they were stored when that seemed to fail.
    LoggedIn { tries: u8 },
    /// The tokens are gone.
    LoggedOut(Box<Leaving>),
}

impl AfterSave {
    /// The login that goes on then.
    pub(crate) fn running(&self) -> Option<&Running> {
        match self {
            Self::Registered(running) | Self::Shared(running) | Self::Claimed(running) => {
                Some(running)
            }
            _ => None,
        }
    }

    /// Whether tokens are lost if the record is not stored.
    pub(crate) fn is_spent(&self) -> bool {
        matches!(
            self,
            Self::Refreshed(_) | Self::Rotated(..) | Self::Late(_) | Self::LoggedIn { .. }
        )
    }
}

impl Session {
    /// The record is stored.
    pub(crate) fn saved(&mut self, now: UnixTime) {
        let State::Save(saving) = mem::replace(&mut self.state, State::Ready) else {
            return;
        };
        let Saving { record, then, before: before_use, .. } = *saving;
        if let AfterSave::Refreshed(want) | AfterSave::Rotated(want, _) = &then {
            self.learn_refresh(want);
        }
        if !then.is_about_client() {
            let before = self.generation();
            let is_same_token = self.is_same_token(Some(&record));
            self.adopt_after(before_use.as_deref(), Some(record), now);
            if is_same_token {
                self.renumber(before);
            }
        }
        self.state = match then {
            AfterSave::Refreshed(_) => {
                self.brought = self.generation();
                Lock::Refresh.release(self.vouch())
            }
            AfterSave::Rotated(want, error) | AfterSave::Troubled(want, error) => {
                self.go_on(self.renumbered(want), *error, now)
            }
            // Meanwhile it may have expired.
            AfterSave::Late(want) => State::Load(want),
            AfterSave::Ended(want) if want.asked_for => Lock::Refresh.release(State::Load(want)),
            AfterSave::Ended(want) => {
                let want = self.renumbered(want);
                let state = match self.is_alive(&want, now) {
                    true => State::Ready,
                    false => self.need_login(want, now),
                };
                self.mark_and_unlock(state, now)
            }
            AfterSave::Refused(want) => Lock::Refresh.release(State::Login(self.renumbered(want))),
            AfterSave::Registered(running) => State::Run(running),
            AfterSave::Declined(error) => Lock::Login.release(State::Failed(error)),
            AfterSave::LoggedIn { .. } => self.has_logged_in(),
            AfterSave::Shared(running) => Lock::Client.release(self.settle(running, now)),
            AfterSave::Vouched => State::Ready,
            AfterSave::Cancelled(doubts) => self.take_back_own(doubts),
            AfterSave::Claimed(running) => self.claimed(running, now),
            AfterSave::LoggedOut(leaving) => {
                Lock::Refresh.release(State::LoggedOut(leaving.into()))
            }
        };
    }

    /// The token that was refused stays refused under its new number.
    fn renumbered(&self, mut want: Want) -> Want {
        want.refused = want.refused.map(|_| self.generation());
        want
    }

    fn has_logged_in(&mut self) -> State {
        self.brought = self.generation();
        self.learn_login();
        self.unmet = None;
        Lock::Login.release(self.vouch())
    }

    /// Somebody stored a record while a login was to be stored.
    pub(crate) fn login_outdone(
        &mut self,
        saving: Box<Saving>,
        stored: Option<Record>,
        now: UnixTime,
    ) -> State {
        if stored.as_ref().is_some_and(|stored| stored.comes_from(&saving.record)) {
            self.adopt_after(saving.before.as_deref(), stored, now);
            return self.has_logged_in();
        }
        let stored = stored.map_or(0, |stored| stored.generation);
        State::Save(saving.over(stored))
    }

    /// The record is not stored. True if the session goes on without that.
    pub(crate) fn save_failed(&mut self, now: UnixTime) -> bool {
        if self.keep(now) {
            return true;
        }
        let State::Save(saving) = &self.state else { return false };
        self.state = match &saving.then {
            AfterSave::Vouched => State::Ready,
            AfterSave::Cancelled(doubts) => self.take_back_own(*doubts),
            AfterSave::Declined(error) => Lock::Login.release(State::Failed(error.clone())),
            // Who refreshes next finds out the same.
            AfterSave::Ended(want) if !want.asked_for && self.is_alive(want, now) => {
                self.spare(now);
                Lock::Refresh.release(State::Ready)
            }
            // What the server says is the answer, whatever the store says.
            AfterSave::Ended(want) | AfterSave::Refused(want) if self.held.refused.is_some() => {
                Lock::Refresh.release(State::Login(want.clone()))
            }
            // The others have to find it out for themselves.
            AfterSave::Troubled(want, error) => {
                let (want, error) = (want.clone(), (**error).clone());
                self.go_on(want, error, now)
            }
            _ => return false,
        };
        true
    }

    /// The store holds another generation than the record replaces: `stored`, 0 for none.
    pub(crate) fn conflict(&mut self, stored: u64) {
        let State::Save(mut saving) = mem::replace(&mut self.state, State::Ready) else {
            return;
        };
        self.state = match saving.then {
            AfterSave::LoggedIn { tries } if tries < MAX_LOST_RACES => {
                saving.then = AfterSave::LoggedIn { tries: tries + 1 };
                match stored < saving.record.generation {
                    // Numbers grow, so nothing was made from ours.
                    true => State::Save(saving.over(stored)),
                    false => State::LoadOverLogin(saving),
                }
            }
            AfterSave::LoggedIn { .. } => {
                saving.then = AfterSave::LoggedIn { tries: 0 };
                Lock::Login.release(State::Unsaved(saving))
            }
            AfterSave::Refreshed(ref mut want)
            | AfterSave::Rotated(ref mut want, _)
            | AfterSave::Late(ref mut want)
            | AfterSave::Ended(ref mut want)
                if want.lost_races < MAX_LOST_RACES =>
            {
                want.lost_races += 1;
                let want = want.clone();
                State::LoadConflict(saving, want)
            }
            AfterSave::Refreshed(ref mut want)
            | AfterSave::Rotated(ref mut want, _)
            | AfterSave::Late(ref mut want)
            | AfterSave::Ended(ref mut want) => {
                want.lost_races = 0;
                Lock::Refresh.release(State::Unsaved(saving))
            }
            // Whoever wrote may have brought tokens.
            AfterSave::Troubled(mut want, error) => {
                Lock::Refresh.release(if want.lost_races < MAX_LOST_RACES {
                    want.lost_races += 1;
                    State::Load(want)
                } else {
                    State::Failed(error)
                })
            }
            AfterSave::Refused(mut want) => {
                Lock::Refresh.release(if want.lost_races < MAX_LOST_RACES {
                    want.lost_races += 1;
                    State::Load(want)
                } else {
                    State::Login(want)
                })
            }
            AfterSave::LoggedOut(ref leaving) => Self::leave_again(leaving),
            AfterSave::Declined(error) => Lock::Login.release(State::Failed(error)),
            // Somebody logs in without respecting the lock; ours goes on, and the last one wins.
            AfterSave::Registered(running) => State::Run(running),
            // The same: what this login has registered is good for it.
            AfterSave::Shared(running) => Lock::Client.release(State::Run(running)),
            AfterSave::Vouched => State::Ready,
            AfterSave::Cancelled(doubts) => self.take_back_own(doubts),
            AfterSave::Claimed(running) => Self::claim_again(running),
        };
    }

    /// Somebody stored another record although the lock was held. If it has no tokens, or the refresh
    /// token that was rotated away by now, it is worth less than what could not be saved; otherwise it is
    /// as good. A logout is worth more.
    pub(crate) fn outdone(
        &mut self,
        saving: Box<Saving>,
        want: Want,
        stored: Option<Record>,
        now: UnixTime,
    ) -> State {
        let before = match &saving.before {
            Some(before) => before.record.as_ref(),
            None => self.held.record.as_ref(),
        };
        let spent = refresh_token(before);
        let has_spent = |stored: &Record| {
            spent.is_some()
                && spent == refresh_token(Some(stored))
                && spent != refresh_token(Some(&saving.record))
        };
        // Whoever spent it as well, and was refused, has written that the grant has ended.
        let was_ended = |stored: &Record| {
            refresh_token(Some(stored)).is_none()
                && access_token(Some(stored)) == access_token(before)
                && refresh_token(Some(&saving.record)).is_some()
        };
        // Or has refreshed the grant that this login was to replace.
        let was_replaced = |stored: &Record| {
            before.is_some_and(|before| {
                stored.comes_from(before) && !saving.record.comes_from(before)
            })
        };
        let brings_tokens = !matches!(saving.then, AfterSave::Ended(_));
        let is_worth_less = |stored: &&Record| {
            brings_tokens
                && !stored.has_left()
                && (stored.tokens.is_none()
                    || has_spent(stored)
                    || was_ended(stored)
                    || was_replaced(stored))
        };
        if let Some(stored) = stored.as_ref().filter(is_worth_less) {
            return State::Save(saving.over(stored.generation));
        }
        let has_left = stored.as_ref().is_some_and(Record::has_left);
        self.adopt_after(saving.before.as_deref(), stored, now);
        match has_left && brings_tokens {
            true => Self::disown(saving.record, want),
            false => Lock::Refresh.release(State::Load(want)),
        }
    }
}

pub(crate) fn save(record: Record, expected: u64, then: AfterSave) -> State {
    let record = record.numbered(expected);
    State::Save(Box::new(Saving { record, expected, then, before: None }))
}
