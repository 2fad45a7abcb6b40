//! How users are reached by a thread: what asks them is on another one, so that a host that cancels a login need not
//! wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use oauth_core::client::{AboutToAuthorize, Returned, UserAgentError, Users, Waiting};
use oauth_core::flow::RedirectUri;
use oauth_core::wire::{AuthorizationUrl, DevicePage};

use crate::apart::Apart;
use crate::user_agent::{SharedUserAgent, Until, Visit};

impl Users for SharedUserAgent {
    type Visit = Box<Visit>;

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

    async fn visit(
        &self,
        visit: Box<Visit>,
        url: &AuthorizationUrl,
        deadline: Instant,
        waiting: Arc<dyn Fn(Waiting) + Send + Sync>,
    ) -> Result<Returned, UserAgentError> {
        let mut page = AtPage::open(visit, url.clone(), Until::new(deadline))?;
        page.user(&*waiting).await
    }

    async fn show_device(&self, page: DevicePage) -> Result<(), UserAgentError> {
        let agent = self.clone();
        // A browser takes its time.
        let mut asked = Apart::begin(move |says| says.say((*agent).device(&page)))
            .map_err(|error| UserAgentError::Listen { kind: error.kind() })?;
        match asked.next(None).await {
            Some(Ok(answer)) => answer,
            Some(Err(_)) | None => Err(UserAgentError::Cancelled),
        }
    }
}

/// A page that a user agent shows, on a thread of its own.
struct AtPage {
    visit: Apart<Said>,
    until: Until,
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
    ) -> Result<Self, UserAgentError> {
        let lasts = until.clone();
        let visit = Apart::begin(move |says| {
            let back = visit(&url, &lasts, &mut |word| says.say(Said::Word(word)));
            says.say(Said::Back(back));
        });
        let visit = visit.map_err(|error| UserAgentError::Listen { kind: error.kind() })?;
        Ok(Self { visit, until })
    }

    /// Waits for the user.
    async fn user(
        &mut self,
        waiting: &(dyn Fn(Waiting) + Send + Sync),
    ) -> Result<Returned, UserAgentError> {
        loop {
            match self.visit.next(None).await {
                Some(Ok(Said::Word(word))) => waiting(word),
                Some(Ok(Said::Back(back))) => return back,
                Some(Err(_)) | None => return Err(UserAgentError::Cancelled),
            }
        }
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
