//! What is left of earlier logins in a record.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::flow::KnownClient;
use crate::session::trial::Trial;
use crate::time::UnixTime;
use crate::url::HttpUrl;

/// What is left of earlier logins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct History {
    /// The `state` of the login that brought the tokens, if it was handed out: it cannot be finished again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) login: Option<Box<str>>,
    /// A digest of the first access token of their login: a refresh keeps it, so it tells the tokens of one login from
    /// those of another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lineage: Option<u32>,
    /// What the client is to authorization servers that were used before, the last one first: who moves
    /// back need not register again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) elsewhere: Vec<KnownClient>,
    /// From when on the client is taken for forgotten: by then a login with it should have been finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) doubt_from: Option<UnixTime>,
    /// The login that brought the tokens, while nobody has written down that the server took one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trial: Option<Trial>,
    /// When the MCP server had refused the access token, and no refresh helped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refused_at: Option<UnixTime>,
    /// Where the server's URL redirected to at the login: what the resource was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) moved_to: Option<HttpUrl>,
    /// Whether the user has logged out: what was issued before and comes late is not stored over it.
    #[serde(default, skip_serializing_if = "is_not")]
    pub(crate) has_left: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it like that")]
fn is_not(flag: &bool) -> bool {
    !*flag
}
