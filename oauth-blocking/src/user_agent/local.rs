//! The user at this machine: in the browser, or in the terminal where no browser can be shown.

use std::io::{BufReader, IsTerminal, Stderr, Stdin, Write as _, stderr, stdin};

use oauth_core::client::UserAgentError;
use oauth_core::loopback::CallbackUrl;
use oauth_core::wire::DevicePage;

use super::paste::words_for;
use super::{LoopbackBrowser, PasteBack, Prepared, UserAgent};

/// The user agent of a client that was given none.
///
/// | a browser can be shown | standard input and error are a terminal | the user |
/// |---|---|---|
/// | yes | | is sent to the browser ([`LoopbackBrowser`]) |
/// | no | yes | is asked in the terminal ([`PasteBack`]) |
/// | no | no | has to open the URL that the host is told ([`Event::NoBrowser`](crate::Event::NoBrowser)) |
///
/// No browser can be shown in a session over SSH, and on Linux and BSD without a display; there, a forwarded
/// display is one, and so is a program named in `BROWSER`. There, a user who can go on with another device may do so,
/// unless the host has said how tokens are got ([`or_device_code`](crate::Builder::or_device_code)). Standard input that is no terminal is never read: it is
/// the pipe of an MCP server's messages, for instance. No browser gets it either, nor standard output, and
/// browsers that run in a terminal are not used.
///
/// | where | what opens the page | what was tried |
/// |---|---|---|
/// | Linux, BSD | what `BROWSER` names, then `xdg-open`, `gio open`, `x-www-browser`, until one does not fail within two seconds | with programs that say how they were called |
/// | WSL (`WSL_DISTRO_NAME`) | what `BROWSER` names, then `wslview`, `rundll32.exe` of Windows, then as Linux | the same |
/// | over SSH, in a container, without a display | what `BROWSER` names (Visual Studio Code sets it there), else nothing | the same |
/// | flatpak, snap | as Linux; their `xdg-open` asks the portal | no |
/// | Windows | the command that is registered for http | no |
/// | macOS, iOS, Android | the system's function for it | no |
///
/// On Linux and BSD, what a program says is believed: one that ends without an error has shown the page, also if it is
/// `echo`. Nothing tells how a program has ended where the host ignores `SIGCHLD`, or collects all ended processes
/// itself: then no other program is tried, and the host hears that no browser was opened, though one may have been.
///
/// # Security
///
/// A browser is a process of its own: what the host has opened without close-on-exec, in code that is not Rust's, or has
/// inherited in that way itself, the browser has open as well, as any program that the host starts. Only the host can
/// close that, or mark it (`FD_CLOEXEC`). On Windows these are all handles that can be inherited, also the pipes that
/// a host was given for its standard input and output: a browser that is started for the page keeps them open until it
/// is closed (mark them by `SetHandleInformation`, or open pages in a user agent of the host's own). Keys such as `^C`,
/// which end a host in its terminal, do not reach the browser.
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
    /// In the terminal, where there is one, and in the browser.
    fn device(&self, page: &DevicePage) -> Result<(), UserAgentError> {
        match self {
            Self::Browser(browser) => {
                if stderr().is_terminal() {
                    // They may see it in the browser as well.
                    let _ = stderr().write_all(words_for(page).as_bytes());
                }
                browser.device(page)
            }
            Self::Terminal(terminal) => terminal.device(page),
        }
    }

    /// In the terminal, where there is one.
    fn device_beside(&self, page: &DevicePage) -> Result<(), UserAgentError> {
        match self {
            Self::Browser(_) => {
                if stderr().is_terminal() {
                    // The host hears it as well.
                    let _ = stderr().write_all(words_for(page).as_bytes());
                }
                Ok(())
            }
            Self::Terminal(terminal) => terminal.device_beside(page),
        }
    }

    fn prepare(&self, registered: Option<&str>) -> Result<Prepared, UserAgentError> {
        match self {
            Self::Browser(browser) => browser.prepare(registered),
            Self::Terminal(terminal) => terminal.prepare(registered),
        }
    }
}

