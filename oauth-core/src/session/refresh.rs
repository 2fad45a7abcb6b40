//! The refresh: one request with the refresh token, under a lock and after a second look, and what its answer means
//! for the grant.
//!
//! ```text
//!  Lock ─▶ Load ─▶ Reserve ─▶ Run ──┬─ tokens ───────────▶ Keep
//!                                   ├─ refused ──▶ Load ─▶ Keep: the grant has ended
//!                                   ├─ not now ──▶ Save (a pause for all)
//!                                   └─ no answer: what lives is used
//!  whenever it turns out that the token at hand is refused for good ─▶ Save (refused) ─▶ Login
//! ```

use alloc::boxed::Box;
use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::Unreachable;
use crate::error::{Error, PeerIncompatible, Refusal};
use crate::flow::{NoAnswer, Proof, ServerNonce, read_refresh, refresh_request};
use crate::http::{Endpoint, Request, Response};
use crate::secret::Secret;
use crate::session::authorization::Snapshot;
use crate::session::event::{Ask, Event};
use crate::session::known::Known;
use crate::session::need::Need;
use crate::session::next::{Next, To};
use crate::session::record::Record;
use crate::session::transaction::{Lock, Saving};
use crate::session::trouble::Failure;
use crate::session::unstored::AfterKeep;
use crate::time::UnixTime;
use crate::timeline::{Entry, Finding};
use crate::wire::{NoToken, TokenData};

/// Where a refresh stands.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Refresh {
    /// It waits for the lock.
    Lock(Need),
    /// The second look, under the lock.
    Load(Need),
    /// The proof that what it brings can be kept.
    Reserve(Need),
    /// The answer of the token endpoint, and before it a signature if the client has a key.
    Run(Proof, Need),
    /// A third look, after it was refused for the reason kept here.
    LoadRefused(Need, Box<Error>),
    /// Why there are no new tokens is written down, for all who share the store: the old one is used while it lives.
    SaveTrouble(Box<Saving>, Need, Box<Error>),
    /// That the token is refused is written down: then a login is needed.
    SaveRefused(Box<Saving>, Need),
}

impl Refresh {
    pub(crate) fn ask(&self, held: &Snapshot) -> Result<Ask, Error> {
        Ok(match self {
            Self::Lock(_) => Ask::Lock(Lock::Refresh),
            Self::Load(_) | Self::LoadRefused(..) => Ask::Load,
            Self::Reserve(_) => Ask::Reserve,
            Self::Run(proof, _) if proof.is_unsigned() => Ask::Sign,
            Self::Run(proof, _) => {
                let request = held.record.as_ref().and_then(|record| request(record, proof));
                Ask::Http(request.ok_or(Error::LoginRequired)?)
            }
            Self::SaveTrouble(..) | Self::SaveRefused(..) => Ask::Save,
        })
    }

    pub(crate) fn handle(self, event: Event<'_>, known: &mut Known) -> Next<Self> {
        match (self, event) {
            (Self::Lock(need), Event::Locked) => Next::Here(Self::Load(need)),
            // Somebody else refreshes, or was stopped while they did.
            (Self::Lock(need), Event::HeldElsewhere(now)) if known.will_do(&need, now) => {
                known.linger(now);
                Next::Away(To::Ready)
            }
            (Self::Load(need), Event::Loaded(record, now)) => known.looked_again(need, record, now),
            (Self::Reserve(need), Event::Reserved) => known.redeem(need),
            (Self::Reserve(need) | Self::Run(_, need), Event::Lost(now)) => {
                Next::Away(Lock::Refresh.release(known.start_over(need, now)))
            }
            (Self::Run(mut proof, need), Event::Answered(answer, now)) => {
                if let Ok(response) = &answer {
                    match known.is_asked_again(&mut proof, response, now) {
                        Ok(None) => {}
                        Ok(Some(finding)) => {
                            known.note_token_answer(response, finding);
                            return Next::Here(Self::Run(proof, need));
                        }
                        Err(error) => {
                            let error = Error::from(error);
                            known.note_token_answer(response, Finding::failed(&error));
                            return Next::Away(known.go_on(need, error, now));
                        }
                    }
                }
                known.refresh_answered(need, answer, now)
            }
            (run @ Self::Run(..), Event::Given(_)) => Next::Here(run),
            (Self::Run(_, need), Event::Withheld(error, now)) => {
                Next::Away(known.go_on(need, error, now))
            }
            (Self::LoadRefused(need, error), Event::Loaded(record, now)) => {
                Next::Away(known.looked_after_refusal(need, &error, record, now))
            }
            (Self::SaveTrouble(saving, need, error), Event::Saved(now)) => {
                known.look(Some(saving.record), now);
                let need = known.renumbered(need);
                Next::Away(known.go_on(need, *error, now))
            }
            // Whoever wrote may have brought tokens.
            (Self::SaveTrouble(_, need, error), Event::Conflict(_)) => {
                let again = need.outrun().map(To::Access);
                Next::Away(Lock::Refresh.release(again.unwrap_or(To::Failed(error))))
            }
            // The others have to find it out for themselves.
            (Self::SaveTrouble(_, need, error), Event::Failed(now)) => {
                Next::Away(known.go_on(need, *error, now))
            }
            (Self::SaveRefused(saving, need), Event::Saved(now)) => {
                known.look(Some(saving.record), now);
                Next::Away(Lock::Refresh.release(To::Login(known.renumbered(need))))
            }
            (Self::SaveRefused(_, need), Event::Conflict(_)) => {
                let again = need.outrun().map(To::Access);
                let to = again.unwrap_or_else(To::Login);
                Next::Away(Lock::Refresh.release(to))
            }
            // What the server says is the answer, whatever the store says.
            (Self::SaveRefused(_, need), Event::Failed(_)) if known.held.refused.is_some() => {
                Next::Away(Lock::Refresh.release(To::Login(need)))
            }
            (refresh, Event::Failed(now)) => refresh.unread(known, now),
            (refresh, _) => Next::Stay(refresh),
        }
    }

