//! What many machines cost that share one PostgreSQL, and what many users cost in one process:
//! `tests/stores/run --bench` starts the database and prints one table.
//!
//! Only counts decide: a refresh too many, an error, or a statement while nothing happens, and it fails. Times are of
//! this machine at this moment, where the processes, the database and the authorization servers share its cores: they
//! are to be compared with each other.

mod counted;
#[path = "../common/heap.rs"]
mod heap;
mod idle;
#[path = "../common/lines.rs"]
mod lines;
mod machines;
mod prepared;
mod replica;
#[path = "../common/users.rs"]
mod users;

use std::env;
use std::process::ExitCode;

use crate::lines::aligned;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [flag, schema, urls @ ..] = &*arguments
        && flag == replica::FLAG
    {
        replica::run(schema, urls);
        return ExitCode::SUCCESS;
    }
    if env::var_os(prepared::URL).is_none() {
        eprintln!("{} is not set: run tests/stores/run --bench", prepared::URL);
        return ExitCode::FAILURE;
    }
    let is_bench = arguments.iter().any(|argument| argument == "--bench");
    let size = if is_bench { Size::BENCH } else { Size::TEST };
    let runtime = prepared::runtime();
    println!("{}", aligned(&runtime.block_on(machines::measure(size)), |_| false));
    println!("{}", aligned(&runtime.block_on(idle::measure(size)), |column| column == 0));
    ExitCode::SUCCESS
}

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Users whose tokens end, at all processes.
    pub(crate) users: usize,
    /// How often they end.
    pub(crate) rounds: usize,
    /// How many processes there are, one after another.
    pub(crate) processes: &'static [usize],
    /// Users of one process in which nothing happens.
    pub(crate) idle_users: usize,
    /// For how many seconds nothing happens.
    pub(crate) idle_seconds: u64,
}

impl Size {
    const BENCH: Self = Self {
        users: 50,
        rounds: 20,
        processes: &[1, 4, 16],
        idle_users: 10_000,
        idle_seconds: 60,
    };

    const TEST: Self =
        Self { users: 5, rounds: 2, processes: &[1, 2], idle_users: 20, idle_seconds: 1 };
}
