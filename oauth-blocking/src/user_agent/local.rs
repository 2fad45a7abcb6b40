//! The user at this machine: in the browser, or in the terminal where no browser can be shown.

use std::io::{BufReader, IsTerminal, Stderr, Stdin, stderr, stdin};

use oauth_core::loopback::CallbackUrl;

use super::{LoopbackBrowser, PasteBack, Prepared, UserAgent, UserAgentError};

/// The user agent of a client that was given none.
///
/// | a browser can be shown | standard input and error are a terminal | the user |
/// |---|---|---|
/// | yes | | is sent to the browser ([`LoopbackBrowser`]) |
/// | no | yes | is asked in the terminal ([`PasteBack`]) |
/// | no | no | has to open the URL that the host is told ([`Event::NoBrowser`](crate::Event::NoBrowser)) |
///
/// No browser can be shown in a session over SSH, and on Linux and BSD without a display; a forwarded display
/// is one, and so is a program named in `BROWSER`. Standard input that is no terminal is never read: it is
/// the pipe of an MCP server's messages, for instance.
///
/// A program that draws on the whole terminal, and reads its keys, sets a user agent of its own.
#[derive(Debug)]
#[non_exhaustive]
pub enum LocalUser {
    /// In the browser, and waits for the redirect on this machine.
    Browser(LoopbackBrowser),
    /// In the terminal.
    Terminal(PasteBack<BufReader<Stdin>, Stderr>),
}

impl LocalUser {
    /// Finds out which, for a redirect to this URL.
    #[must_use]
    pub fn new(callback: CallbackUrl) -> Self {
        let has_terminal = stdin().is_terminal() && stderr().is_terminal();
        Self::choose(callback, shows_pages(), has_terminal)
    }

    fn choose(callback: CallbackUrl, shows_pages: bool, has_terminal: bool) -> Self {
        if shows_pages || !has_terminal {
            return Self::Browser(LoopbackBrowser::at(callback));
        }
        // Nobody listens at the other end, so any port is as good.
        let redirect_uri = callback.redirect_uri(callback.port().unwrap_or(1));
        Self::Terminal(PasteBack::new(redirect_uri, BufReader::new(stdin()), stderr()))
    }
}

impl UserAgent for LocalUser {
    fn prepare(&self, registered: Option<&str>) -> Result<Prepared, UserAgentError> {
        match self {
            Self::Browser(browser) => browser.prepare(registered),
            Self::Terminal(terminal) => terminal.prepare(registered),
        }
    }
}

/// Whether this session can show a browser to its user.
pub(super) fn shows_pages() -> bool {
    has_display(std::env::consts::OS, |name| {
        std::env::var_os(name).is_some_and(|value| !value.is_empty())
    })
}

fn has_display(os: &str, is_set: impl Fn(&str) -> bool) -> bool {
    if ["BROWSER", "DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(&is_set) {
        return true;
    }
    // A browser would open where nobody sits.
    if ["SSH_CONNECTION", "SSH_TTY"].into_iter().any(&is_set) {
        return false;
    }
    // Below Windows, the browser is that of Windows.
    let has_one_always = matches!(os, "windows" | "macos" | "ios" | "android");
    has_one_always || is_set("WSL_DISTRO_NAME")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_browser_can_be_shown() {
        for (os, set, expected) in [
            ("linux", "", false),
            ("freebsd", "", false),
            ("linux", "DISPLAY", true),
            ("linux", "WAYLAND_DISPLAY", true),
            ("linux", "BROWSER", true),
            ("linux", "WSL_DISTRO_NAME", true),
            ("linux", "SSH_TTY WSL_DISTRO_NAME", false),
            ("linux", "SSH_CONNECTION SSH_TTY DISPLAY", true),
            ("linux", "SSH_CONNECTION BROWSER", true),
            ("macos", "", true),
            ("macos", "SSH_CONNECTION", false),
            ("windows", "", true),
            ("windows", "SSH_CONNECTION", false),
        ] {
            let found = has_display(os, |name| set.split(' ').any(|it| it == name));
            assert_eq!(found, expected, "{os}: {set}");
        }
    }

    #[test]
    fn the_terminal_is_asked_only_where_there_is_one_and_no_browser() {
        for (shows_pages, has_terminal, asks) in
            [(true, true, false), (true, false, false), (false, true, true), (false, false, false)]
        {
            let user = LocalUser::choose(CallbackUrl::default(), shows_pages, has_terminal);
            assert_eq!(
                matches!(user, LocalUser::Terminal(_)),
                asks,
                "{shows_pages} {has_terminal}"
            );
        }
    }

    #[test]
    fn a_pasted_redirect_is_to_the_callback_url_that_is_set() {
        for (callback, redirect_uri) in [
            ("http://localhost:8765/auth", "http://localhost:8765/auth"),
            ("http://localhost/auth", "http://localhost:1/auth"),
        ] {
            let callback = CallbackUrl::parse(callback).unwrap_or_else(|e| panic!("{e}"));
            let prepared = LocalUser::choose(callback, false, true).prepare(None);
            let prepared = prepared.unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(prepared.redirect_uri().as_str(), redirect_uri);
        }
    }
}
