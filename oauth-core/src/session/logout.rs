//! Logout: the tokens end at their server, then here; what the server says does not keep them here.
//!
//! ```text
//!  logout ─▶ Lock(Refresh) ─▶ Load ─┬─▶ Http (refresh token) ─▶ Http (access token) ─▶ Save ─▶ Unlock ─▶ LoggedOut
//!                              ▲    └─ nothing to end ─────────────────────────────────────────▲
//!                              └── others wrote meanwhile ◀──────────────────────────────┘
//! ```
//!
//! A client with a key signs before each of the two requests.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::flow::{ForRequest, NoAnswer, Proof};
use crate::http::{Endpoint, Request, Response};
use crate::session::authorization::Snapshot;
use crate::session::event::{Ask, Event};
use crate::session::known::Known;
use crate::session::logged_out::{LoggedOut, RevocationOutcome};
use crate::session::need::{MAX_LOST_RACES, Need};
use crate::session::next::{Next, To};
use crate::session::record::Record;
use crate::session::transaction::{Lock, Saving};
use crate::time::UnixTime;
use crate::timeline::{Entry, Finding};
use crate::url::HttpUrl;
use crate::wire::{Authentication, Hint, Jti, Unsigned, read_revocation, revocation_request};

/// Where a logout stands.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Logout {
    /// It waits for the refresh lock.
    Lock(Box<LogoutProgress>),
    /// A look under the lock at what there is to log out of.
    Load(Box<LogoutProgress>),
    /// The answer to a revocation.
    Revoke(Box<LogoutProgress>),
    /// That the tokens are gone is written down.
    Save(Box<Saving>, Box<LogoutProgress>),
    /// Nothing: the user is logged out.
    Done(Box<LoggedOut>),
}

impl Logout {
    /// Begins with the lock. `unsaved` are tokens that were issued and could not be stored.
    pub(crate) fn of(unsaved: Option<Box<Record>>) -> Self {
        Self::Lock(Box::new(LogoutProgress { unsaved, ..LogoutProgress::default() }))
    }

    /// The user has logged out elsewhere: what was issued before is not stored over that.
    pub(crate) fn disown(record: Box<Record>, need: Need) -> Next<Self> {
        match LogoutProgress::disowned(record, need.clone()) {
            Some(progress) => Next::Here(Self::Revoke(progress)),
            None => To::Access(need).into(),
        }
    }

    /// What it was about, if that is not in the store.
    pub(crate) fn into_unsaved(self) -> Option<Box<Record>> {
        match self {
            Self::Revoke(progress) => progress.unsaved,
            _ => None,
        }
    }

    pub(crate) fn ask(&self, held: &Snapshot) -> Result<Ask, Error> {
        Ok(match self {
            Self::Lock(_) => Ask::Lock(Lock::Refresh),
            Self::Load(_) => Ask::Load,
            Self::Revoke(progress) if progress.proof.is_unsigned() => Ask::Sign,
            Self::Revoke(progress) => {
                let revocation = progress.next(held.record.as_ref());
                Ask::Http(revocation.ok_or(Error::LoginRequired)?.request())
            }
            Self::Save(..) => Ask::Save,
            Self::Done(outcome) => Ask::LoggedOut((**outcome).clone()),
        })
    }

    pub(crate) fn handle(self, event: Event<'_>, known: &mut Known) -> Next<Self> {
        match (self, event) {
            (Self::Lock(progress), Event::Locked) => Next::Here(Self::Load(progress)),
            (Self::Load(progress), Event::Loaded(record, now)) => {
                known.look(record, now);
                known.leave(progress, now)
            }
            (Self::Revoke(progress), Event::Answered(answer, now)) => {
                known.revocation_answered(progress, answer, now)
            }
            (revoke @ Self::Revoke(_), Event::Given(_)) => Next::Here(revoke),
            (Self::Revoke(progress), Event::Withheld(error, now)) => {
                known.not_revoked(progress, error, now)
            }
            (Self::Save(saving, progress), Event::Saved(now)) => {
                known.look(Some(saving.record), now);
                Next::Away(Lock::Refresh.release(To::LoggedOut(progress.into())))
            }
            (Self::Save(_, progress), Event::Conflict(_)) => Self::again(&progress),
            (logout, _) => Next::Stay(logout),
        }
    }

