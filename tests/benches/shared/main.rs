//! What a handle costs that many tasks share: the bearer of each request beside the same work done by
//! hand, and a refresh for which a thousand tasks wait.
//!
//! `cargo bench -p oauth-tests --bench shared` prints one table. Only counts decide: with a refresh
//! request too many, or an allocation, it fails. Times are of this machine at this moment, so they are
//! shown beside what they are to be compared with. Run by `cargo test --all-targets`, it does everything
//! once, with few tasks.

mod bearer;
mod crowd;
#[path = "../common/heap.rs"]
mod heap;
#[path = "../common/lines.rs"]
mod lines;
#[path = "../common/measure.rs"]
mod measure;
mod prepared;
mod requests;
mod rows;
mod storms;
mod throughput;
#[path = "../common/users.rs"]
mod users;

use std::env;
use std::process::ExitCode;

use crate::measure::{Meter, run_as_child};
use crate::rows::Row;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    run_as_child(&arguments, bearer::work);
    let is_bench = arguments.iter().any(|argument| argument == "--bench");
    let size = if is_bench { Size::BENCH } else { Size::TEST };
    let mut rows = Vec::new();
    if is_bench {
        let meter = Meter::for_this_machine();
        bearer::CASES.iter().for_each(|case| rows.extend(case.measure(meter)));
    }
    rows.extend(throughput::measure(size));
    rows.extend(storms::measure(size));
    let wrong: Vec<_> = rows.iter().filter(|row| row.is_wrong()).map(Row::name).collect();
    if is_bench || !wrong.is_empty() {
        println!("{}", rows::table(&rows));
        storms::notes(size).iter().for_each(|note| println!("{note}"));
    }
    if wrong.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("wrong counts: {}", wrong.join(", "));
    ExitCode::FAILURE
}

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Tasks that wait for the same refresh.
    pub(crate) tasks: usize,
    /// Tasks whose refresh fails.
    pub(crate) failing: usize,
    /// Storms of each kind.
    pub(crate) storms: usize,
    /// Storms in which all tasks send requests.
    pub(crate) storms_of_requests: usize,
    /// Rounds of each side of the throughput.
    pub(crate) rounds: usize,
    /// Calls of each task in such a round.
    pub(crate) calls: usize,
}

impl Size {
    const BENCH: Self = Self {
        tasks: 1_000,
        failing: 100,
        storms: 25,
        storms_of_requests: 7,
        rounds: 1_500,
        calls: 2_000,
    };

    const TEST: Self =
        Self { tasks: 50, failing: 50, storms: 1, storms_of_requests: 1, rounds: 1, calls: 100 };
}
