//! Logout: the tokens end at their server, then here; what the server says does not keep them here.
//!
//! ```text
//!  logout ─▶ Lock(Refresh) ─▶ Load ─┬─▶ Http (refresh token) ─▶ Http (access token) ─▶ Save ─▶ Unlock ─▶ LoggedOut
//!                              ▲    └─ nothing to end ─────────────────────────────────────────▲
//!                              └── others wrote meanwhile ◀──────────────────────────────┘
//! ```

use alloc::boxed::Box;
use core::{fmt, mem};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::flow::NoAnswer;
use crate::http::{Request, Response};
use crate::session::access::{MAX_LOST_RACES, Want};
use crate::session::machine::{Lock, Session, State};
use crate::session::record::Record;
use crate::session::saving::{AfterSave, save};
use crate::time::UnixTime;
use crate::timeline::{Entry, Finding};
use crate::wire::{Hint, revocation_request, revoked};

/// What became of the tokens at their server. Here they are gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedOut {
    /// The refresh token, and with it what could be had for it.
    pub refresh_token: Fate,
    /// The access token.
    pub access_token: Fate,
}

/// What became of a token at its server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// There was none.
    Absent,
    /// It is revoked.
    Revoked,
    /// It lives until it expires: the server does not revoke tokens, or none of this kind (RFC 7009
    /// §2.2.1).
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
            .all(|fate| matches!(fate, Fate::Absent | Fate::Revoked))
    }
}

/// What became of both, in one line for people.
impl fmt::Display for LoggedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { refresh_token, access_token } = self;
        write!(f, "refresh token: {refresh_token}; access token: {access_token}")
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("there was none"),
            Self::Revoked => f.write_str("revoked"),
            Self::NotRevocable => f.write_str("lives until it expires, the server revokes none"),
            Self::Alive(error) => write!(f, "may live until it expires, since {error}"),
        }
    }
}

impl From<Result<(), Error>> for Fate {
    fn from(outcome: Result<(), Error>) -> Self {
        match outcome {
            Ok(()) => Self::Revoked,
            Err(Error::Refused(refusal)) if &*refusal.code == UNSUPPORTED => Self::NotRevocable,
            Err(error) => Self::Alive(error),
        }
    }
}

/// A logout under way.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Leaving {
    /// Tokens that were issued and could not be stored: newer than those in the store.
    unsaved: Option<Box<Record>>,
    refresh_token: Option<Fate>,
    access_token: Option<Fate>,
    lost_races: u8,
    /// Why the session works, if it is not this one that has logged out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    then: Option<Box<Want>>,
}

impl Leaving {
    /// Which token to revoke next.
    pub(crate) fn next(&self) -> Option<Hint> {
        match (&self.refresh_token, &self.access_token) {
            (None, _) => Some(Hint::RefreshToken),
            (_, None) => Some(Hint::AccessToken),
            _ => None,
        }
    }

    /// What the next token is revoked with; `stored` is what the session holds.
    pub(crate) fn request(&self, stored: Option<&Record>) -> Option<Request> {
        let (hint, record) = (self.next()?, self.record(stored)?);
        let endpoint = record.binding.server.revocation_endpoint.as_ref()?;
        Some(revocation_request(endpoint, &record.binding.client, token(record, hint)?, hint))
    }

    /// What there is to log out of. Tokens that could not be stored never become what the session holds:
    /// it would hand them out.
    fn record<'a>(&'a self, stored: Option<&'a Record>) -> Option<&'a Record> {
        self.unsaved.as_deref().or(stored)
    }

    /// Tokens of a grant that was logged out of elsewhere, before they could be stored: they end at their
    /// server as well. The refresh token goes alone, because somebody waits for what comes then.
    fn disowned(record: Record, then: Want) -> Option<Box<Self>> {
        record.binding.server.revocation_endpoint.as_ref()?;
        token(&record, Hint::RefreshToken)?;
        let (unsaved, then) = (Some(record.into()), Some(then.into()));
        Some(Box::new(Self { unsaved, access_token: Some(Fate::Absent), then, ..Self::default() }))
    }

    fn settle(&mut self, hint: Hint, fate: Fate) {
        match hint {
            Hint::RefreshToken => self.refresh_token = Some(fate),
            Hint::AccessToken => self.access_token = Some(fate),
        }
    }
}

