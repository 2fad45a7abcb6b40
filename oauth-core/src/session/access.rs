//! What the store's answer leads to: from a need for a token to a token, a refresh, or a need for a login.

use alloc::boxed::Box;
use core::mem;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::flow::{AuthorizationOptions, NotAsked};
use crate::http::clean_code;
use crate::session::machine::{Lock, Session, State};
use crate::session::record::Record;
use crate::time::UnixTime;
use crate::wire::{BearerAuth, ResourceChallenge};

/// Why the session works: what is wrong with the token it has.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Want {
    /// The server refused the token of this generation, whatever its expiry says.
    pub(crate) refused: Option<u64>,
    /// A refresh would not help: a scope is missing, or one was tried.
    pub(crate) no_refresh: bool,
    /// How long the token should live yet. One that lives shorter is refreshed if it can be, and is used if not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lasting: Option<Duration>,
    /// Somebody asked for a login.
    #[serde(default)]
    pub(crate) asked_for: bool,
    /// What they want of it. Boxed, because it is rare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) options: Option<Box<AuthorizationOptions>>,
    /// The server was asked already, and may have said nothing.
    pub(crate) was_answered: bool,
    /// What the server said.
    pub(crate) challenge: Option<Box<ResourceChallenge>>,
    /// What it answered instead of asking for a login, if it was asked.
    #[serde(default)]
    pub(crate) not_asked: Option<Box<NotAsked>>,
    /// How often others were faster.
    pub(crate) lost_races: u8,
}

impl Want {
    /// Whether the server wants more scopes than the token has, which is good for other requests.
    pub(crate) fn lacks_scope(&self) -> bool {
        self.challenge.as_ref().is_some_and(|it| it.is_insufficient_scope())
    }

    /// Whether the server has refused the token, and not for want of a scope.
    pub(crate) fn is_refusal(&self) -> bool {
        self.was_answered && !self.asked_for && !self.lacks_scope()
    }

    /// The error code of the challenge, to be shown.
    pub(crate) fn code(&self) -> Option<Box<str>> {
        Some(clean_code(self.challenge.as_ref()?.error.as_ref()?).into())
    }
}

impl Session {
    /// Starts over: the next turns find a token, whatever it takes. Tokens that could not be saved are
    /// saved first; a login under way is dropped, and a lock that is still held is the host's to release.
    pub fn access(&mut self) {
        self.timeline.clear();
        self.want(Want::default());
    }

    /// The same, but the token that the session holds does not count: it is refreshed, or replaced
    /// through a login.
    pub fn renew(&mut self) {
        self.timeline.clear();
        let refused = self.held.record.as_ref().map(|record| record.generation);
        self.want(Want { refused, ..Want::default() });
    }

    /// The same, but only a login will do, whatever is stored: a user wants another account, or to try again
    /// what was refused ([`PeerIncompatible::LoginInVain`]). What others store while it waits for their
    /// login will do as well.
    ///
    /// [`PeerIncompatible::LoginInVain`]: crate::error::PeerIncompatible::LoginInVain
    pub fn log_in(&mut self) {
        self.timeline.clear();
        self.want(Want { asked_for: true, no_refresh: true, ..Want::default() });
    }

    /// The same as the host wants it: with a prompt, with a hint who logs in, with other scopes. With
    /// [nothing in particular](AuthorizationOptions::is_empty) it is [`log_in`](Self::log_in); otherwise what others
    /// store while it waits for their login will not do, because that may be of another account.
    ///
    /// The tokens that are stored stay until the new ones are there, and are not revoked then. The options are used up
    /// by this login: however it ends, the next one is without.
    pub fn log_in_with(&mut self, options: AuthorizationOptions) {
        self.timeline.clear();
        let options = (!options.is_empty()).then(|| Box::new(options));
        self.want(Want { asked_for: true, no_refresh: true, options, ..Want::default() });
    }

    pub(crate) fn want(&mut self, want: Want) {
        self.state.let_go();
        self.keep_unmet();
        match &self.state {
            _ if self.held.settings.bearer.is_some() => return,
            // Spent but not stored: nothing is more urgent.
            State::Save(saving)
            | State::LoadConflict(saving, _)
            | State::LoadOverLogin(saving)
            | State::Unsaved(saving)
            | State::Kept(saving)
                if saving.is_about_tokens() => {}
            _ => return self.state = State::Load(want),
        }
        self.state = match mem::replace(&mut self.state, State::Ready) {
            State::Save(saving)
            | State::LoadOverLogin(saving)
            | State::Unsaved(saving)
            | State::Kept(saving) => State::Save(saving.late(want)),
            State::LoadConflict(saving, _) => {
                let saving = saving.late(want.clone());
                let want = saving.want().cloned().unwrap_or(want);
                State::LoadConflict(saving, want)
            }
            state => state,
        };
    }

