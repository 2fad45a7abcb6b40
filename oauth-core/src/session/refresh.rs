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

use serde::{Deserialize, Serialize};

use crate::error::{Error, PeerIncompatible, Refusal};
use crate::flow::{NoAnswer, Proof, ServerNonce, read_refresh, refresh_request};
use crate::http::{Endpoint, Request, Response};
use crate::secret::Secret;
use crate::session::access::Access;
use crate::session::authorization::Snapshot;
use crate::session::keep::{AfterKeep, Keep};
use crate::session::login::Login;
use crate::session::machine::{Next, Op, Session};
use crate::session::need::Need;
use crate::session::record::Record;
use crate::session::transaction::{Lock, Saving};
use crate::session::trouble::Failure;
use crate::session::turn::{Ask, Event};
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
    Run(Box<Proof>, Need),
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

    pub(crate) fn handle(self, event: Event<'_>, session: &mut Session) -> Next {
        match (self, event) {
            (Self::Lock(need), Event::Locked) => Next::to(Self::Load(need)),
            // Somebody else refreshes, or was stopped while they did.
            (Self::Lock(need), Event::HeldElsewhere(now)) if session.will_do(&need, now) => {
                session.spare(now);
                Next::to(Op::Ready)
            }
            (Self::Load(need), Event::Loaded(record, now)) => {
                Next::To(session.looked_again(need, record, now))
            }
            (Self::Reserve(need), Event::Reserved) => Next::To(session.redeem(need)),
            (Self::Reserve(need), Event::Lost(now)) => {
                Next::To(Lock::Refresh.release(session.start_over(need, now)))
            }
            (Self::Run(mut proof, need), Event::Answered(answer, now)) => {
                if let Ok(response) = &answer {
                    match session.is_asked_again(&mut proof, response, now) {
                        Ok(None) => {}
                        Ok(Some(finding)) => {
                            session.note_token_answer(response, finding);
                            return Next::to(Self::Run(proof, need));
                        }
                        Err(error) => {
                            let error = Error::from(error);
                            session.note_token_answer(response, Finding::failed(&error));
                            return Next::To(session.go_on(need, error, now));
                        }
                    }
                }
                Next::To(session.refresh_answered(need, answer, now))
            }
            (run @ Self::Run(..), Event::Given(_)) => Next::to(run),
            (Self::Run(_, need), Event::Withheld(error, now)) => {
                Next::To(session.go_on(need, error, now))
            }
            (Self::LoadRefused(need, error), Event::Loaded(record, now)) => {
                Next::To(session.looked_after_refusal(need, &error, record, now))
            }
            (Self::SaveTrouble(saving, need, error), Event::Saved(now)) => {
                session.look(Some(saving.record), now);
                let need = session.renumbered(need);
                Next::To(session.go_on(need, *error, now))
            }
            // Whoever wrote may have brought tokens.
            (Self::SaveTrouble(_, need, error), Event::Conflict(_)) => {
                let again = need.outrun().map(|need| Access(need).into());
                Next::To(Lock::Refresh.release(again.unwrap_or(Op::Failed(error))))
            }
            // The others have to find it out for themselves.
            (Self::SaveTrouble(_, need, error), Event::Failed(now)) => {
                Next::To(session.go_on(need, *error, now))
            }
            (Self::SaveRefused(saving, need), Event::Saved(now)) => {
                session.look(Some(saving.record), now);
                Next::To(Lock::Refresh.release(Login::Needed(session.renumbered(need))))
            }
            (Self::SaveRefused(_, need), Event::Conflict(_)) => {
                let again = need.outrun().map(|need| Op::from(Access(need)));
                let op = again.unwrap_or_else(|need| Login::Needed(need).into());
                Next::To(Lock::Refresh.release(op))
            }
            // What the server says is the answer, whatever the store says.
            (Self::SaveRefused(_, need), Event::Failed(_)) if session.held.refused.is_some() => {
                Next::To(Lock::Refresh.release(Login::Needed(need)))
            }
            (refresh, Event::Failed(now)) => refresh.unread(session, now),
            (refresh, _) => Next::stay(refresh),
        }
    }

    /// The store fails before anything is spent. A living token is used; or what was only to be written down is left.
    fn unread(self, session: &mut Session, now: UnixTime) -> Next {
        let (need, is_locked) = match &self {
            Self::Lock(need) => (need, false),
            Self::Load(need) | Self::LoadRefused(need, _) | Self::Reserve(need) => (need, true),
            Self::Run(..) | Self::SaveTrouble(..) | Self::SaveRefused(..) => {
                return Next::stay(self);
            }
        };
        if session.can_spare(need, now) {
            session.spare(now);
            return Next::To(if is_locked { Lock::Refresh.release(Op::Ready) } else { Op::Ready });
        }
        // Others find out for themselves that the token is refused.
        let is_to_mark = session.held.is_mark_due() && !session.can_refresh(need, now);
        match self {
            Self::Lock(need) if is_to_mark => Next::to(Login::Needed(need)),
            Self::Load(need) if is_to_mark => Next::To(Lock::Refresh.release(Login::Needed(need))),
            refresh => Next::stay(refresh),
        }
    }
}

