//! Whether tokens are bound to a key (RFC 9449).

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use super::Settings;
use crate::keys::DpopKey;

/// When tokens are bound to a key, so that who steals one cannot use it (RFC 9449).
///
/// A bound token needs a proof for each request: [`Authorization::attach`](crate::session::Authorization::attach).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Dpop {
    /// Where the MCP server takes no other tokens.
    #[default]
    IfRequired,
    /// Never. A server that takes no other tokens cannot be used.
    Off,
    /// Where the authorization server can do it.
    Preferred,
    /// Always. An authorization server that cannot do it is not used, and a token that is not bound is discarded.
    Required,
}

impl Dpop {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl Settings {
    /// When tokens are bound to a key. Unless this is set, where the MCP server requires it.
    #[must_use]
    pub fn dpop(mut self, dpop: Dpop) -> Self {
        self.dpop = dpop;
        self
    }

    /// The key of the host's own that tokens are bound to, where they are bound to any: one that cannot be exported, for
    /// instance. It stays with the host, which is asked to sign. Without it, the host is asked for a new one for each
    /// login.
    ///
    /// Tokens that are stored and were bound to another key of a host count as gone.
    #[must_use]
    pub fn dpop_key(mut self, key: DpopKey) -> Self {
        self.dpop_key = Some(Box::new(key.without_secret()));
        self
    }
}
