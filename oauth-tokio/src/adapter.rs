//! What other adapters on tokio can use of this one. What all adapters share is [`oauth_core::client`].
//!
//! A host with another HTTP client brings an [`HttpSender`](oauth_core::client::HttpSender), and takes the other parts of a
//! [`Host`](oauth_core::client::Host) from here: [`Tasks`], [`OperatingSystem`], a
//! [`SharedUserAgent`](crate::SharedUserAgent), a [`SharedStorage`](crate::SharedStorage).

pub use oauth_blocking::adapter::OperatingSystem;

pub use crate::tasks::Tasks;
pub use crate::user_agent::AtPage;