/// To the token endpoint that issued the tokens, and nowhere else.
fn request(record: &Record, proof: &Proof) -> Option<Request> {
    let refresh_token = record.tokens.as_ref()?.refresh_token.as_ref()?;
    Some(refresh_request(&record.binding, proof, refresh_token))
}

impl Session {
    /// The store was read once more, under the lock.
    fn looked_again(&mut self, mut need: Need, record: Option<Record>, now: UnixTime) -> Op {
        self.look_for(&mut need, record, now);
        if self.is_usable(&need, now) {
            Lock::Refresh.release(Op::Ready)
        } else if self.is_paused(&need, now) {
            let op = self.paused(need, now);
            self.mark_and_unlock(op, now)
        } else if self.can_refresh(&need, now) {
            Refresh::Reserve(need).into()
        } else {
            let op = self.unrefreshable(need, now);
            self.mark_and_unlock(op, now)
        }
    }

    /// The refresh token is about to be spent.
    fn redeem(&self, need: Need) -> Op {
        let Some(record) = &self.held.record else { return Op::Ready };
        match Proof::new(&record.binding, &self.held.settings) {
            Ok(proof) => Refresh::Run(Box::new(proof), need).into(),
            Err(error) => Lock::Refresh.release(Op::Failed(Box::new(error.into()))),
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
            self.nonce = Some(nonce);
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
    ) -> Op {
        let Some(record) = &self.held.record else { return Op::Ready };
        let Some(old) = &record.tokens else { return Op::Ready };
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
                return Keep::save(renewed, record.generation, AfterKeep::Refreshed(need));
            }
            Err(no_token) => no_token,
        };
        let failure = answer.and_then(|it| Failure::of(it, &error, now));
        if let Some(new) = refresh_token.filter(|new| old.refresh_token.as_ref() != Some(new)) {
            let rotated = self.rotated(record, old, new, failure, now);
            let then = AfterKeep::Rotated(need, Box::new(error));
            return Keep::save(rotated, record.generation, then);
        }
        match (error, failure) {
            (Error::Refused(it), _) if ends_grant(&it) || it.is_about_client() => {
                Refresh::LoadRefused(need, Box::new(it.into())).into()
            }
            (error, Some(failure)) => self.write_trouble(need, error, failure, now),
            (error, None) => self.go_on(need, error, now),
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

    /// There are no new tokens, which is written down or could not be, and the grant is as good as before.
    pub(crate) fn go_on(&mut self, need: Need, error: Error, now: UnixTime) -> Op {
        let is_final = says_no(&error) && !self.is_about_proof(&error);
        let lives = self.is_alive(&need, now);
        let op = if self.will_do(&need, now) || lives && is_final {
            self.postpone(self.end_of_pause(now));
            Op::Ready
        } else if !lives && (is_final || self.is_worn_out(now)) {
            // This endpoint will not do, but a login may find another. The grant is kept until then.
            self.need_login(Need { no_refresh: true, ..need }, now)
        } else {
            Op::Failed(Box::new(error))
        };
        self.mark_and_unlock(op, now)
    }

    /// Whether only the proof of the key was refused: that says nothing about the grant, and a login would need the
    /// same proofs.
    fn is_about_proof(&self, error: &Error) -> bool {
        let record = self.held.record.as_ref();
        record.is_some_and(|record| record.binding.possession.is_some())
            && error.refusal().is_some_and(|it| it.wants_dpop_nonce() || it.is_invalid_dpop_proof())
    }

    /// The refresh was refused, and the store was read again. Only what was refused ends: what others have stored
    /// meanwhile is tried in its turn.
    fn looked_after_refusal(
        &mut self,
        mut need: Need,
        error: &Error,
        record: Option<Record>,
        now: UnixTime,
    ) -> Op {
        let look = self.look_for(&mut need, record, now);
        if self.generation() != look.generation_before() && self.is_usable(&need, now) {
            return Lock::Refresh.release(Op::Ready);
        }
        let (Some(sent), Some(stored)) = (&look.before, &self.held.record) else {
            let op = self.unrefreshable(need, now);
            return self.mark_and_unlock(op, now);
        };
        let is_same_client = sent.binding.server.is_same(&stored.binding.server)
            && sent.binding.client == stored.binding.client;
        let is_same_token = refresh_token(Some(sent)) == refresh_token(Some(stored));
        let is_about_client = error.refusal().is_some_and(Refusal::is_about_client);
        if is_about_client && is_same_client {
            self.refuse_client();
        } else if refresh_token(Some(stored)).is_some() {
            return match is_same_client && is_same_token {
                true => self.ended(need, stored.clone(), now),
                false => Lock::Refresh.release(self.start_over(need, now)),
            };
        }
        let op = self.unrefreshable(need, now);
        self.mark_and_unlock(op, now)
    }

    /// The refresh token of this record is refused for good.
    fn ended(&mut self, need: Need, record: Record, now: UnixTime) -> Op {
        if !self.is_alive(&need, now) {
            self.learn_end(&self.need_login(need.clone(), now), now);
        }
        let mut record = record.on_trial(self.trial_after()).refused(self.held.refused_at());
        let expected = record.generation;
        if let Some(tokens) = &mut record.tokens {
            tokens.refresh_token = None;
        }
        record.trouble = None;
        Keep::save(record, expected, AfterKeep::Ended(need))
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
