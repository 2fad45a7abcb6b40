//! The host on tokio: sockets by reqwest, one task at a time at the session.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use oauth_blocking::adapter::OperatingSystem;
use oauth_core::client::{
    AboutToAuthorize, Guard, Host, Loaded, Migrated, Obstructed, Returned, Saved, Spending,
    StorageError, StoredGrant, Unanswered, UserAgentError, last_chance,
};
use oauth_core::error::Obstacle;
use oauth_core::flow::{RedirectUri, Settings};
use oauth_core::session::{Key, Lock, Record, Session, Spend};
use oauth_core::wire::{AuthorizationUrl, DevicePage};
use oauth_core::{Request, Response};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedRwLockReadGuard, RwLock, watch};
use tokio::task::JoinHandle;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::events::Readers;
use crate::http::{Http, cause};
use crate::storage::SharedStorage;
use crate::user_agent::{AtPage, ProgressFn, SharedUserAgent, Visit};

pub(crate) struct Tasks {
    session: Arc<Mutex<Session>>,
    /// Held for reading by whatever must not be interrupted.
    running: Arc<RwLock<()>>,
    /// Whether whoever has the session waits for a person.
    at_login: watch::Sender<bool>,
    /// Who waits for what comes of a work, or for their turn.
    waiting: watch::Sender<Callers>,
    http: Http,
    storage: SharedStorage,
    user_agent: SharedUserAgent,
    readers: Readers,
}

impl Tasks {
    pub(crate) fn new(
        session: Session,
        http: Http,
        storage: SharedStorage,
        user_agent: SharedUserAgent,
        readers: Readers,
    ) -> Self {
        let session = Arc::new(Mutex::new(session));
        Self {
            session,
            running: Arc::default(),
            at_login: watch::Sender::default(),
            waiting: watch::Sender::default(),
            http,
            storage,
            user_agent,
            readers,
        }
    }

    pub(crate) fn readers(&self) -> &Readers {
        &self.readers
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    /// Waits until what has begun is at its end; whether it got there in time.
    pub(crate) async fn shutdown(&self, limit: Duration) -> bool {
        timeout(limit, self.running.write()).await.is_ok()
    }
}

impl Host for Tasks {
    type Http = reqwest::Error;
    type Session = OwnedMutexGuard<Session>;
    type AtPage = AtPage;
    type Visit = Box<Visit>;
    type System = OperatingSystem;

    const HAS_BACKGROUND: bool = true;

    fn system(&self) -> &OperatingSystem {
        &OperatingSystem
    }

    fn with_session(&self, session: Session) -> Self {
        let Self { http, storage, user_agent, readers, .. } = self;
        Self::new(session, http.clone(), storage.clone(), user_agent.clone(), readers.clone())
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

    fn load(&self, key: &Key) -> impl Future<Output = Result<Loaded, StorageError>> + Send {
        self.storage.load(key)
    }

    fn migrate(
        &self,
        key: &Key,
        settings: &Arc<Settings>,
    ) -> impl Future<Output = Result<Migrated, StorageError>> + Send {
        self.storage.migrate(key, settings)
    }

    fn try_lock(
        &self,
        key: &Key,
        lock: Lock,
    ) -> impl Future<Output = Result<Option<Guard>, StorageError>> + Send {
        self.storage.try_lock(key, lock)
    }

    fn reserve(
        &self,
        key: &Key,
        guard: Guard,
        spend: Spend,
    ) -> impl Future<Output = Result<Option<Guard>, StorageError>> + Send {
        self.storage.reserve(key, guard, spend)
    }

    fn spending(
        &self,
        key: &Key,
    ) -> impl Future<Output = Result<Option<Spending>, StorageError>> + Send {
        self.storage.spending(key)
    }

    fn is_held(
        &self,
        key: &Key,
        lock: Lock,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send {
        self.storage.is_held(key, lock)
    }

    fn sleep(&self, pause: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(pause)
    }

    fn save(
        &self,
        key: &Key,
        record: &Record,
        expected: u64,
    ) -> impl Future<Output = Result<Saved, StorageError>> + Send {
        self.storage.save(key, record, expected)
    }

    fn delete(&self, key: &Key) -> impl Future<Output = Result<(), StorageError>> + Send {
        self.storage.delete(key)
    }

    fn list(
        &self,
        application: &str,
    ) -> impl Future<Output = Result<Vec<StoredGrant>, StorageError>> + Send {
        self.storage.list(application)
    }

    async fn exchange(&self, request: &Request, limit: Duration) -> Result<Response, Unanswered> {
        let answer = within(limit, self.http.exchange(request)).await;
        let answer = answer
            .map_err(|elapsed| Obstructed { obstacle: Obstacle::Time, source: elapsed.into() })?;
        answer.map_err(cause)
    }

    async fn ask(&self, request: &Request, limit: Duration) -> Result<Response, Unanswered> {
        let answer = timeout(limit, self.http.ask(request)).await?;
        answer.map_err(cause)
    }

    async fn about_to_authorize(&self, login: AboutToAuthorize) -> Result<(), UserAgentError> {
        self.user_agent.about_to_authorize(&login).await
    }

    async fn prepare(
        &self,
        registered: Option<&str>,
    ) -> Result<(RedirectUri, Option<Box<Visit>>), UserAgentError> {
        Ok(self.user_agent.prepare(registered).await?.into_parts())
    }

    fn open(
        &self,
        visit: Box<Visit>,
        url: &AuthorizationUrl,
        deadline: Instant,
        waiting: ProgressFn,
    ) -> Result<AtPage, UserAgentError> {
        Ok(AtPage::open(visit, url.clone(), deadline, waiting))
    }

    async fn came_back(
        &self,
        page: &mut AtPage,
        limit: Option<Duration>,
    ) -> Option<Result<Returned, UserAgentError>> {
        page.user(limit).await
    }

    async fn beside(
        &self,
        page: &mut AtPage,
        answer: impl Future<Output = Result<Response, Unanswered>> + Send,
    ) -> Result<Response, Unanswered> {
        page.beside(answer).await
    }

    async fn show_device(&self, page: DevicePage, beside: bool) -> Result<(), UserAgentError> {
        match beside {
            true => self.user_agent.device_beside(&page).await,
            false => self.user_agent.device(&page).await,
        }
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

/// Works within a limit, and a moment more if this process did not run when it was over. When it wakes, the
/// timer may come before the task that reads the answer.
async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, Elapsed> {
    let (begun, mut work) = (Instant::now(), pin!(work));
    match timeout(limit, work.as_mut()).await {
        Ok(done) => Ok(done),
        Err(elapsed) => match last_chance(begun.elapsed().saturating_sub(limit)) {
            Some(chance) => timeout(chance, work).await,
            None => Err(elapsed),
        },
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
