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
    /// What it has done that is done once.
    once: Onces,
}

impl Tried {
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it has done that.
    pub(crate) fn has(&self, what: OnceOnly) -> bool {
        self.once.0 & what as u8 != 0
    }

    /// It does it now.
    pub(crate) fn note(&mut self, what: OnceOnly) {
        self.once.0 |= what as u8;
    }

    /// It may do it again.
    pub(crate) fn forget(&mut self, what: OnceOnly) {
        self.once.0 &= !(what as u8);
    }
}

/// What a login does once: each time its user may have to visit the page once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnceOnly {
    /// Registers because its client was refused.
    AnotherClient = 1,
    /// Registers to name its scopes. The second client would name the same.
    WiderClient = 2,
    /// Asks for a device code, beside the page.
    DeviceCode = 4,
}

/// A set of them, by their bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Onces(u8);
