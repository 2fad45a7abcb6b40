//! One task at a time at the session, and work that goes on without its caller.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use oauth_core::client::Runtime;
use oauth_core::session::Session;
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedRwLockReadGuard, RwLock, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Tasks on tokio: what has begun is finished when its caller is dropped.
pub struct Tasks {
    session: Arc<Mutex<Session>>,
    /// Held for reading by whatever must not be interrupted.
    running: Arc<RwLock<()>>,
    /// Whether whoever has the session waits for a person.
    at_login: watch::Sender<bool>,
    /// Who waits for what comes of a work, or for their turn.
    waiting: watch::Sender<Callers>,
}

impl Tasks {
    /// Whoever wants this session waits for their turn.
    #[must_use]
    pub fn new(session: Session) -> Self {
        let session = Arc::new(Mutex::new(session));
        let (running, at_login, waiting) = Default::default();
        Self { session, running, at_login, waiting }
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
        let _waits = Waits::new(&self.waiting);
        Arc::clone(&self.session).lock_owned().await
    }

    async fn take_within(&self, limit: Duration) -> Option<OwnedMutexGuard<Session>> {
        timeout(limit, self.take()).await.ok()
    }

    fn try_take(&self) -> Option<OwnedMutexGuard<Session>> {
        Arc::clone(&self.session).try_lock_owned().ok()
    }

    async fn take_beside(&self, limit: Duration) -> Option<OwnedMutexGuard<Session>> {
        let mut at_login = self.at_login.subscribe();
        let mut begins = pin!(at_login.wait_for(|is_at_login| *is_at_login));
        let mut session = pin!(Arc::clone(&self.session).lock_owned());
        let first = poll_fn(|context| match session.as_mut().poll(context) {
            Poll::Ready(session) => Poll::Ready(Some(session)),
            Poll::Pending => begins.as_mut().poll(context).map(|_| None),
        });
        timeout(limit, first).await.ok().flatten()
    }

    fn set_at_login(&self, is_at_login: bool) {
        self.at_login.send_replace(is_at_login);
    }

    async fn run_to_completion<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let _waits = Waits::new(&self.waiting);
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
        let mut waiting = self.waiting.subscribe();
        let before = waiting.borrow().departures;
        // Who comes after the last one has left wants a work of their own.
        let has_ended =
            move |callers: &Callers| callers.waiting == 0 || callers.departures != before;
        let mut all_left = pin!(waiting.wait_for(has_ended));
        let mut work = pin!(work);
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => all_left.as_mut().poll(context).map(|_| None),
        })
        .await
    }
}

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tasks")
    }
}

#[derive(Default)]
struct Callers {
    waiting: usize,
    /// How often the last one who waited has left.
    departures: u64,
}

/// A caller who waits, until it is dropped.
struct Waits<'a>(&'a watch::Sender<Callers>);

impl<'a> Waits<'a> {
    fn new(waiting: &'a watch::Sender<Callers>) -> Self {
        waiting.send_modify(|callers| callers.waiting += 1);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|callers| {
            callers.waiting -= 1;
            callers.departures += u64::from(callers.waiting == 0);
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
