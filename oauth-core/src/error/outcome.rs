//! The error of every operation, and who has to act on it.

use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::explanation::Explanation;
use crate::error::unavailable::Unavailable;
use crate::error::{
    Malformed, Misuse, PeerIncompatible, PeerMisbehaved, Refusal, SignInRequired, Unreachable,
};
use crate::http::Endpoint;
use crate::scope::Scopes;
use crate::time::UnixTime;
use crate::timeline::Timeline;

/// Why a login, a refresh or a request cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A server, or somebody in between, did what the protocol forbids. Going on would be unsafe.
    #[error(transparent)]
    PeerMisbehaved(#[from] PeerMisbehaved),
    /// A server does what it may, but this client cannot work with it as it is set up.
    #[error(transparent)]
    PeerIncompatible(#[from] PeerIncompatible),
    /// A server refused in the words of OAuth.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// An answer cannot be read.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// No answer came, or one that says "not now".
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// The host could not give what only it has: a signature, or an assertion.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The host or the user gave up waiting for the consent.
    #[error("the login was cancelled before the user came back")]
    Cancelled,
    /// A user has to log in, and nobody began a login.
    #[error("a login is needed")]
    LoginRequired,
    /// The token is good, but not for this request: a user has to log in for more, and nobody began a login. The
    /// session's next login asks for what is missing.
    #[error("a login for more scopes is needed: {missing}")]
    ScopeRequired {
        /// What the server asks for, without what is granted.
        missing: Scopes,
    },
    /// An identity provider that vouches for the user wants them to sign in again first.
    #[error(transparent)]
    SignInRequired(#[from] SignInRequired),
    /// A login that was handed out came back too late, or the code for another device was not used in time.
    #[error("the login was not finished in time")]
    LoginExpired {
        /// Until when it could be finished.
        expired_at: UnixTime,
    },
    /// A login that was handed out came back for a second time.
    #[error("the login was finished before")]
    LoginUsed,
    /// No login waits for this redirect: there never was one, it was finished before or comes too late, or it is another
    /// user's.
    #[error("no login waits for this redirect")]
    LoginNotWaiting,
    /// Others who share the store kept changing the record.
    #[error("the stored grant was changed by others again and again")]
    Contended,
    /// The server's tokens live shorter than what is wanted of one, also a new one.
    #[error("a token lives for {} seconds, and {} are wanted", .lives_for.as_secs(), .wanted.as_secs())]
    TokenTooShort {
        /// How long the newest one lives yet.
        lives_for: Duration,
        /// How long it should.
        wanted: Duration,
    },
    /// What the caller passed in cannot work.
    #[error(transparent)]
    Misuse(#[from] Misuse),
}

/// Who has to do something about an [`Error`]; `Display` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Actor {
    /// The person who logs in.
    User,
    /// Who set this client up: a setting is missing or wrong.
    Developer,
    /// Who maintains this OAuth client: the server wants something that it cannot do.
    Maintainer,
    /// Who runs the server.
    ServerOperator,
    /// Nobody: trying again later may help.
    Nobody,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "the user",
            Self::Developer => "whoever set this client up",
            Self::Maintainer => "whoever maintains this client: it lacks what the server wants",
            Self::ServerOperator => "the server's operator",
            Self::Nobody => "nobody: it may pass by itself",
        })
    }
}

