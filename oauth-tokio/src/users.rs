//! How users are reached by a task.

use std::time::{Duration, Instant};

use oauth_core::Response;
use oauth_core::client::{AboutToAuthorize, Returned, Unanswered, UserAgentError, Users};
use oauth_core::flow::RedirectUri;
use oauth_core::wire::{AuthorizationUrl, DevicePage};

use crate::user_agent::{AtPage, ProgressFn, SharedUserAgent, Visit};

impl Users for SharedUserAgent {
    type Visit = Box<Visit>;
    type AtPage = AtPage;

    async fn about_to_authorize(&self, login: AboutToAuthorize) -> Result<(), UserAgentError> {
        Self::about_to_authorize(self, &login).await
    }

    async fn prepare(
        &self,
        registered: Option<&str>,
    ) -> Result<(RedirectUri, Option<Box<Visit>>), UserAgentError> {
        Ok(Self::prepare(self, registered).await?.into_parts())
    }

    fn open(
        &self,
        visit: Box<Visit>,
        url: &AuthorizationUrl,
        deadline: Instant,
        waiting: ProgressFn,
    ) -> Result<AtPage, UserAgentError> {
        Ok(AtPage::open(visit, url.clone(), deadline, waiting))
    }

    async fn came_back(
        &self,
        page: &mut AtPage,
        limit: Option<Duration>,
    ) -> Option<Result<Returned, UserAgentError>> {
        page.user(limit).await
    }

    async fn beside(
        &self,
        page: &mut AtPage,
        answer: impl Future<Output = Result<Response, Unanswered>> + Send,
    ) -> Result<Response, Unanswered> {
        page.beside(answer).await
    }

    async fn show_device(&self, page: DevicePage, beside: bool) -> Result<(), UserAgentError> {
        match beside {
            true => self.device_beside(&page).await,
            false => self.device(&page).await,
        }
    }
}
