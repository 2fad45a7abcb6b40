//! How a thread waits for the future of a host that blocks.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// The result of a future of a host that blocks. Most do all of their work at once; for the others the thread is parked,
/// and woken in between if the host cancels its login.
pub fn ready<T>(future: impl Future<Output = T>) -> T {
    // One for each thread: calls with a token at hand wait for nothing, and should not pay for more.
    let waker = WAKER.try_with(Waker::clone).unwrap_or_else(|_| unparks_this_thread());
    let (mut future, mut context) = (pin!(future), Context::from_waker(&waker));
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
        thread::park();
    }
}

/// Waits until there is something, or until that moment: `None` then. For futures of a host that blocks; whoever brings
/// something unparks this thread.
pub fn parked<T>(
    until: Option<Instant>,
    mut look: impl FnMut() -> Option<T>,
) -> impl Future<Output = Option<T>> {
    poll_fn(move |context| {
        if let Some(found) = look() {
            return Poll::Ready(Some(found));
        }
        match until.map(|until| until.saturating_duration_since(Instant::now())) {
            Some(Duration::ZERO) => return Poll::Ready(None),
            Some(left) => thread::park_timeout(left),
            None => thread::park(),
        }
        // Whoever polls looks first whether the login was cancelled.
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

thread_local! {
    static WAKER: Waker = unparks_this_thread();
}

fn unparks_this_thread() -> Waker {
    Arc::new(Unparks(thread::current())).into()
}

struct Unparks(Thread);

impl Wake for Unparks {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}
