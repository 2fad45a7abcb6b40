//! Run, let the user consent if that is what is missing, run once more.

use oauth_core::client::{NeededConsent, NeedsConsent, RetryError};

use crate::Error;
use crate::client::OAuth;
use crate::terminal::TerminalPrompt;

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
    call: impl FnMut() -> Result<T, E>,
) -> Result<T, E>
where
    E: NeedsConsent + From<Error>,
{
    with_oauth_retry_if(consent, NeededConsent::of, call).map_err(RetryError::into_call)
}

/// The same for a call with an error of any type: `needs` says whether it is for want of a login, for instance
/// with [`needed_consent`].
///
/// ```no_run
/// # use oauth_blocking::{Error, OAuth, needed_consent, with_oauth_retry_if};
/// # let oauth = OAuth::new("https://mcp.example.com/mcp")?.build()?;
/// # type AnyError = Box<dyn std::error::Error + Send + Sync>;
/// # fn call(token: &str) -> Result<u32, AnyError> { Ok(1) }
/// let call = || -> Result<u32, AnyError> { call(oauth.token()?.token()) };
/// let answer = with_oauth_retry_if(&oauth, |error: &AnyError| needed_consent(&**error), call)
///     .map_err(|error| error.into_call())?;
/// # Ok::<(), AnyError>(())
/// ```
///
/// # Errors
///
/// A [`RetryError`], which says whose it is. Where the call's own can be either,
/// [`into_call`](RetryError::into_call) makes it that.
pub fn with_oauth_retry_if<T, E>(
    consent: &impl Consent,
    needs: impl FnOnce(&E) -> Option<NeededConsent>,
    mut call: impl FnMut() -> Result<T, E>,
) -> Result<T, RetryError<E, Error>> {
    let error = match call() {
        Ok(result) => return Ok(result),
        Err(error) => error,
    };
    let Some(needed) = needs(&error) else { return Err(RetryError::Call(error)) };
    consent.consent(needed.connect_url()).map_err(RetryError::Consent)?;
    call().map_err(RetryError::Call)
}

/// Whether an error, or one behind it, is for want of a login: what
/// [`with_oauth_retry_if`] can be told for `anyhow::Error` (`needed_consent(error.as_ref())`) and boxed
/// errors (`needed_consent(&**error)`).
#[must_use]
pub fn needed_consent(error: &(dyn std::error::Error + 'static)) -> Option<NeededConsent> {
    NeededConsent::behind::<ureq::Error>(error)
}
