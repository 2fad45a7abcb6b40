//! Tokens that have to live for some time yet: for a subprocess, or a long stream.

use core::time::Duration;

use crate::error::Error;
use crate::session::machine::Session;
use crate::session::need::Need;
use crate::session::record::Record;
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
        self.start(Need { lasting: Some(wanted), ..Need::default() });
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
        let record = self.held.record.as_ref().filter(|_| self.is_alive(&Need::default(), now));
        record.ok_or(Error::LoginRequired)?.lives_for(wanted, now)
    }

    /// Whether the token is alive, and lives for as long as it should, or as any other would.
    pub(crate) fn will_do(&self, need: &Need, now: UnixTime) -> bool {
        let lasts = |record: &Record| {
            let wanted = need.lasting.unwrap_or_default();
            record.lives_for(wanted, now).is_ok() || record.is_new(now)
        };
        self.is_alive(need, now) && self.held.record.as_ref().is_some_and(lasts)
    }
}
