//! Browsers that came back, and whose page waits for the end of the login.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oauth_core::loopback::Outcome;

/// Connections on which a redirect came in. They are answered once, by whoever comes first: the end of
/// the login, or [`PAGE_LIMIT`].
#[derive(Debug, Clone)]
pub struct Parked(Arc<Mutex<Vec<TcpStream>>>);

impl Parked {
    /// Nobody has answered these yet.
    #[must_use]
    pub fn new(browsers: Vec<TcpStream>) -> Self {
        Self(Arc::new(Mutex::new(browsers)))
    }

    /// Shows the page of this outcome to those who have none. It does not wait.
    pub fn answer(&self, outcome: Outcome) {
        let browsers = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for browser in browsers {
            write_page(browser, &outcome.page());
        }
    }
}

/// Writes a page and ends the connection. It does not wait: a page fits into what the system holds for
/// a connection, and the login does not depend on whether a browser takes it.
pub fn write_page(mut browser: TcpStream, page: &[u8]) {
    let _ = browser.set_nonblocking(true);
    let _ = browser.write_all(page);
    let _ = browser.shutdown(Shutdown::Write);
}

/// How long a browser waits for the end of the login, until its page says that the application goes on.
/// A code is redeemed within a second or two; people take what loads much longer for broken.
pub const PAGE_LIMIT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn a_browser_is_answered_once_by_whoever_comes_first() -> std::io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let mut browser = TcpStream::connect(listener.local_addr()?)?;
        let parked = Parked::new(vec![listener.accept()?.0]);
        parked.clone().answer(Outcome::GoesOn);
        parked.answer(Outcome::LoggedIn);
        let mut page = Vec::new();
        browser.read_to_end(&mut page)?;
        assert_eq!(page, Outcome::GoesOn.page());
        Ok(())
    }
}
