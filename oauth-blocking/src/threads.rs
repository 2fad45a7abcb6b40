//! The host that blocks: sockets by ureq, one thread at a time at the session.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use oauth_core::flow::{RedirectUri, Settings};
use oauth_core::session::{Key, Lock, Record, Session, Spend};
use oauth_core::wire::AuthorizationUrl;
use oauth_core::{Request, Response};

use crate::adapter::{Host, Unanswered};
use crate::http::Http;
use crate::storage::{Guard, Loaded, Migrated, Saved, SharedStorage, Spending, StorageError};
use crate::user_agent::{Returned, SharedUserAgent, UserAgentError, Visit, Waiting};

pub(crate) struct Threads {
    session: Arc<Slot>,
    http: Http,
    storage: SharedStorage,
    user_agent: SharedUserAgent,
}

impl Threads {
    pub(crate) fn new(
        session: Session,
        http: Http,
        storage: SharedStorage,
        user_agent: SharedUserAgent,
    ) -> Self {
        Self { session: Arc::new(Slot::new(session)), http, storage, user_agent }
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }
}

/// Each method does its work, and then its future is ready.
impl Host for Threads {
    type Http = ureq::Error;
    type Session = Held;
    type Visit = Box<Visit>;

    const WORKS_ASIDE: bool = false;

    fn with_session(&self, session: Session) -> Self {
        let Self { http, storage, user_agent, .. } = self;
        Self::new(session, http.clone(), storage.clone(), user_agent.clone())
    }

    async fn take(&self) -> Held {
        Slot::take(&self.session)
    }

    fn try_take(&self) -> Option<Held> {
        Slot::try_take(&self.session)
    }

    async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        work.await
    }

    fn aside(&self, _work: impl Future<Output = ()> + Send + 'static) {}

    async fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        self.storage.load(key)
    }

    async fn migrate(&self, key: &Key, settings: &Arc<Settings>) -> Result<Migrated, StorageError> {
        self.storage.migrate(key, settings)
    }

    async fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Guard>, StorageError> {
        self.storage.try_lock(key, lock)
    }

    async fn reserve(
        &self,
        key: &Key,
        guard: Guard,
        spend: Spend,
    ) -> Result<Option<Guard>, StorageError> {
        self.storage.reserve(key, guard, spend)
    }

    async fn spending(&self, key: &Key) -> Result<Option<Spending>, StorageError> {
        self.storage.spending(key)
    }

    async fn sleep(&self, pause: Duration) {
        std::thread::sleep(pause);
    }

    async fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Saved, StorageError> {
        self.storage.save(key, record, expected)
    }

    async fn exchange(&self, request: &Request, limit: Duration) -> Result<Response, Unanswered> {
        self.http.exchange(request, limit)
    }

    async fn ask(&self, request: &Request, limit: Duration) -> Result<Response, Unanswered> {
        self.http.ask(request, limit)
    }

    async fn prepare(
        &self,
        registered: Option<&str>,
    ) -> Result<(RedirectUri, Option<Box<Visit>>), UserAgentError> {
        Ok(self.user_agent.prepare(registered)?.into_parts())
    }

    async fn visit(
        &self,
        visit: Box<Visit>,
        url: &AuthorizationUrl,
        deadline: Instant,
        waiting: Arc<dyn Fn(Waiting) + Send + Sync>,
    ) -> Result<Returned, UserAgentError> {
        visit(url, deadline, &mut |word| waiting(word))
    }

    /// A thread does not leave before it has what it waits for.
    async fn while_awaited<T: Send>(&self, work: impl Future<Output = T> + Send) -> Option<T> {
        Some(work.await)
    }
}

/// Where the session is while nobody has it. A guard of a mutex could not go from thread to thread.
struct Slot {
    session: Mutex<Option<Session>>,
    returned: Condvar,
}

impl Slot {
    fn new(session: Session) -> Self {
        Self { session: Mutex::new(Some(session)), returned: Condvar::new() }
    }

    fn take(slot: &Arc<Self>) -> Held {
        let mut place = slot.place();
        loop {
            if let Some(session) = place.take() {
                return Held { session: Some(session), slot: Arc::clone(slot) };
            }
            place = slot.returned.wait(place).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn try_take(slot: &Arc<Self>) -> Option<Held> {
        let session = slot.place().take()?;
        Some(Held { session: Some(session), slot: Arc::clone(slot) })
    }

    /// A panic elsewhere does no harm to the session: each of its turns is whole.
    fn place(&self) -> MutexGuard<'_, Option<Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The session in one thread's hands.
pub(crate) struct Held {
    session: Option<Session>,
    slot: Arc<Slot>,
}

impl Deref for Held {
    type Target = Session;

    fn deref(&self) -> &Session {
        match &self.session {
            Some(session) => session,
            None => unreachable!("it is taken out by the drop only"),
        }
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut Session {
        match &mut self.session {
            Some(session) => session,
            None => unreachable!("it is taken out by the drop only"),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        *self.slot.place() = self.session.take();
        self.slot.returned.notify_one();
    }
}
