//! The callers as the test sees them: what they said last, and when they were killed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread;

use crate::history::Pair;

/// What a caller said, by its number; `None` when it has ended.
pub(crate) type Line = (usize, Option<String>);

/// A process that calls the MCP server.
pub(crate) struct Caller {
    process: Child,
    stdin: ChildStdin,
    /// What it read last.
    pub(crate) loaded: Option<Pair>,
    pub(crate) held: Option<Held>,
    /// How long the log was when it was about to be killed.
    pub(crate) killed_at: Option<usize>,
    /// How many calls have to succeed until it has nothing to do with the last fault of the store any more.
    pub(crate) shaken: u8,
}

/// A lock in the hands of a caller that has stored nothing under it.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) lock: String,
    /// The refresh token that was read first under it.
    pub(crate) token: Option<usize>,
}

impl Caller {
    pub(crate) fn start(
        number: usize,
        url: String,
        directory: &Path,
        seed: u64,
        lines: Sender<Line>,
    ) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_caller"))
            .args([number.to_string(), url])
            .arg(directory)
            .arg(seed.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        thread::spawn(move || {
            let said = BufReader::new(stdout).lines().map_while(Result::ok).map(Some);
            said.chain([None]).try_for_each(|line| lines.send((number, line)))
        });
        Self { process, stdin, loaded: None, held: None, killed_at: None, shaken: 0 }
    }

    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
    }

    pub(crate) fn kill(&mut self, log_length: usize) {
        self.killed_at = Some(log_length);
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.killed_at.is_none()
    }

    pub(crate) fn has_succeeded(&mut self) -> bool {
        self.process.wait().unwrap().success()
    }

    /// The store has failed until now: the next success may be of a time before that.
    pub(crate) fn shake(&mut self) {
        self.shaken = 2;
    }

    pub(crate) fn succeeded(&mut self) {
        self.shaken = self.shaken.saturating_sub(1);
    }

    pub(crate) fn locked(&mut self, lock: &str) {
        self.held = Some(Held { lock: lock.into(), token: None });
    }

    pub(crate) fn loaded(&mut self, pair: Pair) {
        self.loaded = Some(pair);
        if let Some(held) = &mut self.held {
            held.token = held.token.or(pair.refresh);
        }
    }

    pub(crate) fn saved(&mut self, pair: Pair) {
        // A login notes the client before the user is sent off.
        let is_note = |held: &Held| held.lock == "Login" && pair.refresh.is_none();
        self.held = self.held.take().filter(is_note);
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
