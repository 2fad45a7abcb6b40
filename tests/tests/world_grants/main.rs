//! The judge judged, at the grants without a user and at what comes with them: requests written by hand, and
//! what [`World`](oauth_tests::world::World) makes of them.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod client;
mod credentials;
mod enterprise;
mod signed;
mod workload;
