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
use core::{fmt, mem};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::flow::{ForRequest, NoAnswer, Proof};
use crate::http::{Endpoint, Request, Response};
use crate::session::access::Access;
use crate::session::authorization::Snapshot;
use crate::session::machine::{Next, Op, Session};
use crate::session::need::{MAX_LOST_RACES, Need};
use crate::session::record::Record;
use crate::session::transaction::{Lock, Saving};
use crate::session::turn::{Ask, Event};
use crate::time::UnixTime;
use crate::timeline::{Entry, Finding};
use crate::url::HttpUrl;
use crate::wire::{Authentication, Hint, Jti, Unsigned, read_revocation, revocation_request};

/// What became of the tokens at their server. Here they are gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedOut {
    /// The refresh token, and with it what could be had for it.
    pub refresh_token: RevocationOutcome,
    /// The access token.
    pub access_token: RevocationOutcome,
}

/// What became of a token at its server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RevocationOutcome {
    /// There was none.
    Absent,
    /// It is revoked.
    Revoked,
    /// It lives until it expires: the server does not revoke tokens, or none of this kind (RFC 7009
    /// §2.2.1), or the client is a workload without a name, which cannot ask for it.
    NotRevocable,
    /// It may live until it expires: it was not revoked for this reason.
    Alive(Error),
}

impl LoggedOut {
    /// Whether nothing stayed alive.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        [&self.refresh_token, &self.access_token]
            .into_iter()
            .all(|fate| matches!(fate, RevocationOutcome::Absent | RevocationOutcome::Revoked))
    }
}

/// What became of both, in one line for people.
impl fmt::Display for LoggedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { refresh_token, access_token } = self;
        write!(f, "refresh token: {refresh_token}; access token: {access_token}")
    }
}

impl fmt::Display for RevocationOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("there was none"),
            Self::Revoked => f.write_str("revoked"),
            Self::NotRevocable => f.write_str("lives until it expires, the server revokes none"),
            Self::Alive(error) => write!(f, "may live until it expires, since {error}"),
        }
    }
}

impl From<Result<(), Error>> for RevocationOutcome {
    fn from(outcome: Result<(), Error>) -> Self {
        match outcome {
            Ok(()) => Self::Revoked,
            Err(Error::Refused(refusal)) if &*refusal.code == UNSUPPORTED => Self::NotRevocable,
            Err(error) => Self::Alive(error),
        }
    }
}

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

    pub(crate) fn handle(self, event: Event<'_>, session: &mut Session) -> Next {
        match (self, event) {
            (Self::Lock(progress), Event::Locked) => Next::to(Self::Load(progress)),
            (Self::Load(progress), Event::Loaded(record, now)) => {
                session.look(record, now);
                Next::To(session.leave(progress, now))
            }
            (Self::Revoke(progress), Event::Answered(answer, now)) => {
                Next::To(session.revocation_answered(progress, answer, now))
            }
            (revoke @ Self::Revoke(_), Event::Given(_)) => Next::to(revoke),
            (Self::Revoke(progress), Event::Withheld(error, now)) => {
                Next::To(session.not_revoked(progress, error, now))
            }
            (Self::Save(saving, progress), Event::Saved(now)) => {
                session.look(Some(saving.record), now);
                Next::To(Lock::Refresh.release(Self::Done(progress.into())))
            }
            (Self::Save(_, progress), Event::Conflict(_)) => Next::To(Self::again(&progress)),
            (logout, _) => Next::stay(logout),
        }
    }

    /// Somebody wrote although the lock was held: what they wrote is logged out as well.
    fn again(progress: &LogoutProgress) -> Op {
        if progress.lost_races >= MAX_LOST_RACES {
            return Lock::Refresh.release(Op::Failed(Box::new(Error::Contended)));
        }
        let lost_races = progress.lost_races + 1;
        Self::Load(Box::new(LogoutProgress { lost_races, ..LogoutProgress::default() })).into()
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
    fn disowned(record: Record, then: Need) -> Option<Box<Self>> {
        endpoint(&record)?;
        token(&record, Hint::RefreshToken)?;
        let (unsaved, then) = (Some(record.into()), Some(then.into()));
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

impl Session {
    /// Logs out: the next turns revoke the tokens and take them out of the store. The client stays
    /// registered, for the next login. A fixed token is not ours to end.
    pub fn logout(&mut self) {
        self.timeline.clear();
        self.op.let_go();
        // Whoever comes next may be somebody else.
        self.unmet = None;
        let unsaved = match mem::take(&mut self.op) {
            Op::Keep(keep) => Some(Box::new(keep.into_record())),
            Op::Logout(Logout::Revoke(progress)) => progress.unsaved,
            _ => None,
        };
        let progress = Box::new(LogoutProgress { unsaved, ..LogoutProgress::default() });
        self.op = match self.held.settings.bearer {
            None => Logout::Lock(progress).into(),
            Some(_) => Logout::Done(Box::new(NOTHING)).into(),
        };
    }

    /// The store was read, under the refresh lock.
    fn leave(&mut self, mut progress: Box<LogoutProgress>, now: UnixTime) -> Op {
        let Some(record) = progress.record(self.held.record.as_ref()) else {
            return Lock::Refresh.release(Logout::Done(Box::new(NOTHING)));
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

    fn revoke_next(&mut self, mut progress: Box<LogoutProgress>, now: UnixTime) -> Op {
        if progress.next_token().is_some() {
            let held = self.held.record.as_ref();
            let proof = match progress.record(held) {
                Some(record) => Proof::of_client(&record.binding, &self.held.settings),
                None => Ok(Proof::default()),
            };
            return match proof {
                Ok(proof) => {
                    progress.proof = proof;
                    Logout::Revoke(progress).into()
                }
                Err(error) => self.not_revoked(progress, error.into(), now),
            };
        }
        if let Some(need) = progress.then {
            return Access(*need).into();
        }
        let expected = self.generation();
        let Some(record) =
            progress.record(self.held.record.as_ref()).filter(|it| it.tokens.is_some())
        else {
            return Lock::Refresh.release(Logout::Done(progress.into()));
        };
        let mut binding = (*record.binding).clone();
        // Whoever comes next may be somebody else, with another key; but a client that has no user is the same.
        if binding.grant.has_user() {
            binding.forget_requested();
            binding.possession = None;
        }
        let left = Record::new(now, binding.into(), None).after(Some(record), None).left();
        Logout::Save(Saving::new(left, expected), progress).into()
    }

    /// The host could not sign: the token is left to its end, as with a server that does not answer.
    fn not_revoked(
        &mut self,
        mut progress: Box<LogoutProgress>,
        error: Error,
        now: UnixTime,
    ) -> Op {
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
    ) -> Op {
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

    /// The user has logged out elsewhere: what was issued before is not stored over that.
    pub(crate) fn disown(record: Record, need: Need) -> Op {
        Lock::Refresh.release(match LogoutProgress::disowned(record, need.clone()) {
            Some(progress) => Op::from(Logout::Revoke(progress)),
            None => Access(need).into(),
        })
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

const NOTHING: LoggedOut =
    LoggedOut { refresh_token: RevocationOutcome::Absent, access_token: RevocationOutcome::Absent };

/// What a server answers that does not revoke tokens of a kind: access tokens that nobody looks up, mostly
/// (RFC 7009 §2.2.1).
const UNSUPPORTED: &str = "unsupported_token_type";
