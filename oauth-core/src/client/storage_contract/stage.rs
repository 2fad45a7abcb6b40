//! What the suite needs beside a store: a way to open it, to sleep, and what a test can do behind its back.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::Poll;
use core::time::Duration;

use crate::client::storage::StorageError;
use crate::client::storage::nonblocking::TokenStorage;
use crate::session::{Key, Lock};

/// One of many calls that are made at once.
pub type Call<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A store that is tried, and what a test can do to it from outside.
///
/// The store is empty at first, and nobody else uses it meanwhile.
pub trait Stage: Sync {
    /// The store. One that blocks is a [`SharedStorage`](crate::client::SharedStorage).
    type Store: TokenStorage;

    /// Another handle on the same store, as another process would have it: one that shares as little as possible
    /// with the others, and no cache above all.
    ///
    /// # Errors
    ///
    /// The store cannot be opened: then nothing can be checked.
    fn open(&self) -> impl Future<Output = Result<Self::Store, StorageError>> + Send;

    /// Waits so long. It begins when it is polled first.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;

    /// Makes all these calls at once, and returns when all are done. They are polled [`side_by_side`] if nothing else
    /// is said, which is enough where they wait for a network. Those of a store that blocks need a thread each.
    fn at_once<'a>(&'a self, calls: Vec<Call<'a>>) -> impl Future<Output = ()> + Send {
        side_by_side(calls)
    }

    /// Makes a lease that somebody holds so much older: its end comes that much sooner. False if that cannot be done,
    /// as where leases have no end. Whoever has the patience may also sleep so long, which is about forty minutes in all.
    fn pass(&self, key: &Key, lock: Lock, time: Duration) -> impl Future<Output = bool> + Send {
        let _ = (key, lock, time);
        async { false }
    }

    /// Ends the store as a loss of power does, and starts it again; handles from before are not used any more. False if
    /// that cannot be done.
    fn restart(&self) -> impl Future<Output = bool> + Send {
        async { false }
    }

    /// Writes these bytes in the place of the JSON of the record under a key, which is there, and leaves its generation
    /// where the store keeps that. False if that cannot be done.
    fn put(&self, key: &Key, json: &[u8]) -> impl Future<Output = bool> + Send {
        let _ = (key, json);
        async { false }
    }
}

/// Polls all of them in turn until all are done.
pub fn side_by_side(mut calls: Vec<Call<'_>>) -> impl Future<Output = ()> + Send {
    poll_fn(move |context| {
        calls.retain_mut(|call| call.as_mut().poll(context).is_pending());
        if calls.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
}
