//! Run, let the user consent if that is what is missing, run once more.

use crate::Error;
use crate::client::OAuth;
use crate::connect::TerminalPrompt;
use crate::error::NeedsConsent;

/// A way to get a user's consent.
pub trait Consent {
    /// Lets the user consent, and returns when that is done. `connect_url` is the page that the failed
    /// call named, if it named one.
    ///
    /// # Errors
    ///
    /// Why the user did not.
    fn consent(&self, connect_url: Option<&str>) -> Result<(), Error>;
}

/// The login is its own: the page that a call named is not needed for it. Nor is the token that the call
/// was made with: it is refreshed if that is possible.
impl Consent for OAuth {
    fn consent(&self, _connect_url: Option<&str>) -> Result<(), Error> {
        self.replace_token()
    }
}

impl Consent for TerminalPrompt {
    fn consent(&self, connect_url: Option<&str>) -> Result<(), Error> {
        Ok(self.ask(connect_url)?)
    }
}

/// Runs a call; if it fails for want of a login, lets the user consent and runs it once more. A second
/// failure is returned.
///
/// ```no_run
/// # use oauth_blocking::{Error, OAuth, with_oauth_retry};
/// # let oauth = OAuth::new("https://mcp.example.com/mcp")?.build()?;
/// # fn call(token: &str) -> Result<u32, Error> { Ok(1) }
/// let answer = with_oauth_retry(&oauth, || call(oauth.token()?.token()))?;
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
///
/// The call's own, or why the user did not consent.
pub fn with_oauth_retry<T, E>(
    consent: &impl Consent,
    mut call: impl FnMut() -> Result<T, E>,
) -> Result<T, E>
where
    E: NeedsConsent + From<Error>,
{
    match call() {
        Err(error) if error.needs_consent() => {
            consent.consent(error.connect_url())?;
            call()
        }
        result => result,
    }
}
