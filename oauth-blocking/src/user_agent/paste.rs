//! A terminal without a browser: the user opens the URL anywhere, and pastes what the address bar shows
//! in the end.

use std::io::{self, BufRead, BufReader, Stderr, Stdin, Write, stderr, stdin};
use std::mem;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use oauth_core::Secret;
use oauth_core::client::UserAgentError;
use oauth_core::flow::RedirectUri;
use oauth_core::wire::{AuthorizationUrl, DevicePage};

use super::{Prepared, Until, UserAgent};

/// Prints the URL, and reads the redirect that the user pastes: the whole URL or its query.
///
/// For SSH and containers. The page at the end of the login does not load, since nobody listens there;
/// its address is what counts. What does not belong to the login is asked for again.
///
/// A read of a terminal cannot be ended: after a login that was cancelled, or whose time was over, it is left on a
/// thread of its own. The next login goes on with it. A host that reads the same input itself misses the line that is
/// typed next.
pub struct PasteBack<R, W> {
    redirect_uri: RedirectUri,
    terminal: Arc<Mutex<Terminal<R, W>>>,
}

struct Terminal<R, W> {
    input: Input<R>,
    output: W,
}

/// Where the input is.
enum Input<R> {
    Here(R),
    /// Read from, on another thread: it comes back with the next line.
    Read(Receiver<(R, io::Result<String>)>),
    /// Whoever read from it has panicked.
    Gone,
}

impl PasteBack<BufReader<Stdin>, Stderr> {
    /// Asks on the terminal: prompts on standard error, reads standard input.
    ///
    /// # Errors
    ///
    /// None in practice: the built-in redirect URI is one.
    pub fn terminal() -> Result<Self, UserAgentError> {
        let redirect_uri = RedirectUri::parse(NOWHERE)?;
        Ok(Self::new(redirect_uri, BufReader::new(stdin()), stderr()))
    }
}

impl<R, W> PasteBack<R, W>
where
    R: BufRead + Send,
    W: Write + Send,
{
    /// The same with another redirect URI, input and output.
    pub fn new(redirect_uri: RedirectUri, input: R, output: W) -> Self {
        let terminal = Terminal { input: Input::Here(input), output };
        Self { redirect_uri, terminal: Arc::new(Mutex::new(terminal)) }
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
    fn device(&self, page: &DevicePage) -> Result<(), UserAgentError> {
        let terminal = self.terminal.lock();
        terminal.unwrap_or_else(PoisonError::into_inner).say(&words_for(page))
    }

    fn device_beside(&self, page: &DevicePage) -> Result<(), UserAgentError> {
        let words = words_for(page) + "\nOr, without a code:\n\n";
        let terminal = self.terminal.lock();
        terminal.unwrap_or_else(PoisonError::into_inner).say(&words)
    }

    fn prepare(&self, _registered: Option<&str>) -> Result<Prepared, UserAgentError> {
        let terminal = Arc::clone(&self.terminal);
        Ok(Prepared::new(self.redirect_uri.clone(), move |url, until, _| {
            // One login after the other has the terminal.
            loop {
                match terminal.try_lock() {
                    Ok(mut terminal) => return terminal.ask(url, until),
                    Err(TryLockError::Poisoned(terminal)) => {
                        return terminal.into_inner().ask(url, until);
                    }
                    Err(TryLockError::WouldBlock) => until.pause(PAUSE)?,
                }
            }
        }))
    }
}

impl<R: BufRead + Send + 'static, W: Write> Terminal<R, W> {
    fn ask(&mut self, url: &AuthorizationUrl, until: &Until) -> Result<Secret, UserAgentError> {
        let ask =
            "and paste the address at which the browser ends, also if that page does not load: ";
        self.say(&format!("Open this page:\n\n  {}\n\n{ask}", url.as_str()))?;
        for _ in 0..TRIES {
            let line = self.line(until)?;
            let query = query_of(line.trim());
            if url.is_answered_by(query) {
                return Ok(query.into());
            }
            self.say("That does not belong to this login; paste the whole address: ")?;
        }
        Err(UserAgentError::Cancelled)
    }

    fn say(&mut self, words: &str) -> Result<(), UserAgentError> {
        let said = self.output.write_all(words.as_bytes()).and_then(|()| self.output.flush());
        said.map_err(|_| UserAgentError::Cancelled)
    }

    /// The next line, which somebody may have begun to read for an earlier login.
    fn line(&mut self, until: &Until) -> Result<String, UserAgentError> {
        let reads = match mem::replace(&mut self.input, Input::Gone) {
            Input::Here(input) => read_apart(input)?,
            Input::Read(reads) => reads,
            Input::Gone => return Err(UserAgentError::Cancelled),
        };
        loop {
            match reads.recv_timeout(PAUSE) {
                Ok((input, line)) => {
                    self.input = Input::Here(input);
                    // What comes too late is not used.
                    until.check()?;
                    let line = line.ok().filter(|line| !line.is_empty());
                    return line.ok_or(UserAgentError::Cancelled);
                }
                Err(RecvTimeoutError::Timeout) => {
                    if let Err(over) = until.check() {
                        self.input = Input::Read(reads);
                        return Err(over);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Err(UserAgentError::Cancelled),
            }
        }
    }
}

/// Reads a line on a thread of its own, and brings it with the input.
fn read_apart<R: BufRead + Send + 'static>(
    mut input: R,
) -> Result<Receiver<(R, io::Result<String>)>, UserAgentError> {
    let (brings, reads) = channel();
    let read = move || {
        let mut line = String::new();
        let outcome = input.read_line(&mut line).map(|_| line);
        // Nobody may ask for it any more.
        drop(brings.send((input, outcome)));
    };
    let thread = thread::Builder::new().name("oauth".into()).spawn(read);
    thread.map_err(|error| UserAgentError::Listen { kind: error.kind() })?;
    Ok(reads)
}

/// What a terminal says to a user with another device.
pub(super) fn words_for(page: &DevicePage) -> String {
    let DevicePage { verification_uri, user_code, .. } = page;
    format!(
        "Open this page on any device:\n\n  {verification_uri}\n\nand enter the code: {user_code}\n"
    )
}

/// The query of a pasted URL, or what was pasted if it is a query already.
fn query_of(pasted: &str) -> &str {
    let query = pasted.split_once('?').map_or(pasted, |(_, query)| query);
    query.split_once('#').map_or(query, |(query, _)| query)
}

/// A port that nothing listens on: the page need not load.
const NOWHERE: &str = "http://127.0.0.1:1/callback";

/// How often is looked whether the login is still wanted while nobody types.
const PAUSE: Duration = Duration::from_millis(20);

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
