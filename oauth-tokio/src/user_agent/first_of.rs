//! Two ways to a page and back in one login, as tasks: whoever comes back first.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use oauth_core::client::{AboutToAuthorize, Returned, UserAgentError};
use oauth_core::wire::DevicePage;

use super::{Prepared, Returning, SharedUserAgent, UserAgent};

/// Two user agents in one login; made by [`UserAgent::or`].
#[derive(Debug, Clone)]
pub struct FirstOf {
    first: SharedUserAgent,
    other: SharedUserAgent,
}

impl FirstOf {
    pub(super) fn new(first: SharedUserAgent, other: SharedUserAgent) -> Self {
        Self { first, other }
    }
}

impl UserAgent for FirstOf {
    async fn about_to_authorize(&self, login: &AboutToAuthorize) -> Result<(), UserAgentError> {
        self.first.about_to_authorize(login).await?;
        self.other.about_to_authorize(login).await
    }

    async fn device(&self, page: &DevicePage) -> Result<(), UserAgentError> {
        let (first, other) = (self.first.device(page).await, self.other.device(page).await);
        if other.is_ok() { Ok(()) } else { first }
    }

    async fn device_beside(&self, page: &DevicePage) -> Result<(), UserAgentError> {
        let first = self.first.device_beside(page).await;
        let other = self.other.device_beside(page).await;
        if other.is_ok() { Ok(()) } else { first }
    }

    async fn prepare(&self, registered: Option<&str>) -> Result<Prepared, UserAgentError> {
        let (redirect_uri, first) = self.first.prepare(registered).await?.into_parts();
        let Some(first) = first else { return Ok(Prepared::elsewhere(redirect_uri)) };
        let other = self.other.prepare(Some(redirect_uri.as_str())).await?.into_parts().1;
        Ok(Prepared::with_page(redirect_uri, async move |url, deadline, told| match other {
            // Only the first one is heard while it waits: two would contradict each other.
            Some(other) => {
                race(first(url.clone(), deadline, told), other(url, deadline, Arc::new(|_| {})))
                    .await
            }
            None => first(url, deadline, told).await,
        }))
    }
}

/// The first one who comes back; if none does, why the first one of the two did not. The other is dropped, and so ended.
async fn race(first: Returning, other: Returning) -> Result<Returned, UserAgentError> {
    let mut each = [Ok(first), Ok(other)];
    poll_fn(move |context| {
        for (number, one) in each.iter_mut().enumerate() {
            let Ok(waits) = one else { continue };
            match waits.as_mut().poll(context) {
                Poll::Pending => {}
                // Whoever gives up at the first one gives up the login.
                Poll::Ready(Err(error)) if number != 0 || error != UserAgentError::Cancelled => {
                    *one = Err(error);
                }
                over => return over,
            }
        }
        match &each {
            [Err(error), Err(_)] => Poll::Ready(Err(error.clone())),
            _ => Poll::Pending,
        }
    })
    .await
}