    /// Somebody wrote although the lock was held: what they wrote is logged out as well.
    fn again(progress: &LogoutProgress) -> Next<Self> {
        if progress.lost_races >= MAX_LOST_RACES {
            return Lock::Refresh.release(To::failed(Error::Contended)).into();
        }
        let lost_races = progress.lost_races + 1;
        Next::Here(Self::Load(Box::new(LogoutProgress { lost_races, ..LogoutProgress::default() })))
    }
}

/// A logout under way.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct LogoutProgress {
    /// Tokens that were issued and could not be stored: newer than those in the store.
    unsaved: Option<Box<Record>>,
    refresh_token: Option<RevocationOutcome>,
    access_token: Option<RevocationOutcome>,
    lost_races: u8,
    /// What the next request shows.
    #[serde(default)]
    pub(crate) proof: Proof,
    /// Why the session works, if it is not this one that has logged out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    then: Option<Box<Need>>,
}

impl LogoutProgress {
    /// Which token to revoke next.
    fn next_token(&self) -> Option<Hint> {
        match (&self.refresh_token, &self.access_token) {
            (None, _) => Some(Hint::RefreshToken),
            (_, None) => Some(Hint::AccessToken),
            _ => None,
        }
    }

    /// How it is revoked; `stored` is what the session holds.
    fn next<'a>(&'a self, stored: Option<&'a Record>) -> Option<Revocation<'a>> {
        let (hint, record) = (self.next_token()?, self.record(stored)?);
        let endpoint = endpoint(record)?;
        Some(Revocation {
            hint,
            endpoint,
            client: self.proof.client(&record.binding),
            token: token(record, hint)?,
        })
    }

    /// What is to be signed for that.
    pub(crate) fn unsigned(&self, held: &Snapshot, jti: Jti, now: UnixTime) -> Option<Unsigned> {
        let binding = &self.record(held.record.as_ref())?.binding;
        let endpoint = binding.server.revocation_endpoint.as_ref()?;
        let (settings, nonce) = (&held.settings, None);
        self.proof.unsigned(&ForRequest { binding, settings, endpoint, nonce, now }, jti)
    }

    /// What there is to log out of. Tokens that could not be stored never become what the session holds:
    /// it would hand them out.
    fn record<'a>(&'a self, stored: Option<&'a Record>) -> Option<&'a Record> {
        self.unsaved.as_deref().or(stored)
    }

    /// Tokens of a grant that was logged out of elsewhere, before they could be stored: they end at their
    /// server as well. The refresh token goes alone, because somebody waits for what comes then.
    fn disowned(record: Box<Record>, then: Need) -> Option<Box<Self>> {
        endpoint(&record)?;
        token(&record, Hint::RefreshToken)?;
        let (unsaved, then) = (Some(record), Some(then.into()));
        Some(Box::new(Self {
            unsaved,
            access_token: Some(RevocationOutcome::Absent),
            then,
            ..Self::default()
        }))
    }

    fn settle(&mut self, hint: Hint, fate: RevocationOutcome) {
        match hint {
            Hint::RefreshToken => self.refresh_token = Some(fate),
            Hint::AccessToken => self.access_token = Some(fate),
        }
    }
}

/// A token that is revoked next.
struct Revocation<'a> {
    hint: Hint,
    endpoint: &'a HttpUrl,
    client: Authentication<'a>,
    token: &'a str,
}

impl Revocation<'_> {
    fn request(&self) -> Request {
        revocation_request(self.endpoint, self.client, self.token, self.hint)
    }
}

impl Known {
    /// The store was read, under the refresh lock.
    fn leave(&mut self, mut progress: Box<LogoutProgress>, now: UnixTime) -> Next<Logout> {
        let Some(record) = progress.record(self.held.record.as_ref()) else {
            return Lock::Refresh.release(To::LoggedOut(Box::new(LoggedOut::NOTHING))).into();
        };
        let can_revoke = endpoint(record).is_some();
        let tokens = [Hint::RefreshToken, Hint::AccessToken];
        for (hint, is_there) in tokens.map(|hint| (hint, token(record, hint).is_some())) {
            match is_there {
                false => progress.settle(hint, RevocationOutcome::Absent),
                true if !can_revoke => progress.settle(hint, RevocationOutcome::NotRevocable),
                true => {}
            }
        }
        self.revoke_next(progress, now)
    }

