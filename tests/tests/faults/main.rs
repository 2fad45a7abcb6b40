//! Every request of a login, a refresh and a logout fails in every way that a network or a server can,
//! with both adapters.
//!
//! Each cell of the matrix asserts that the call ends as `expected.rs` says and says why: with the right
//! type of error, within the time limit, with no secret in anything that can be printed; that the request
//! was sent once and nothing was sent anywhere else; that what was stored is still there, whole; and that
//! the next call works again, with no request more than it needs.
//!
//! `cargo test -p oauth-tests --test faults -- --nocapture` prints the table.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod cell;
mod client;
mod expected;
mod failures;
mod limits;
mod requests;
mod table;
#[path = "../tokio_common.rs"]
mod tokio_common;

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use cell::Cell;

#[test]
fn every_request_may_fail_in_every_way() {
    let begun = Instant::now();
    let (cells, played) = (Mutex::new(Cell::all()), Mutex::new(BTreeMap::new()));
    cells.lock().unwrap().reverse();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let Some(cell) = cells.lock().unwrap().pop() else { return };
                    let outcome = catch_unwind(|| cell.play()).ok();
                    played.lock().unwrap().insert(table::place(cell), outcome);
                }
            });
        }
    });
    let played = played.into_inner().unwrap();
    println!("{}", table::print(&played));
    println!("{} cells in {:.1?}", played.len(), begun.elapsed());
    let wrong = played.values().filter(|outcome| outcome.is_none()).count();
    assert_eq!(wrong, 0, "cells that are not as they have to be; see above");
    assert!(begun.elapsed() < WHOLE, "{:?}", begun.elapsed());
}

/// Most of them wait most of the time.
const WORKERS: usize = 16;

/// How long all of it may take.
const WHOLE: Duration = Duration::from_secs(60);
