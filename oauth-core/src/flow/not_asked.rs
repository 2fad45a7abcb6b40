//! What an MCP server says that asks for no login.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

/// What the server answered instead of asking for a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NotAsked {
    pub(crate) status: u16,
    /// Where a redirect leads that is not followed, to be shown.
    pub(crate) leads_to: Option<Box<str>>,
}
