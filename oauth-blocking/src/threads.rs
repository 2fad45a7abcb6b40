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
use crate::storage::{
    Guard, Loaded, Migrated, Saved, SharedStorage, Spending, StorageError, StoredGrant,
};
use crate::user_agent::{
    AboutToAuthorize, Returned, SharedUserAgent, Until, UserAgentError, Visit, Waiting,
};

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

    async fn take_within(&self, limit: Duration) -> Option<Held> {
        Slot::take_within(&self.session, limit, |place| place.session.is_none())
    }

    fn try_take(&self) -> Option<Held> {
        Slot::try_take(&self.session)
    }

    async fn take_beside(&self, limit: Duration) -> Option<Held> {
        let waits = |place: &Place| place.session.is_none() && !place.is_at_login;
        Slot::take_within(&self.session, limit, waits)
    }

    fn set_at_login(&self, is_at_login: bool) {
        self.session.place().is_at_login = is_at_login;
        self.session.changed.notify_all();
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

    async fn is_held(&self, key: &Key, lock: Lock) -> Result<bool, StorageError> {
        self.storage.is_held(key, lock)
    }

    async fn sleep(&self, pause: Duration) {
        std::thread::sleep(pause);
    }

    async fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Saved, StorageError> {
        self.storage.save(key, record, expected)
    }

    async fn delete(&self, key: &Key) -> Result<(), StorageError> {
        self.storage.delete(key)
    }

    async fn list(&self, application: &str) -> Result<Vec<StoredGrant>, StorageError> {
        self.storage.list(application)
    }

    async fn exchange(&self, request: &Request, limit: Duration) -> Result<Response, Unanswered> {
        self.http.exchange(request, limit)
    }

    async fn ask(&self, request: &Request, limit: Duration) -> Result<Response, Unanswered> {
        self.http.ask(request, limit)
    }

    async fn about_to_authorize(&self, login: AboutToAuthorize) -> Result<(), UserAgentError> {
        self.user_agent.about_to_authorize(&login)
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
        visit(url, &Until::new(deadline), &mut |word| waiting(word))
    }

    /// A thread does not leave before it has what it waits for.
    async fn while_awaited<T: Send>(&self, work: impl Future<Output = T> + Send) -> Option<T> {
        Some(work.await)
    }
}

/// Where the session is while nobody has it. A guard of a mutex could not go from thread to thread.
struct Slot {
    place: Mutex<Place>,
    /// The session is back, or whoever has it begins to wait for a person.
    changed: Condvar,
}

struct Place {
    session: Option<Session>,
    is_at_login: bool,
}

impl Slot {
    fn new(session: Session) -> Self {
        let place = Place { session: Some(session), is_at_login: false };
        Self { place: Mutex::new(place), changed: Condvar::new() }
    }

    fn take(slot: &Arc<Self>) -> Held {
        let waits = |place: &mut Place| place.session.is_none();
        let place = slot.changed.wait_while(slot.place(), waits);
        Self::hold(slot, place.unwrap_or_else(PoisonError::into_inner))
            .unwrap_or_else(|| unreachable!("it was waited for"))
    }

    /// Waits for that long at most, and only while it `waits`.
    fn take_within(
        slot: &Arc<Self>,
        limit: Duration,
        waits: impl Fn(&Place) -> bool,
    ) -> Option<Held> {
        let place = slot.changed.wait_timeout_while(slot.place(), limit, |place| waits(place));
        let (place, _) = place.unwrap_or_else(PoisonError::into_inner);
        let held = Self::hold(slot, place);
        if held.is_none() {
            // It may have been this one that was told of its return.
            slot.changed.notify_one();
        }
        held
    }

    fn try_take(slot: &Arc<Self>) -> Option<Held> {
        Self::hold(slot, slot.place())
    }

    fn hold(slot: &Arc<Self>, mut place: MutexGuard<'_, Place>) -> Option<Held> {
        let session = place.session.take()?;
        Some(Held { session: Some(session), slot: Arc::clone(slot) })
    }

    /// A panic elsewhere does no harm to the session: each of its turns is whole.
    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.slot.place().session = self.session.take();
        self.slot.changed.notify_one();
    }
}
