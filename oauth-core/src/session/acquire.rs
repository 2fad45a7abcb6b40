//! A token without a user: asked for under the refresh lock, and after a second look, as often as the one at hand has
//! run out. It never leads to a page, whatever happens.
//!
//! ```text
//!  Lock ─▶ Load ─┬─ somebody has asked already ─▶ Ready, with theirs
//!                ├─ the server is not known yet ─▶ Probe ─┐
//!                └─ asked before ────────────────▶ Run ◀──┘
//!                                                  │ Http, Sign, Assertion
//!                                                  ├─ a token ─▶ Keep
//!                                                  └─ none ────▶ what lives is used, or the error
//! ```

use alloc::boxed::Box;
use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Refusal};
use crate::flow::{
    Feature as _, Flow, Grant, Login as FlowLogin, NoAnswer, Part, PreviousLogin, Probe, Step,
    WithoutUser,
};
use crate::http::Response;
use crate::session::authorization::Snapshot;
use crate::session::event::{Ask, Event};
use crate::session::known::Known;
use crate::session::need::Need;
use crate::session::next::{Next, To};
use crate::session::record::Record;
use crate::session::rest::Rest;
use crate::session::transaction::Lock;
use crate::session::unstored::AfterKeep;
use crate::time::UnixTime;

/// Where it stands.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Acquire {
    /// It waits for the lock.
    Lock(Need),
    /// A look under the lock.
    Load(Need),
    /// What the MCP server says to who has no token.
    Probe(Box<Probe>, Need),
    /// The next step of asking.
    Run(Box<Flow>, Need),
}

impl Part<Acquire, WithoutUser> {
    pub(crate) fn handle(self, event: Event<'_>, known: &mut Known) -> Next<Self> {
        let feature = self.feature();
        match self.into_inner().handle(event, known) {
            Next::Here(acquire) => Next::Here(feature.part(acquire)),
            Next::Away(to) => Next::Away(to),
            Next::Stay(acquire) => Next::Stay(feature.part(acquire)),
        }
    }
}

impl Acquire {
    pub(crate) fn ask(&mut self, _: &Snapshot) -> Result<Ask, Error> {
        Ok(match self {
            Self::Lock(_) => Ask::Lock(Lock::Refresh),
            Self::Load(_) => Ask::Load,
            // A probe that has no question left has led on.
            Self::Probe(probe, _) => Ask::Http(probe.step().ok_or(Error::LoginRequired)?.0),
            Self::Run(flow, _) => match flow.step()? {
                Step::Http { request, .. } => Ask::Http(request),
                Step::Sign(_) => Ask::Sign,
                Step::Assertion(_) => Ask::Assertion,
                Step::Key(_) => Ask::Key,
                // Nobody is sent anywhere, and what is done is stored in the same breath.
                Step::Browser { .. } | Step::Device { .. } | Step::Wait { .. } | Step::Done(_) => {
                    return Err(Error::LoginRequired);
                }
            },
        })
    }

    fn handle(self, event: Event<'_>, known: &mut Known) -> Next<Self> {
        match (self, event) {
            (Self::Lock(need), Event::Locked) => Next::Here(Self::Load(need)),
            // Somebody else asks, or was stopped while they did.
            (Self::Lock(need), Event::HeldElsewhere(now))
                if !need.asked_for && known.will_do(&need, now) =>
            {
                known.linger(now);
                Next::Away(To::Ready)
            }
            (Self::Load(mut need), Event::Loaded(record, now)) => {
                known.look_for(&mut need, record, now);
                if known.is_usable(&need, now) && !need.asked_for {
                    return Next::Away(Lock::Refresh.release(To::Ready));
                }
                match known.rests(&need, now) {
                    Some(error) => known.not_acquired(&need, error, now).into(),
                    None => known.acquire(need, now),
                }
            }
            (Self::Probe(probe, need), Event::Answered(answer, now)) => {
                known.probed(probe, need, answer, now)
            }
            (Self::Run(mut flow, need), Event::Answered(answer, now)) => {
                flow.noting_in(&mut known.timeline, |flow| flow.answer(answer, now));
                known.acquired(flow, need, now)
            }
            (Self::Run(flow, need), Event::Given(now)) => known.acquired(flow, need, now),
            (acquire, Event::Failed(now)) => acquire.unread(known, now),
            (acquire, _) => Next::Stay(acquire),
        }
    }

    /// The store fails before anything was asked. A living token is used.
    fn unread(self, known: &mut Known, now: UnixTime) -> Next<Self> {
        let (need, is_locked) = match &self {
            Self::Lock(need) => (need, false),
            Self::Load(need) => (need, true),
            Self::Probe(..) | Self::Run(..) => return Next::Stay(self),
        };
        if !known.can_spare(need, now) {
            return Next::Stay(self);
        }
        known.spare(now);
        Next::Away(if is_locked { Lock::Refresh.release(To::Ready) } else { To::Ready })
    }

    /// What asks for the token, once that is under way.
    pub(crate) fn flow(&self) -> Option<&Flow> {
        match self {
            Self::Run(flow, _) => Some(flow),
            _ => None,
        }
    }

    pub(crate) fn flow_mut(&mut self) -> Option<&mut Flow> {
        match self {
            Self::Run(flow, _) => Some(flow),
            _ => None,
        }
    }
}

