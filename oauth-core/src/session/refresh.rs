//! The refresh: one request with the refresh token, and what its answer means for the grant.

use alloc::boxed::Box;

use crate::error::{Error, Refusal};
use crate::flow::{NoAnswer, refresh_request, refreshed};
use crate::http::{Endpoint, Request, Response};
use crate::secret::Secret;
use crate::session::access::Want;
use crate::session::machine::{Lock, Session, State};
use crate::session::record::Record;
use crate::session::saving::{AfterSave, save};
use crate::session::trouble::Failure;
use crate::time::UnixTime;
use crate::timeline::{Entry, Finding};
use crate::wire::{NoToken, TokenData};

impl Session {
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
        let answer = response.as_ref().ok().copied();
        let result = match response {
            Ok(response) => refreshed(&record.binding, old, response, now),
            Err(no_answer) => Err(no_answer.error(Endpoint::Token, endpoint).into()),
        };
        let entry = note(match &result {
            Ok(tokens) => tokens.finding(now),
            Err(NoToken { error, .. }) if self.is_alive(&want, now) => {
                Finding::Postponed { code: error.code().into() }
            }
            Err(NoToken { error, .. }) => Finding::failed(error),
        });
        self.timeline.push(entry);
        let error = match result {
            Ok(tokens) => {
                let expected = record.generation;
                let renewed = record.renewed(now, tokens).on_trial(self.trial_after());
                return self.state = save(renewed, expected, AfterSave::Refreshed(want));
            }
            Err(NoToken { error, refresh_token: Some(refresh_token) })
                if old.refresh_token.as_ref() != Some(&refresh_token) =>
            {
                let expected = record.generation;
                let tokens = TokenData { refresh_token: Some(refresh_token), ..old.clone() };
                let mut rotated = record.rotated(tokens);
                if let Some(failure) = answer.and_then(|it| Failure::of(it, &error, now)) {
                    rotated.trouble.clone_from(&record.trouble);
                    rotated = rotated.troubled(failure, now);
                }
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
            error => match answer.and_then(|it| Failure::of(it, &error, now)) {
                Some(failure) => self.write_trouble(want, error, failure, now),
                None => self.go_on(want, error, now),
            },
        };
    }

    /// There are no new tokens, which is written down or could not be, and the grant is as good as before.
    pub(crate) fn go_on(&mut self, want: Want, error: Error, now: UnixTime) -> State {
        let (lives, is_final) = (self.is_alive(&want, now), says_no(&error));
        let state = if self.will_do(&want, now) || lives && is_final {
            self.postpone(self.end_of_pause(now));
            State::Ready
        } else if !lives && (is_final || self.is_worn_out(now)) {
            // This endpoint will not do, but a login may find another. The grant is kept until then.
            self.need_login(Want { no_refresh: true, ..want }, now)
        } else {
            State::Failed(Box::new(error))
        };
        self.mark_and_unlock(state, now)
    }

    /// The refresh was refused that was made with `sent`, and the store was read again. Only what was refused
    /// ends: what others have stored meanwhile is tried in its turn.
    pub(crate) fn refused_to(
        &mut self,
        want: Want,
        error: &Error,
        sent: Option<&Record>,
        now: UnixTime,
    ) -> State {
        let (Some(sent), Some(stored)) = (sent, &self.held.record) else {
            let state = self.unrefreshable(want, now);
            return self.mark_and_unlock(state, now);
        };
        let is_same_client = sent.binding.server.is_same(&stored.binding.server)
            && sent.binding.client == stored.binding.client;
        let is_same_token = refresh_token(Some(sent)) == refresh_token(Some(stored));
        let is_about_client = error.refusal().is_some_and(Refusal::is_about_client);
        if is_about_client && is_same_client {
            self.refuse_client();
        } else if refresh_token(Some(stored)).is_some() {
            return match is_same_client && is_same_token {
                true => self.ended(want, stored.clone(), now),
                false => Lock::Refresh.release(self.start_over(want, now)),
            };
        }
        let state = self.unrefreshable(want, now);
        self.mark_and_unlock(state, now)
    }

    /// The refresh token of this record is refused for good.
    fn ended(&mut self, want: Want, record: Record, now: UnixTime) -> State {
        if !self.is_alive(&want, now) {
            self.learn_end(&self.need_login(want.clone(), now), now);
        }
        let mut record = record.on_trial(self.trial_after()).refused(self.held.refused_at());
        let expected = record.generation;
        if let Some(tokens) = &mut record.tokens {
            tokens.refresh_token = None;
        }
        record.trouble = None;
        save(record, expected, AfterSave::Ended(want))
    }
}

pub(crate) fn refresh_token(record: Option<&Record>) -> Option<&Secret> {
    record?.tokens.as_ref()?.refresh_token.as_ref()
}

/// Whether the refresh token is dead (RFC 6749 §5.2). Servers have many words for "not this request";
/// this is the only one for "never again".
fn ends_grant(refusal: &Refusal) -> bool {
    &*refusal.code == "invalid_grant"
}

/// Whether asking again would bring the same answer.
pub(crate) fn says_no(error: &Error) -> bool {
    match error {
        Error::Refused(refusal) => !refusal.is_for_now(),
        Error::Malformed(malformed) => matches!(malformed.status, 300..=499),
        _ => false,
    }
}
