//! The simulated world that the workspace's tests run against.
//!
//! [`world::World`] is an MCP server and two authorization servers as one pure function, and judges
//! what a client sends; [`serve::Served`] puts it behind real sockets on loopback. Neither knows
//! anything about the crates under test: what is checked here is checked a second time, by other code.
//! With the feature `rmcp`, `guard` has a real MCP server behind it.
//!
//! With the feature `machines`, `drive` runs the machines of `oauth-core` against it, `sim` many of them at once, and
//! `faulty` is a store that fails.

extern crate alloc;

#[cfg(feature = "machines")]
pub mod brought;
#[cfg(feature = "machines")]
pub mod direct;
#[cfg(feature = "machines")]
pub mod drive;
#[cfg(feature = "machines")]
pub mod faulty;
pub mod files;
#[cfg(feature = "rmcp")]
pub mod guard;
#[cfg(feature = "machines")]
pub mod logs;
pub mod serve;
#[cfg(feature = "machines")]
pub mod sim;
pub mod world;

/// The README's code is compiled and run with the documentation tests.
#[cfg(all(doctest, feature = "machines"))]
#[doc = include_str!("../../README.md")]
struct Readme;
