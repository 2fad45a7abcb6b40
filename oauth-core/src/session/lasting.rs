//! Tokens that have to live for some time yet: for a subprocess, or a long stream.

use core::time::Duration;

use crate::error::Error;
use crate::session::access::Want;
use crate::session::machine::Session;
use crate::time::UnixTime;

impl Session {
    /// The same as [`access`](Self::access), but a token that does not live at least that long is refreshed. The turns
    /// end as ever, and [`lives_for`](Self::lives_for) says what has come of it:
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
    ///     session.access_for(wanted);
    ///     drive(session)?;
    ///     session.lives_for(wanted, now())
    /// }
    /// ```
    ///
    /// A token that was issued less than a minute ago is not refreshed: the next would live as long. Who has to wait
    /// for somebody else's refresh takes what that brings. If the refresh comes to nothing, the token at hand stays in
    /// use while it lives: nobody logs in for more time.
    pub fn access_for(&mut self, wanted: Duration) {
        self.timeline.clear();
        self.want(Want { lasting: Some(wanted), ..Want::default() });
    }

    /// Whether the token that the session holds lives at least that long. A fixed token does, and so does one whose
    /// expiry is unknown.
    ///
    /// # Errors
    ///
    /// [`Error::TokenTooShort`] if it lives shorter; [`Error::LoginRequired`] if there is no token.
    pub fn lives_for(&self, wanted: Duration, now: UnixTime) -> Result<(), Error> {
        if self.held.settings.bearer.is_some() {
            return Ok(());
        }
        let record = self.held.record.as_ref();
        let alive = record.filter(|record| self.held.refused.is_none() && record.is_alive(now));
        alive.ok_or(Error::LoginRequired)?.lives_for(wanted, now)
    }

    /// Whether the token should be refreshed although it is good for now.
    pub(crate) fn is_too_short(&self, want: &Want, now: UnixTime) -> bool {
        let (Some(wanted), Some(record)) = (want.lasting, &self.held.record) else { return false };
        record.lives_for(wanted, now).is_err() && !record.is_new(now)
    }
}
