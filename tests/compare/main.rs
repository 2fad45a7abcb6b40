//! What a login, a refresh, a header, a crowd at expiry, memory and a build cost, beside `rmcp`'s `auth` and the crate
//! `oauth2`, in one run with the same servers.
//!
//! `cargo bench --manifest-path tests/compare/Cargo.toml` prints the table, and writes it here and into the README, with
//! a picture. With `-- --check` it counts only what takes no time, and compares it with the table;
//! with `-- --draw` it draws the picture of that table again.
//! Run by `cargo test --all-targets`, it does everything once.

macro_rules! of_the_costs {
    ($($name:ident: $path:literal,)*) => {
        $(
            #[path = $path]
            #[allow(dead_code, reason = "the benches of the costs use all of it")]
            mod $name;
        )*
    };
}

of_the_costs! {
    bare: "../benches/machine/bare.rs",
    canned: "../benches/machine/canned.rs",
    clients: "../benches/machine/cases/clients.rs",
    documents: "../benches/machine/documents.rs",
    exchange: "../benches/machine/exchange.rs",
    handles: "../benches/machine/cases/handles.rs",
    heap: "../benches/common/heap.rs",
    held: "../benches/common/held.rs",
    lines: "../benches/common/lines.rs",
    login: "../benches/machine/cases/login.rs",
    login_by_hand: "../benches/machine/cases/login_by_hand.rs",
    measure: "../benches/common/measure.rs",
    one_record: "../benches/machine/one_record.rs",
    prepared: "../benches/machine/prepared.rs",
    refresh: "../benches/machine/cases/refresh.rs",
    runtime: "../benches/machine/runtime.rs",
    turns: "../benches/machine/turns.rs",
    users: "../benches/common/users.rs",
}

mod cases;
mod crowd;
mod oauth2;
mod picture;
mod programs;
mod rmcp;
mod table;
mod written;

use std::env;
use std::process::ExitCode;

use crate::measure::run_as_child;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    run_as_child(&arguments, cases::work_of);
    let is_asked = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let outcome = if is_asked("--check") {
        cases::cheap_rows().and_then(|rows| written::check(&rows))
    } else if is_asked("--draw") {
        written::draw()
    } else if is_asked("--bench") {
        cases::rows().and_then(|rows| written::write(&rows))
    } else {
        cases::once();
        Ok(())
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("{what}");
            ExitCode::FAILURE
        }
    }
}
