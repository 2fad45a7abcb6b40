//! The judge judged, at what came after the login with a code and a bearer token: requests written by hand,
//! and what [`World`](oauth_tests::world::World) makes of them.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod bound;
mod client;
mod credentials;
mod device;
mod enterprise;
mod nonces;
mod person;
mod pushed;
mod signed;
mod workload;
