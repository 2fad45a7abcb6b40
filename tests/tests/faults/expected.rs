//! What every cell of the matrix has to be, and why. Written from the specifications and the documents
//! of the crates, not from what the code does.

use std::time::Duration;

use oauth_core::error::PeerIncompatible;
use oauth_core::{Defect, Error, MAX_BODY};
use oauth_tests::world::{Grant, What};

use crate::failures::{Failure, RETRY_AFTER};
use crate::requests::Request;

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It does what it is for.
    Works,
    /// [`Error::Unreachable`]: with this status, and this wish for a pause in seconds.
    Unreachable(Option<u16>, Option<u64>),
    /// [`Error::Malformed`], for this reason.
    Malformed(Flaw),
    /// [`PeerIncompatible::NoResourceMetadata`] or [`PeerIncompatible::NoServerMetadata`].
    NotThere,
    /// [`Error::LoginRequired`].
    LoginRequired,
}

/// Why an answer cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    Redirect,
    Html,
    Empty,
    NotJson,
    TooLarge,
}

/// What arrives of an answer.
enum Arrival {
    /// None, or not all of it: nobody may act on a part.
    Nothing,
    /// One that says "not now" (RFC 9110 §15.5.9, §15.6; RFC 6585 §4).
    NotNow(u16, Option<u64>),
    /// One that says what was asked for, but not in a way that can be read.
    Unreadable(Flaw),
    /// One in order, but perhaps for a member that nobody knows.
    Sound,
}

fn arrival(failure: Failure) -> Arrival {
    match failure {
        Failure::Refused | Failure::Reset | Failure::Silence | Failure::Stalled => Arrival::Nothing,
        Failure::Status500 => Arrival::NotNow(500, None),
        Failure::Status503 => Arrival::NotNow(503, None),
        Failure::Status429 => Arrival::NotNow(429, Some(RETRY_AFTER)),
        // Never followed: credentials would go to whomever a server names.
        Failure::Redirect => Arrival::Unreadable(Flaw::Redirect),
        Failure::Html => Arrival::Unreadable(Flaw::Html),
        Failure::Empty => Arrival::Unreadable(Flaw::Empty),
        Failure::Truncated => Arrival::Unreadable(Flaw::NotJson),
        // Nothing beyond `MAX_BODY` is read, so it makes no difference whether it ends.
        Failure::Huge | Failure::Endless => Arrival::Unreadable(Flaw::TooLarge),
        // Of a member that has no bottom, or is no UTF-8 (RFC 8259 §8.1), only its name is kept: it spoils
        // no other.
        Failure::NotUtf8 | Failure::Deep => Arrival::Sound,
        // Many servers say so. What counts is whether the body can be read.
        Failure::Text => Arrival::Sound,
    }
}

/// How the call ends in which the request fails in this way.
pub(crate) fn expected(request: Request, failure: Failure) -> Outcome {
    let arrival = arrival(failure);
    match request {
        // The challenge only saves a guess: the metadata has a well-known place.
        Request::Challenge => Outcome::Works,
        // An outage is no sign that a server has no OAuth, or that its users belong elsewhere. Anything
        // else at a well-known place may be a web application's answer to any path: "not here".
        Request::ResourceMetadata | Request::ServerMetadata | Request::FirstOfTwo => {
            match arrival {
                Arrival::Nothing => Outcome::Unreachable(None, None),
                Arrival::NotNow(status, pause) => Outcome::Unreachable(Some(status), pause),
                // The next authorization server is as good: the resource names both. One that is out of
                // reach is waited for, because the client is registered there.
                Arrival::Unreadable(_) if request == Request::FirstOfTwo => Outcome::Works,
                Arrival::Unreadable(_) => Outcome::NotThere,
                Arrival::Sound => Outcome::Works,
            }
        }
        // These endpoints are known to be there: an answer that cannot be read is an error of theirs.
        Request::Registration => match arrival {
            Arrival::Nothing => Outcome::Unreachable(None, None),
            Arrival::NotNow(status, pause) => Outcome::Unreachable(Some(status), pause),
            Arrival::Unreadable(flaw) => Outcome::Malformed(flaw),
            Arrival::Sound => Outcome::Works,
        },
        Request::Code | Request::StepUp => tokens(&arrival),
        // The endpoint is gone, so no later try will help, but a login may find another.
        Request::Refresh if failure == Failure::Redirect => Outcome::LoginRequired,
        Request::Refresh => tokens(&arrival),
        // The access token is good still: whatever happens to the refresh concerns nobody yet.
        Request::EarlyRefresh => Outcome::Works,
        // Any success is one (RFC 7009 §2.2: "the content of the response body is ignored"). What is not
        // known to be revoked may be alive, and is reported; the logout ends here all the same.
        Request::RevokeRefresh | Request::RevokeAccess => match arrival {
            Arrival::Nothing => Outcome::Unreachable(None, None),
            Arrival::NotNow(status, pause) => Outcome::Unreachable(Some(status), pause),
            Arrival::Unreadable(Flaw::Redirect) => Outcome::Malformed(Flaw::Redirect),
            Arrival::Unreadable(_) | Arrival::Sound => Outcome::Works,
        },
    }
}

