//! The refresh transaction: from a need for a token to a token, or to a need for a login.

use alloc::boxed::Box;
use core::mem;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Refusal};
use crate::flow::{NoAnswer, NotAsked, refresh_request, refreshed};
use crate::http::{Endpoint, Request, Response, clean_code};
use crate::secret::Secret;
use crate::session::machine::{AfterSave, Lock, Saving, Session, State};
use crate::session::record::Record;
use crate::time::UnixTime;
use crate::timeline::{Entry, Finding};
use crate::wire::{BearerAuth, NoToken, ResourceChallenge, TokenData};

/// Why the session works: what is wrong with the token it has.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Want {
    /// The server refused the token of this generation, whatever its expiry says.
    pub(crate) refused: Option<u64>,
    /// A refresh would not help: a scope is missing, or one was tried.
    pub(crate) no_refresh: bool,
    /// Somebody asked for a login.
    #[serde(default)]
    pub(crate) asked_for: bool,
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

    pub(crate) fn want(&mut self, want: Want) {
        match &self.state {
            _ if self.held.settings.bearer.is_some() => return,
            // Spent but not stored: nothing is more urgent.
            State::Save(saving) | State::LoadConflict(saving, _) | State::Unsaved(saving)
                if saving.record.tokens.is_some() => {}
            _ => return self.state = State::Load(want),
        }
        self.state = match mem::replace(&mut self.state, State::Ready) {
            State::Save(saving) | State::Unsaved(saving) => State::Save(saving.late(want)),
            State::LoadConflict(saving, _) => State::LoadConflict(saving.late(want.clone()), want),
            state => state,
        };
    }

    /// The store was read.
    pub(crate) fn loaded(&mut self, record: Option<Record>, now: UnixTime) {
        let mut state = match mem::replace(&mut self.state, State::Ready) {
            State::LoadConflict(saving, want) => {
                return self.state = self.outdone(saving, want, record);
            }
            State::LoadClient(running) => {
                return self.state = self.client_loaded(running, record, now);
            }
            State::LoadIssuer(running) => {
                return self.state = self.issuer_loaded(running, record, now);
            }
            State::LoadDoubt => return self.state = self.doubt_loaded(record, now),
            state => state,
        };
        let (before, own) = (self.generation(), access_token(self.held.record.as_ref()));
        let is_same_token = access_token(record.as_ref()) == own;
        self.adopt(record);
        let changed = self.generation() != before;
        if is_same_token && self.accepted == before {
            self.accepted = self.generation();
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
            State::Load(want) if self.can_refresh(&want, now) => State::Lock(want),
            State::Load(want) => self.unrefreshable(want, now),
            State::LoadLocked(want) if self.is_usable(&want, now) => {
                Lock::Refresh.release(State::Ready)
            }
            State::LoadLocked(want) if self.can_refresh(&want, now) => State::Refresh(want),
            State::LoadLocked(want) => Lock::Refresh.release(self.unrefreshable(want, now)),
            State::LoadRefused(want, _) if changed && self.is_usable(&want, now) => {
                Lock::Refresh.release(State::Ready)
            }
            State::LoadRefused(mut want, _) if changed && want.lost_races < MAX_LOST_RACES => {
                want.lost_races += 1;
                Lock::Refresh.release(State::Load(want))
            }
            State::LoadRefused(want, error) => self.ended(want, &error, now),
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

    pub(crate) fn refresh_request(&self) -> Option<Request> {
        let record = self.held.record.as_ref()?;
        Some(refresh_request(&record.binding, record.tokens.as_ref()?.refresh_token.as_ref()?))
    }

    /// The refresh was answered, or not.
    pub(crate) fn refresh_answered(
        &mut self,
        want: Want,
        response: Result<&Response, NoAnswer>,
        now: UnixTime,
    ) {
        let Some(record) = &self.held.record else { return };
        let Some(old) = &record.tokens else { return };
        let endpoint = record.binding.server.token_endpoint();
        let status = response.as_ref().ok().map(|response| response.status());
        let silence = response.as_ref().err().and_then(NoAnswer::silence);
        let note =
            |finding| Entry::new(Endpoint::Token, endpoint, status, finding).unanswered(silence);
        let result = match response {
            Ok(response) => refreshed(&record.binding, old, response, now),
            Err(no_answer) => Err(no_answer.error(Endpoint::Token, endpoint).into()),
        };
        let entry = note(match &result {
            Ok(tokens) => Finding::tokens(tokens, now),
            Err(NoToken { error, .. }) if self.is_alive(&want, now) => {
                Finding::Postponed { code: error.code().into() }
            }
            Err(NoToken { error, .. }) => Finding::failed(error),
        });
        self.timeline.push(entry);
        let error = match result {
            Ok(tokens) => {
                let expected = record.generation;
                let generation = expected.saturating_add(1);
                let renewed = record.renewed(generation, now, tokens).on_trial(self.trial_after());
                return self.state = save(renewed, expected, AfterSave::Refreshed(want));
            }
            Err(NoToken { error, refresh_token: Some(refresh_token) })
                if old.refresh_token.as_ref() != Some(&refresh_token) =>
            {
                let expected = record.generation;
                let generation = expected.saturating_add(1);
                let tokens = TokenData { refresh_token: Some(refresh_token), ..old.clone() };
                let rotated = record.renewed(generation, record.issued_at, tokens);
                let rotated = rotated.on_trial(self.trial_after());
                let then = AfterSave::Rotated(want, Box::new(error));
                return self.state = save(rotated, expected, then);
            }
            Err(NoToken { error, .. }) => error,
        };
        self.state = match error {
            Error::Refused(refusal) if ends_grant(&refusal) || refusal.is_about_client() => {
                State::LoadRefused(want, Box::new(refusal.into()))
            }
            error => Lock::Refresh.release(self.not_renewed(want, error, now)),
        };
    }

    /// There are no new tokens, and the grant is as good as before.
    fn not_renewed(&mut self, want: Want, error: Error, now: UnixTime) -> State {
        if self.is_alive(&want, now) {
            let pause = match &error {
                Error::Unreachable(unreachable) => unreachable.retry_after.unwrap_or(PAUSE),
                _ => PAUSE,
            };
            self.postpone(now + pause);
            State::Ready
        } else if says_no(&error) {
            // This endpoint will not do, but a login may find another. The grant is kept until then.
            self.need_login(Want { no_refresh: true, ..want }, now)
        } else {
            State::Failed(Box::new(error))
        }
    }

    /// The record is stored.
    pub(crate) fn saved(&mut self, now: UnixTime) {
        let State::Save(saving) = mem::replace(&mut self.state, State::Ready) else {
            return;
        };
        let Saving { record, then, .. } = *saving;
        if let AfterSave::Refreshed(want) | AfterSave::Rotated(want, _) = &then {
            self.learn_refresh(want);
        }
        if !then.is_about_client() {
            self.adopt(Some(record));
        }
        self.state = match then {
            AfterSave::Refreshed(_) => {
                self.brought = self.generation();
                Lock::Refresh.release(self.vouch())
            }
            AfterSave::Rotated(mut want, error) => {
                // The token that was refused stays refused under its new number.
                if want.refused.is_some() {
                    want.refused = Some(self.generation());
                }
                Lock::Refresh.release(self.not_renewed(want, *error, now))
            }
            // Meanwhile it may have expired.
            AfterSave::Late(want) => State::Load(want),
            AfterSave::Ended(want) if self.is_alive(&want, now) => {
                Lock::Refresh.release(State::Ready)
            }
            AfterSave::Ended(want) => Lock::Refresh.release(self.need_login(want, now)),
            AfterSave::Registered(running) => State::Run(running),
            AfterSave::LoggedIn { .. } => {
                self.brought = self.generation();
                self.learn_login();
                Lock::Login.release(self.vouch())
            }
            AfterSave::Shared(running) => Lock::Client.release(self.settle(running, now)),
            AfterSave::Vouched => State::Ready,
            AfterSave::LoggedOut(leaving) => {
                Lock::Refresh.release(State::LoggedOut(leaving.into()))
            }
        };
    }

    /// The store holds another generation than the record replaces: `stored`, 0 for none.
    pub(crate) fn conflict(&mut self, stored: u64) {
        let State::Save(mut saving) = mem::replace(&mut self.state, State::Ready) else {
            return;
        };
        self.state = match saving.then {
            AfterSave::LoggedIn { tries } if tries < MAX_LOST_RACES => {
                saving.expected = stored;
                saving.record.generation = saving.record.generation.max(stored.saturating_add(1));
                saving.then = AfterSave::LoggedIn { tries: tries + 1 };
                State::Save(saving)
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
            AfterSave::LoggedOut(ref leaving) => Self::leave_again(leaving),
            // Somebody logs in without respecting the lock; ours goes on, and the last one wins.
            AfterSave::Registered(running) => State::Run(running),
            // The same: what this login has registered is good for it.
            AfterSave::Shared(running) => Lock::Client.release(State::Run(running)),
            AfterSave::Vouched => State::Ready,
        };
    }

    /// Somebody stored another record although the lock was held. If it has no tokens, or the refresh
    /// token that was rotated away by now, it is worth less than what could not be saved; otherwise it is
    /// as good.
    fn outdone(&mut self, mut saving: Box<Saving>, want: Want, stored: Option<Record>) -> State {
        fn refresh_token(record: Option<&Record>) -> Option<&Secret> {
            record?.tokens.as_ref()?.refresh_token.as_ref()
        }
        let spent = refresh_token(self.held.record.as_ref());
        let has_spent = |stored: &Record| {
            spent.is_some()
                && spent == refresh_token(Some(stored))
                && spent != refresh_token(Some(&saving.record))
        };
        // Whoever spent it as well, and was refused, has written that the grant has ended.
        let was_ended = |stored: &Record| {
            refresh_token(Some(stored)).is_none()
                && access_token(Some(stored)) == access_token(self.held.record.as_ref())
                && refresh_token(Some(&saving.record)).is_some()
        };
        let brings_tokens = !matches!(saving.then, AfterSave::Ended(_));
        let is_worth_less = |stored: &&Record| {
            brings_tokens && (stored.tokens.is_none() || has_spent(stored) || was_ended(stored))
        };
        if let Some(stored) = stored.as_ref().filter(is_worth_less) {
            saving.expected = stored.generation;
            saving.record.generation = stored.generation.saturating_add(1);
            return State::Save(saving);
        }
        self.adopt(stored);
        Lock::Refresh.release(State::Load(want))
    }

    /// The refresh token, or the client, is refused for good, and nobody has a newer one.
    fn ended(&mut self, mut want: Want, error: &Error, now: UnixTime) -> State {
        if matches!(error, Error::Refused(refusal) if refusal.is_about_client()) {
            self.refuse_client();
            return Lock::Refresh.release(self.unrefreshable(want, now));
        }
        let Some(record) = &self.held.record else {
            return Lock::Refresh.release(self.need_login(want, now));
        };
        let mut record = record.clone().on_trial(self.trial_after());
        let expected = record.generation;
        record.generation = expected.saturating_add(1);
        if let Some(tokens) = &mut record.tokens {
            tokens.refresh_token = None;
        }
        // The token that was refused stays refused under its new number.
        if want.refused.is_some() {
            want.refused = Some(record.generation);
        }
        save(record, expected, AfterSave::Ended(want))
    }
}

pub(crate) fn save(record: Record, expected: u64, then: AfterSave) -> State {
    State::Save(Box::new(Saving { record, expected, then }))
}

fn access_token(record: Option<&Record>) -> Option<&BearerAuth> {
    Some(&record?.tokens.as_ref()?.access_token)
}

/// Whether the refresh token is dead (RFC 6749 §5.2). Servers have many words for "not this request";
/// this is the only one for "never again".
fn ends_grant(refusal: &Refusal) -> bool {
    &*refusal.code == "invalid_grant"
}

/// Whether asking again would bring the same answer.
fn says_no(error: &Error) -> bool {
    match error {
        Error::Refused(refusal) => !refusal.is_for_now(),
        Error::Malformed(malformed) => matches!(malformed.status, 300..=499),
        _ => false,
    }
}

/// How often a session starts over because others changed the store meanwhile.
pub(crate) const MAX_LOST_RACES: u8 = 3;

/// How long a refresh that failed is not tried again while the old token lives.
const PAUSE: Duration = Duration::from_secs(30);
