//! Tokens that have to live for some time yet.

use alloc::sync::Arc;
use core::time::Duration;

use crate::BearerAuth;
use crate::client::host::Host;
use crate::client::mode::{Login, Mode};
use crate::client::shared::{Client, Outcome, bearer};
use crate::client::take::Taken;

impl<H: Host> Client<H> {
    /// A token that lives at least that long: the one at hand, or a refreshed one. A user logs in, if they may be
    /// asked, only where there is no token at all; `None` if they may not and have to. One whose expiry is unknown
    /// will do.
    ///
    /// Who has to wait for somebody else's refresh takes what that brings. A token that was issued less than a minute
    /// ago is not refreshed: the next would live as long.
    ///
    /// # Errors
    ///
    /// [`TokenTooShort`](crate::Error::TokenTooShort) if even a new one lives shorter; otherwise why there is
    /// none.
    pub async fn token_for(
        self: &Arc<Self>,
        mode: Mode,
        wanted: Duration,
    ) -> Outcome<Option<BearerAuth>, H> {
        let since = self.failures.now();
        if self.token(mode).await?.is_none() {
            return Ok(None);
        }
        {
            let shown = self.shown();
            let record = shown.snapshot.record();
            let lives = record.is_none_or(|it| it.lives_for(wanted, self.now()).is_ok());
            if let Some((token, _)) = shown.living(self.now()).filter(|_| lives) {
                return Ok(Some(token.to_auth()));
            }
        }
        let Taken { mut session, quiet } = self.take(Mode::Quiet).await?;
        // What others stored meanwhile may live long enough.
        session.access_for(wanted);
        let (session, found) = self.drive(session, Login::Never(quiet), since).await?;
        if !found {
            return Ok(None);
        }
        session.lives_for(wanted, self.now())?;
        Ok(bearer(session))
    }
}
