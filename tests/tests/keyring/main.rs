//! The key of sealed records in a keyring: ones that answer, hang, refuse, are not there, were emptied or are another's; and
//! a real one, in real sessions. `tests/keyring/run` runs it.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "../common/mod.rs"]
mod common;
mod late;
mod missing;
mod mock;
mod place;
mod real;
mod sealed;
mod wrong;
