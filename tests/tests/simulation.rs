//! Hosts that share a store, in runs that follow from a seed, while everything goes wrong that can.

use std::time::{SystemTime, UNIX_EPOCH};

use oauth_tests::sim::{self, Cast};

#[test]
fn no_run_breaks_a_law() {
    let first = setting("SIM_FIRST").unwrap_or(0);
    sim::run_all(Cast::Users, first..first + setting("SIM_SEEDS").unwrap_or(4000));
}

#[test]
fn no_run_of_machines_breaks_a_law() {
    let first = setting("SIM_FIRST").unwrap_or(0);
    // Signatures take their time.
    sim::run_all(Cast::Machines, first..first + setting("SIM_SEEDS").unwrap_or(1500));
}

#[test]
fn no_fresh_run_breaks_a_law() {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let first = 1_000_000_000 + since.as_secs() * 1000;
    sim::run_all(Cast::Users, first..first + 200);
    sim::run_all(Cast::Machines, first..first + 100);
}

#[test]
fn a_session_that_is_restored_before_every_turn_has_the_same_history() {
    sim::run_all_twice(Cast::Users, 0..400);
    sim::run_all_twice(Cast::Machines, 0..200);
}

/// `SIM_SEED=123 cargo test -p oauth-tests --test simulation replay`
#[test]
fn replay() {
    if let Some(seed) = setting("SIM_SEED") {
        for cast in [Cast::Users, Cast::Machines] {
            sim::run_all(cast, seed..seed + 1);
            sim::run_all_twice(cast, seed..seed + 1);
        }
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
