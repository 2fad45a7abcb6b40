//! Several processes of a host that share their users' grants in PostgreSQL or Redis: no refresh token is spent twice, and
//! nobody is logged out, however they are killed and stopped, and the database with them. `tests/stores/run` starts
//! the servers and runs this.
//!
//! The processes are `src/bin/replica/main.rs`. What happened is asked of others than them: the authorization servers, each
//! of which ends a grant whose refresh token comes twice, and the server of the store: triggers in the database, or the
//! file of Redis, have every record that was stored and who took a lease.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod audit;
#[allow(dead_code, reason = "it is that of another test, which uses more of it")]
#[path = "../servers/browser.rs"]
mod browser;
#[allow(dead_code, unused_imports, reason = "it is that of another test, which uses more of it")]
#[path = "../postgres/database.rs"]
mod database;
mod fleet;
mod kills;
mod minute;
mod outages;
mod place;
#[allow(dead_code, unused_imports, reason = "it is that of another test, which uses more of it")]
#[path = "../redis/database.rs"]
mod redis_database;
#[allow(dead_code, reason = "it is that of another test, which uses more of it")]
#[path = "../redis/server.rs"]
mod redis_server;
mod replica;
mod rounds;
#[allow(dead_code, reason = "it is that of another test, which uses more of it")]
#[path = "../remote/sample.rs"]
mod sample;
#[allow(dead_code, reason = "it is that of another test, which uses more of it")]
#[path = "../servers/server.rs"]
mod server;
mod sockets;
mod statements;
mod stops;
#[path = "../tokio_common.rs"]
mod tokio_common;
mod verdict;