/// Shows a page in the user's browser, if there is one in this session; whether that worked, as far as the
/// system says. No shell is involved but that of `wslview`, and no URL has what means something there
/// ([`AuthorizationUrl`](oauth_core::wire::AuthorizationUrl)). It is https, or http to this machine.
pub(crate) fn open_browser(url: &str) -> bool {
    // Programs that open pages succeed on some machines though there is nothing to show them on.
    shows_pages() && open(url)
}

#[cfg(all(unix, not(any(target_vendor = "apple", target_os = "android"))))]
use super::desktop::open;

#[cfg(not(all(unix, not(any(target_vendor = "apple", target_os = "android")))))]
fn open(url: &str) -> bool {
    webbrowser::open(url).is_ok()
}

/// Whether this session can show a browser to its user, as far as its environment says.
#[must_use]
pub fn shows_pages() -> bool {
    has_display(std::env::consts::OS, variable)
}

fn has_display(os: &str, environment: impl Copy + Fn(&str) -> Option<String>) -> bool {
    // A browser would open where nobody sits.
    let is_remote = ["SSH_CONNECTION", "SSH_TTY"].iter().any(|name| is_set(environment, name));
    // What opens pages there does not know the other variables.
    if matches!(os, "windows" | "macos" | "ios" | "android") {
        return !is_remote;
    }
    let named = environment("BROWSER");
    named.is_some_and(|named| browsers(&named).next().is_some())
        || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| is_set(environment, name))
        // Below Windows, the browser is that of Windows.
        || !is_remote && is_set(environment, "WSL_DISTRO_NAME")
}

/// A variable of this process's environment.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

pub(super) fn is_set(environment: impl Fn(&str) -> Option<String>, name: &str) -> bool {
    environment(name).is_some_and(|value| !value.is_empty())
}

/// The commands that `BROWSER` names, but for browsers of the terminal: that is the host's, or there is none.
pub(super) fn browsers(named: &str) -> impl Iterator<Item = &str> {
    named.split(':').filter(|command| {
        let program = command.split_whitespace().next().unwrap_or_default();
        let name = program.rsplit('/').next().unwrap_or_default();
        !name.is_empty() && !IN_THE_TERMINAL.contains(&name)
    })
}

/// Programs that show pages in a terminal. Debian's `www-browser` is one of them, unlike `x-www-browser`.
const IN_THE_TERMINAL: [&str; 14] = [
    "browsh",
    "carbonyl",
    "cha",
    "curl",
    "elinks",
    "eww",
    "links",
    "links2",
    "lynx",
    "netrik",
    "retawq",
    "w3m",
    "wget",
    "www-browser",
];

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
            ("linux", "BROWSER=fox", true),
            ("linux", "BROWSER=", false),
            ("linux", "BROWSER=w3m", false),
            ("linux", "BROWSER=/usr/bin/lynx:links2", false),
            ("linux", "BROWSER=w3m:fox", true),
            ("linux", "DISPLAY BROWSER=w3m", true),
            ("linux", "WSL_DISTRO_NAME", true),
            ("linux", "SSH_TTY WSL_DISTRO_NAME", false),
            ("linux", "SSH_CONNECTION SSH_TTY DISPLAY", true),
            ("linux", "SSH_CONNECTION BROWSER=fox", true),
            ("macos", "", true),
            ("macos", "SSH_CONNECTION", false),
            ("macos", "SSH_CONNECTION DISPLAY BROWSER=fox", false),
            ("windows", "", true),
            ("windows", "SSH_CONNECTION", false),
        ] {
            let environment = |name: &str| {
                set.split(' ').find_map(|it| match it.split_once('=') {
                    Some((it, value)) => (it == name).then(|| value.to_owned()),
                    None => (it == name).then(|| "set".to_owned()),
                })
            };
            let found = has_display(os, environment);
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
