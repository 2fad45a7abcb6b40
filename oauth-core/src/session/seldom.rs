//! What a session seldom knows: in one box, which most sessions do without.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::flow::ServerNonce;
use crate::session::refused::RefusedBefore;
use crate::session::rest::Rest;
use crate::session::unmet::Unmet;
use crate::url::HttpUrl;

/// What a session seldom knows.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Seldom {
    /// What the servers refused of what was known from before.
    #[serde(default)]
    pub(crate) refused: RefusedBefore,
    /// What the MCP server asked for, and no login was begun for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unmet: Option<Unmet>,
    /// Until when a server wants to be left alone that was asked for a token without a user, and what it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rest: Option<Rest>,
    /// What the authorization server wants to see in the next proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<Box<ServerNonce>>,
    /// Whether there were tokens, and nobody has the key that they are bound to.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(crate) lacks_key: bool,
    /// Where the MCP endpoint's URL redirects to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) moved_to: Option<HttpUrl>,
}

/// What a session knows that has none.
pub(crate) static NOTHING: Seldom = Seldom {
    refused: RefusedBefore::NOTHING,
    unmet: None,
    rest: None,
    nonce: None,
    lacks_key: false,
    moved_to: None,
};
