//! The login that is under way, and its end because the host does not want it any more.
//!
//! ```text
//!  cancel_login ─▶ the wait or request of the login ends ─▶ what it wrote is taken back ─▶ Cancelled, for all who wait
//!                  └─ the code is being redeemed ─────────▶ that is finished ────────────▶ a token, for all who wait
//! ```

use alloc::sync::{Arc, Weak};
use core::fmt;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Poll, Waker};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::client::failures::Epoch;
use crate::client::host::Host;
use crate::client::shared::Client;

/// Cancels the logins of one client, from wherever it is kept: a window, a menu, a signal. It does not keep the client
/// alive.
#[derive(Clone)]
pub struct LoginHandle(Weak<dyn CancelsLogins>);

impl LoginHandle {
    pub(super) fn new<H: Host>(client: &Arc<Client<H>>) -> Self {
        let client = Arc::downgrade(client);
        Self(client)
    }

    /// As `cancel_login` of the client. False also if that is gone.
    pub fn cancel(&self) -> bool {
        self.0.upgrade().is_some_and(|client| client.cancel_login())
    }
}

impl fmt::Debug for LoginHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginHandle")
    }
}

/// A client of any adapter.
trait CancelsLogins: Send + Sync {
    fn cancel_login(&self) -> bool;
}

impl<H: Host> CancelsLogins for Client<H> {
    fn cancel_login(&self) -> bool {
        Self::cancel_login(self)
    }
}

impl<H: Host> Client<H> {
    /// Ends the login that is under way here, for all who wait for it; whether there is one.
    pub fn cancel_login(&self) -> bool {
        // Whoever asks for a login from now on is not told of this end.
        self.under_way.cancel(|| self.failures.next())
    }

    /// The same for those who must not keep the client.
    pub fn login_handle(self: &Arc<Self>) -> LoginHandle {
        LoginHandle::new(self)
    }
}

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

    fn cancel(&self, now: impl FnOnce() -> Epoch) -> bool {
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
