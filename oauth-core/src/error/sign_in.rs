//! What an identity provider wants of the user before it vouches for them.

use alloc::boxed::Box;
use alloc::string::String;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Refusal;

/// The identity provider wants the user to sign in there again: not long ago, or more strongly than they did
/// (RFC 9470 §3). The host passes both on in its request for a single sign-on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the identity provider wants the user to sign in again{}", within(*.max_age))]
#[non_exhaustive]
pub struct SignInRequired {
    /// How long ago the sign-in may be at most; zero means that it has to be a new one.
    pub max_age: Option<Duration>,
    /// The classes of authentication that would do, separated by spaces, as the identity provider names them;
    /// only characters that they may have.
    pub acr_values: Option<Box<str>>,
    /// What it said.
    pub refusal: Box<Refusal>,
}

fn within(max_age: Option<Duration>) -> String {
    max_age.map_or_else(String::new, |age| {
        alloc::format!(" (not longer than {} s ago)", age.as_secs())
    })
}
