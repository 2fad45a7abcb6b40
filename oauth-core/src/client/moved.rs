//! Where the MCP endpoint is: at the host's URL, or where that redirects to within its origin.

use alloc::sync::Arc;
use core::time::Duration;
use std::sync::PoisonError;

use crate::client::call::Call;
use crate::client::host::{Host, HttpSender as _};
use crate::client::shared::Client;
use crate::flow::Probe;
use crate::{HttpAllowance, HttpUrl, Redirect};

impl<H: Host> Client<H> {
    /// Asks the MCP server what it says to who has no token, for `limit` at most.
    pub(super) async fn probe_within(&self, limit: Duration) -> Probe {
        let mut probe = Probe::new(&self.settings);
        let deadline = self.deadline_after(limit);
        while let Some((request, reply)) = probe.step() {
            let left = self.left(deadline);
            if left.is_zero() || self.settings.address_policy().check(request.url()).is_err() {
                reply.unanswered();
                continue;
            }
            match self.host.http().ask(&request, left.min(self.limits.request)).await {
                Ok(response) => reply.response(&response),
                Err(_) => reply.unanswered(),
            }
        }
        if self.settings.server().is_endpoint(probe.url().as_str()) {
            self.forget_moved();
        } else {
            self.remember(probe.url().clone());
        }
        probe
    }

    /// Where the MCP endpoint has moved to, as far as is known.
    #[must_use]
    pub fn moved(&self) -> Option<Arc<HttpUrl>> {
        self.moved.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The next request is for the MCP endpoint's own URL again: where that led to may have been for a while.
    pub fn forget_moved(&self) {
        *self.moved.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Where a request that goes to `url` is sent again, if this answer says so and it may be followed: a
    /// 307 or 308 of the MCP endpoint within its origin. From then on [`Call::url`] knows it. An endpoint that
    /// answers itself has not moved, whatever it said before.
    pub fn redirected(
        &self,
        call: &mut Call,
        url: &str,
        status: u16,
        location: Option<&str>,
    ) -> bool {
        let is_moved = call.moved.as_ref().is_some_and(|moved| moved.as_str() == url);
        if !is_moved && !self.settings.server().is_endpoint(url) {
            return false;
        }
        if !matches!(status, 307 | 308) {
            if !is_moved && self.moved().is_some() {
                self.forget_moved();
            }
            return false;
        }
        if call.redirects >= MAX_REDIRECTS {
            return false;
        }
        let Ok(from) = HttpUrl::parse(url, HttpAllowance::Loopback) else { return false };
        let Some(Redirect::Within(to)) = Redirect::of(&from, status, location) else {
            return false;
        };
        call.redirects += 1;
        call.moved = Some(self.remember(to));
        true
    }

    fn remember(&self, url: HttpUrl) -> Arc<HttpUrl> {
        let url = Arc::new(url);
        let mut moved = self.moved.write().unwrap_or_else(PoisonError::into_inner);
        *moved = Some(Arc::clone(&url));
        url
    }
}

impl Call {
    /// Where the request has to be sent instead of the MCP endpoint's URL, if that has redirected it.
    #[must_use]
    pub fn url(&self) -> Option<&HttpUrl> {
        self.moved.as_deref()
    }
}

/// How many redirects are followed for one request of the application.
const MAX_REDIRECTS: u8 = 3;
