//! The login that is under way, and can be cancelled.

use alloc::sync::Arc;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Poll, Waker};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::client::failures::Epoch;

/// Where the login is that is under way.
#[derive(Debug, Default)]
pub(super) struct UnderWay(Mutex<Option<Arc<Cancellation>>>);

impl UnderWay {
    /// A login begins. It can be cancelled until what comes back is dropped.
    pub(super) fn begin(&self) -> Begun<'_> {
        let cancellation = Arc::<Cancellation>::default();
        *lock(&self.0) = Some(Arc::clone(&cancellation));
        Begun { under_way: self, cancellation }
    }

    pub(super) fn cancel(&self, now: impl FnOnce() -> Epoch) -> bool {
        let current = lock(&self.0).clone();
        current.inspect(|login| login.cancel(now())).is_some()
    }
}

/// A login that has begun, and can be cancelled.
pub(super) struct Begun<'a> {
    under_way: &'a UnderWay,
    pub(super) cancellation: Arc<Cancellation>,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        *lock(&self.under_way.0) = None;
    }
}

/// Whether one login was cancelled, and who has to hear of that at once.
#[derive(Debug, Default)]
pub(super) struct Cancellation(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    cancelled: Option<Epoch>,
    waits: Option<Waker>,
}

impl Cancellation {
    fn cancel(&self, now: Epoch) {
        let waits = {
            let mut state = lock(&self.0);
            // Whoever has asked for a login since it was cancelled first meant to wait for another one.
            state.cancelled = Some(now);
            state.waits.take()
        };
        if let Some(waker) = waits {
            waker.wake();
        }
    }

    /// When it was cancelled.
    pub(super) fn epoch(&self) -> Option<Epoch> {
        lock(&self.0).cancelled
    }

    /// Works until the login is cancelled: `None` then.
    pub(super) fn or<T>(
        &self,
        mut work: impl Future<Output = T> + Unpin,
    ) -> impl Future<Output = Option<T>> {
        poll_fn(move |context| {
            {
                let mut state = lock(&self.0);
                if state.cancelled.is_some() {
                    return Poll::Ready(None);
                }
                state.waits = Some(context.waker().clone());
            }
            Pin::new(&mut work).poll(context).map(Some)
        })
    }
}

/// Whoever panicked has left what is whole: each change is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
