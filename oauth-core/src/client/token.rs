//! Tokens for calls, with and without a refresh.

use alloc::sync::Arc;

use http::HeaderValue;

use crate::BearerAuth;
use crate::client::host::Host;
use crate::client::mode::{Login, Mode};
use crate::client::shared::{Client, Outcome, bearer};
use crate::client::take::Taken;
use crate::session::Authorization;

impl<H: Host> Client<H> {
    /// A token: the stored one, a refreshed one, or one for which a user logs in if they may be asked.
    /// `None` if they may not and have to.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub async fn token(self: &Arc<Self>, mode: Mode) -> Outcome<Option<BearerAuth>, H> {
        let since = self.failures.now();
        let use_it = |token: &Authorization<'_>, _: &HeaderValue| token.to_auth();
        let found = self.find(mode, mode.login(), since, use_it).await?;
        // With nothing stored, the server may want no token at all.
        if let Err(reason) = &found
            && self.shown().snapshot.record().is_some()
        {
            self.tell_unmet_need(reason).await;
        }
        Ok(found.ok())
    }

    /// A fresh token, although the one at hand may still be good. `None` if there is nothing to refresh
    /// with. Waits for nobody's login.
    ///
    /// # Errors
    ///
    /// Why it could not be tried.
    pub async fn refresh(self: &Arc<Self>) -> Outcome<Option<BearerAuth>, H> {
        let since = self.failures.now();
        let Taken { mut session, quiet } = self.take(Mode::Quiet).await?;
        // What others stored meanwhile counts as what is at hand.
        session.access();
        let login = Login::Never(quiet);
        let (mut session, found) = self.drive(session, login, since).await?;
        if !found {
            return Ok(None);
        }
        session.renew();
        let (session, _) = self.drive(session, login, since).await?;
        Ok(bearer(session))
    }
}
