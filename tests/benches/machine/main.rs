//! What the machine costs: instructions, allocations and bytes of each thing it does, beside the same
//! work done by hand.
//!
//! `cargo bench -p oauth-tests --bench machine` prints one table and decides nothing: targets are named,
//! not enforced. Instructions are counted by valgrind; where there is none, times stand in their place.
//! Run by `cargo test --all-targets`, it only does everything once.

mod bare;
mod cases;
mod documents;
#[path = "../common/heap.rs"]
mod heap;
#[path = "../common/lines.rs"]
mod lines;
#[path = "../common/measure.rs"]
mod measure;
mod prepared;
mod table;

use std::env;
use std::mem::size_of;

use oauth_core::flow::Flow;
use oauth_core::session::Session;

use crate::measure::{Meter, run_as_child};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    run_as_child(&arguments, cases::work);
    if !arguments.iter().any(|argument| argument == "--bench") {
        for case in cases::all() {
            case.once();
        }
        return;
    }
    let meter = Meter::for_this_machine();
    let rows: Vec<_> = cases::all().iter().map(|case| case.measure(meter)).collect();
    println!("{}", table::table(meter, &rows));
    println!("size of Flow {} bytes, of Session {} bytes", size_of::<Flow>(), size_of::<Session>());
    println!("{}", documents::sizes());
}
