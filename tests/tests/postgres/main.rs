//! The store in PostgreSQL, against real servers: directly, and behind PgBouncer in transaction mode.
//! `tests/stores/run` starts them and runs this; each test has a schema of its own.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod contract;
#[allow(dead_code, reason = "another test uses it as well")]
mod database;
mod durability;
mod each;
mod orphans;
mod outages;
mod refusals;
#[path = "../remote/mod.rs"]
mod remote;
mod rows;
#[path = "../remote/sample.rs"]
mod sample;
mod sealed;
mod suite;
mod wired;

#[path = "../tokio_common.rs"]
mod tokio_common;
