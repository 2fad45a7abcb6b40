//! What only the host has, and could not give.

use alloc::boxed::Box;
use alloc::string::String;

use serde::{Deserialize, Serialize};

/// The host could not give what only it has. The same may succeed later: a key service is down for a while, a file
/// is not written yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("there is no {}: {reason}", .what.name())]
#[non_exhaustive]
pub struct Unavailable {
    /// What it is.
    pub what: HostGift,
    /// Why not, in the host's words; without control characters, and cut.
    pub reason: Box<str>,
}

/// What only a host has, and gives when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HostGift {
    /// A signature, with the client's key or with the one that tokens are bound to.
    Signature,
    /// What says who the workload or its user is.
    Assertion,
    /// A key that tokens are bound to.
    Key,
}

impl HostGift {
    const fn name(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Assertion => "assertion about the workload or its user",
            Self::Key => "key that tokens can be bound to",
        }
    }
}

impl Unavailable {
    pub(crate) fn new(what: HostGift, reason: &str) -> Self {
        let plain = reason.chars().filter(|letter| !letter.is_control()).take(MAX_REASON);
        Self { what, reason: plain.collect::<String>().into() }
    }

    pub(crate) const fn code(&self) -> &'static str {
        match self.what {
            HostGift::Signature => "no_signature",
            HostGift::Assertion => "no_assertion",
            HostGift::Key => "no_key",
        }
    }

    pub(crate) const fn advice(&self) -> &'static str {
        match self.what {
            HostGift::Signature => {
                "see why the key cannot be used: nothing was sent, and what is stored is kept"
            }
            HostGift::Assertion => {
                "see why the source has none: nothing was sent, and what is stored is kept"
            }
            HostGift::Key => {
                "bring a key with `dpop_key`, or build with the feature `es256`: this server wants tokens that are \
                 bound to one"
            }
        }
    }
}

/// How much of a host's reason is kept, in characters.
const MAX_REASON: usize = 300;
