//! A process as the test sees it: what it said, and how far it had come with each user.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;

use tokio::sync::mpsc::UnboundedSender;

use crate::place::Process;

/// What a process said, by its number; `None` when it has ended.
pub(crate) type Line = (usize, Option<String>);

pub(crate) struct Replica {
    pub(crate) number: usize,
    process: Child,
    stdin: ChildStdin,
    /// The users whose refresh token it may have spent and has not stored the successor of, and the generation.
    pub(crate) spending: BTreeMap<String, u64>,
}

impl Replica {
    pub(crate) fn start(number: usize, process: Process, lines: UnboundedSender<Line>) -> Self {
        let Process { name, place, url, wait } = process;
        let mut process = Command::new(env!("CARGO_BIN_EXE_replica"))
            .args([name, place])
            .args(wait.map(|wait| wait.as_secs().to_string()))
            .env("REPLICA_DATABASE", url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        thread::spawn(move || {
            let said = BufReader::new(stdout).lines().map_while(Result::ok).map(Some);
            said.chain([None]).try_for_each(|line| lines.send((number, line)))
        });
        Self { number, process, stdin, spending: BTreeMap::new() }
    }

    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
    }

    /// Notes what it did to the store.
    pub(crate) fn heard(&mut self, words: &[&str]) {
        match *words {
            ["reserved", user, generation] => {
                self.spending.insert(user.into(), generation.parse().unwrap());
            }
            ["saved" | "unlocking", user] => drop(self.spending.remove(user)),
            _ => {}
        }
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// `STOP` or `CONT`.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn has_succeeded(&mut self) -> bool {
        self.process.wait().unwrap().success()
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
