//! How users are reached by a task.

use std::time::Instant;

use oauth_core::client::{AboutToAuthorize, Returned, UserAgentError, Users};
use oauth_core::flow::RedirectUri;
use oauth_core::wire::{AuthorizationUrl, DevicePage};

use crate::user_agent::{ProgressFn, SharedUserAgent, Visit};

impl Users for SharedUserAgent {
    type Visit = Box<Visit>;

    async fn about_to_authorize(&self, login: AboutToAuthorize) -> Result<(), UserAgentError> {
        Self::about_to_authorize(self, &login).await
    }

    async fn prepare(
        &self,
        registered: Option<&str>,
    ) -> Result<(RedirectUri, Option<Box<Visit>>), UserAgentError> {
        Ok(Self::prepare(self, registered).await?.into_parts())
    }

    async fn visit(
        &self,
        visit: Box<Visit>,
        url: &AuthorizationUrl,
        deadline: Instant,
        waiting: ProgressFn,
    ) -> Result<Returned, UserAgentError> {
        visit(url.clone(), deadline, waiting).await
    }

    async fn show_device(&self, page: DevicePage) -> Result<(), UserAgentError> {
        self.device(&page).await
    }
}
