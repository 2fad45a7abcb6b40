//! One request of a login: how long it may take, how it is sent, and who is told.

use core::time::Duration;

use crate::client::addresses::PrivateAddress;
use crate::client::event::Event;
use crate::client::host::{Host, HttpSender as _};
use crate::client::metrics;
use crate::client::obstacle::{Obstructed, Unanswered};
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
        let begun = self.instant();
        // Not every client asks its resolver about a host that is an address already.
        let answer = match self.settings.address_policy().check(request.url()) {
            // What the MCP server says may have no end.
            Ok(()) if request.endpoint() == Endpoint::Resource => {
                self.host.http().ask(request, left.min(self.limits.request)).await
            }
            Ok(()) => self.host.http().exchange(request, left.min(self.limits.request)).await,
            Err(address) => {
                Err(PrivateAddress { host: request.url().host().into(), address }.into())
            }
        };
        let status = answer.as_ref().ok().map(Response::status);
        metrics::asked(request.endpoint(), status, self.since(begun));
        answer
    }

    /// Tells of an exchange, and what the session made of it.
    pub(super) fn tell_of(&self, exchange: Exchange, session: &Session) {
        let Exchange { request, outcome } = exchange;
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
