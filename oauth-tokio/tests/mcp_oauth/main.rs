//! The command `mcp-oauth`, as its users run it: the program itself, against simulated servers behind sockets.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod bridge;
mod command;
mod import;
mod logins;
mod seal;
#[cfg(target_os = "linux")]
mod terminal;
