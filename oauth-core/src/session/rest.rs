//! A server that was asked for a token without a user, and wants to be left alone.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Unreachable};
use crate::time::UnixTime;

/// A server's wish to be left alone until then, and what it said.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Rest {
    until: UnixTime,
    error: Unreachable,
}

impl Rest {
    /// From what a server said, if it named a time.
    pub(crate) fn of(error: &Unreachable, now: UnixTime) -> Option<Self> {
        let until = now + error.retry_after?.min(LONGEST_REST);
        Some(Self { until, error: error.clone() })
    }

    /// Whether it is over. A clock that was set back ends it.
    pub(crate) fn is_over(&self, now: UnixTime) -> bool {
        self.until <= now || self.until.since(now) > LONGEST_REST
    }

    /// Whether it ends sooner than that one.
    pub(crate) fn is_shorter_than(&self, other: &Self) -> bool {
        self.until < other.until
    }

    /// What the server said, as it is now.
    pub(crate) fn error(&self, now: UnixTime) -> Error {
        let retry_after = Some(self.until.since(now));
        Unreachable { retry_after, ..self.error.clone() }.into()
    }
}

/// How long a server is left alone at most, whatever it says.
const LONGEST_REST: Duration = Duration::from_secs(60 * 60);
