//! One request of a login: how long it may take, how it is sent, and who is told.

use core::time::Duration;
use std::time::Instant;

use crate::client::addresses::PrivateAddress;
use crate::client::event::Event;
use crate::client::host::{Host, Unanswered};
use crate::client::obstacle::Obstructed;
use crate::client::shared::Client;
use crate::client::trace;
use crate::error::Obstacle;
use crate::session::Session;
use crate::{Endpoint, Request, Response};

/// A request that was sent, and the status of the answer.
pub(super) struct Exchange {
    pub(super) request: Request,
    pub(super) outcome: Result<u16, Unanswered>,
}

/// When something has to be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deadline {
    begun: Instant,
    limit: Duration,
}

impl Deadline {
    pub(super) fn after(limit: Duration, begun: Instant) -> Self {
        Self { begun, limit }
    }

    pub(super) fn left(self, now: Instant) -> Duration {
        self.limit.saturating_sub(now.saturating_duration_since(self.begun))
    }
}

impl<H: Host> Client<H> {
    /// Sends a request as it is, once, if there is time left.
    pub(super) async fn send(
        &self,
        request: &Request,
        left: Duration,
    ) -> Result<Response, Unanswered> {
        if left.is_zero() {
            let source = std::io::Error::from(std::io::ErrorKind::TimedOut).into();
            return Err(Obstructed { obstacle: Obstacle::Time, source }.into());
        }
        // Not every client asks its resolver about a host that is an address already.
        match self.settings.address_policy().check(request.url()) {
            // What the MCP server says may have no end.
            Ok(()) if request.endpoint() == Endpoint::Resource => {
                self.host.ask(request, left.min(self.request)).await
            }
            Ok(()) => self.host.exchange(request, left.min(self.request)).await,
            Err(address) => {
                Err(PrivateAddress { host: request.url().host().into(), address }.into())
            }
        }
    }

    /// Tells of an exchange, and what the session made of it.
    pub(super) fn tell_of(&self, exchange: Option<Exchange>, session: &Session) {
        let Some(Exchange { request, outcome }) = exchange else { return };
        trace::last_step(session.timeline(), outcome.as_ref().err());
        self.tell(&Event::Exchange {
            endpoint: request.endpoint(),
            method: request.method(),
            url: request.url(),
            outcome: match &outcome {
                Ok(status) => Ok(*status),
                Err(error) => Err(error.as_ref()),
            },
            finding: session.timeline().entries().last().map(|entry| &entry.finding),
        });
    }
}
