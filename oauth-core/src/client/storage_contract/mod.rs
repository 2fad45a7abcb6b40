//! What a token store promises, as functions that take a store: a host runs them on one of its own, in its tests.
//!
//! The contract is that of [`Records`], [`Leases`] and [`TokenStorage`]. Here it is in clauses, each with a name that
//! stays ([`CLAUSES`]). [`check`] tries all of them, one after the other, and its [`Report`] says which ones are kept,
//! which are broken and how, and which could not be tried.
//!
//! ```
//! use std::pin::pin;
//! use std::task::{Context, Poll, Waker};
//! use std::thread;
//! use std::time::Duration;
//!
//! use oauth_core::client::storage_contract::{Call, Stage, check};
//! use oauth_core::client::{MemoryTokenStorage, SharedStorage, StorageError};
//!
//! struct InMemory(MemoryTokenStorage);
//!
//! impl Stage for InMemory {
//!     // A store that blocks is one whose futures are ready at once.
//!     type Store = SharedStorage;
//!
//!     async fn open(&self) -> Result<SharedStorage, StorageError> {
//!         Ok(self.0.clone().into())
//!     }
//!
//!     async fn sleep(&self, time: Duration) {
//!         thread::sleep(time);
//!     }
//!
//!     // A store that blocks needs a thread for each call, or they would come one after the other.
//!     async fn at_once(&self, calls: Vec<Call<'_>>) {
//!         thread::scope(|scope| calls.into_iter().for_each(|call| drop(scope.spawn(|| ready(call)))));
//!     }
//! }
//!
//! fn ready<T>(future: impl Future<Output = T>) -> T {
//!     match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
//!         Poll::Ready(result) => result,
//!         Poll::Pending => unreachable!("nothing is waited for"),
//!     }
//! }
//!
//! let report = ready(check(&InMemory(MemoryTokenStorage::new())));
//! assert!(report.is_kept(), "{report}");
//! # assert!(report.not_checked().count() > 0);
//! ```
//!
//! A store that takes its time needs no threads: its calls are polled side by side. With tokio the stage's `sleep` is
//! `tokio::time::sleep(time).await`, and [`check`] is awaited in a `#[tokio::test]`.
//!
//! # What a stage can do
//!
//! Beside opening the store and sleeping it is all optional. A clause that needs what the stage has not is reported as
//! [not checked](Report::not_checked), never as kept. Each of these is worth its few lines:
//!
//! - [`pass`](Stage::pass) makes a lease older, such as `update lease set until = until - $3`. Without it nobody sees
//!   whether leases end, and what becomes of those who lost theirs.
//! - [`restart`](Stage::restart) kills the database and starts it again: whether what it has acknowledged lasts.
//! - [`put`](Stage::put) writes bytes in the place of a record: what becomes of damaged and of newer ones.
//!
//! A store of records alone, or of leases alone, is checked as a [`Split`] with a
//! [`MemoryTokenStorage`] for the other half.
//!
//! # Left out
//!
//! What no caller can see is not here: whether a save was flushed to the disk, unless the stage can pull the plug;
//! whether [`reserve`](crate::client::TokenStorage::reserve) proves that there is room; whose clock it is that leases go by; whether
//! secrets are in the store's errors. Nor is time measured.
//!
//! [`Leases`]: crate::client::Leases
//! [`MemoryTokenStorage`]: crate::client::MemoryTokenStorage
//! [`Records`]: crate::client::Records
//! [`Split`]: crate::client::Split
//! [`TokenStorage`]: crate::client::TokenStorage

mod bench;
mod clauses;
mod finding;
mod report;
mod run;
mod sample;
mod stage;

pub use report::{Checked, Clause, Report, Verdict};
pub use run::{CLAUSES, check, check_clause};
pub use stage::{Call, Stage, side_by_side};

#[cfg(test)]
mod tests;
