//! The host that blocks: sockets by ureq, one thread at a time at the session.

mod slot;

use std::sync::Arc;
use std::time::{Duration, Instant};

use oauth_core::client::{
    AboutToAuthorize, Guard, Host, Loaded, Migrated, Returned, Saved, SharedStorage, Spending,
    StorageError, StoredGrant, Unanswered, UserAgentError, Waiting,
};
use oauth_core::flow::{RedirectUri, Settings};
use oauth_core::session::{Key, Lock, Record, Session, Spend};
use oauth_core::wire::{AuthorizationUrl, DevicePage};
use oauth_core::{Request, Response};

use crate::adapter::parked;
use crate::apart::Apart;
use crate::clock::OperatingSystem;
use crate::http::Http;
use crate::user_agent::{SharedUserAgent, Until, Visit};

use slot::{Held, Slot};

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

/// Most methods do their work, and then their futures are ready. What a login waits for parks the thread, so that a host
/// that cancels it need not wait.
impl Host for Threads {
    type Http = ureq::Error;
    type Session = Held;
    type Visit = Box<Visit>;
    type AtPage = AtPage;
    type System = OperatingSystem;

    const HAS_BACKGROUND: bool = false;

    fn system(&self) -> &OperatingSystem {
        &OperatingSystem
    }

    fn with_session(&self, session: Session) -> Self {
        let Self { http, storage, user_agent, .. } = self;
        Self::new(session, http.clone(), storage.clone(), user_agent.clone())
    }

    async fn take(&self) -> Held {
        Slot::take(&self.session)
    }

    async fn take_within(&self, limit: Duration) -> Option<Held> {
        Slot::take_within(&self.session, limit)
    }

    fn try_take(&self) -> Option<Held> {
        Slot::try_take(&self.session)
    }

    async fn take_beside(&self, limit: Duration) -> Option<Held> {
        Slot::take_beside(&self.session, limit)
    }

    fn set_at_login(&self, is_at_login: bool) {
        self.session.set_at_login(is_at_login);
    }

    async fn run_to_completion<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        work.await
    }

    fn spawn_background(&self, _work: impl Future<Output = ()> + Send + 'static) {}

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
        let until = Instant::now().checked_add(pause);
        // Nothing comes but the end of the pause.
        let _: Option<()> = parked(until, || None).await;
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
        self.http.exchange(request, limit).await
    }

    async fn ask(&self, request: &Request, limit: Duration) -> Result<Response, Unanswered> {
        self.http.ask(request, limit).await
    }

    async fn about_to_authorize(&self, login: AboutToAuthorize) -> Result<(), UserAgentError> {
        let agent = self.user_agent.clone();
        // It may ask the user.
        let mut asked = Apart::begin(move |says| says.say(agent.about_to_authorize(&login)))
            .map_err(|error| UserAgentError::Listen { kind: error.kind() })?;
        match asked.next(None).await {
            Some(Ok(answer)) => answer,
            Some(Err(_)) | None => Err(UserAgentError::Cancelled),
        }
    }

    async fn prepare(
        &self,
        registered: Option<&str>,
    ) -> Result<(RedirectUri, Option<Box<Visit>>), UserAgentError> {
        Ok(self.user_agent.prepare(registered)?.into_parts())
    }

    fn open(
        &self,
        visit: Box<Visit>,
        url: &AuthorizationUrl,
        deadline: Instant,
        waiting: Arc<dyn Fn(Waiting) + Send + Sync>,
    ) -> Result<AtPage, UserAgentError> {
        AtPage::open(visit, url.clone(), Until::new(deadline), waiting)
    }

    async fn came_back(
        &self,
        page: &mut AtPage,
        limit: Option<Duration>,
    ) -> Option<Result<Returned, UserAgentError>> {
        page.user(limit).await
    }

    /// The page has a thread of its own.
    async fn beside(
        &self,
        _: &mut AtPage,
        answer: impl Future<Output = Result<Response, Unanswered>> + Send,
    ) -> Result<Response, Unanswered> {
        answer.await
    }

    async fn show_device(&self, page: DevicePage, beside: bool) -> Result<(), UserAgentError> {
        let agent = self.user_agent.clone();
        let show = move || match beside {
            true => agent.device_beside(&page),
            false => agent.device(&page),
        };
        // A browser takes its time.
        let mut asked = Apart::begin(move |says| says.say(show()))
            .map_err(|error| UserAgentError::Listen { kind: error.kind() })?;
        match asked.next(None).await {
            Some(Ok(answer)) => answer,
            Some(Err(_)) | None => Err(UserAgentError::Cancelled),
        }
    }

    /// A thread does not leave before it has what it waits for.
    async fn while_awaited<T: Send>(&self, work: impl Future<Output = T> + Send) -> Option<T> {
        Some(work.await)
    }
}

/// A page that a user agent shows, on a thread of its own.
pub(crate) struct AtPage {
    visit: Apart<Said>,
    until: Until,
    waiting: Arc<dyn Fn(Waiting) + Send + Sync>,
}

enum Said {
    Word(Waiting),
    Back(Result<Returned, UserAgentError>),
}

impl AtPage {
    fn open(
        visit: Box<Visit>,
        url: AuthorizationUrl,
        until: Until,
        waiting: Arc<dyn Fn(Waiting) + Send + Sync>,
    ) -> Result<Self, UserAgentError> {
        let lasts = until.clone();
        let visit = Apart::begin(move |says| {
            let back = visit(&url, &lasts, &mut |word| says.say(Said::Word(word)));
            says.say(Said::Back(back));
        });
        let visit = visit.map_err(|error| UserAgentError::Listen { kind: error.kind() })?;
        Ok(Self { visit, until, waiting })
    }

    /// Waits for the user, for `limit` at most.
    async fn user(&mut self, limit: Option<Duration>) -> Option<Result<Returned, UserAgentError>> {
        let begun = Instant::now();
        loop {
            let left = limit.map(|limit| limit.saturating_sub(begun.elapsed()));
            match self.visit.next(left).await? {
                Ok(Said::Word(word)) => (self.waiting)(word),
                Ok(Said::Back(back)) => return Some(back),
                Err(_) => return Some(Err(UserAgentError::Cancelled)),
            }
        }
    }
}

/// Whoever looks at it is soon gone, and its port free.
impl Drop for AtPage {
    fn drop(&mut self) {
        self.until.end();
        if self.until.is_looked_at() {
            self.visit.end_within(LONGEST_GOODBYE);
        }
    }
}

/// How long a user agent that looks whether it is still wanted may take to end.
const LONGEST_GOODBYE: Duration = Duration::from_secs(1);