impl Known {
    /// Asks, under the lock. What was found out for the last token still holds, unless that was refused although it was
    /// new and nobody has used it: the MCP server may have moved to another authorization server.
    fn acquire(&mut self, need: Need, now: UnixTime) -> Next<Acquire> {
        let settings = Arc::clone(&self.held.settings).at(self.moved_to());
        let known = self.held.record.as_ref().filter(|record| record.may_be_of(&settings));
        let generation = self.generation();
        let is_own = self.own_generation == generation && self.accepted != generation;
        let wants_key = need.wants_key() || self.refused().bearer == Some(generation);
        let lacks_key = |record: &&Record| wants_key && record.binding.dpop_key().is_none();
        let known = known.filter(|it| !(lacks_key(it) || it.is_key_gone(&settings)));
        let known = known.filter(|_| !(is_own && need.refuses(generation)));
        if let Some(record) = known {
            let binding = (*record.binding).clone();
            let login = FlowLogin::without_user(settings, now).map(|it| it.renewing(binding));
            return self.ask_for_token(login, need, now);
        }
        if need.challenge.is_none() && !need.was_answered && !settings.without_discovery {
            return Next::Here(Acquire::Probe(Box::new(Probe::new(&settings)), need));
        }
        self.ask_for_token(FlowLogin::without_user(settings, now), need, now)
    }

    /// The MCP server has said where its metadata is, or nothing.
    fn probed(
        &mut self,
        mut probe: Box<Probe>,
        need: Need,
        answer: Result<&Response, NoAnswer>,
        now: UnixTime,
    ) -> Next<Acquire> {
        probe.answer(answer.ok());
        if !probe.is_done() {
            return Next::Here(Acquire::Probe(probe, need));
        }
        self.note_move(probe.url());
        self.timeline.append(probe.timeline().clone());
        let settings = Arc::clone(&self.held.settings).at(self.moved_to());
        let login = FlowLogin::without_user(settings, now).map(|login| login.probed(&probe));
        self.ask_for_token(login, need, now)
    }

    fn ask_for_token(
        &mut self,
        login: Result<FlowLogin, Error>,
        need: Need,
        now: UnixTime,
    ) -> Next<Acquire> {
        let login = login.map(|login| match need.challenge.as_deref() {
            Some(challenge) => login.challenge(challenge.clone()),
            None => login,
        });
        // Whose the client is shows in what it has got: its credentials go to nobody else.
        let known = self.held.record.as_ref().filter(|it| it.may_be_of(&self.held.settings));
        let login = login.map(|login| match known {
            Some(record) => login.before(PreviousLogin::new((*record.binding).clone())),
            None => login,
        });
        match login.and_then(Flow::login) {
            Ok(flow) => {
                let flow = flow.with_nonce(self.seldom().nonce.clone());
                self.acquired(Box::new(flow), need, now)
            }
            Err(error) => self.not_acquired(&need, error, now).into(),
        }
    }

    /// Where the asking stands.
    fn acquired(&mut self, mut flow: Box<Flow>, need: Need, now: UnixTime) -> Next<Acquire> {
        self.hear(&flow);
        // Tokens first, also those that the policy will refuse.
        if let Some(Grant { binding, tokens }) = flow.take_grant() {
            if let Some(seldom) = self.seldom_if_any() {
                seldom.rest = None;
            }
            // A session that was just made has not asked where the MCP server's URL leads.
            let held = self.held.record.as_ref();
            let same = held.filter(|it| it.binding.resource == binding.resource);
            let moved_to = self.moved_to().cloned().or_else(|| same?.moved().cloned());
            let record = Record::new(now, binding.into(), Some(tokens))
                .after(self.held.record.as_ref(), None)
                .moved_to(moved_to);
            return To::keep(record, self.generation(), AfterKeep::Refreshed(need)).into();
        }
        match flow.error() {
            Some(error) if self.is_bearer_over(&error) => self.acquire(need, now),
            Some(error) => self.not_acquired(&need, error, now).into(),
            None => Next::Here(Acquire::Run(flow, need)),
        }
    }

    /// Whether what was known of the servers was of before they wanted proofs: then it is found out anew, once.
    fn is_bearer_over(&mut self, error: &Error) -> bool {
        let generation = self.generation();
        let is_bearer = self.held.record.as_ref().is_some_and(|it| it.binding.dpop_key().is_none());
        let wants_proof = error.refusal().is_some_and(Refusal::is_invalid_dpop_proof);
        let is_over = wants_proof && is_bearer && self.refused().bearer != Some(generation);
        if is_over {
            self.refused_mut().bearer = Some(generation);
        }
        is_over
    }

    /// What a server said that wants to be left alone yet. A clock that was set back ends that, and so does a host that
    /// asks in particular.
    fn rests(&mut self, need: &Need, now: UnixTime) -> Option<Error> {
        let rest = &mut self.seldom_if_any()?.rest;
        rest.take_if(|rest| rest.is_over(now));
        Some(rest.as_ref().filter(|_| !need.asked_for)?.error(now))
    }

    /// There is no new token. The old one is used while it lives.
    fn not_acquired(&mut self, need: &Need, error: Error, now: UnixTime) -> To {
        if let Error::Unreachable(it) = &error
            && let Some(rest) = Rest::of(it, now)
            // Who was let through all the same may be told a longer time, or a shorter one by another server.
            && self.seldom().rest.as_ref().is_none_or(|before| before.is_shorter_than(&rest))
        {
            self.seldom_mut().rest = Some(rest);
        }
        Lock::Refresh.release(match self.can_spare(need, now) {
            true => {
                // The last look may be minutes ago: keys, sources and servers take their time.
                self.linger(now);
                To::Ready
            }
            false => To::failed(error),
        })
    }
}
