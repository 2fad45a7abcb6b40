//! Run, let the user consent if that is what is missing, run once more.

use oauth_blocking::{NeedsConsent, TerminalPrompt};
use tokio::sync::oneshot;

use crate::Error;
use crate::client::OAuth;
use crate::storage::apart;

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
        apart(ask).map_err(|_| nobody())?;
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
    mut call: impl FnMut() -> F,
) -> Result<T, E>
where
    E: NeedsConsent + From<Error>,
    // With `AsyncFnMut`, no task could be spawned that calls this.
    F: Future<Output = Result<T, E>>,
{
    match call().await {
        Err(error) if error.needs_consent() => {
            consent.consent(error.connect_url()).await?;
            call().await
        }
        result => result,
    }
}
