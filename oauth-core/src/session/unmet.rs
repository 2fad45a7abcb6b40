//! What the MCP server asked for, and no login was begun for: the next login does.
//!
//! ```text
//!  refused ─▶ Login ─┬─ a login ─▶ tokens ──────────────────────▶ nothing is left of it
//!                    └─ the host begins none ─▶ kept ─▶ … ─▶ a login, which asks for it, too
//! ```
//!
//! It belongs to one session, and is serialized with it. That the token at hand still lives, is refreshed or
//! used for what it is good for changes nothing; a login of somebody else that has asked for the scopes does.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::scope::Scopes;
use crate::wire::ResourceChallenge;

/// What no login was begun for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unmet {
    /// What the server said last when it wanted another token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) challenge: Option<Box<ResourceChallenge>>,
    /// What it said was missing from a token that was good otherwise: of all such refusals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) missing: Option<Scopes>,
}

impl Unmet {
    pub(crate) fn miss(&mut self, missing: &Scopes) {
        self.missing.get_or_insert_default().add_or_replace(missing);
    }
}
