//! Opens pages on Linux and BSD, where many programs can.
//!
//! Why not by a crate: those that there are give a browser of the terminal the host's standard input and output,
//! which a server that speaks MCP over them does not survive, and call a page opened whose program has failed.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::local::{browsers, is_set, variable};
use super::loopback::spawn_thread;

/// Asks one program after the other to show a page, until one does not fail at once. A program gets the page
/// and the environment, and neither input nor outputs of this process.
///
/// Where nothing tells how a program has ended, it is the last, and no page counts as opened: the next could show a
/// second one, and who is told of a page does not open it themselves.
pub(super) fn open(url: &str) -> bool {
    let mut tried = commands(url).into_iter().map(|opener| opener.outcome());
    let ended = tried.find(|outcome| *outcome != Outcome::Failed);
    ended == Some(Outcome::Opened)
}

/// What a program came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It goes on, or says that it was right. What goes on is a browser, or on its way to one.
    Opened,
    Failed,
    /// It has ended, and the system has told another part of this process, or nobody: where `SIGCHLD` is ignored.
    Unknown,
}

/// A program and its arguments.
#[derive(Debug, PartialEq, Eq)]
struct Opener(Vec<String>);

/// Those that may be able to: what the user has named, and what the system has.
fn commands(url: &str) -> Vec<Opener> {
    let mut commands: Vec<_> = variable("BROWSER")
        .iter()
        .flat_map(|named| browsers(named))
        .map(|browser| Opener::named(browser, url))
        .collect();
    let system: &[&[&str]] = &[&["xdg-open"], &["gio", "open"], &["x-www-browser"]];
    // The browser of Windows, which is the one with the user's passwords.
    let windows: &[&[&str]] = &[&["wslview"], &["rundll32.exe", "url.dll,FileProtocolHandler"]];
    let windows = if is_set(variable, "WSL_DISTRO_NAME") { windows } else { &[] };
    for command in windows.iter().chain(system) {
        commands.push(Opener(command.iter().copied().chain([url]).map(str::to_owned).collect()));
    }
    commands
}

impl Opener {
    /// What `BROWSER` says: `%s` stands for the page, which comes last where that is missing, `%c` for a colon
    /// and `%%` for a percent sign.
    fn named(browser: &str, url: &str) -> Self {
        let (mut command, mut has_page) = (Vec::new(), false);
        for word in browser.split_whitespace() {
            let (mut text, mut rest) = (String::new(), word);
            while let Some((before, after)) = rest.split_once('%') {
                text += before;
                let (what, length) = match after.as_bytes().first() {
                    Some(b's') => (url, 1),
                    Some(b'c') => (":", 1),
                    Some(b'%') => ("%", 1),
                    _ => ("%", 0),
                };
                has_page |= after.starts_with('s');
                text += what;
                rest = &after[length..];
            }
            command.push(text + rest);
        }
        if !has_page {
            command.push(url.to_owned());
        }
        Self(command)
    }

    /// Starts it, and waits as long as it may take to fail.
    fn outcome(&self) -> Outcome {
        let Ok(mut child) = self.start() else { return Outcome::Failed };
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            match child.try_wait() {
                Ok(None) => thread::sleep(PAUSE),
                Ok(Some(status)) if status.success() => return Outcome::Opened,
                Ok(Some(_)) => return Outcome::Failed,
                Err(_) => return Outcome::Unknown,
            }
        }
        // Whoever is not waited for stays in the list of processes.
        spawn_thread(move || drop(child.wait()));
        Outcome::Opened
    }

    fn start(&self) -> io::Result<Child> {
        let Some((program, arguments)) = self.0.split_first() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        Command::new(program)
            .args(arguments)
            // `xdg-open` looks there, and else for browsers of the terminal in the end: one without a terminal
            // reads the page, shows it to nobody, and succeeds.
            .env("BROWSER", GRAPHICAL)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // The keys that end the host are not for the browser.
            .process_group(0)
            .spawn()
    }
}

/// Browsers that need no terminal, for programs that look for one.
const GRAPHICAL: &str =
    "x-www-browser:firefox:chromium:chromium-browser:google-chrome:epiphany:konqueror";

/// How long a program may take to fail. A browser that is started goes on; one that was there already ends its
/// starter at once.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it is looked whether it has.
const PAUSE: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_that_is_named_gets_the_page_once() {
        for (browser, expected) in [
            ("fox", "fox|P"),
            ("fox --new  %s", "fox|--new|P"),
            ("fox --url=%s", "fox|--url=P"),
            ("fox %s%%%s%c%x%", "fox|P%P:%x%"),
            ("/opt/my%%s fox", "/opt/my%s|fox|P"),
            ("fox %é", "fox|%é|P"),
        ] {
            let Opener(command) = Opener::named(browser, "P");
            assert_eq!(command.join("|"), expected, "{browser}");
        }
    }

    #[test]
    fn what_a_page_says_is_no_code() {
        let Opener(command) = Opener::named("fox %s", "http://x/%s%25;$(y)");
        assert_eq!(command, ["fox", "http://x/%s%25;$(y)"]);
    }
}
