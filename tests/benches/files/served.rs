//! Servers in a process of their own, whose threads are none of the clients'.

use std::env;
use std::io::{BufRead as _, BufReader, Write as _, stdin, stdout};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio, exit};
use std::sync::{Mutex, PoisonError};

use oauth_tests::serve::Served;
use oauth_tests::world::{Grant, Knobs, What};

/// In a process that was started for it: serves until its standard input ends. In any other process, returns.
///
/// To each line it answers how many refreshes there were since the last one.
pub(crate) fn run_as_child(arguments: &[String]) {
    if arguments != [CHILD] {
        return;
    }
    let served = Served::start(Knobs::default()).expect("there are ports on this machine");
    say(&served.server_url());
    for _ in stdin().lines().map_while(Result::ok) {
        let mut world = served.world();
        assert_eq!(world.violations, [""; 0]);
        assert_eq!(world.reuses, 0, "a refresh token was spent twice");
        let refreshes = world.count(What::Token(Grant::Refresh));
        world.log.clear();
        drop(world);
        say(&refreshes.to_string());
    }
    exit(0)
}

fn say(line: &str) {
    let mut output = stdout();
    writeln!(output, "{line}").and_then(|()| output.flush()).expect("somebody listens");
}

/// The process; it ends when this is dropped.
pub(crate) struct Servers {
    child: Child,
    lines: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    url: String,
}

impl Servers {
    pub(crate) fn start() -> Self {
        let mut child = Command::new(env::current_exe().expect("it runs"))
            .arg(CHILD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process can be started");
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let mut output = BufReader::new(output.expect("it is piped"));
        let url = line(&mut output);
        Self { child, lines: Mutex::new((input.expect("it is piped"), output)), url }
    }

    /// The URL of the MCP endpoint.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How many refreshes were asked for since the last time.
    pub(crate) fn take_refreshes(&self) -> u64 {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let (input, output) = &mut *lines;
        writeln!(input).expect("it listens");
        line(output).parse().expect("it is a number")
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn line(output: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    output.read_line(&mut line).expect("it answers");
    line.trim().to_owned()
}

const CHILD: &str = "--serve";
