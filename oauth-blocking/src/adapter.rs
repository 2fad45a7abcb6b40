//! What other adapters can use of this one: its clock, the sockets of its listener, and the wait of a thread for a
//! host's futures. What all adapters share is [`oauth_core::client`].

pub use crate::clock::OperatingSystem;
pub use crate::ready::{parked, ready};
pub use crate::user_agent::{Bound, PAGE_LIMIT, Parked, shows_pages, write_page};
