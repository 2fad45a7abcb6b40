//! How many system calls an operation makes, counted by strace where it is there.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::operation::CHILD;

/// Calls of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) all: u64,
    /// Of these, such that read names in a directory.
    pub(crate) lists: u64,
    /// Such that wait for the disk.
    pub(crate) waits: u64,
}

/// What one operation of this name takes: the difference between some and one, so that start and preparation fall
/// out. None without strace.
pub(crate) fn counted(operation: &str, side: usize, directory: &Path) -> Option<Calls> {
    let [few, many] = [1, 1 + TIMES].map(|times| run(operation, side, directory, times));
    let (few, many) = (few?, many?);
    let each = |of: fn(&Calls) -> u64| (of(&many) - of(&few)) / TIMES;
    Some(Calls {
        all: each(|calls| calls.all),
        lists: each(|calls| calls.lists),
        waits: each(|calls| calls.waits),
    })
}

fn run(operation: &str, side: usize, directory: &Path, times: u64) -> Option<Calls> {
    let report = directory.with_file_name("strace");
    let program = env::current_exe().ok()?;
    let status = Command::new("strace")
        .args(["-f", "-c", "-o"])
        .args([&report, &program])
        .args([CHILD, operation, &side.to_string()])
        .arg(directory)
        .arg(times.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.ok().filter(|status| status.success())?;
    let report = fs::read_to_string(report).ok()?;
    let calls = |names: &[&str]| {
        let lines = report.lines().filter(|line| {
            line.split_whitespace().next_back().is_some_and(|name| names.contains(&name))
        });
        // Per cent, seconds, microseconds of each, calls, and sometimes errors.
        lines.filter_map(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok()).sum()
    };
    Some(Calls {
        all: calls(&["total"]),
        lists: calls(&["getdents64"]),
        waits: calls(&["fsync", "fdatasync"]),
    })
}

/// How many are counted together.
const TIMES: u64 = 10;
