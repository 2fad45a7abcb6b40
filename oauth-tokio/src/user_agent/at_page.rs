//! A page that a user was sent to, and what is done meanwhile.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use oauth_core::client::{Returned, UserAgentError};
use oauth_core::wire::AuthorizationUrl;
use tokio::time::sleep;

use super::{ProgressFn, Returning, Visit};

/// A page that a user was sent to. Dropped, it ends the visit.
pub struct AtPage {
    visit: Returning,
    /// Who came back while something else was done.
    back: Option<Result<Returned, UserAgentError>>,
}

impl AtPage {
    pub(crate) fn open(
        visit: Box<Visit>,
        url: AuthorizationUrl,
        deadline: Instant,
        told: ProgressFn,
    ) -> Self {
        Self { visit: visit(url, deadline, told), back: None }
    }

    /// Waits for the user, for `limit` at most.
    pub(crate) async fn user(
        &mut self,
        limit: Option<Duration>,
    ) -> Option<Result<Returned, UserAgentError>> {
        let mut over = pin!(async {
            match limit {
                Some(limit) => sleep(limit).await,
                None => std::future::pending().await,
            }
        });
        poll_fn(|context| {
            self.poll(context);
            match self.back.take() {
                Some(back) => Poll::Ready(Some(back)),
                None => over.as_mut().poll(context).map(|()| None),
            }
        })
        .await
    }

    /// Works, and goes on listening.
    pub(crate) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            self.poll(context);
            work.as_mut().poll(context)
        })
        .await
    }

    /// A visit that is over is not asked again.
    fn poll(&mut self, context: &mut Context<'_>) {
        if self.back.is_none()
            && let Poll::Ready(back) = self.visit.as_mut().poll(context)
        {
            self.back = Some(back);
        }
    }
}

impl std::fmt::Debug for AtPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AtPage")
    }
}
