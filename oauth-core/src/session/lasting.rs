//! Tokens that have to live for some time yet: for a subprocess, or a long stream.

use core::time::Duration;

use crate::error::Error;
use crate::session::machine::Session;
use crate::time::UnixTime;

impl Session {
    /// Whether the token lives at least that long. If not, and a refresh may help, the next turns refresh it, and this
    /// is asked again after them:
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use oauth_core::session::Session;
    /// # use oauth_core::{Error, UnixTime};
    /// # fn now() -> UnixTime { UnixTime::from_secs(1_900_000_000) }
    /// fn token_for(
    ///     session: &mut Session,
    ///     wanted: Duration,
    ///     drive: impl Fn(&mut Session) -> Result<(), Error>, // until `Turn::Ready` or `Turn::Login`
    /// ) -> Result<(), Error> {
    ///     session.access();
    ///     drive(session)?;
    ///     while !session.lives_for(wanted, now())? {
    ///         drive(session)?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// A fixed token does, and so does one whose expiry is unknown. One that was issued less than a minute ago is not
    /// refreshed: the next would live as long. Nobody logs in for more time. If the refresh comes to nothing, the token
    /// at hand is used as ever by who wants less.
    ///
    /// # Errors
    ///
    /// [`Error::TokenTooShort`] if there is no way to one that lives that long; [`Error::LoginRequired`] if there is no
    /// token.
    pub fn lives_for(&mut self, wanted: Duration, now: UnixTime) -> Result<bool, Error> {
        if self.held.settings.bearer.is_some() {
            return Ok(true);
        }
        let record = self.held.record.as_ref().filter(|record| record.is_alive(now));
        let record = record.ok_or(Error::LoginRequired)?;
        match record.lives_for(wanted, now) {
            Ok(()) => Ok(true),
            Err(_) if !record.is_new(now) && record.can_refresh(now) => {
                self.renew();
                Ok(false)
            }
            Err(too_short) => Err(too_short),
        }
    }
}
