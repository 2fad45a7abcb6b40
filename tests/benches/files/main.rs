//! What the store in files costs with few grants in it and with many: each call of it, lists, and a thousand users
//! whose tokens expire at once.
//!
//! `cargo bench -p oauth-tests --bench files` prints one table. Only counts decide: with a system call more for many
//! grants than for one, or a thread too many, it fails. Times are of this machine at this moment, so they are shown
//! beside the same work done by hand in the same run. Run by `cargo test --all-targets`, it does everything once, with
//! few grants.

mod calls;
mod crowd;
mod directory;
mod hand;
#[path = "../common/lines.rs"]
mod lines;
mod lists;
mod operation;
mod operations;
mod served;
mod storm;
mod table;
#[path = "../common/users.rs"]
mod users;
#[path = "../common/verdict.rs"]
mod verdict;

use std::env;
use std::process::ExitCode;

use crate::table::{Row, table};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    operation::run_as_child(&arguments);
    served::run_as_child(&arguments);
    let is_bench = arguments.iter().any(|argument| argument == "--bench");
    let size = if is_bench { Size::BENCH } else { Size::TEST };
    let mut rows = operations::measure(size);
    rows.extend(lists::measure(size));
    rows.extend(storm::measure(size));
    let wrong: Vec<_> = rows.iter().filter(|row| row.is_wrong()).map(Row::name).collect();
    if is_bench || !wrong.is_empty() {
        println!("{}", table(&rows, size.grants));
        NOTES.iter().for_each(|note| println!("{note}"));
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
    /// How many grants are stored, in each of the columns.
    pub(crate) grants: [usize; 3],
    /// How often each call is made.
    pub(crate) calls: usize,
    /// Users whose tokens expire at once.
    pub(crate) users: usize,
    /// How often they do.
    pub(crate) storms: usize,
}

impl Size {
    const BENCH: Self = Self { grants: [1, 100, 10_000], calls: 60, users: 1_000, storms: 5 };

    const TEST: Self = Self { grants: [1, 10, 40], calls: 2, users: 20, storms: 1 };
}

const NOTES: [&str; 4] = [
    "by hand, a call: what it needs at least, which for a save is a new file, synced, renamed over the old one, and its \
     directory synced",
    "system calls: counted by strace, the difference between many calls and few; nothing where there is none",
    "by hand, a storm: the files that its refreshes write, synced and renamed by as many threads as the clients use",
    "threads: most of the process at any moment of a storm; the servers are another process",
];
