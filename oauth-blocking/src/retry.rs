//! Run, let the user consent if that is what is missing, run once more.

use std::io::{BufRead, Write};

use crate::Error;
use crate::client::OAuth;
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
        self.replace_token().map(drop)
    }
}

/// For servers that keep the tokens themselves: opens the page that the call named, prints it in case it
/// does not open, and waits for Enter.
#[derive(Debug, Clone, Copy, Default)]
pub struct TerminalPrompt;

impl Consent for TerminalPrompt {
    fn consent(&self, connect_url: Option<&str>) -> Result<(), Error> {
        let Some(url) = connect_url else {
            return Err(oauth_core::Error::LoginRequired.into());
        };
        // It came over the network: only what may be opened at all is.
        let checked =
            oauth_core::HttpUrl::parse(url, oauth_core::Plaintext::Loopback).map_err(|defect| {
                let endpoint = oauth_core::Endpoint::Authorization;
                let url = url.into();
                oauth_core::Error::from(oauth_core::error::PeerMisbehaved::UnsafeUrl {
                    endpoint,
                    url,
                    defect,
                })
            })?;
        let gone = |_| Error::from(oauth_core::Error::Cancelled);
        let mut terminal = std::io::stderr();
        writeln!(terminal, "Opening browser. If it does not open, visit:\n\n  {checked}\n")
            .map_err(gone)?;
        write!(terminal, "Press Enter when you are done there: ").map_err(gone)?;
        terminal.flush().map_err(gone)?;
        // Printed already, so it does not matter whether this works.
        let _ = webbrowser::open(checked.as_str());
        match std::io::stdin().lock().read_line(&mut String::new()) {
            Ok(1..) => Ok(()),
            _ => Err(oauth_core::Error::Cancelled.into()),
        }
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
