//! `oauth-core` for hosts in other languages: what `../wasm` exports, without the exports.
//!
//! A host calls a [`Function`] with the number of a session and an input, and gets a JSON text. Nothing
//! else crosses the border, so whatever a host does wrong is answered with an error and changes nothing.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod error;
mod function;
mod input;
mod interface;
mod numbered;
mod reply;
mod sent;
mod settings;
mod turn;

pub use function::Function;
pub use interface::{Interface, MAX_INPUT};
