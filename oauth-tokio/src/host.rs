//! The host on tokio: sockets by reqwest.

use oauth_blocking::adapter::OperatingSystem;
use oauth_core::client::HostParts;

use crate::http::Http;
use crate::storage::SharedStorage;
use crate::tasks::Tasks;
use crate::user_agent::SharedUserAgent;

pub(crate) type ReqwestHost =
    HostParts<Http, SharedStorage, SharedUserAgent, Tasks, OperatingSystem>;