fn tokens(arrival: &Arrival) -> Outcome {
    match *arrival {
        Arrival::Nothing => Outcome::Unreachable(None, None),
        Arrival::NotNow(status, pause) => Outcome::Unreachable(Some(status), pause),
        Arrival::Unreadable(flaw) => Outcome::Malformed(flaw),
        Arrival::Sound => Outcome::Works,
    }
}

/// The requests of the next call, when the fault is over.
pub(crate) fn afterwards(request: Request, failure: Failure) -> Vec<What> {
    let found = [What::Mcp("tools/list".into()), What::ResourceMetadata, What::ServerMetadata];
    let login = [What::Authorize, What::Token(Grant::Code)];
    match (request, expected(request, failure)) {
        // The old token is good still, and the server is left alone for a while.
        (Request::EarlyRefresh, _) => vec![],
        // The client stays registered.
        (Request::RevokeRefresh | Request::RevokeAccess, _) => [found.as_slice(), &login].concat(),
        (_, Outcome::Works) => vec![],
        // The client was registered, and is known.
        (Request::Code, _) => [found.as_slice(), &login].concat(),
        // The servers are known.
        (Request::StepUp, _) => login.into(),
        // A refresh token that was spent for an answer that never came costs a login, and no more.
        (Request::Refresh, _) if failure.is_handled() => {
            [&[What::Token(Grant::Refresh)], found.as_slice(), &login].concat()
        }
        (Request::Refresh, _) => vec![What::Token(Grant::Refresh)],
        _ => [found.as_slice(), &[What::Register], &login].concat(),
    }
}

/// The outcome that an error stands for; `None` if there is none.
pub(crate) fn outcome_of(error: &Error) -> Option<Outcome> {
    Some(match error {
        Error::Unreachable(it) => {
            Outcome::Unreachable(it.status, it.retry_after.as_ref().map(Duration::as_secs))
        }
        Error::Malformed(it) => Outcome::Malformed(match it.defect {
            Defect::Redirect => Flaw::Redirect,
            Defect::Html => Flaw::Html,
            Defect::Empty => Flaw::Empty,
            Defect::NotJson { .. } => Flaw::NotJson,
            Defect::TooLarge { limit } if limit == MAX_BODY => Flaw::TooLarge,
            _ => return None,
        }),
        Error::PeerIncompatible(
            PeerIncompatible::NoResourceMetadata { .. } | PeerIncompatible::NoServerMetadata { .. },
        ) => Outcome::NotThere,
        Error::LoginRequired => Outcome::LoginRequired,
        _ => return None,
    })
}

impl Outcome {
    /// Whether the error has to say that the same call may succeed later.
    pub(crate) fn is_retryable(self) -> bool {
        matches!(self, Self::Unreachable(..))
    }

    /// Its name in the table.
    pub(crate) fn title(self) -> String {
        match self {
            Self::Works => "ok".into(),
            Self::Unreachable(None, _) => "down".into(),
            Self::Unreachable(Some(status), None) => format!("down {status}"),
            Self::Unreachable(Some(status), Some(_)) => format!("{status} wait"),
            Self::Malformed(Flaw::Redirect) => "m:moved".into(),
            Self::Malformed(Flaw::Html) => "m:page".into(),
            Self::Malformed(Flaw::Empty) => "m:empty".into(),
            Self::Malformed(Flaw::NotJson) => "m:json".into(),
            Self::Malformed(Flaw::TooLarge) => "m:large".into(),
            Self::NotThere => "none".into(),
            Self::LoginRequired => "log in".into(),
        }
    }
}
