//! A login is on trial until the MCP server takes one of its tokens. While it refuses them, a login that
//! was just made is not made again at once.
//!
//! ```text
//!  login ─▶ on trial ─┬─ a token is taken ──────────────────────────▶ as good as any
//!                     └─ refused ─▶ refresh, once a session ─▶ refused ─▶ LoginInVain, until the pause is over
//!                                                                           └─▶ a login, whose pause is longer
//! ```
//!
//! A server may take a token for one request, and refuse it for another. A login that did not help a request stays
//! on trial, whatever else its tokens are good for: they are replaced at once again when its pause is over.
//!
//! Only the session that made the login keeps to the pause, over all calls, threads and tasks that share it.
//! Others cannot know whether the server took a token meanwhile, and must not keep a user from a login that
//! is needed: they try for themselves.

use alloc::boxed::Box;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, PeerIncompatible};
use crate::session::answer::{MAX_REMEDIES, MOMENT};
use crate::session::login::Login;
use crate::session::machine::{Op, Session};
use crate::session::need::Need;
use crate::session::record::Record;
use crate::time::UnixTime;

/// A login of whose tokens the server has taken none yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trial {
    /// When it was made.
    since: UnixTime,
    /// How many logins in a row were refused, if this one is.
    pub(crate) logins: u8,
}

impl Trial {
    /// A login that was made now, after so many that were refused.
    pub(crate) fn after(in_vain: u8, now: UnixTime) -> Self {
        Self { since: now, logins: in_vain.saturating_add(1) }
    }

    /// Until when no other login is made.
    fn until(self) -> UnixTime {
        let steps = u32::from(self.logins.saturating_sub(1)).min(MAX_STEPS);
        self.since + (FIRST_PAUSE * STEP.pow(steps)).min(LONGEST_PAUSE)
    }

    /// A clock that was set back since does not make the pause longer.
    fn pauses(self, now: UnixTime) -> bool {
        self.since <= now && now < self.until()
    }

    /// The error meanwhile.
    fn in_vain(self, need: &Need) -> Error {
        let (logins, until, error) = (self.logins, self.until(), need.code());
        PeerIncompatible::LoginInVain { logins, until, error }.into()
    }
}

impl Session {
    /// The server answered a request that was sent with the token of this generation.
    pub(crate) fn learn_status(&mut self, sent: Option<u64>, status: u16) {
        let generation = self.generation();
        if sent != Some(generation) || generation == 0 || self.accepted == generation {
            return;
        }
        match status {
            200..=299 if self.was_login_in_vain() => {}
            200..=299 => {
                self.accepted = generation;
                self.own_login = None;
                if let Some(refused) = &mut self.refused {
                    refused.refreshed = None;
                }
            }
            401 | 403 => self.refused_mut().token = Some(generation),
            // Perhaps nobody has looked at the token.
            _ => {}
        }
    }

    /// A request is refused with the token that a login of this session has just brought it, or with one that
    /// cannot be refreshed while the login is on trial.
    pub(crate) fn learn_refusal(&mut self, sent: Option<u64>, has_logged_in: bool, is_last: bool) {
        let (generation, own_generation) = (self.generation(), self.own_generation);
        let Some(trial) = self.held.record.as_ref().and_then(Record::trial) else { return };
        let is_own = has_logged_in && own_generation == generation;
        if sent == Some(generation) && (is_own || is_last && self.own_login == Some(trial)) {
            self.own_login = Some(trial);
            self.accepted = 0;
            self.refused_mut().in_vain = Some(trial.since);
        }
    }

    /// Whether a request was refused for which the login was made that brought these tokens.
    fn was_login_in_vain(&self) -> bool {
        let trial = self.held.record.as_ref().and_then(Record::trial);
        trial.is_some_and(|trial| self.refused().in_vain == Some(trial.since))
    }