    fn revoke_next(&mut self, mut progress: Box<LogoutProgress>, now: UnixTime) -> Next<Logout> {
        if progress.next_token().is_some() {
            let held = self.held.record.as_ref();
            let proof = match progress.record(held) {
                Some(record) => Proof::of_client(&record.binding, &self.held.settings),
                None => Ok(Proof::default()),
            };
            return match proof {
                Ok(proof) => {
                    progress.proof = proof;
                    Next::Here(Logout::Revoke(progress))
                }
                Err(error) => self.not_revoked(progress, error.into(), now),
            };
        }
        if let Some(need) = progress.then {
            return To::Access(*need).into();
        }
        let expected = self.generation();
        let Some(record) =
            progress.record(self.held.record.as_ref()).filter(|it| it.tokens.is_some())
        else {
            return Lock::Refresh.release(To::LoggedOut(progress.into())).into();
        };
        let mut binding = (*record.binding).clone();
        // Whoever comes next may be somebody else, with another key; but a client that has no user is the same.
        if binding.grant.has_user() {
            binding.forget_requested();
            binding.possession = None;
        }
        let left = Record::new(now, binding.into(), None).after(Some(record), None).left();
        Next::Here(Logout::Save(Saving::boxed(left, expected), progress))
    }

    /// The host could not sign: the token is left to its end, as with a server that does not answer.
    fn not_revoked(
        &mut self,
        mut progress: Box<LogoutProgress>,
        error: Error,
        now: UnixTime,
    ) -> Next<Logout> {
        if let Some(hint) = progress.next_token() {
            progress.settle(hint, RevocationOutcome::Alive(error));
        }
        self.revoke_next(progress, now)
    }

    /// The revocation was answered, or not.
    fn revocation_answered(
        &mut self,
        mut progress: Box<LogoutProgress>,
        response: Result<&Response, NoAnswer>,
        now: UnixTime,
    ) -> Next<Logout> {
        if let Some(Revocation { hint, endpoint, .. }) = progress.next(self.held.record.as_ref()) {
            let status = response.as_ref().ok().map(|response| response.status());
            let silence = response.as_ref().err().and_then(NoAnswer::silence);
            let outcome = match response {
                Ok(response) => read_revocation(response, endpoint),
                Err(no_answer) => Err(no_answer.error(Endpoint::Revocation, endpoint)),
            };
            let finding = outcome.as_ref().map_or_else(Finding::failed, |()| Finding::Revoked);
            let entry = Entry::new(Endpoint::Revocation, endpoint, status, finding);
            self.timeline.push(entry.unanswered(silence));
            progress.settle(hint, outcome.into());
        }
        self.revoke_next(progress, now)
    }
}

/// Where its tokens are revoked. A workload without a name cannot say who wants that.
fn endpoint(record: &Record) -> Option<&HttpUrl> {
    let is_named = !record.binding.client.client_id().is_empty();
    record.binding.server.revocation_endpoint.as_ref().filter(|_| is_named)
}

fn token(record: &Record, hint: Hint) -> Option<&str> {
    let tokens = record.tokens.as_ref()?;
    match hint {
        Hint::RefreshToken => tokens.refresh_token.as_ref().map(crate::secret::Secret::expose),
        Hint::AccessToken => Some(tokens.access_token.token()),
    }
}

impl From<Box<LogoutProgress>> for Box<LoggedOut> {
    fn from(progress: Box<LogoutProgress>) -> Self {
        let LogoutProgress { refresh_token, access_token, .. } = *progress;
        Self::new(LoggedOut {
            refresh_token: refresh_token.unwrap_or(RevocationOutcome::Absent),
            access_token: access_token.unwrap_or(RevocationOutcome::Absent),
        })
    }
}
