//! Refreshes of several processes that share one database.

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Size;
use crate::prepared::{Group, SLOWLY, Schema};
use crate::replica;

/// A line for each number of processes.
pub(crate) async fn measure(size: Size) -> Vec<[String; 6]> {
    println!(
        "{} users, whose tokens end {} times; each process asks for all of them at once, and the token \
         endpoint answers after {} ms",
        size.users,
        size.rounds,
        SLOWLY.as_millis()
    );
    let head =
        ["processes", "refreshes/s", "wait, p50", "wait, p99", "worst", "statements/refresh"];
    let mut lines = vec![head.map(String::from)];
    for processes in size.processes {
        lines.push(measure_processes(size, *processes).await);
    }
    lines
}

async fn measure_processes(size: Size, processes: usize) -> [String; 6] {
    let schema = Schema::new(&format!("machines_{processes}")).await;
    let groups = Group::all(&schema, size.users).await;
    let mut all: Vec<_> = (0..processes).map(|_| Process::start(&schema, &groups)).collect();
    // The first round opens connections, and is not counted.
    play(&schema, &groups, &mut all).await;
    let (mut waits, mut statements, mut took) = (Vec::new(), 0, Duration::ZERO);
    for _ in 0..size.rounds {
        let round = play(&schema, &groups, &mut all).await;
        waits.extend(round.waits);
        statements += round.statements;
        took += round.took;
    }
    all.into_iter().for_each(Process::end);
    schema.drop().await;
    waits.sort_unstable();
    let refreshes = size.users * size.rounds;
    let milliseconds = |at: usize| format!("{:.0} ms", waits[at] as f64 / 1000.0);
    [
        processes.to_string(),
        format!("{:.0}", refreshes as f64 / took.as_secs_f64()),
        milliseconds(waits.len() / 2),
        milliseconds(waits.len() * 99 / 100),
        milliseconds(waits.len() - 1),
        format!("{:.1}", statements as f64 / refreshes as f64),
    ]
}

/// What came of a round.
struct Round {
    /// In microseconds.
    waits: Vec<u64>,
    statements: u64,
    /// Until the last one had its token, and all was stored.
    took: Duration,
}

async fn play(schema: &Schema, groups: &[Group], all: &mut [Process]) -> Round {
    for group in groups {
        group.expire(&schema.store).await;
        group.take_refreshes();
    }
    let begun = Instant::now();
    all.iter_mut().for_each(Process::begin);
    let mut round = Round { waits: Vec::new(), statements: 0, took: Duration::ZERO };
    for process in all {
        let mut said = process.heard();
        round.statements += said.pop().expect("the number of statements");
        round.waits.extend(said);
    }
    round.took = begun.elapsed();
    for group in groups {
        assert_eq!(group.take_refreshes(), group.users.len(), "one refresh for each user");
    }
    round
}

struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Process {
    fn start(schema: &Schema, groups: &[Group]) -> Self {
        let users = groups.iter().flat_map(|group| {
            let url = group.served.server_url();
            group.users.iter().map(move |user| format!("{user}={url}"))
        });
        let mut child = Command::new(env::current_exe().expect("this program has a path"))
            .args([replica::FLAG, &schema.name])
            .args(users)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process can be started");
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (stdin, stdout) = stdin.zip(stdout).expect("they are pipes");
        Self { child, stdin, stdout: BufReader::new(stdout) }
    }

    fn begin(&mut self) {
        self.stdin.write_all(b"round\n").expect("the process lives");
    }

    /// What it says of a round. It is a number a user, and one more.
    fn heard(&mut self) -> Vec<u64> {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("the process lives");
        line.split_whitespace().map(|word| word.parse().expect("it is a number")).collect()
    }

    fn end(mut self) {
        drop(self.stdin);
        assert!(self.child.wait().expect("it was started").success());
    }
}
