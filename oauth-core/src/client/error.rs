//! Why a call failed, and the one failure that is a question to the user.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::error::Error;
use core::time::Duration;
use std::io;

use crate::Timeline;
use crate::client::causes::Causes;
use crate::client::storage::{Spending, StorageError};
use crate::client::user_agent::UserAgentError;
use crate::session::PendingLogin;
use crate::wire::AuthorizationUrl;

/// Why a call failed; `H` is the error of the adapter's HTTP client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError<H: Error + 'static> {
    /// A user has to visit the connect URL; then the call can be made again.
    #[error(transparent)]
    Authentication(Box<AuthenticationError>),
    /// The protocol's errors, sorted by who has to act: see [`error`](crate::error).
    #[error("{error}")]
    OAuth {
        /// What went wrong.
        error: crate::Error,
        /// How it came to that.
        timeline: Timeline,
    },
    /// The token store cannot be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Nobody came back from the login page.
    #[error(transparent)]
    UserAgent(#[from] UserAgentError),
    /// The request of the application could not be sent; requests of the login itself are
    /// [`Error::Unreachable`](crate::Error::Unreachable) instead.
    #[error("the request could not be sent: {}", Causes(.0))]
    Http(#[source] H),
    /// Another process holds the lock of a refresh for much longer than one takes: it may have been stopped.
    /// Nothing is lost; the same call may succeed later.
    #[error("another process has been refreshing the tokens for {} seconds{}", waited.as_secs(), at_it(*spending))]
    Busy {
        /// How long it was waited for.
        waited: Duration,
        /// Who spends the refresh token, if one is spent and the store can tell.
        spending: Option<Spending>,
    },
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    NoEntropy,
}

impl<H: Error> ClientError<H> {
    /// The same for another caller who waited for the same thing. What befell a request of the
    /// application is nobody else's.
    pub(crate) fn share(&self) -> Option<Self> {
        Some(match self {
            Self::Authentication(error) => Self::Authentication(error.clone()),
            Self::OAuth { error, timeline } => {
                Self::OAuth { error: error.clone(), timeline: timeline.clone() }
            }
            Self::Storage(error) => Self::Storage(error.clone()),
            // Whoever still waits has not left.
            Self::UserAgent(UserAgentError::Abandoned) => return None,
            Self::UserAgent(error) => Self::UserAgent(error.clone()),
            Self::Busy { waited, spending } => Self::Busy { waited: *waited, spending: *spending },
            Self::NoEntropy => Self::NoEntropy,
            Self::Http(_) => return None,
        })
    }

    /// What would help, in one sentence.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::OAuth { error, .. } => error.advice(),
            Self::Authentication(_) => "open the connect URL in a browser, and call again",
            Self::UserAgent(error) => error.advice(),
            Self::Storage(error) => error.advice(),
            Self::Http(_) => "see that the server can be reached, and try again",
            Self::Busy { .. } => "call again; if it stays so, go on with or end the other process",
            Self::NoEntropy => "see to the operating system's random device, and log in again",
        }
    }
}

impl<H: Error> ClientError<H> {
    /// A short name of the reason, for logs and programs; it never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OAuth { error, .. } => error.code(),
            Self::Authentication(_) => "login_required",
            Self::Storage(_) => "storage",
            Self::UserAgent(_) => "user_agent",
            Self::Http(_) => "http",
            Self::Busy { .. } => "busy",
            Self::NoEntropy => "no_entropy",
        }
    }

    /// Whether the same call may succeed later with nothing changed. Of [`Http`](Self::Http) that is not
    /// known here: ask the HTTP client's own error.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::OAuth { error, .. } => error.is_retryable(),
            Self::Busy { .. } | Self::UserAgent(UserAgentError::Elsewhere { .. }) => true,
            Self::Storage(error) => error.is_retryable(),
            _ => false,
        }
    }

    /// All that can be said about it to the person who has to act, over several lines; see
    /// [`Error::explain`](crate::Error::explain).
    #[must_use]
    pub fn explain(&self) -> Explanation<'_, H> {
        Explanation(self)
    }

    /// Says how it came to that, unless that is said.
    pub(crate) fn after(self, timeline: &Timeline) -> Self {
        match self {
            Self::OAuth { error, timeline: none } if none.entries().is_empty() => {
                Self::OAuth { error, timeline: timeline.clone() }
            }
            other => other,
        }
    }
}

/// Who is at it, and since when.
fn at_it(spending: Option<Spending>) -> String {
    let Some(Spending { since, process }) = spending else { return String::new() };
    let who = process.map_or_else(String::new, |number| format!(" by process {number}"));
    format!("; the refresh token is being spent{who} since {} (Unix time)", since.as_secs())
}

/// A [`ClientError`] in full; made by [`ClientError::explain`].
#[derive(Debug)]
pub struct Explanation<'a, H: Error + 'static>(&'a ClientError<H>);

impl<H: Error> core::fmt::Display for Explanation<'_, H> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            ClientError::OAuth { error, timeline } => error.explain(timeline).fmt(f),
            error => {
                writeln!(f, "error[{}]: {error}", error.code())?;
                writeln!(f, "  what to do    {}", error.advice())
            }
        }
    }
}

impl<H: Error> From<crate::Error> for ClientError<H> {
    fn from(error: crate::Error) -> Self {
        Self::OAuth { error, timeline: Timeline::default() }
    }
}

/// For HTTP clients whose errors can be made of those of I/O, such as ureq. None of ours can, which keeps them apart.
impl<H: Error + From<io::Error>> From<H> for ClientError<H> {
    fn from(error: H) -> Self {
        Self::Http(error)
    }
}

/// A user has to visit a page before the call can succeed.
///
/// `pending` is the login behind the page: stored where tokens are kept, it can be finished by another
/// process (`OAuth::resume`).
#[derive(Debug, Clone, thiserror::Error)]
#[error("a login is needed: open the connect URL in a browser")]
#[non_exhaustive]
pub struct AuthenticationError {
    /// Where the user has to go.
    pub connect_url: AuthorizationUrl,
    /// The login that waits for the user. Serialized, it is a secret.
    pub pending: PendingLogin,
}

/// An error that may mean that a user has to consent: what `with_oauth_retry` looks at. A host
/// implements it for the errors of its own calls.
pub trait NeedsConsent {
    /// Whether a login would help.
    fn needs_consent(&self) -> bool;

    /// The page to visit, if the error names one.
    fn connect_url(&self) -> Option<&str>;
}

impl<H: Error> NeedsConsent for ClientError<H> {
    fn needs_consent(&self) -> bool {
        match self {
            Self::Authentication(_) => true,
            Self::OAuth { error, .. } => error.needs_login(),
            _ => false,
        }
    }

    fn connect_url(&self) -> Option<&str> {
        match self {
            Self::Authentication(error) => error.connect_url(),
            _ => None,
        }
    }
}

impl NeedsConsent for AuthenticationError {
    fn needs_consent(&self) -> bool {
        true
    }

    fn connect_url(&self) -> Option<&str> {
        Some(self.connect_url.as_str())
    }
}
