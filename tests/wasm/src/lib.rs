//! `oauth-core` for hosts in any language: a WebAssembly module without imports.
//!
//! A host calls a [`Function`] with the number of a session and an input, and gets a JSON text. Numbers
//! and texts are all that crosses the border, so whatever a host does wrong is answered with an error and
//! changes nothing. `README.md` here has the functions; `host/oauth.mjs` is a whole host.
//!
//! Everything but the exports themselves is plain Rust without `unsafe`, and is tested as such.

#![no_std]

extern crate alloc;

#[cfg(target_arch = "wasm32")]
mod border;
mod error;
mod function;
mod input;
mod interface;
mod reply;
mod settings;
mod turn;

pub use function::Function;
pub use interface::{Interface, MAX_INPUT};