    /// The store fails before anything is spent. A living token is used; or what was only to be written down is left.
    fn unread(self, known: &mut Known, now: UnixTime) -> Next<Self> {
        let (need, is_locked) = match &self {
            Self::Lock(need) => (need, false),
            Self::Load(need) | Self::LoadRefused(need, _) | Self::Reserve(need) => (need, true),
            Self::Run(..) | Self::SaveTrouble(..) | Self::SaveRefused(..) => {
                return Next::Stay(self);
            }
        };
        if known.can_spare(need, now) {
            known.spare(now);
            return Next::Away(if is_locked {
                Lock::Refresh.release(To::Ready)
            } else {
                To::Ready
            });
        }
        // Others find out for themselves that the token is refused.
        let is_to_mark = known.held.is_mark_due() && !known.can_refresh(need, now);
        match self {
            Self::Lock(need) if is_to_mark => Next::Away(To::Login(need)),
            Self::Load(need) if is_to_mark => Next::Away(Lock::Refresh.release(To::Login(need))),
            refresh => Next::Stay(refresh),
        }
    }
}

/// To the token endpoint that issued the tokens, and nowhere else.
fn request(record: &Record, proof: &Proof) -> Option<Request> {
    let refresh_token = record.tokens.as_ref()?.refresh_token.as_ref()?;
    Some(refresh_request(&record.binding, proof, refresh_token))
}

impl Known {
    /// The store was read once more, under the lock.
    fn looked_again(
        &mut self,
        mut need: Need,
        record: Option<Record>,
        now: UnixTime,
    ) -> Next<Refresh> {
        self.look_for(&mut need, record, now);
        if self.is_usable(&need, now) {
            Lock::Refresh.release(To::Ready).into()
        } else if self.is_paused(&need, now) {
            let to = self.paused(need, now);
            self.mark_and_unlock(to, now).into()
        } else if self.can_refresh(&need, now) {
            Next::Here(Refresh::Reserve(need))
        } else {
            let to = self.unrefreshable(need, now);
            self.mark_and_unlock(to, now).into()
        }
    }

    /// The refresh token is about to be spent.
    fn redeem(&self, need: Need) -> Next<Refresh> {
        let Some(record) = &self.held.record else { return To::Ready.into() };
        match Proof::new(&record.binding, &self.held.settings) {
            Ok(proof) => Next::Here(Refresh::Run(proof, need)),
            Err(error) => Lock::Refresh.release(To::failed(error)).into(),
        }
    }

    /// Whether the authorization server only asks for another proof: nothing was spent. What it wants to see in the next
    /// one is kept, whatever it came with.
    fn is_asked_again(
        &mut self,
        proof: &mut Proof,
        response: &Response,
        now: UnixTime,
    ) -> Result<Option<Finding>, PeerIncompatible> {
        if proof.is_bound()
            && let Some(record) = &self.held.record
            && let Some(nonce) = ServerNonce::of(response, record.binding.server.token_endpoint())
        {
            self.seldom_mut().nonce = Some(nonce);
        }
        proof.is_asked_again(response, now)
    }

    fn note_token_answer(&mut self, response: &Response, finding: Finding) {
        let Some(record) = &self.held.record else { return };
        let url = record.binding.server.token_endpoint();
        self.timeline.push(Entry::new(Endpoint::Token, url, Some(response.status()), finding));
    }

