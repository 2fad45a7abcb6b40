//! The driver's part that begins no login: one whose redirect has come is finished, and a user is logged out.

use crate::BearerAuth;
use crate::client::drive::Driver;
use crate::client::error::ClientError;
use crate::client::host::Host;
use crate::client::mode::AtLogin;
use crate::client::trace;
use crate::session::{LoggedOut, Session, Turn};

impl<H: Host> Driver<'_, H> {
    /// Finishes a login whose redirect has come already. If its client is refused, another one is
    /// registered, and the login is handed out once more.
    pub(super) async fn finish(
        mut self,
        session: &mut Session,
        query: &str,
    ) -> Result<BearerAuth, ClientError<H::Http>> {
        let _at_login = AtLogin::new(self.client);
        let mut query = Some(query);
        loop {
            match session.turn()? {
                Turn::Browser(_, reply) => {
                    let Some(query) = query.take() else { return Err(self.hand_out(reply)) };
                    let outcome = reply.redirect(query, self.client.now());
                    trace::last_step(session.timeline(), None);
                    outcome?;
                }
                Turn::Login(_)
                | Turn::Prepare(_)
                | Turn::Device(..)
                | Turn::Wait(..)
                | Turn::LoggedOut(_) => {
                    return Err(crate::Error::LoginRequired.into());
                }
                Turn::Ready(authorization) => return Ok(authorization.to_auth()),
                turn => {
                    let worked = self.work(turn).await?;
                    self.tell(worked, session);
                }
            }
        }
    }

    /// Drives a logout.
    pub(super) async fn log_out(
        mut self,
        session: &mut Session,
    ) -> Result<LoggedOut, ClientError<H::Http>> {
        loop {
            match session.turn()? {
                Turn::LoggedOut(outcome) => return Ok(outcome),
                turn @ (Turn::Load(_)
                | Turn::Lock(..)
                | Turn::Reserve(_)
                | Turn::Http(..)
                | Turn::Sign(_)
                | Turn::Save(_)
                | Turn::Unlock(..)) => {
                    let worked = self.work(turn).await?;
                    self.tell(worked, session);
                }
                // A logout has no such turns.
                Turn::Assertion(_)
                | Turn::Key(_)
                | Turn::Login(_)
                | Turn::Prepare(_)
                | Turn::Browser(..)
                | Turn::Device(..)
                | Turn::Wait(..)
                | Turn::Ready(_) => {
                    return Err(crate::Error::LoginRequired.into());
                }
            }
        }
    }
}
