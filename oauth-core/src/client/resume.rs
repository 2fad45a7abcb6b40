//! A login that was handed out, and whose user has come back elsewhere.

use alloc::borrow::ToOwned as _;
use alloc::sync::Arc;

use crate::BearerAuth;
use crate::client::driver::{Driver, Operation};
use crate::client::error::ClientError;
use crate::client::host::{Host, Runtime as _};
use crate::client::shared::{Client, Outcome};
use crate::client::token_cache::TokenCache;
use crate::client::trace::{Span, Work};
use crate::session::{PendingLogin, Session};

impl<H: Host> Client<H> {
    /// Finishes a login that was handed out: stores its tokens.
    ///
    /// # Errors
    ///
    /// Why it failed.
    pub async fn resume(
        self: &Arc<Self>,
        pending: PendingLogin,
        query: &str,
    ) -> Outcome<BearerAuth, H> {
        let mut session = self.host.runtime().take().await;
        let settings = Arc::clone(&self.settings);
        let mut resumed = Session::resume(settings, &self.key.profile, pending)?;
        let (client, query) = (Arc::clone(self), query.to_owned());
        let finish = async move {
            let driver =
                Driver::new(&client, client.failures.now(), Operation::Resume(Some(&query)));
            let outcome = driver.finish(&mut resumed).await;
            let outcome = outcome.map_err(|error| error.after(resumed.timeline()));
            Span::current().outcome(&outcome, resumed.timeline());
            client.tell_end_of_login(&outcome, &resumed);
            // The code is spent: what came for it and is not stored yet is stored by the next call.
            if matches!(outcome, Ok(_) | Err(ClientError::Storage(_))) {
                *session = resumed;
                client.show(TokenCache::new(session.snapshot()));
            } else {
                // What the session knew is older than what is stored now.
                session.access();
            }
            outcome
        };
        self.host.runtime().run_to_completion(self.span(Work::Resume).around(finish)).await
    }
}
