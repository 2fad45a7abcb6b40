//! A terminal without a browser: the user opens the URL anywhere, and pastes what the address bar shows
//! in the end.

use std::io::{BufRead, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use oauth_core::Secret;
use oauth_core::flow::RedirectUri;
use oauth_core::wire::AuthorizationUrl;

use super::{Prepared, UserAgent, UserAgentError};

/// Prints the URL, and reads the redirect that the user pastes: the whole URL or its query.
///
/// For SSH and containers. The page at the end of the login does not load, since nobody listens there;
/// its address is what counts. What does not belong to the login is asked for again.
pub struct PasteBack<R, W> {
    redirect_uri: RedirectUri,
    terminal: Arc<Mutex<(R, W)>>,
}

impl PasteBack<std::io::BufReader<std::io::Stdin>, std::io::Stderr> {
    /// Asks on the terminal: prompts on standard error, reads standard input.
    ///
    /// # Errors
    ///
    /// None in practice: the built-in redirect URI is one.
    pub fn terminal() -> Result<Self, UserAgentError> {
        let redirect_uri = RedirectUri::parse(NOWHERE)?;
        Ok(Self::new(redirect_uri, std::io::BufReader::new(std::io::stdin()), std::io::stderr()))
    }
}

impl<R, W> PasteBack<R, W>
where
    R: BufRead + Send,
    W: Write + Send,
{
    /// The same with another redirect URI, input and output.
    pub fn new(redirect_uri: RedirectUri, input: R, output: W) -> Self {
        Self { redirect_uri, terminal: Arc::new(Mutex::new((input, output))) }
    }
}

impl<R, W> std::fmt::Debug for PasteBack<R, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasteBack")
            .field("redirect_uri", &self.redirect_uri)
            .finish_non_exhaustive()
    }
}

impl<R, W> UserAgent for PasteBack<R, W>
where
    R: BufRead + Send + 'static,
    W: Write + Send + 'static,
{
    fn prepare(&self, _registered: Option<&str>) -> Result<Prepared, UserAgentError> {
        let terminal = Arc::clone(&self.terminal);
        Ok(Prepared::new(self.redirect_uri.clone(), move |url, deadline, _| {
            let mut terminal = terminal.lock().unwrap_or_else(PoisonError::into_inner);
            let (input, output) = &mut *terminal;
            ask(input, output, url, deadline)
        }))
    }
}

fn ask(
    input: &mut impl BufRead,
    output: &mut impl Write,
    url: &AuthorizationUrl,
    deadline: Instant,
) -> Result<Secret, UserAgentError> {
    let begun = Instant::now();
    let gone = |_| UserAgentError::Cancelled;
    write!(output, "Open this page:\n\n  {}\n\n", url.as_str()).map_err(gone)?;
    let ask = "and paste the address at which the browser ends, also if that page does not load: ";
    write!(output, "{ask}").and_then(|()| output.flush()).map_err(gone)?;
    for _ in 0..TRIES {
        let mut line = String::new();
        if input.read_line(&mut line).map_err(gone)? == 0 {
            return Err(UserAgentError::Cancelled);
        }
        // A terminal cannot be read with a time limit; what comes too late is not used.
        if Instant::now() > deadline {
            return Err(UserAgentError::TimedOut { waited: begun.elapsed() });
        }
        let query = query_of(line.trim());
        if url.is_answered_by(query) {
            return Ok(query.into());
        }
        let again = "That does not belong to this login; paste the whole address: ";
        write!(output, "{again}").and_then(|()| output.flush()).map_err(gone)?;
    }
    Err(UserAgentError::Cancelled)
}

/// The query of a pasted URL, or what was pasted if it is a query already.
fn query_of(pasted: &str) -> &str {
    let query = pasted.split_once('?').map_or(pasted, |(_, query)| query);
    query.split_once('#').map_or(query, |(query, _)| query)
}

/// A port that nothing listens on: the page need not load.
const NOWHERE: &str = "http://127.0.0.1:1/callback";

/// How often a wrong paste is answered with another try.
const TRIES: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_addresses_and_bare_queries_are_understood() {
        for pasted in
            ["http://127.0.0.1:1/callback?code=c&state=s", "code=c&state=s", "?code=c&state=s#x"]
        {
            assert_eq!(query_of(pasted), "code=c&state=s", "{pasted}");
        }
    }
}
