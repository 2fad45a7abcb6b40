//! A token that the MCP server has refused, and that no refresh replaces: nobody hands it out any more.
//!
//! ```text
//!  refused ─▶ no refresh helps ─▶ Lock ─▶ Load ─┬─ another token ─▶ Unlock ─▶ Ready
//!                                               └─ the same one ─▶ Save (refused) ─▶ Unlock ─▶ Login
//! ```
//!
//! This session knows it from that moment on, all others that share the store once it is written, whoever is
//! restarted meanwhile. It is written once for each token, and ends with the next tokens.
//!
//! What is not known to be refused: a token that lacks a scope, which is good for other requests; one that was issued
//! a moment ago; one of a login that is on trial, for which no other login may be made yet, and that other requests
//! may do with; and one for which no refresh could be tried, since the authorization server is in trouble: the MCP
//! server may be in the same, and take the token afterwards.
//!
//! Servers also refuse every token while they start. So it ends no grant: a refresh token is tried again after some
//! time.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::session::authorization::Snapshot;
use crate::session::record::Record;
use crate::time::UnixTime;

/// What the servers refused of what was known from before: the next login does without.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct RefusedBefore {
    /// It does not know the client of this generation any more.
    pub(crate) client: Option<u64>,
    /// Nobody came back from a login with the client of this generation.
    #[serde(default)]
    pub(crate) closed: Option<u64>,
    /// Nor does one of those that were used before.
    pub(crate) elsewhere: bool,
    /// It does not know all the scopes that were asked for before.
    pub(crate) scopes: bool,
    /// The MCP server refused the token of this generation, and never took it.
    #[serde(default)]
    pub(crate) token: Option<u64>,
    /// An authorization server wants proofs, and the token of this generation is not bound to a key.
    #[serde(default)]
    pub(crate) bearer: Option<u64>,
    /// Tokens of the login of this time that it refused were refreshed.
    #[serde(default)]
    pub(crate) refreshed: Option<UnixTime>,
    /// The login of this time did not help a request: that others are taken does not undo its pause.
    #[serde(default)]
    pub(crate) in_vain: Option<UnixTime>,
    /// The token of this generation was refused when it was new, and is given until then.
    #[serde(default)]
    pub(crate) young: Option<(u64, UnixTime)>,
}

impl RefusedBefore {
    pub(crate) const NOTHING: Self = Self {
        client: None,
        closed: None,
        elsewhere: false,
        scopes: false,
        token: None,
        bearer: None,
        refreshed: None,
        in_vain: None,
        young: None,
    };
}

impl Snapshot {
    /// When the token that is held was refused for good, as far as this session or the store knows.
    pub(crate) fn refused_at(&self) -> Option<UnixTime> {
        self.refused.or_else(|| self.record.as_ref().and_then(Record::refused_at))
    }

    /// Whether that is not stored yet.
    pub(crate) fn is_mark_due(&self) -> bool {
        self.refused.is_some() && self.record.as_ref().is_some_and(|it| it.refused_at().is_none())
    }

    /// Whether a refresh is known not to help, for now. A clock that was set back since ends that.
    pub(crate) fn is_refresh_in_vain(&self, now: UnixTime) -> bool {
        self.refused_at().is_some_and(|at| at <= now && now < at + REST)
    }
}

/// How long a refresh is not tried after it did not help. A server that refuses whatever it gets is not asked for
/// tokens at each call, and one that was about to start is up by then.
const REST: Duration = Duration::from_secs(60);
