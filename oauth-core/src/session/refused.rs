//! A token that the MCP server has refused, and that no refresh replaces: nobody hands it out any more.
//!
//! ```text
//!  refused ─▶ no refresh helps ─▶ Lock ─▶ Load ─┬─ another token ─▶ Unlock ─▶ Ready
//!                                               └─ the same one ─▶ Save (refused) ─▶ Unlock ─▶ Login
//! ```
//!
//! This session knows it from that moment on, all others that share the store once it is written, whoever is
//! restarted meanwhile. It is written once for each token, and ends with the next tokens.
//!
//! What is not known to be refused: a token that lacks a scope, which is good for other requests; one that was issued
//! a moment ago; one of a login that is on trial, for which no other login may be made yet, and that other requests
//! may do with; and one for which no refresh could be tried, since the authorization server is in trouble: the MCP
//! server may be in the same, and take the token afterwards.
//!
//! Servers also refuse every token while they start. So it ends no grant: a refresh token is tried again after some
//! time.

use core::mem;
use core::time::Duration;

use crate::session::access::Want;
use crate::session::authorization::Snapshot;
use crate::session::machine::{Lock, Session, State};
use crate::session::record::Record;
use crate::session::saving::{AfterSave, save};
use crate::time::UnixTime;

impl Want {
    /// Whether the server has refused the token of this generation itself.
    pub(crate) fn refuses(&self, generation: u64) -> bool {
        self.is_refusal() && self.refused == Some(generation)
    }
}

impl Snapshot {
    /// When the token that is held was refused for good, as far as this session or the store knows.
    pub(crate) fn refused_at(&self) -> Option<UnixTime> {
        self.refused.or_else(|| self.record.as_ref().and_then(Record::refused_at))
    }

    /// Whether that is not stored yet.
    pub(crate) fn is_mark_due(&self) -> bool {
        self.refused.is_some() && self.record.as_ref().is_some_and(|it| it.refused_at().is_none())
    }

    /// Whether a refresh is known not to help, for now. A clock that was set back since ends that.
    pub(crate) fn is_refresh_in_vain(&self, now: UnixTime) -> bool {
        self.refused_at().is_some_and(|at| at <= now && now < at + REST)
    }
}

impl Session {
    /// If a login is needed because the token was refused, it is handed out no more.
    pub(crate) fn learn_end(&mut self, state: &State, now: UnixTime) {
        let State::Login(want) = state else { return };
        if want.refuses(self.generation()) && self.held.refused_at().is_none() {
            self.held.refused = Some(now);
            self.held.fresh_until = UnixTime::from_secs(0);
        }
    }

    /// What comes next, after what there is to write of the token: under the lock, which is not held yet.
    pub(crate) fn lock_to_mark(&mut self, state: State, now: UnixTime) -> State {
        self.learn_end(&state, now);
        match state {
            State::Login(want) if self.held.is_mark_due() => State::Lock(want),
            state => state,
        }
    }

    /// The store fails before it is written: others find out for themselves. False if that is not what it was read or
    /// locked for.
    pub(crate) fn leave_unmarked(&mut self) -> bool {
        if !self.held.is_mark_due() {
            return false;
        }
        self.state = match mem::replace(&mut self.state, State::Ready) {
            State::Lock(want) => State::Login(want),
            State::LoadLocked(want) => Lock::Refresh.release(State::Login(want)),
            state => {
                self.state = state;
                return false;
            }
        };
        true
    }

    /// The same where the lock is held: it is released before what comes next.
    pub(crate) fn mark_and_unlock(&mut self, state: State, now: UnixTime) -> State {
        self.learn_end(&state, now);
        match (state, &self.held.record) {
            (State::Login(want), Some(record)) if self.held.is_mark_due() => {
                let marked = record.clone().on_trial(self.trial_after()).refused(self.held.refused);
                save(marked, record.generation, AfterSave::Refused(want))
            }
            (state, _) => Lock::Refresh.release(state),
        }
    }
}

/// How long a refresh is not tried after it did not help. A server that refuses whatever it gets is not asked for
/// tokens at each call, and one that was about to start is up by then.
const REST: Duration = Duration::from_secs(60);
