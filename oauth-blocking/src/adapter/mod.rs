//! What adapters are made of: for those who bring another HTTP client or runtime.
//!
//! ```text
//!   OAuth (an adapter's) ── Builder ── Parts
//!     └─ Client ─────────── which token a request gets, what an answer leads to, who waits for whom
//!          ├─ Driver        does what the session's turns ask for
//!          │    └─ oauth_core::session::Session
//!          ├─ AddressFilter where requests may go, for the adapter's resolver
//!          ├─ Failures      what fails for one who waits fails for all who wait
//!          └─ Host          sockets, store, browser, tasks or threads: the adapter's own part
//! ```
//!
//! All of it is written once, in the async form. A blocking adapter's futures are ready at once, and it
//! waits for the others with its thread parked ([`ready`]).

mod addresses;
mod application;
mod builder;
mod cancel;
mod client;
mod diagnose;
mod drive;
mod exchange;
mod failures;
mod find;
mod forget;
mod headers;
mod host;
mod keep;
mod lasting;
mod limits;
mod lock;
mod log_in;
mod login_options;
mod message;
mod migrate;
mod mode;
mod moved;
mod next;
mod obstacle;
mod parts;
mod ready;
mod refusal;
mod shown;
mod standing;
mod system;
mod tell;
#[cfg_attr(not(feature = "tracing"), path = "silence.rs")]
mod trace;

pub use addresses::{AddressFilter, PrivateAddress};
pub use builder::Builder;
pub use cancel::LoginHandle;
pub use client::{Call, Client};
pub use forget::Forgotten;
pub use headers::Headers;
pub use host::{Host, TIME_LIMIT, Unanswered};
pub use limits::{Limits, last_chance};
pub use login_options::LoginOptions;
pub use message::{challenges, location, response};
pub use mode::Mode;
pub use obstacle::Obstructed;
pub use parts::{Adapter, Parts, Watcher};
pub use ready::{parked, ready};
pub use refusal::Remedy;
pub use system::System;

pub use crate::clock::OperatingSystem;
pub use crate::pauses::Pauses;
pub use crate::user_agent::{Bound, PAGE_LIMIT, Parked, write_page};
