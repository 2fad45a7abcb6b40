//! A login is on trial until the MCP server takes one of its tokens. While it refuses them, a login that
//! was just made is not made again at once.
//!
//! ```text
//!  login ─▶ on trial ─┬─ a token is taken ──────────────────────────▶ as good as any
//!                     └─ refused ─▶ refresh, once a session ─▶ refused ─▶ LoginInVain, until the pause is over
//!                                                                           └─▶ a login, whose pause is longer
//! ```
//!
//! A server may take a token for one request, and refuse it for another. A login that did not help a request stays
//! on trial, whatever else its tokens are good for: they are replaced at once again when its pause is over.
//!
//! Only the session that made the login keeps to the pause, over all calls, threads and tasks that share it.
//! Others cannot know whether the server took a token meanwhile, and must not keep a user from a login that
//! is needed: they try for themselves.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, PeerIncompatible};
use crate::session::need::Need;
use crate::time::UnixTime;

/// A login of whose tokens the server has taken none yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trial {
    /// When it was made.
    pub(crate) since: UnixTime,
    /// How many logins in a row were refused, if this one is.
    pub(crate) logins: u8,
}

impl Trial {
    /// A login that was made now, after so many that were refused.
    pub(crate) fn after(in_vain: u8, now: UnixTime) -> Self {
        Self { since: now, logins: in_vain.saturating_add(1) }
    }

    /// Until when no other login is made.
    fn until(self) -> UnixTime {
        let steps = u32::from(self.logins.saturating_sub(1)).min(MAX_STEPS);
        self.since + (FIRST_PAUSE * STEP.pow(steps)).min(LONGEST_PAUSE)
    }

    /// A clock that was set back since does not make the pause longer.
    pub(crate) fn pauses(self, now: UnixTime) -> bool {
        self.since <= now && now < self.until()
    }

    /// The error meanwhile.
    pub(crate) fn in_vain(self, need: &Need) -> Error {
        let (logins, until, error) = (self.logins, self.until(), need.code());
        PeerIncompatible::LoginInVain { logins, until, error }.into()
    }
}

/// How long no other login is made after the first one that was refused.
const FIRST_PAUSE: Duration = Duration::from_secs(60);

/// How much longer each pause is than the one before.
const STEP: u32 = 5;

/// After so many steps a pause is the longest one.
const MAX_STEPS: u32 = 3;

/// A server may be mended in an hour, and a user who looks at the error need not wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
