//! What the machine costs: instructions, allocations and bytes of each thing it does, beside the same
//! work done by hand.
//!
//! `cargo bench -p oauth-costs` prints one table and decides nothing: targets are named,
//! not enforced. Instructions are counted by valgrind; where there is none, times stand in their place.
//! Run by `cargo test --all-targets`, it only does everything once.

mod bare;
#[expect(dead_code, reason = "crowds are met beside other clients")]
mod canned;
mod cases;
mod counts;
mod documents;
mod exchange;
mod guard;
#[path = "../common/heap.rs"]
mod heap;
#[path = "../common/held.rs"]
mod held;
#[path = "../common/lines.rs"]
mod lines;
#[path = "../common/measure.rs"]
mod measure;
mod one_record;
mod plot;
mod prepared;
#[expect(dead_code, reason = "the same")]
mod runtime;
#[path = "../common/storm_of_users.rs"]
mod storm_of_users;
mod svg;
mod table;
#[path = "../common/token_endpoint.rs"]
mod token_endpoint;
mod turns;
#[path = "../common/users.rs"]
mod users;

use std::env;
use std::mem::size_of;
use std::process::ExitCode;

use oauth_core::flow::Flow;
use oauth_core::session::Session;

use crate::cases::Case;
use crate::measure::{Meter, run_as_child};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    run_as_child(&arguments, cases::work_of);
    let is_asked = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if is_asked("--guard") {
        return guard::compare();
    }
    if is_asked("--update") {
        return guard::update();
    }
    if let Some(at) = arguments.iter().position(|argument| argument == "--plot") {
        return plot::write(arguments.get(at + 1));
    }
    if is_asked("--bench") {
        print_table();
    } else {
        cases::all().iter().for_each(Case::once);
    }
    ExitCode::SUCCESS
}

fn print_table() {
    let meter = Meter::for_this_machine();
    println!("{}", table::table(meter, &cases::rows(meter)));
    println!("size of Flow {} bytes, of Session {} bytes", size_of::<Flow>(), size_of::<Session>());
    println!("{}", documents::sizes());
}