impl Session {
    /// Logs out: the next turns revoke the tokens and take them out of the store. The client stays
    /// registered, for the next login. A fixed token is not ours to end.
    pub fn logout(&mut self) {
        self.timeline.clear();
        self.state.let_go();
        // Whoever comes next may be somebody else.
        self.unmet = None;
        let unsaved = match mem::replace(&mut self.state, State::Ready) {
            State::Save(saving)
            | State::LoadConflict(saving, _)
            | State::LoadOverLogin(saving)
            | State::Unsaved(saving)
            | State::Kept(saving)
                if saving.is_about_tokens() =>
            {
                Some(Box::new(saving.record))
            }
            State::Revoke(leaving) => leaving.unsaved,
            _ => None,
        };
        let leaving = Box::new(Leaving { unsaved, ..Leaving::default() });
        self.state = match self.held.settings.bearer {
            None => State::LockLogout(leaving),
            Some(_) => State::LoggedOut(Box::new(NOTHING)),
        };
    }

    /// The store was read, under the refresh lock.
    pub(crate) fn leave(&mut self, mut leaving: Box<Leaving>, now: UnixTime) -> State {
        let Some(record) = leaving.record(self.held.record.as_ref()) else {
            return Lock::Refresh.release(State::LoggedOut(Box::new(NOTHING)));
        };
        let can_revoke = record.binding.server.revocation_endpoint.is_some();
        let tokens = [Hint::RefreshToken, Hint::AccessToken];
        for (hint, is_there) in tokens.map(|hint| (hint, token(record, hint).is_some())) {
            match is_there {
                false => leaving.settle(hint, Fate::Absent),
                true if !can_revoke => leaving.settle(hint, Fate::NotRevocable),
                true => {}
            }
        }
        self.revoke_next(leaving, now)
    }

    fn revoke_next(&mut self, leaving: Box<Leaving>, now: UnixTime) -> State {
        if leaving.next().is_some() {
            return State::Revoke(leaving);
        }
        if let Some(want) = leaving.then {
            return State::Load(*want);
        }
        let expected = self.generation();
        let Some(record) =
            leaving.record(self.held.record.as_ref()).filter(|it| it.tokens.is_some())
        else {
            return Lock::Refresh.release(State::LoggedOut(leaving.into()));
        };
        let mut binding = (*record.binding).clone();
        binding.forget_requested();
        let left = Record::new(now, binding.into(), None).after(Some(record), None).left();
        save(left, expected, AfterSave::LoggedOut(leaving))
    }

    /// The revocation was answered, or not.
    pub(crate) fn revocation_answered(
        &mut self,
        mut leaving: Box<Leaving>,
        response: Result<&Response, NoAnswer>,
        now: UnixTime,
    ) {
        if let Some((hint, request)) =
            leaving.next().zip(leaving.request(self.held.record.as_ref()))
        {
            let status = response.as_ref().ok().map(|response| response.status());
            let silence = response.as_ref().err().and_then(NoAnswer::silence);
            let outcome = match response {
                Ok(response) => revoked(response, request.url()),
                Err(no_answer) => Err(no_answer.error(request.endpoint(), request.url())),
            };
            let finding = outcome.as_ref().map_or_else(Finding::failed, |()| Finding::Revoked);
            let entry = Entry::new(request.endpoint(), request.url(), status, finding);
            self.timeline.push(entry.unanswered(silence));
            leaving.settle(hint, outcome.into());
        }
        self.state = self.revoke_next(leaving, now);
    }

    /// The user has logged out elsewhere: what was issued before is not stored over that.
    pub(crate) fn disown(record: Record, want: Want) -> State {
        Lock::Refresh.release(match Leaving::disowned(record, want.clone()) {
            Some(leaving) => State::Revoke(leaving),
            None => State::Load(want),
        })
    }

    /// Somebody wrote although the lock was held: what they wrote is logged out as well.
    pub(crate) fn leave_again(leaving: &Leaving) -> State {
        if leaving.lost_races >= MAX_LOST_RACES {
            return Lock::Refresh.release(State::Failed(Box::new(Error::Contended)));
        }
        let lost_races = leaving.lost_races + 1;
        State::LoadLogout(Box::new(Leaving { lost_races, ..Leaving::default() }))
    }
}

fn token(record: &Record, hint: Hint) -> Option<&str> {
    let tokens = record.tokens.as_ref()?;
    match hint {
        Hint::RefreshToken => tokens.refresh_token.as_ref().map(crate::secret::Secret::expose),
        Hint::AccessToken => Some(tokens.access_token.token()),
    }
}

impl From<Box<Leaving>> for Box<LoggedOut> {
    fn from(leaving: Box<Leaving>) -> Self {
        let Leaving { refresh_token, access_token, .. } = *leaving;
        Self::new(LoggedOut {
            refresh_token: refresh_token.unwrap_or(Fate::Absent),
            access_token: access_token.unwrap_or(Fate::Absent),
        })
    }
}

const NOTHING: LoggedOut = LoggedOut { refresh_token: Fate::Absent, access_token: Fate::Absent };

/// What a server answers that does not revoke tokens of a kind: access tokens that nobody looks up, mostly
/// (RFC 7009 §2.2.1).
const UNSUPPORTED: &str = "unsupported_token_type";
