//! Run, let the user consent if that is what is missing, run once more.

use oauth_blocking::TerminalPrompt;
use oauth_core::client::{NeededConsent, NeedsConsent, RetryError};
use tokio::sync::oneshot;

use crate::Error;
use crate::client::OAuth;
use crate::storage::spawn_thread;

/// A way to get a user's consent.
pub trait Consent: Sync {
    /// Lets the user consent, and returns when that is done. `connect_url` is the page that the failed
    /// call named, if it named one.
    fn consent(&self, connect_url: Option<&str>) -> impl Future<Output = Result<(), Error>> + Send;
}

/// The login is its own: the page that a call named is not needed for it. Nor is the token that the call
/// was made with: it is refreshed if that is possible.
impl Consent for OAuth {
    async fn consent(&self, _connect_url: Option<&str>) -> Result<(), Error> {
        self.replace_token().await
    }
}

impl Consent for TerminalPrompt {
    async fn consent(&self, connect_url: Option<&str>) -> Result<(), Error> {
        let (prompt, connect_url) = (*self, connect_url.map(str::to_owned));
        let (done, answer) = oneshot::channel();
        // Whoever asked may be gone when the user is back.
        let ask = move || drop(done.send(prompt.ask(connect_url.as_deref())));
        let nobody = || oauth_core::Error::Cancelled;
        spawn_thread(ask).map_err(|_| nobody())?;
        Ok(answer.await.unwrap_or_else(|_| Err(nobody()))?)
    }
}

/// Runs a call; if it fails for want of a login, lets the user consent and runs it once more. A second
/// failure is returned.
///
/// # Errors
///
/// The call's own, or why the user did not consent.
pub async fn with_oauth_retry<T, E, F>(
    consent: &impl Consent,
    call: impl FnMut() -> F,
) -> Result<T, E>
where
    E: NeedsConsent + From<Error>,
    // With `AsyncFnMut`, no task could be spawned that calls this.
    F: Future<Output = Result<T, E>>,
{
    with_oauth_retry_if(consent, NeededConsent::of, call).await.map_err(RetryError::into_call)
}

/// The same for a call with an error of any type: `needs` says whether it is for want of a login, for instance
/// with [`needed_consent`].
///
/// # Errors
///
/// A [`RetryError`], which says whose it is. Where the call's own can be either,
/// [`into_call`](RetryError::into_call) makes it that.
pub async fn with_oauth_retry_if<T, E, F>(
    consent: &impl Consent,
    needs: impl FnOnce(&E) -> Option<NeededConsent>,
    mut call: impl FnMut() -> F,
) -> Result<T, RetryError<E, Error>>
where
    F: Future<Output = Result<T, E>>,
{
    let error = match call().await {
        Ok(result) => return Ok(result),
        Err(error) => error,
    };
    let Some(needed) = needs(&error) else { return Err(RetryError::Call(error)) };
    drop(error);
    consent.consent(needed.connect_url()).await.map_err(RetryError::Consent)?;
    call().await.map_err(RetryError::Call)
}

/// Whether an error, or one behind it, is for want of a login: what
/// [`with_oauth_retry_if`] can be told for `anyhow::Error` (`needed_consent(error.as_ref())`) and boxed
/// errors (`needed_consent(&**error)`). With the feature `rmcp` it looks behind the errors of that as well.
#[must_use]
pub fn needed_consent(error: &(dyn std::error::Error + 'static)) -> Option<NeededConsent> {
    #[cfg(feature = "rmcp")]
    if let Some(cause) = crate::rmcp::cause(error) {
        return NeededConsent::of(cause);
    }
    NeededConsent::behind::<reqwest::Error>(error)
}
