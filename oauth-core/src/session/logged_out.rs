//! What a logout has come to.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;

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
    /// There were no tokens.
    pub(crate) const NOTHING: Self =
        Self { refresh_token: RevocationOutcome::Absent, access_token: RevocationOutcome::Absent };

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

/// What a server answers that does not revoke tokens of a kind: access tokens that nobody looks up, mostly
/// (RFC 7009 §2.2.1).
const UNSUPPORTED: &str = "unsupported_token_type";
