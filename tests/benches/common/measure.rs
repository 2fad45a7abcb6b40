//! How a case is measured: its two sides under valgrind or by the clock, and what they allocate.
#![allow(dead_code, reason = "each bench uses a part of it")]

use std::env;
use std::num::NonZero;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Instant;

use crate::heap::Heap;

/// Something that is done often, by the machine (or what drives it) and by hand.
#[derive(Clone, Copy)]
pub(crate) struct Work {
    /// How many operations are measured together.
    pub(crate) operations: usize,
    pub(crate) machine: Side,
    pub(crate) bare: Side,
}

/// Prepares that many operations, none of which is measured, and hands back what does some of them.
/// What an operation results in is kept, as a host keeps it.
pub(crate) type Side = fn(usize) -> Box<dyn FnMut(usize)>;

/// What one operation costs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// Instructions, or picoseconds; none for things that are only held.
    pub(crate) effort: Option<u64>,
    /// Allocations; none where they are not compared.
    pub(crate) allocations: Option<u64>,
    /// Bytes asked for, or held.
    pub(crate) bytes: u64,
}

/// What effort is measured in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Meter {
    Instructions,
    Time,
}

impl Meter {
    /// Valgrind if it is there and works.
    pub(crate) fn for_this_machine() -> Self {
        let work = Command::new("valgrind").arg("--version").output();
        if work.is_ok_and(|output| output.status.success()) {
            Self::Instructions
        } else {
            Self::Time
        }
    }

    /// What one operation of these cases takes, by the machine and by hand.
    pub(crate) fn efforts(self, cases: &[(&str, Work)]) -> Vec<[Option<u64>; 2]> {
        match self {
            Self::Instructions => {
                let counted = |(name, work): &(&str, Work)| {
                    [MACHINE, BARE].map(|side| instructions(name, side, *work))
                };
                each_apart(cases, counted)
            }
            Self::Time => cases.iter().map(|(_, work)| times(*work).map(Some)).collect(),
        }
    }
}

/// Instructions of one operation of these cases by the machine; none where valgrind did not count them.
pub(crate) fn instructions_by_machine(cases: &[(&str, Work)]) -> Vec<Option<u64>> {
    each_apart(cases, |(name, work)| instructions(name, MACHINE, *work))
}

/// What comes of each, at which as many threads work as there are processors.
fn each_apart<J: Sync, T: Send>(jobs: &[J], work: impl Fn(&J) -> T + Sync) -> Vec<T> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work_on = || {
        while let Some((at, job)) = jobs.iter().enumerate().nth(next.fetch_add(1, Relaxed)) {
            let result = work(job);
            done.lock().expect("nobody has panicked").push((at, result));
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work_on);
        }
    });
    let mut done = done.into_inner().expect("nobody has panicked");
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// In a process that was started to be counted: does the operations of the case with that name and
/// ends. In any other process, returns.
pub(crate) fn run_as_child(arguments: &[String], find: impl FnOnce(&str) -> Option<Work>) {
    let [flag, name, side, count] = arguments else {
        return;
    };
    if flag != CHILD {
        return;
    }
    let work = find(name).expect("a case that is work has this name");
    let side = if side == MACHINE { work.machine } else { work.bare };
    let mut run = side(work.operations);
    run(count.parse().expect("the count is a number"));
    // Neither what is left over nor the results are to be freed.
    std::process::exit(0)
}

/// The difference between many and few operations, so that start and preparation fall out.
fn instructions(case: &str, side: &str, work: Work) -> Option<u64> {
    let (few, many) = (work.operations / 10, work.operations);
    let [few_cost, many_cost] = [few, many].map(|count| counted_run(case, side, count));
    let (difference, operations) = (many_cost?.checked_sub(few_cost?)?, (many - few) as u64);
    // Rounded: what start costs is not always the same, by some instructions.
    Some((difference + operations / 2) / operations)
}

fn counted_run(case: &str, side: &str, count: usize) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().ok()?)
        .args([CHILD, case, side, &count.to_string()])
        .output()
        .ok()?;
    let report = String::from_utf8_lossy(&output.stderr);
    let collected = report.lines().find(|line| line.contains("Collected :"))?;
    collected.rsplit(' ').next()?.parse().ok()
}

/// The least of many rounds in which both sides take turns, in picoseconds.
fn times(work: Work) -> [u64; 2] {
    let mut least = [u64::MAX; 2];
    for _ in 0..ROUNDS {
        for (side, least) in [work.machine, work.bare].into_iter().zip(&mut least) {
            let mut run = side(work.operations);
            let start = Instant::now();
            run(work.operations);
            let nanoseconds = start.elapsed().as_nanos() as u64;
            *least = (*least).min(nanoseconds * 1000 / work.operations as u64);
        }
    }
    least
}

/// What one operation asks of the allocator.
pub(crate) fn heap(side: Side, operations: usize) -> Cost {
    let mut run = side(operations);
    let before = Heap::now();
    run(operations);
    let after = Heap::now();
    let each = |total: u64| total.div_ceil(operations as u64);
    Cost {
        effort: None,
        allocations: Some(each(after.allocations - before.allocations)),
        bytes: each(after.bytes - before.bytes),
    }
}

/// What so many things hold, each, and in how many pieces.
pub(crate) fn held<T>(count: usize, make: impl FnOnce(usize) -> Vec<T>) -> Cost {
    let before = Heap::now();
    let all = make(count);
    let after = Heap::now();
    drop(all);
    let each = |total: u64| total / count as u64;
    Cost {
        effort: None,
        allocations: Some(each(after.live_allocations - before.live_allocations)),
        bytes: each(after.live_bytes - before.live_bytes),
    }
}

const MACHINE: &str = "machine";

const BARE: &str = "bare";

const CHILD: &str = "--operations";

const ROUNDS: usize = 200;
