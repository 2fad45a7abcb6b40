//! What a handle costs that many tasks share: how fast it hands out the bearer of each request beside the same work done
//! by hand, a refresh for which a thousand tasks wait, and the refreshes of a thousand users at once.
//!
//! `cargo bench -p oauth-tests --bench shared` prints one table. Only counts decide: with a refresh
//! request too many, or an allocation, it fails. Times are of this machine at this moment, so they are
//! shown beside what they are to be compared with. Run by `cargo test --all-targets`, it does everything
//! once, with few tasks.

mod bearer;
mod crowd;
#[path = "../common/heap.rs"]
mod heap;
#[path = "../common/held.rs"]
mod held;
#[path = "../common/lines.rs"]
mod lines;
mod prepared;
mod requests;
mod rows;
#[path = "../common/storm_of_users.rs"]
mod storm_of_users;
mod storms;
mod throughput;
#[path = "../common/token_endpoint.rs"]
mod token_endpoint;
#[path = "../common/users.rs"]
mod users;
mod users_at_once;
#[path = "../common/verdict.rs"]
mod verdict;

use std::env;
use std::process::ExitCode;

use crate::rows::Row;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let is_bench = arguments.iter().any(|argument| argument == "--bench");
    let size = if is_bench { Size::BENCH } else { Size::TEST };
    let mut rows = bearer::measure();
    rows.extend(throughput::measure(size));
    rows.extend(storms::measure(size));
    rows.extend(users_at_once::measure(size));
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
    /// Storms of users, of each number.
    pub(crate) storms_of_users: usize,
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
        storms_of_users: 7,
        rounds: 1_500,
        calls: 2_000,
    };

    const TEST: Self = Self {
        tasks: 50,
        failing: 50,
        storms: 1,
        storms_of_requests: 1,
        storms_of_users: 1,
        rounds: 1,
        calls: 100,
    };
}
