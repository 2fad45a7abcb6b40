//! One task at a time at the session, and work that goes on without its caller.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use oauth_core::client::Runtime;
use oauth_core::session::Session;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard, OwnedRwLockReadGuard, RwLock};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Tasks on tokio: what has begun is finished when its caller is dropped.
pub struct Tasks {
    session: Arc<Mutex<Session>>,
    /// Held for reading by whatever must not be interrupted.
    running: Arc<RwLock<()>>,
    callers: Callers,
}

impl Tasks {
    /// Whoever wants this session waits for their turn.
    #[must_use]
    pub fn new(session: Session) -> Self {
        let session = Arc::new(Mutex::new(session));
        Self { session, running: Arc::default(), callers: Callers::default() }
    }

    /// Waits until what has begun is at its end; whether it got there in time.
    pub async fn shutdown(&self, limit: Duration) -> bool {
        timeout(limit, self.running.write()).await.is_ok()
    }
}

impl Runtime for Tasks {
    type Session = OwnedMutexGuard<Session>;

    const HAS_BACKGROUND: bool = true;

    fn with_session(&self, session: Session) -> Self {
        Self::new(session)
    }

    async fn take(&self) -> OwnedMutexGuard<Session> {
        let _waits = self.callers.wait();
        Arc::clone(&self.session).lock_owned().await
    }

    async fn take_within(&self, limit: Duration) -> Option<OwnedMutexGuard<Session>> {
        timeout(limit, self.take()).await.ok()
    }

    fn try_take(&self) -> Option<OwnedMutexGuard<Session>> {
        Arc::clone(&self.session).try_lock_owned().ok()
    }

    async fn take_beside(&self, limit: Duration) -> Option<OwnedMutexGuard<Session>> {
        let mut begins = pin!(self.callers.until(|seen| seen.is_at_login));
        let mut session = pin!(Arc::clone(&self.session).lock_owned());
        let first = poll_fn(|context| match session.as_mut().poll(context) {
            Poll::Ready(session) => Poll::Ready(Some(session)),
            Poll::Pending => begins.as_mut().poll(context).map(|()| None),
        });
        timeout(limit, first).await.ok().flatten()
    }

    fn set_at_login(&self, is_at_login: bool) {
        self.callers.change(|seen| seen.is_at_login = is_at_login);
    }

    async fn run_to_completion<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let _waits = self.callers.wait();
        let running = Arc::clone(&self.running).read_owned().await;
        match spawn(running, work).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is going down, and this task with it.
                Err(_) => std::future::pending().await,
            },
        }
    }

    fn spawn_background(&self, work: impl Future<Output = ()> + Send + 'static) {
        // A host that shuts down begins nothing.
        if let Ok(running) = Arc::clone(&self.running).try_read_owned() {
            drop(spawn(running, work));
        }
    }

    fn sleep(&self, pause: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(pause)
    }

    async fn while_awaited<T: Send>(&self, work: impl Future<Output = T> + Send) -> Option<T> {
        let before = self.callers.seen().departures;
        // Who comes after the last one has left wants a work of their own.
        let has_ended = move |seen: &Seen| seen.waiting == 0 || seen.departures != before;
        let mut all_left = pin!(self.callers.until(has_ended));
        let mut work = pin!(work);
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => all_left.as_mut().poll(context).map(|()| None),
        })
        .await
    }
}

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tasks")
    }
}

/// Who waits for what comes of a work, or for their turn; and those who wait for a change of that.
///
/// Each handle has one, so it is small: two `watch` channels would take as much memory as a token.
#[derive(Default)]
struct Callers {
    seen: StdMutex<Seen>,
    changed: Notify,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    /// Whether whoever has the session waits for a person.
    is_at_login: bool,
    waiting: usize,
    /// How often the last one who waited has left.
    departures: u64,
}

impl Callers {
    fn seen(&self) -> Seen {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_waiters();
    }

    /// Waits until that is so.
    async fn until(&self, is_so: impl Fn(&Seen) -> bool) {
        let mut changed = pin!(self.changed.notified());
        loop {
            // Before the look, so that no change between the two is missed.
            changed.as_mut().enable();
            if is_so(&self.seen()) {
                return;
            }
            changed.as_mut().await;
            changed.set(self.changed.notified());
        }
    }

    /// One more caller, until that is dropped.
    fn wait(&self) -> Waits<'_> {
        self.change(|seen| seen.waiting += 1);
        Waits(self)
    }
}

/// A caller who waits, until it is dropped.
struct Waits<'a>(&'a Callers);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.change(|seen| {
            seen.waiting -= 1;
            seen.departures += u64::from(seen.waiting == 0);
        });
    }
}

/// Runs work as a task that a shutdown waits for.
fn spawn<T: Send + 'static>(
    running: OwnedRwLockReadGuard<()>,
    work: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    tokio::spawn(async move {
        let result = work.await;
        drop(running);
        result
    })
}
