//! What a login has tried, so that nothing is tried without end.

use serde::{Deserialize, Serialize};

use crate::wire::{AuthMethod, AuthMethods};

/// What a login has tried already.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Tried {
    /// The method that its last registration asked for; `None` with a client of an earlier login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) asked: Option<AuthMethod>,
    /// The methods with which its client was refused.
    #[serde(skip_serializing_if = "AuthMethods::is_empty")]
    pub(crate) refused: AuthMethods,
    /// How often it registered because of that.
    pub(crate) for_client: u8,
    /// How often it registered to name its scopes.
    pub(crate) for_scope: u8,
    /// Whether its client has asked for a device code.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub(crate) code: bool,
}

impl Tried {
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}
