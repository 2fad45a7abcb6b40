//! How users are reached by a thread: what asks them is on another one, so that a host that cancels a login need not
//! wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use oauth_core::Response;
use oauth_core::client::{AboutToAuthorize, Returned, Unanswered, UserAgentError, Users, Waiting};
use oauth_core::flow::RedirectUri;
use oauth_core::wire::{AuthorizationUrl, DevicePage};

use crate::apart::Apart;
use crate::user_agent::{SharedUserAgent, Until, Visit};

impl Users for SharedUserAgent {
    type Visit = Box<Visit>;
    type AtPage = AtPage;

    async fn about_to_authorize(&self, login: AboutToAuthorize) -> Result<(), UserAgentError> {
        let agent = self.clone();
        // It may ask the user.
        let mut asked = Apart::begin(move |says| says.say((*agent).about_to_authorize(&login)))
            .map_err(|error| UserAgentError::Listen { kind: error.kind() })?;
        match asked.next(None).await {
            Some(Ok(answer)) => answer,
            Some(Err(_)) | None => Err(UserAgentError::Cancelled),
        }
    }

    async fn prepare(
        &self,
        registered: Option<&str>,
    ) -> Result<(RedirectUri, Option<Box<Visit>>), UserAgentError> {
        Ok((**self).prepare(registered)?.into_parts())
    }

    fn open(
        &self,
        visit: Box<Visit>,
        url: &AuthorizationUrl,
        deadline: Instant,
        waiting: Arc<dyn Fn(Waiting) + Send + Sync>,
    ) -> Result<AtPage, UserAgentError> {
        AtPage::open(visit, url.clone(), Until::new(deadline), waiting)
    }

    async fn came_back(
        &self,
        page: &mut AtPage,
        limit: Option<Duration>,
    ) -> Option<Result<Returned, UserAgentError>> {
        page.user(limit).await
    }

    /// The page has a thread of its own.
    async fn beside(
        &self,
        _: &mut AtPage,
        answer: impl Future<Output = Result<Response, Unanswered>> + Send,
    ) -> Result<Response, Unanswered> {
        answer.await
    }

    async fn show_device(&self, page: DevicePage, beside: bool) -> Result<(), UserAgentError> {
        let agent = self.clone();
        let show = move || match beside {
            true => agent.device_beside(&page),
            false => (*agent).device(&page),
        };
        // A browser takes its time.
        let mut asked = Apart::begin(move |says| says.say(show()))
            .map_err(|error| UserAgentError::Listen { kind: error.kind() })?;
        match asked.next(None).await {
            Some(Ok(answer)) => answer,
            Some(Err(_)) | None => Err(UserAgentError::Cancelled),
        }
    }
}

/// A page that a user agent shows, on a thread of its own.
pub struct AtPage {
    visit: Apart<Said>,
    until: Until,
    waiting: Arc<dyn Fn(Waiting) + Send + Sync>,
}

enum Said {
    Word(Waiting),
    Back(Result<Returned, UserAgentError>),
}

impl AtPage {
    fn open(
        visit: Box<Visit>,
        url: AuthorizationUrl,
        until: Until,
        waiting: Arc<dyn Fn(Waiting) + Send + Sync>,
    ) -> Result<Self, UserAgentError> {
        let lasts = until.clone();
        let visit = Apart::begin(move |says| {
            let back = visit(&url, &lasts, &mut |word| says.say(Said::Word(word)));
            says.say(Said::Back(back));
        });
        let visit = visit.map_err(|error| UserAgentError::Listen { kind: error.kind() })?;
        Ok(Self { visit, until, waiting })
    }

    /// Waits for the user, for `limit` at most.
    async fn user(&mut self, limit: Option<Duration>) -> Option<Result<Returned, UserAgentError>> {
        let begun = Instant::now();
        loop {
            let left = limit.map(|limit| limit.saturating_sub(begun.elapsed()));
            match self.visit.next(left).await? {
                Ok(Said::Word(word)) => (self.waiting)(word),
                Ok(Said::Back(back)) => return Some(back),
                Err(_) => return Some(Err(UserAgentError::Cancelled)),
            }
        }
    }
}

impl std::fmt::Debug for AtPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AtPage")
    }
}

/// Whoever looks at it is soon gone, and its port free.
impl Drop for AtPage {
    fn drop(&mut self) {
        self.until.end();
        if self.until.is_looked_at() {
            self.visit.end_within(LONGEST_GOODBYE);
        }
    }
}

/// How long a user agent that looks whether it is still wanted may take to end.
const LONGEST_GOODBYE: Duration = Duration::from_secs(1);
