//! Logins on another device (RFC 8628): a code that the user types there, and polls until they have consented.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod clients;
mod ends;
mod polls;
mod race;

use std::cell::Cell;

use oauth_core::UnixTime;
use oauth_core::flow::{GrantKind, Settings};
use oauth_tests::drive::{Stage, settings};
use oauth_tests::world::{DeviceUser, Grant, Knobs, What};

/// A host that has chosen it.
fn on_device() -> Settings {
    settings().device_code()
}

/// The servers for it, and a user who consents after so many seconds.
fn consents_after(seconds: u64) -> Knobs {
    Knobs { device_user: DeviceUser::ApprovesAfter(seconds), ..Knobs::devices() }
}

/// How often the server was asked for a code, and how often whether its user has consented.
fn asked(stage: &Stage) -> (usize, usize) {
    (stage.world.count(What::Device), stage.world.count(What::Token(Grant::Device)))
}
