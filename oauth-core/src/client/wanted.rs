//! A login that the host wants.

use alloc::sync::Arc;

use crate::BearerAuth;
use crate::client::host::{Host, Runtime as _};
use crate::client::login_options::{LoginOptions, Shared};
use crate::client::mode::Login;
use crate::client::shared::{Client, Outcome, bearer};

impl<H: Host> Client<H> {
    /// A login now, whatever is stored. One that was begun before and is finished meanwhile will do, if it was asked
    /// for the same, or this one for nothing in particular.
    ///
    /// # Errors
    ///
    /// Why it failed.
    pub async fn log_in(self: &Arc<Self>, options: LoginOptions) -> Outcome<BearerAuth, H> {
        let LoginOptions { request, limit } = options;
        let (mut since, logins) = (self.failures.now(), self.logins.now());
        let until = limit.map(|limit| self.deadline_after(limit));
        let mut session = match until {
            None => self.host.runtime().take().await,
            Some(until) => self.take_until(until).await?,
        };
        let shared = self.logins.shared_since(&logins, &request);
        if shared != Shared::Tokens {
            session.log_in_with(request);
            self.told.need_is_known();
        }
        if shared == Shared::Nothing {
            // What failed meanwhile was not this login.
            since = self.failures.now();
        }
        let (session, _) = self.drive(session, Login::Wanted(until), since).await?;
        bearer(session).ok_or_else(|| crate::Error::LoginRequired.into())
    }
}
