//! A login that was handed out, and whose user has come back elsewhere.

use alloc::borrow::ToOwned as _;
use alloc::sync::Arc;

use crate::BearerAuth;
use crate::client::driver::{Driver, Operation};
use crate::client::error::ClientError;
use crate::client::host::{Host, Runtime as _};
use crate::client::shared::{Client, Outcome};
use crate::client::storage::{Loaded, LoginId, WaitingLogin};
use crate::client::trace::{Span, Work};
use crate::session::{PendingLogin, Session};
use crate::wire::redirect_state;

impl<H: Host> Client<H> {
    /// Keeps a login that was handed out in the store, until its user comes back, at whichever process.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn keep_login(&self, login: &PendingLogin) -> Outcome<(), H> {
        let connect_url = login.connect_url();
        // Whoever is told of the login may be another user than this client's.
        let key = self.key_of(login.profile());
        let id = LoginId::new(&key, connect_url.state());
        let waiting = WaitingLogin { id, application: &key.application, login };
        Ok(self.store().put_login(&waiting).await?)
    }

    /// Finishes a login of this user that was [kept](Self::keep_login): takes it out of the store, and stores its tokens.
    ///
    /// # Errors
    ///
    /// [`Error::LoginUsed`](crate::Error::LoginUsed) or [`Error::LoginNotWaiting`](crate::Error::LoginNotWaiting) if there
    /// is none, or why it failed.
    pub async fn resume_kept(self: &Arc<Self>, query: &str) -> Outcome<BearerAuth, H> {
        let state = redirect_state(query).ok_or(crate::Error::LoginNotWaiting)?;
        let id = LoginId::new(&self.key, &state);
        let store = self.store();
        if let Some(login) = store.take_login(&self.key.application, &id, self.now()).await? {
            return self.resume(login, query).await;
        }
        let error = match store.load(&self.key).await? {
            Loaded::Record(record) if record.login() == Some(&*state) => crate::Error::LoginUsed,
            _ => crate::Error::LoginNotWaiting,
        };
        Err(error.into())
    }

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
                client.show(client.seen(session.snapshot()));
            } else {
                // What the session knew is older than what is stored now.
                session.access();
            }
            outcome
        };
        self.host.runtime().run_to_completion(self.span(Work::Resume).around(finish)).await
    }
}