    /// Whether the token of this generation was issued so short a time ago that the server may know it
    /// only in a [`MOMENT`]. True until one has passed since the first time.
    pub(crate) fn is_too_young(&mut self, sent: Option<u64>, now: UnixTime) -> bool {
        let Some(record) = self.held.record.as_ref().filter(|it| sent == Some(it.generation))
        else {
            return false;
        };
        let (generation, issued_at) = (record.generation, record.issued_at);
        // What was issued later than now came by another clock.
        let is_new = issued_at <= now && now.since(issued_at) <= YOUNG;
        if !is_new || self.accepted == generation || !record.is_alive(now) {
            return false;
        }
        let until = match self.refused().young {
            Some((waited_for, until)) if waited_for == generation => until,
            _ => {
                let until = now + MOMENT;
                self.refused_mut().young = Some((generation, until));
                until
            }
        };
        now < until
    }

    /// This session has logged in.
    pub(crate) fn learn_login(&mut self) {
        self.own_login = self.held.record.as_ref().and_then(Record::trial);
        if let Some(refused) = &mut self.refused {
            refused.in_vain = None;
        }
    }

    /// The trial of this session's own login, if the server refuses these tokens and has taken none since.
    pub(crate) fn refused_trial(&self, need: &Need) -> Option<Trial> {
        self.own_login.filter(|_| self.is_doubted(need))
    }

    /// Whether the server has refused these tokens, and never took one as far as this session knows.
    fn is_doubted(&self, need: &Need) -> bool {
        let generation = Some(self.generation());
        let is_refused = need.was_answered && need.refused == generation;
        let is_refused = is_refused || self.refused().token == generation;
        let is_refused = is_refused || self.held.refused_at().is_some();
        is_refused && Some(self.accepted) != generation
    }

    /// The login that brought these tokens, of whoever.
    fn doubted_login(&self, need: &Need) -> Option<Trial> {
        self.held.record.as_ref()?.trial().filter(|_| self.is_doubted(need))
    }

    /// What goes on when these tokens are refreshed.
    pub(crate) fn trial_after(&self) -> Option<Trial> {
        let trial = self.held.record.as_ref()?.trial()?;
        (self.accepted != self.generation()).then_some(trial)
    }

    /// These tokens were refreshed, perhaps because they were refused.
    pub(crate) fn learn_refresh(&mut self, need: &Need) {
        if let Some(trial) = self.doubted_login(need) {
            self.refused_mut().refreshed = Some(trial.since);
        }
    }

    /// Whether a refresh was tried here already, so that another would help as little, for now.
    pub(crate) fn was_refreshed_in_vain(&self, need: &Need, now: UnixTime) -> bool {
        let trial = self.doubted_login(need).filter(|trial| trial.pauses(now));
        trial.is_some_and(|trial| self.refused().refreshed == Some(trial.since))
    }

    /// The trial that forbids another login for now, after the server has refused a request. A login for
    /// a scope that none has asked for is another one, but not for ever.
    pub(crate) fn pause(&self, need: &Need, now: UnixTime) -> Option<Trial> {
        let is_refused = need.was_answered || self.held.refused_at().is_some();
        let trial = self.refused_trial(need).filter(|_| is_refused)?;
        let patience = if self.asks_for_more(need) { MAX_REMEDIES } else { 1 };
        (trial.logins >= patience && trial.pauses(now)).then_some(trial)
    }

    /// The need for a login, unless one would be too many.
    pub(crate) fn need_login(&self, need: Need, now: UnixTime) -> Op {
        let Some(trial) = self.pause(&need, now) else { return Login::Needed(need).into() };
        Op::Failed(Box::new(trial.in_vain(&need)))
    }
}

/// How old a token may be that the server may not know yet.
const YOUNG: Duration = Duration::from_secs(10);

/// How long no other login is made after the first one that was refused.
const FIRST_PAUSE: Duration = Duration::from_secs(60);

/// How much longer each pause is than the one before.
const STEP: u32 = 5;

/// After so many steps a pause is the longest one.
const MAX_STEPS: u32 = 3;

/// A server may be mended in an hour, and a user who looks at the error need not wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
