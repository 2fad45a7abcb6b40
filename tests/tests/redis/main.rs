//! The store in Redis, against real servers. `tests/stores/run` starts them and runs this; each test has keys of its own,
//! and those that kill a server start one for themselves.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod cluster;
mod damage;
mod database;
mod durability;
mod each;
mod lists;
mod orphans;
mod outages;
mod refusals;
#[path = "../remote/mod.rs"]
mod remote;
#[path = "../remote/sample.rs"]
mod sample;
mod scripts;
mod sealed;
#[allow(dead_code, reason = "another test uses it as well")]
mod server;
mod suite;
mod terms;
mod wired;

#[path = "../tokio_common.rs"]
mod tokio_common;