    /// The store was read.
    pub(crate) fn loaded(&mut self, record: Option<Record>, now: UnixTime) {
        let mut state = match mem::replace(&mut self.state, State::Ready) {
            State::LoadConflict(saving, want) => {
                return self.state = self.outdone(saving, want, record, now);
            }
            State::LoadOverLogin(saving) => {
                return self.state = self.login_outdone(saving, record, now);
            }
            State::LoadClient(running) => {
                return self.state = self.client_loaded(running, record, now);
            }
            State::LoadIssuer(running) => {
                return self.state = self.issuer_loaded(running, record, now);
            }
            State::LoadDoubt => return self.state = self.doubt_loaded(record, now),
            State::LoadCancelled(doubts) => {
                return self.state = self.cancelled_loaded(record, doubts);
            }
            state => state,
        };
        let (before, is_same_token) = (self.generation(), self.is_same_token(record.as_ref()));
        let sent = matches!(state, State::LoadRefused(..)).then(|| self.held.record.clone());
        self.adopt(record, now);
        let changed = self.generation() != before;
        if is_same_token {
            self.renumber(before);
        }
        // The token that was refused stays refused under the number that somebody else gave it.
        let refused = state.reason_to_load().filter(|want| want.refused == Some(before));
        if let Some(want) = refused.filter(|_| is_same_token) {
            want.refused = Some(self.generation());
        }
        self.state = match state {
            State::Load(want) if want.asked_for => {
                let refused = self.held.record.as_ref().map(|record| record.generation);
                State::Login(Want { refused, ..want })
            }
            State::Load(want) if self.is_usable(&want, now) => State::Ready,
            State::Load(want) if self.is_paused(&want, now) => {
                let state = self.paused(want, now);
                self.lock_to_mark(state, now)
            }
            State::Load(want) if self.can_refresh(&want, now) => State::Lock(want),
            State::Load(want) => {
                let state = self.unrefreshable(want, now);
                self.lock_to_mark(state, now)
            }
            State::LoadLocked(want) if self.is_usable(&want, now) => {
                Lock::Refresh.release(State::Ready)
            }
            State::LoadLocked(want) if self.is_paused(&want, now) => {
                let state = self.paused(want, now);
                self.mark_and_unlock(state, now)
            }
            State::LoadLocked(want) if self.can_refresh(&want, now) => State::Reserve(want),
            State::LoadLocked(want) => {
                let state = self.unrefreshable(want, now);
                self.mark_and_unlock(state, now)
            }
            State::LoadRefused(want, _) if changed && self.is_usable(&want, now) => {
                Lock::Refresh.release(State::Ready)
            }
            State::LoadRefused(want, error) => {
                self.refused_to(want, &error, sent.flatten().as_ref(), now)
            }
            // Somebody else's login may have been of another account.
            State::LoadLogin(want) if want.options.is_some() => State::Prepare(want),
            State::LoadLogin(want) if self.is_usable(&want, now) => {
                Lock::Login.release(State::Ready)
            }
            // Somebody has logged in, so long ago that their token has expired.
            State::LoadLogin(want)
                if !is_same_token
                    && want.lost_races < MAX_LOST_RACES
                    && self.can_refresh(&Want::default(), now) =>
            {
                let lost_races = want.lost_races + 1;
                Lock::Login.release(State::Load(Want { no_refresh: false, lost_races, ..want }))
            }
            State::LoadLogin(want) => State::Prepare(want),
            State::LoadPending(pending) => self.take_up(*pending, now),
            State::LoadLogout(leaving) => self.leave(leaving, now),
            other => other,
        };
    }
}

pub(crate) fn access_token(record: Option<&Record>) -> Option<&BearerAuth> {
    Some(&record?.tokens.as_ref()?.access_token)
}

/// How often a session starts over because others changed the store meanwhile.
pub(crate) const MAX_LOST_RACES: u8 = 3;
