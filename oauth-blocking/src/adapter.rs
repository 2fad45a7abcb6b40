//! What other adapters can use of this one: its clock, the sockets of its listener, and for hosts that block its
//! threads. What all adapters share is [`oauth_core::client`].
//!
//! A host that blocks and has another HTTP client brings an [`HttpSender`](oauth_core::client::HttpSender), and takes
//! the other parts of a [`Host`](oauth_core::client::Host) from here: [`Threads`], [`OperatingSystem`], a
//! [`SharedUserAgent`](crate::SharedUserAgent), a [`SharedStorage`](crate::SharedStorage).

pub use crate::clock::OperatingSystem;
pub use crate::ready::{parked, ready};
pub use crate::threads::{HeldSession, Threads};
pub use crate::user_agent::{Bound, PAGE_LIMIT, Parked, shows_pages, write_page};
pub use crate::users::AtPage;