    /// The refresh was answered, or not.
    fn refresh_answered(
        &mut self,
        need: Need,
        response: Result<&Response, NoAnswer>,
        now: UnixTime,
    ) -> Next<Refresh> {
        let Some(record) = &self.held.record else { return To::Ready.into() };
        let Some(old) = &record.tokens else { return To::Ready.into() };
        let endpoint = record.binding.server.token_endpoint();
        let status = response.as_ref().ok().map(|response| response.status());
        let silence = response.as_ref().err().and_then(NoAnswer::silence);
        let answer = response.as_ref().ok().copied();
        let result = match response {
            Ok(response) => read_refresh(&record.binding, old, response, now),
            Err(no_answer) => Err(no_answer.error(Endpoint::Token, endpoint).into()),
        };
        let finding = match &result {
            Ok(tokens) => tokens.finding(now),
            Err(NoToken { error, .. }) if self.is_alive(&need, now) => {
                Finding::Postponed { code: error.code().into() }
            }
            Err(NoToken { error, .. }) => Finding::failed(error),
        };
        let entry = Entry::new(Endpoint::Token, endpoint, status, finding);
        self.timeline.push(entry.unanswered(silence));
        let NoToken { error, refresh_token } = match result {
            Ok(tokens) => {
                let renewed = record.renewed(now, tokens).on_trial(self.trial_after());
                return To::keep(renewed, record.generation, AfterKeep::Refreshed(need)).into();
            }
            Err(no_token) => no_token,
        };
        let failure = answer.and_then(|it| Failure::of(it, &error, now));
        if let Some(new) = refresh_token.filter(|new| old.refresh_token.as_ref() != Some(new)) {
            let rotated = self.rotated(record, old, new, failure, now);
            let then = AfterKeep::Rotated(need, Box::new(error));
            return To::keep(rotated, record.generation, then).into();
        }
        match (error, failure) {
            (Error::Refused(it), _) if ends_grant(&it) || it.is_about_client() => {
                Next::Here(Refresh::LoadRefused(need, Box::new(it.into())))
            }
            (error, Some(failure)) => self.write_trouble(need, error, failure, now),
            (error, None) => self.go_on(need, error, now).into(),
        }
    }

    /// An answer without an access token has brought another refresh token: the old one may be spent.
    fn rotated(
        &self,
        record: &Record,
        old: &TokenData,
        new: Secret,
        failure: Option<Failure>,
        now: UnixTime,
    ) -> Record {
        let mut rotated = record.rotated(TokenData { refresh_token: Some(new), ..old.clone() });
        if let Some(failure) = failure {
            rotated.trouble.clone_from(&record.trouble);
            rotated = rotated.troubled(failure, now);
        }
        rotated.on_trial(self.trial_after())
    }

    /// The refresh was answered without tokens: that is written down first.
    fn write_trouble(
        &self,
        need: Need,
        error: Error,
        failure: Failure,
        now: UnixTime,
    ) -> Next<Refresh> {
        let Some(record) = &self.held.record else { return To::failed(error).into() };
        let expected = record.generation;
        let troubled = record.troubled(failure, now).on_trial(self.trial_after());
        let error = match error {
            // Also a date, which takes a clock to be read.
            Error::Unreachable(unreachable) => {
                Unreachable { retry_after: failure.pause, ..unreachable }.into()
            }
            error => error,
        };
        Next::Here(Refresh::SaveTrouble(Saving::boxed(troubled, expected), need, Box::new(error)))
    }

    /// The refresh was refused, and the store was read again. Only what was refused ends: what others have stored
    /// meanwhile is tried in its turn.
    fn looked_after_refusal(
        &mut self,
        mut need: Need,
        error: &Error,
        record: Option<Record>,
        now: UnixTime,
    ) -> To {
        let look = self.look_for(&mut need, record, now);
        if self.generation() != look.generation_before() && self.is_usable(&need, now) {
            return Lock::Refresh.release(To::Ready);
        }
        let (Some(sent), Some(stored)) = (&look.before, &self.held.record) else {
            let to = self.unrefreshable(need, now);
            return self.mark_and_unlock(to, now);
        };
        let is_same_client = sent.binding.server.is_same(&stored.binding.server)
            && sent.binding.client == stored.binding.client;
        let is_same_token = sent.refresh_token() == stored.refresh_token();
        let is_about_client = error.refusal().is_some_and(Refusal::is_about_client);
        if is_about_client && is_same_client {
            self.refuse_client();
        } else if stored.refresh_token().is_some() {
            return match is_same_client && is_same_token {
                true => self.ended(need, stored.clone(), now),
                false => Lock::Refresh.release(self.start_over(need, now)),
            };
        }
        let to = self.unrefreshable(need, now);
        self.mark_and_unlock(to, now)
    }

    /// The refresh token of this record is refused for good.
    fn ended(&mut self, need: Need, record: Record, now: UnixTime) -> To {
        if !self.is_alive(&need, now) {
            self.learn_end(&self.need_login(need.clone(), now), now);
        }
        let mut record = record.on_trial(self.trial_after()).refused(self.held.refused_at());
        let expected = record.generation;
        if let Some(tokens) = &mut record.tokens {
            Arc::make_mut(tokens).refresh_token = None;
        }
        record.trouble = None;
        To::keep(record, expected, AfterKeep::Ended(need))
    }
}

/// Whether the refresh token is dead (RFC 6749 §5.2). Servers have many words for "not this request";
/// this is the only one for "never again".
fn ends_grant(refusal: &Refusal) -> bool {
    &*refusal.code == "invalid_grant"
}
