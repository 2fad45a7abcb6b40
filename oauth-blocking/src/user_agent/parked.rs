//! Browsers that came back, and whose page waits for the end of the login.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oauth_core::loopback::Outcome;

/// Connections on which a redirect came in. They are answered once, by whoever comes first: the end of
/// the login, or [`PAGE_LIMIT`].
#[derive(Clone)]
pub struct Parked {
    browsers: Arc<Mutex<Vec<TcpStream>>>,
    page: Arc<PageFn>,
}

/// The page of an outcome, head included.
pub(super) type PageFn = dyn Fn(Outcome) -> Vec<u8> + Send + Sync;

impl Parked {
    /// Nobody has answered these yet.
    pub(super) fn new(browsers: Vec<TcpStream>, page: Arc<PageFn>) -> Self {
        Self { browsers: Arc::new(Mutex::new(browsers)), page }
    }

    /// Shows the page of this outcome to those who have none. It does not wait.
    pub fn answer(&self, outcome: Outcome) {
        let mut browsers = self.browsers.lock().unwrap_or_else(PoisonError::into_inner);
        let browsers = std::mem::take(&mut *browsers);
        if browsers.is_empty() {
            return;
        }
        let page = (self.page)(outcome);
        for browser in browsers {
            write_page(browser, &page);
        }
    }
}

impl std::fmt::Debug for Parked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parked").field("browsers", &self.browsers).finish_non_exhaustive()
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

    use oauth_core::loopback::MAX_OWN_PAGE;

    use super::*;

    #[test]
    fn a_browser_is_answered_once_by_whoever_comes_first() -> std::io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let mut browser = TcpStream::connect(listener.local_addr()?)?;
        let parked = Parked::new(vec![listener.accept()?.0], Arc::new(Outcome::page));
        parked.clone().answer(Outcome::GoesOn);
        parked.answer(Outcome::LoggedIn);
        let mut page = Vec::new();
        browser.read_to_end(&mut page)?;
        assert_eq!(page, Outcome::GoesOn.page());
        Ok(())
    }

    /// It is written before anybody reads.
    #[test]
    fn the_longest_page_of_a_hosts_own_arrives() -> std::io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let mut browser = TcpStream::connect(listener.local_addr()?)?;
        let longest = |outcome: Outcome| outcome.page_with(&"x".repeat(MAX_OWN_PAGE));
        let parked = Parked::new(vec![listener.accept()?.0], Arc::new(longest));
        parked.answer(Outcome::LoggedIn);
        drop(parked);
        let mut page = Vec::new();
        browser.read_to_end(&mut page)?;
        assert!(page == longest(Outcome::LoggedIn) && page.len() > MAX_OWN_PAGE);
        Ok(())
    }
}
