//! The terminal, where a user says that they have consented at a page of the server's own.

use std::io::{BufRead, Write};

use oauth_core::error::PeerMisbehaved;
use oauth_core::{Endpoint, Error, HttpAllowance, HttpUrl};

use crate::user_agent::open_browser;

/// For servers that keep the tokens themselves: opens the page that the call named, prints it in case it
/// does not open, and waits for Enter.
#[derive(Debug, Clone, Copy, Default)]
pub struct TerminalPrompt;

impl TerminalPrompt {
    /// Shows the page, and returns when the user says that they are done there.
    ///
    /// # Errors
    ///
    /// [`Error::LoginRequired`] if there is no page, [`PeerMisbehaved::UnsafeUrl`] if it must not be
    /// opened, [`Error::Cancelled`] if nobody is at the terminal.
    pub fn ask(&self, connect_url: Option<&str>) -> Result<(), Error> {
        let url = connect_url.ok_or(Error::LoginRequired)?;
        // It came over the network: only what may be opened at all is.
        let page = HttpUrl::parse(url, HttpAllowance::Loopback).map_err(|defect| {
            let endpoint = Endpoint::Authorization;
            PeerMisbehaved::UnsafeUrl { endpoint, url: url.into(), defect }
        })?;
        let gone = |_| Error::Cancelled;
        let mut terminal = std::io::stderr();
        writeln!(terminal, "Opening browser. If it does not open, visit:\n\n  {page}\n")
            .map_err(gone)?;
        write!(terminal, "Press Enter when you are done there: ").map_err(gone)?;
        terminal.flush().map_err(gone)?;
        // Printed already, so it does not matter whether this works.
        let _ = open_browser(page.as_str());
        match std::io::stdin().lock().read_line(&mut String::new()) {
            Ok(1..) => Ok(()),
            _ => Err(Error::Cancelled),
        }
    }
}
