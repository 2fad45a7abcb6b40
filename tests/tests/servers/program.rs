//! The example `host` as its user has it: a process with a home, a terminal's input and output, and a browser.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::browser;
use crate::server::signal;

/// Where a user's programs keep their tokens, and what their browser shows.
#[derive(Debug)]
pub(crate) struct Home(PathBuf);

impl Home {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("mcp-host-{}-{number}", std::process::id()));
        fs::create_dir_all(path.join("run")).unwrap();
        fs::write(path.join("browser"), "printf '%s\\n' \"$1\" >>\"${0%/*}/pages\"\n").unwrap();
        Self(path)
    }

    /// All pages that were ever opened.
    pub(crate) fn pages(&self) -> Vec<String> {
        let pages = fs::read_to_string(self.0.join("pages")).unwrap_or_default();
        // The last line may be under way.
        pages
            .split_inclusive('\n')
            .filter_map(|page| page.strip_suffix('\n'))
            .map(Into::into)
            .collect()
    }

    /// The page with this number, when it is open. The ones before are open as well.
    pub(crate) fn page(&self, number: usize) -> String {
        let begun = Instant::now();
        while self.pages().len() < number {
            assert!(begun.elapsed() < PATIENCE, "page {number}: {:?}", self.pages());
            thread::sleep(Duration::from_millis(10));
        }
        let pages = self.pages();
        assert_eq!(pages.len(), number, "{pages:?}");
        pages[number - 1].clone()
    }

    /// The user consents at the page with this number.
    pub(crate) fn consent(&self, number: usize) {
        assert!(browser::open(&self.page(number)), "page {number}");
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The program, which waits for a command, or does one.
#[derive(Debug)]
pub(crate) struct Program {
    process: Child,
    input: Option<ChildStdin>,
    output: Receiver<Vec<u8>>,
}

impl Program {
    /// Starts it with servers of these names, all of them at one URL, and gives what it says until it waits for
    /// a command.
    pub(crate) fn start(home: &Home, names: &[&str], url: &str) -> (Self, String) {
        let servers = names.iter().map(|name| ((*name).to_owned(), json!({"url": url})));
        let servers: serde_json::Map<_, _> = servers.collect();
        let file = home.0.join(format!("{}.json", names.join("-")));
        fs::write(&file, json!({"mcpServers": servers}).to_string()).unwrap();
        let mut command = Command::new(example());
        let browser = format!("sh {}", home.0.join("browser").display());
        command.arg(file).env("HOME", &home.0).env("BROWSER", browser);
        command
            .env("XDG_DATA_HOME", home.0.join("data"))
            .env("XDG_RUNTIME_DIR", home.0.join("run"));
        command.env_remove("SSH_CONNECTION").env_remove("SSH_TTY");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let (mut stdout, input) = (process.stdout.take().unwrap(), process.stdin.take());
        let (say, output) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = stdout.read(&mut buffer) {
                let _ = say.send(buffer[..length].to_owned());
            }
        });
        let mut program = Self { process, input, output };
        let said = program.said();
        // The last line names the commands.
        let (said, _) = said.split_once("  list \u{b7} ").unwrap_or_else(|| panic!("{said}"));
        (program, said.to_owned())
    }

    /// A command to its end.
    pub(crate) fn run(&mut self, command: &str) -> String {
        self.begin(command);
        self.said()
    }

    pub(crate) fn begin(&mut self, command: &str) {
        writeln!(self.input.as_mut().unwrap(), "{command}").unwrap();
    }

    /// What it says until it waits for a command.
    pub(crate) fn said(&mut self) -> String {
        let said = self.until(|said| said == PROMPT || said.ends_with(&format!("\n{PROMPT}")));
        said.strip_suffix(PROMPT).unwrap().to_owned()
    }

    /// What it says until these words are among it.
    pub(crate) fn says(&mut self, words: &str) {
        self.until(|said| said.contains(words));
    }

    fn until(&mut self, is_all: impl Fn(&str) -> bool) -> String {
        let (begun, mut said) = (Instant::now(), String::new());
        while !is_all(&said) {
            let more = self.output.recv_timeout(PATIENCE.saturating_sub(begun.elapsed()));
            said +=
                &String::from_utf8(more.unwrap_or_else(|error| panic!("{error}: {said}"))).unwrap();
        }
        said
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(&self) {
        signal(&self.process, "INT");
    }

    /// The end of its input.
    pub(crate) fn end(mut self) {
        drop(self.input.take());
        let begun = Instant::now();
        while self.process.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(10));
        }
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Beside the tests: `tests/servers/run` builds it.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let example = test.parent().and_then(Path::parent).unwrap().join("examples/host");
    assert!(example.exists(), "run `tests/servers/run`, which builds {}", example.display());
    example
}

const PROMPT: &str = "> ";

/// Far more than anything takes, and less than the five minutes for which a login is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
