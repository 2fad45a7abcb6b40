//! The host that blocks: sockets by ureq.

use oauth_core::client::{HostParts, SharedStorage};

use crate::clock::OperatingSystem;
use crate::http::Http;
use crate::threads::Threads;
use crate::user_agent::SharedUserAgent;

/// Most methods of its parts do their work, and then their futures are ready. What a login waits for parks the thread.
pub(crate) type UreqHost =
    HostParts<Http, SharedStorage, SharedUserAgent, Threads, OperatingSystem>;