impl Error {
    /// A short name of the reason, for logs and programs; it never changes.
    ///
    /// A refusal in the words of OAuth is named by its endpoint and the server's code, such as
    /// `refused_token_invalid_grant`; with a code that is not registered, `refused_token_other`. The endpoint
    /// is named as [`Endpoint::name`](crate::Endpoint::name) does.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::PeerMisbehaved(problem) => problem.code(),
            Self::PeerIncompatible(problem) => problem.code(),
            Self::Refused(refusal) => refusal.error_code(),
            Self::Malformed(_) => "malformed",
            Self::Unreachable(_) => "unreachable",
            Self::Unavailable(unavailable) => unavailable.code(),
            Self::Cancelled => "cancelled",
            Self::LoginRequired => "login_required",
            Self::ScopeRequired { .. } => "scope_required",
            Self::SignInRequired(_) => "sign_in_required",
            Self::LoginExpired { .. } => "login_expired",
            Self::LoginUsed => "login_used",
            Self::LoginNotWaiting => "login_not_waiting",
            Self::Contended => "contended",
            Self::TokenTooShort { .. } => "token_too_short",
            Self::Misuse(problem) => problem.code(),
        }
    }

    /// The server's refusal, where the error is one or comes of one: the server's own words are in it.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::PeerIncompatible(problem) => problem.refusal(),
            Self::SignInRequired(wanted) => Some(&wanted.refusal),
            _ => None,
        }
    }

    /// All that can be said about it to the person who has to act, over several lines: what went wrong,
    /// in whose words, what would help, and how it came to that.
    #[must_use]
    pub fn explain<'a>(&'a self, timeline: &'a Timeline) -> Explanation<'a> {
        Explanation::new(self, timeline)
    }

    /// Who has to act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            // Most often a page that was left open from an earlier login.
            Self::PeerMisbehaved(PeerMisbehaved::StateMismatch) => Actor::User,
            Self::PeerMisbehaved(_) | Self::Malformed(_) => Actor::ServerOperator,
            Self::PeerIncompatible(problem) => problem.actor(),
            Self::Misuse(_) | Self::TokenTooShort { .. } | Self::Unavailable(_) => Actor::Developer,
            Self::Refused(refusal) => refusal.actor(),
            Self::Unreachable(unreachable) => unreachable.actor(),
            Self::Contended => Actor::Nobody,
            Self::Cancelled
            | Self::LoginRequired
            | Self::ScopeRequired { .. }
            | Self::SignInRequired(_)
            | Self::LoginExpired { .. }
            | Self::LoginUsed
            | Self::LoginNotWaiting => Actor::User,
        }
    }

    /// What would help, in one sentence.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::PeerMisbehaved(problem) => problem.advice(),
            Self::PeerIncompatible(problem) => problem.advice(),
            Self::Refused(refusal) => refusal.advice(),
            Self::Malformed(Malformed { endpoint: Endpoint::Token, status: 200..=299, .. }) => {
                "tell the server's operator which answer could not be read; a new login (`login`) may bring \
                 another one, and what is stored is kept until then"
            }
            Self::Malformed(_) => "tell the server's operator which answer could not be read",
            Self::Unreachable(unreachable) => unreachable.advice(),
            Self::Unavailable(unavailable) => unavailable.advice(),
            Self::Cancelled => "log in again, and finish in the browser",
            Self::LoginRequired => "log in",
            Self::ScopeRequired { .. } => "log in: what is missing is asked for, too",
            Self::SignInRequired(_) => {
                "sign in at the identity provider again, as it asks, and bring what that gives"
            }
            Self::LoginExpired { .. } => {
                "log in again, and use the new connect URL, or the new code, soon"
            }
            Self::LoginUsed => "call again: the tokens that the login brought are stored",
            Self::LoginNotWaiting => {
                "call again as the user who has to log in, and open the connect URL that comes back"
            }
            Self::Contended => {
                "try again; if it stays, see that all who share the store respect its locks"
            }
            Self::TokenTooShort { .. } => {
                "ask for a token for a shorter time; how long tokens live is the server's setting"
            }
            Self::Misuse(problem) => problem.advice(),
        }
    }

    /// Whether a login is what is missing: nobody began one.
    #[must_use]
    pub fn needs_login(&self) -> bool {
        matches!(self, Self::LoginRequired | Self::ScopeRequired { .. })
    }

    /// Whether the same call may succeed later with nothing changed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable(unreachable) => unreachable.is_for_now(),
            Self::Contended | Self::Unavailable(_) => true,
            Self::Refused(refusal) => refusal.is_for_now(),
            _ => false,
        }
    }
}
