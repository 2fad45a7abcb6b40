//! Logins against answers in the shapes of real providers: where each one strays, which setting helps,
//! and what the error says without it.
//!
//! The shapes are those of public documents and issues, named at each test; all values are made up, and
//! so are the hosts wherever nothing depends on them. Nobody was asked over the network: what is said of
//! a provider is what its document or the issue says, and "not verified" marks what comes from neither.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod amazon;
mod atlassian;
mod drive;
mod github;
mod google;
mod hosted;
mod identity;
mod microsoft;
mod provider;
mod slack;
