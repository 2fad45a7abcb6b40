//! What the MCP server's answers say about the tokens that are held, and about the login that brought them.

use core::time::Duration;

use crate::session::known::Known;
use crate::session::need::Need;
use crate::session::next::To;
use crate::session::record::Record;
use crate::session::seldom::Seldom;
use crate::session::trial::Trial;
use crate::time::UnixTime;

impl Known {
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
                if let Some(Seldom { refused, .. }) = self.seldom_if_any() {
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
        if let Some(Seldom { refused, .. }) = self.seldom_if_any() {
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

    /// These tokens were refreshed, perhaps because they were refused, and others came.
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
    pub(crate) fn need_login(&self, need: Need, now: UnixTime) -> To {
        let Some(trial) = self.pause(&need, now) else { return To::Login(need) };
        To::failed(trial.in_vain(&need))
    }

    /// Whether the challenge names a scope that the last login did not ask for. A challenge without
    /// scopes gives nothing to ask for.
    pub(crate) fn asks_for_more(&self, need: &Need) -> bool {
        let Some(missing) = need.challenge.as_ref().and_then(|challenge| challenge.scope.as_ref())
        else {
            return false;
        };
        let requested =
            self.held.record.as_ref().and_then(|record| record.binding.requested.as_ref());
        !requested.is_some_and(|requested| requested.includes(missing))
    }
}

/// How old a token may be that the server may not know yet.
const YOUNG: Duration = Duration::from_secs(10);

/// How long a token that was issued just now is given until it is sent again.
pub(crate) const MOMENT: Duration = Duration::from_secs(2);

/// Refreshes and logins together that one request may cause. A refresh that is refused ends in a login,
/// so this also bounds the logins: the MCP specification wants "a few" at most.
pub(crate) const MAX_REMEDIES: u8 = 3;
