//! One thread at a time at the session, and the others wait.

mod slot;

use std::sync::Arc;
use std::time::{Duration, Instant};

use oauth_core::client::Runtime;
use oauth_core::session::Session;

use crate::adapter::parked;

pub use slot::HeldSession;
use slot::Slot;

/// Threads of the host's own: whoever calls does the work, and what a login waits for parks the thread. Futures are
/// waited for with [`ready`](crate::adapter::ready).
pub struct Threads(Arc<Slot>);

impl Threads {
    /// Whoever wants this session waits for their turn.
    #[must_use]
    pub fn new(session: Session) -> Self {
        Self(Arc::new(Slot::new(session)))
    }
}

impl Runtime for Threads {
    type Session = HeldSession;

    const HAS_BACKGROUND: bool = false;

    fn with_session(&self, session: Session) -> Self {
        Self::new(session)
    }

    async fn take(&self) -> HeldSession {
        Slot::take(&self.0)
    }

    async fn take_within(&self, limit: Duration) -> Option<HeldSession> {
        Slot::take_within(&self.0, limit)
    }

    fn try_take(&self) -> Option<HeldSession> {
        Slot::try_take(&self.0)
    }

    async fn take_beside(&self, limit: Duration) -> Option<HeldSession> {
        Slot::take_beside(&self.0, limit)
    }

    fn set_at_login(&self, is_at_login: bool) {
        self.0.set_at_login(is_at_login);
    }

    async fn run_to_completion<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        work.await
    }

    fn spawn_background(&self, _work: impl Future<Output = ()> + Send + 'static) {}

    async fn sleep(&self, pause: Duration) {
        let until = Instant::now().checked_add(pause);
        // Nothing comes but the end of the pause.
        let _: Option<()> = parked(until, || None).await;
    }

    /// A thread does not leave before it has what it waits for.
    async fn while_awaited<T: Send>(&self, work: impl Future<Output = T> + Send) -> Option<T> {
        Some(work.await)
    }
}

impl std::fmt::Debug for Threads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Threads")
    }
}
