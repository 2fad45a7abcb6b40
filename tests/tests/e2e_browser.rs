//! Which program is asked to show the page, and what it gets of the host's: nothing but the page. With programs
//! that tell how they were called, each case in a process of its own.

#![cfg(all(unix, not(target_vendor = "apple")))]
#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::fs::{self, DirBuilder};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use common::{PATIENCE, browser};
use oauth_blocking::{Browser, Event, LoopbackBrowser, MemoryTokenStorage, OAuth};
use oauth_tests::serve::Served;
use oauth_tests::world::Knobs;

/// The variables that say how pages are shown.
const VARIABLES: [&str; 7] = [
    "BROWSER",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "WSL_DISTRO_NAME",
    "SSH_CONNECTION",
    "SSH_TTY",
    "XDG_CURRENT_DESKTOP",
];

/// Where programs write how they were called.
const CALLS: &str = "MCP_OAUTH_TEST_CALLS";

/// A machine with programs of these names: each tells how it was called and what it can read, writes to what is
/// its output, and ends with this status.
struct Machine {
    folder: PathBuf,
}

impl Machine {
    fn new(name: &str, programs: &[(&str, u8)]) -> Self {
        let folder = std::env::temp_dir().join(format!("mcp-oauth-{name}-{}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&folder).unwrap();
        let machine = Self { folder };
        for (program, status) in programs {
            machine.add(program, &format!("exit {status}"));
        }
        machine
    }

    /// A program that ends with these commands.
    fn add(&self, program: &str, end: &str) {
        let mut file = fs::OpenOptions::new();
        let file = file.write(true).create_new(true).mode(0o700);
        let mut file = file.open(self.folder.join(program)).unwrap();
        writeln!(
            file,
            "#!/bin/sh\n\
             echo SPOILT; echo SPOILT >&2\n\
             read -r line\n\
             case :$BROWSER: in *:w3m:*|::) echo \"{program} may ask a text browser\" >>\"${CALLS}\";; esac\n\
             echo \"{program} $line $*\" >>\"${CALLS}\"\n\
             {end}"
        )
        .unwrap();
    }

    /// Runs a test once more in a process of its own on this machine, with something to read; tells what it said.
    fn run(&self, test: &str, set: &[(&str, &str)]) -> String {
        let mut child = self.start(Command::new(std::env::current_exe().unwrap()), test, set);
        child.stdin.take().unwrap().write_all(b"MESSAGE\n").unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        said + &String::from_utf8(output.stderr).unwrap()
    }

    fn start(&self, mut host: Command, test: &str, set: &[(&str, &str)]) -> Child {
        for variable in VARIABLES {
            host.env_remove(variable);
        }
        host.env("PATH", &self.folder).env(CALLS, self.calls_file()).envs(set.iter().copied());
        host.args([test, "--exact", "--nocapture"]).stdin(Stdio::piped());
        host.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn calls_file(&self) -> PathBuf {
        self.folder.join("calls")
    }

    /// How programs were called, with `PAGE` for the page.
    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.calls_file()).unwrap_or_default();
        let word = |word: &str| match word.starts_with("http://") {
            true => "PAGE".to_owned(),
            false => word.to_owned(),
        };
        let call = |line: &str| line.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
        calls.lines().map(call).collect()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// A login in a process of its own, whose user comes back once it is known what became of the browser. `None` in
/// that process.
fn outcome(test: &str, programs: &[(&str, u8)], set: &[(&str, &str)]) -> Option<Outcome> {
    if std::env::var_os(CALLS).is_some() {
        log_in();
        return None;
    }
    let machine = Machine::new(test, programs);
    let said = machine.run(test, set);
    assert!(!said.contains("SPOILT"), "{said}");
    Some(Outcome { calls: machine.calls(), opened: said.contains("a browser") })
}

#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    calls: Vec<String>,
    opened: bool,
}

fn log_in() {
    let served = Served::start(Knobs::default()).unwrap();
    let page = Mutex::new(None);
    let come_back = move |event: &Event<'_>| match event {
        Event::Opening { url, .. } => *page.lock().unwrap() = Some(url.as_str().to_owned()),
        Event::Waiting(waiting) if waiting.browser != Browser::Opening => {
            if let Some(url) = page.lock().unwrap().take() {
                println!("{} browser", if waiting.browser == Browser::Opened { "a" } else { "no" });
                thread::spawn(move || browser(&url));
            }
        }
        _ => {}
    };
    let oauth = OAuth::new(&served.server_url())
        .unwrap()
        .token_storage(MemoryTokenStorage::new())
        .user_agent(LoopbackBrowser::new())
        .wait(PATIENCE)
        .on_event(come_back)
        .build()
        .unwrap();
    oauth.authenticate().unwrap();
    // Nobody else has read it.
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    assert_eq!(line, "MESSAGE\n");
}

fn opened<const N: usize>(calls: [&str; N]) -> Outcome {
    Outcome { calls: calls.map(str::to_owned).to_vec(), opened: true }
}

fn not_opened<const N: usize>(calls: [&str; N]) -> Outcome {
    Outcome { opened: false, ..opened(calls) }
}

/// The same, and what is expected of it.
fn expect(test: &str, programs: &[(&str, u8)], set: &[(&str, &str)], expected: &Outcome) {
    if let Some(found) = outcome(test, programs, set) {
        assert_eq!(found, *expected);
    }
}

/// A pipe of messages would be its keyboard and its screen.
#[test]
fn a_text_browser_is_not_used() {
    let programs = [("w3m", 0)];
    expect("a_text_browser_is_not_used", &programs, &[("BROWSER", "w3m")], &not_opened([]));
}

#[test]
fn the_first_of_several_that_is_none_is_used() {
    let programs = [("lynx", 0), ("fox", 0)];
    expect(
        "the_first_of_several_that_is_none_is_used",
        &programs,
        &[("BROWSER", "/usr/bin/lynx:lynx:fox --new %s")],
        &opened(["fox --new PAGE"]),
    );
}

#[test]
fn the_next_is_tried_where_one_fails() {
    let programs = [("bad", 1), ("fox", 0)];
    expect(
        "the_next_is_tried_where_one_fails",
        &programs,
        &[("BROWSER", "none:bad:fox")],
        &opened(["bad PAGE", "fox PAGE"]),
    );
}

#[test]
fn the_desktop_is_asked() {
    let programs = [("xdg-open", 0), ("x-www-browser", 0)];
    expect("the_desktop_is_asked", &programs, &[("DISPLAY", ":0")], &opened(["xdg-open PAGE"]));
}

#[test]
fn a_desktop_that_has_no_browser() {
    let programs = [("xdg-open", 3), ("gio", 1), ("x-www-browser", 0)];
    expect(
        "a_desktop_that_has_no_browser",
        &programs,
        &[("WAYLAND_DISPLAY", "w")],
        &opened(["xdg-open PAGE", "gio open PAGE", "x-www-browser PAGE"]),
    );
}

#[test]
fn nobody_can_show_it() {
    let programs = [("xdg-open", 3)];
    expect("nobody_can_show_it", &programs, &[("DISPLAY", ":0")], &not_opened(["xdg-open PAGE"]));
}

/// `xdg-open` takes the browser that is named there, or knows browsers of the terminal itself.
#[test]
fn the_desktop_asks_no_text_browser() {
    let programs = [("w3m", 0), ("xdg-open", 0)];
    let set = [("DISPLAY", ":0"), ("BROWSER", "w3m")];
    expect("the_desktop_asks_no_text_browser", &programs, &set, &opened(["xdg-open PAGE"]));
}

/// The browser of Windows, whatever may run beneath it.
#[test]
fn below_windows() {
    let programs = [("wslview", 1), ("rundll32.exe", 0), ("xdg-open", 0)];
    expect(
        "below_windows",
        &programs,
        &[("WSL_DISTRO_NAME", "d"), ("DISPLAY", ":0")],
        &opened(["wslview PAGE", "rundll32.exe url.dll,FileProtocolHandler PAGE"]),
    );
}

#[test]
fn without_a_display() {
    let programs = [("xdg-open", 0)];
    expect("without_a_display", &programs, &[], &not_opened([]));
}

#[test]
fn over_ssh() {
    let programs = [("xdg-open", 0)];
    expect("over_ssh", &programs, &[("SSH_TTY", "t"), ("WSL_DISTRO_NAME", "d")], &not_opened([]));
}

#[test]
fn over_ssh_with_a_display() {
    let programs = [("xdg-open", 0)];
    expect(
        "over_ssh_with_a_display",
        &programs,
        &[("SSH_TTY", "t"), ("DISPLAY", "d")],
        &opened(["xdg-open PAGE"]),
    );
}

/// It goes on in the background, writes without an end, and has taken all that it was given along.
#[test]
fn a_browser_that_goes_on_is_one() {
    const TEST: &str = "a_browser_that_goes_on_is_one";
    if std::env::var_os(CALLS).is_some() {
        return log_in();
    }
    for (number, end) in
        ["(/bin/sleep 8; echo) & exit 0", "/usr/bin/head -c 9000000 /dev/zero; exec /bin/sleep 8"]
            .into_iter()
            .enumerate()
    {
        let machine = Machine::new(&format!("{TEST}-{number}"), &[]);
        machine.add("fox", end);
        let begun = Instant::now();
        let said = machine.run(TEST, &[("BROWSER", "fox")]);
        assert!(begun.elapsed() < Duration::from_secs(8), "the host waits for it");
        assert!(said.contains("a browser") && !said.contains("SPOILT"), "{said}");
        assert_eq!(machine.calls(), ["fox PAGE"]);
    }
}

/// The system tells such a host nothing of how a program has ended. The next would show a second page, and who is told
/// that there is one would look for none.
#[test]
fn a_host_that_ignores_its_children_is_not_told_that_a_page_was_opened() {
    const TEST: &str = "a_host_that_ignores_its_children_is_not_told_that_a_page_was_opened";
    if std::env::var_os(CALLS).is_some() {
        return log_in();
    }
    for (number, (end, opened)) in
        [("exit 1", false), ("exec /bin/sleep 4", true)].into_iter().enumerate()
    {
        let machine = Machine::new(&format!("ignored-{number}"), &[("other", 0)]);
        machine.add("fox", end);
        let mut host = Command::new("/usr/bin/env");
        host.arg("--ignore-signal=CHLD").arg(std::env::current_exe().unwrap());
        let mut child = machine.start(host, TEST, &[("BROWSER", "fox:other")]);
        child.stdin.take().unwrap().write_all(b"MESSAGE\n").unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        assert_eq!(said.contains("a browser"), opened, "{end}: {said}");
        assert_eq!(machine.calls(), ["fox PAGE"], "{end}");
    }
}

/// `^C` is for who is in the foreground of the terminal.
#[test]
fn the_keys_that_end_the_host_do_not_end_the_browser() {
    const TEST: &str = "the_keys_that_end_the_host_do_not_end_the_browser";
    if std::env::var_os(CALLS).is_some() {
        return log_in();
    }
    let machine = Machine::new("keys", &[]);
    machine.add("fox", &format!("/bin/sleep 1; echo lives >>\"${CALLS}\""));
    let mut host = Command::new(std::env::current_exe().unwrap());
    host.process_group(0);
    let mut host = machine.start(host, TEST, &[("BROWSER", "fox")]);
    let within = |calls: &[&str]| {
        let begun = Instant::now();
        while machine.calls() != calls {
            assert!(begun.elapsed() < PATIENCE, "{:?}", machine.calls());
            thread::sleep(Duration::from_millis(10));
        }
    };
    within(&["fox PAGE"]);
    let group = format!("kill -INT -{}", host.id());
    assert!(Command::new("/bin/sh").args(["-c", &group]).status().unwrap().success());
    assert!(!host.wait().unwrap().success());
    within(&["fox PAGE", "lives"]);
}
