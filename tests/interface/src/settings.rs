//! Settings as JSON: [`WrittenSettings`], and what only a host with a store of its own says.

use alloc::boxed::Box;
use alloc::sync::Arc;

use oauth_core::Policy;
use oauth_core::flow::{Settings, WrittenSettings};
use oauth_core::session::PendingLogin;
use serde::Deserialize;

use crate::error::Failure;

/// What `open` and `resume` take.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Opening {
    pub(crate) settings: Written,
    pub(crate) profile: Box<str>,
    pub(crate) pending: Option<PendingLogin>,
}

oauth_core::written! {
    /// Settings of one server.
    pub(crate) struct Written {
        ..settings: WrittenSettings,
        /// The MCP endpoint.
        server_url: Option<Box<str>>,
        /// Whether the host stores records of clients.
        client_records: bool,
    }
}

impl Written {
    pub(crate) fn settings(self) -> Result<Arc<Settings>, Failure> {
        let server_url = self.server_url.ok_or(Failure::Lacks("server_url"))?;
        let settings = self.settings.settings(&server_url, Policy::default())?;
        Ok(if self.client_records { settings.client_records() } else { settings }.into())
    }
}
