//! The end of a grant: its user is logged out.

use alloc::sync::Arc;

use crate::client::driver::{Driver, Operation};
use crate::client::event::Event;
use crate::client::host::{Host, Runtime as _};
use crate::client::shared::{Client, Outcome};
use crate::client::trace::{Span, Work};
use crate::session::LoggedOut;

impl<H: Host> Client<H> {
    /// Revokes the tokens and takes them out of the store.
    ///
    /// # Errors
    ///
    /// Why they are still stored.
    pub async fn log_out(self: &Arc<Self>) -> Outcome<LoggedOut, H> {
        let mut session = self.host.runtime().take().await;
        session.logout();
        drop(self.take_missing());
        let client = Arc::clone(self);
        let leave = async move {
            let driver = Driver::new(&client, client.failures.now(), Operation::Logout);
            let outcome = driver.log_out(&mut session).await;
            let outcome = outcome.map_err(|error| error.after(session.timeline()));
            Span::current().outcome(&outcome, session.timeline());
            if let Ok(outcome) = &outcome {
                client.tell(&Event::LoggedOut { outcome });
            }
            client.show(client.seen(session.snapshot()));
            outcome
        };
        let leave = self.span(Work::Logout).around(leave);
        self.host.runtime().run_to_completion(leave).await
    }
}
