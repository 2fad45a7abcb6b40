//! The same on a disk that fails for a moment, again and again, for all or for what writes: nobody is logged out.
//!
//! While it fails, and until it has succeeded twice since, a call may fail with what is worth another try, and with
//! nothing else. A window opens when everybody has recovered from the last one: at any moment, when somebody has just
//! taken the refresh lock, or when somebody begins to write.
//!
//! The disk is imitated by a layer over the store ([`oauth_tests::faulty`]); `full_disk` has a real one.

use oauth_tests::faulty::Fault;

use crate::tokio_common::Directory;
use crate::windows::{Imitated, Windows};
use crate::{Course, LIMIT, Run};

#[test]
fn a_store_that_fails_for_a_moment_costs_no_login() {
    run(false);
}

#[test]
fn killed_processes_lose_only_what_they_held_where_the_store_fails() {
    run(true);
}

fn run(kills: bool) {
    let directory = Directory::new();
    let store = directory.store();
    let windows = Windows::new(Imitated(store.directory().into()), &Fault::ALL);
    let course = Course { callers: 6, kills, windows: Some(windows), limit: LIMIT };
    let mut run = Run::start(&store, course);
    run.go_on_until(|run| run.course.windows.as_ref().is_some_and(|it| it.opened() >= WINDOWS));
    run.end();
}

/// How many are enough.
const WINDOWS: u32 = 8;
