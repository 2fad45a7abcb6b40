//! How a person gets to the authorization page and back: the async trait, and blocking user agents
//! behind it.

mod at_page;
mod first_of;
mod loopback;

use std::future::ready;
use std::io::{BufRead, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use oauth_blocking::{
    LocalUser, LoopbackBrowser, NoUserAgent, PasteBack, Prepared as BlockingPrepared, Until,
    UserAgent as BlockingUserAgent, UserAgentFn,
};
use oauth_core::Secret;
use oauth_core::client::{AboutToAuthorize, Returned, UserAgentError, Waiting};
use oauth_core::flow::RedirectUri;
use oauth_core::wire::{AuthorizationUrl, DevicePage};
use tokio::sync::oneshot;

pub use self::at_page::AtPage;
pub use self::first_of::FirstOf;
use crate::storage::{Blocking, spawn_thread};

/// A way for a person to consent; see [`BlockingUserAgent`].
///
/// A host that wants one of those here, and a word of its own besides, passes on what is asked:
///
/// ```
/// use oauth_tokio::{AboutToAuthorize, LoopbackBrowser, Prepared, UserAgent, UserAgentError};
///
/// struct Announced(LoopbackBrowser);
///
/// impl UserAgent for Announced {
///     async fn about_to_authorize(&self, login: &AboutToAuthorize) -> Result<(), UserAgentError> {
///         eprintln!("{login}. A page opens in your browser.");
///         self.0.about_to_authorize(login).await
///     }
///
///     async fn prepare(&self, registered: Option<&str>) -> Result<Prepared, UserAgentError> {
///         self.0.prepare(registered).await
///     }
/// }
/// # let _ = |oauth: oauth_tokio::OAuthBuilder| oauth.user_agent(Announced(LoopbackBrowser::new()));
/// ```
pub trait UserAgent: Send + Sync + 'static {
    /// A login is about to begin; see [`BlockingUserAgent::about_to_authorize`]. It may wait for the user;
    /// the future is dropped when nobody waits for the login any more.
    fn about_to_authorize(
        &self,
        login: &AboutToAuthorize,
    ) -> impl Future<Output = Result<(), UserAgentError>> + Send {
        let _ = login;
        ready(Ok(()))
    }

    /// Gets ready for one login. `registered` is a redirect URI that the client is registered with
    /// already: using it again spares a registration, if that is possible.
    fn prepare(
        &self,
        registered: Option<&str>,
    ) -> impl Future<Output = Result<Prepared, UserAgentError>> + Send;

    /// Shows the user where to go on another device, and with which code; see [`BlockingUserAgent::device`].
    fn device(&self, page: &DevicePage) -> impl Future<Output = Result<(), UserAgentError>> + Send {
        let _ = page;
        ready(Ok(()))
    }

    /// Shows the user the same beside a page; see [`BlockingUserAgent::device_beside`].
    fn device_beside(
        &self,
        page: &DevicePage,
    ) -> impl Future<Output = Result<(), UserAgentError>> + Send {
        let _ = page;
        ready(Ok(()))
    }

    /// This one and another in one login: whoever comes back first; see [`BlockingUserAgent::or`].
    ///
    /// ```
    /// use oauth_tokio::{LoopbackBrowser, PasteBack, UserAgent};
    ///
    /// let user = LoopbackBrowser::new().or(PasteBack::terminal()?);
    /// # Ok::<(), oauth_tokio::UserAgentError>(())
    /// ```
    fn or(self, other: impl Into<SharedUserAgent>) -> FirstOf
    where
        Self: Sized,
    {
        FirstOf::new(self.into(), other.into())
    }
}

/// One login of a [`UserAgent`]: where the user will come back to, and how to send them off.
pub struct Prepared {
    redirect_uri: RedirectUri,
    visit: Option<Box<Visit>>,
}

pub(crate) type Visit = dyn FnOnce(AuthorizationUrl, Instant, ProgressFn) -> Returning + Send;
pub(crate) type Returning = Pin<Box<dyn Future<Output = Result<Returned, UserAgentError>> + Send>>;

/// Is told from time to time that a login still waits.
pub(crate) type ProgressFn = Arc<dyn Fn(Waiting) + Send + Sync>;

impl Prepared {
    /// The user will come back to `redirect_uri`. `visit` sends them to the page and waits for the
    /// redirect's query, until the given moment at most; it may say from time to time that it still
    /// waits.
    pub fn new<F, R>(redirect_uri: RedirectUri, visit: F) -> Self
    where
        F: FnOnce(AuthorizationUrl, Instant, Arc<dyn Fn(Waiting) + Send + Sync>) -> R
            + Send
            + 'static,
        R: Future<Output = Result<Secret, UserAgentError>> + Send + 'static,
    {
        Self::with_page(redirect_uri, async move |url, deadline, told| {
            visit(url, deadline, told).await.map(Returned::new)
        })
    }

    /// The same, for a user agent that shows the user in the end what came of the login ([`Returned`]).
    pub fn with_page<F, R>(redirect_uri: RedirectUri, visit: F) -> Self
    where
        F: FnOnce(AuthorizationUrl, Instant, Arc<dyn Fn(Waiting) + Send + Sync>) -> R
            + Send
            + 'static,
        R: Future<Output = Result<Returned, UserAgentError>> + Send + 'static,
    {
        let visit = move |url, deadline, told| Box::pin(visit(url, deadline, told)) as Returning;
        Self { redirect_uri, visit: Some(Box::new(visit)) }
    }

    /// The user will come back elsewhere: the login is handed to the host as an
    /// [`AuthenticationError`](crate::AuthenticationError).
    #[must_use]
    pub fn elsewhere(redirect_uri: RedirectUri) -> Self {
        Self { redirect_uri, visit: None }
    }

    pub(crate) fn into_parts(self) -> (RedirectUri, Option<Box<Visit>>) {
        (self.redirect_uri, self.visit)
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}

/// One thread serves the whole login: it prepares, hands over where the user will come back to, and
/// waits to be told the page. Where nobody wants the login any more, it is told that, too: it ends if it looks
/// ([`Until`]), and else it is left to its end.
impl<U: BlockingUserAgent + 'static> UserAgent for Blocking<U> {
    async fn about_to_authorize(&self, login: &AboutToAuthorize) -> Result<(), UserAgentError> {
        let (agent, login) = (Arc::clone(&self.inner), login.clone());
        on_thread(move || agent.about_to_authorize(&login)).await
    }

    async fn device(&self, page: &DevicePage) -> Result<(), UserAgentError> {
        let (agent, page) = (Arc::clone(&self.inner), page.clone());
        on_thread(move || agent.device(&page)).await
    }

    async fn device_beside(&self, page: &DevicePage) -> Result<(), UserAgentError> {
        let (agent, page) = (Arc::clone(&self.inner), page.clone());
        on_thread(move || agent.device_beside(&page)).await
    }

    async fn prepare(&self, registered: Option<&str>) -> Result<Prepared, UserAgentError> {
        let (agent, registered) = (Arc::clone(&self.inner), registered.map(str::to_owned));
        let (ready, prepared) = oneshot::channel();
        let (go, told_to_go) = oneshot::channel::<(AuthorizationUrl, Until, ProgressFn)>();
        let (back, came_back) = oneshot::channel();
        // Whoever asked may be gone each time something is sent.
        spawn_thread(move || {
            match agent.prepare(registered.as_deref()).map(BlockingPrepared::into_parts) {
                Ok((redirect_uri, visit)) => {
                    let _ = ready.send(Ok((redirect_uri, visit.is_some())));
                    if let (Some(visit), Ok((url, until, told))) =
                        (visit, told_to_go.blocking_recv())
                    {
                        let _ = back.send(visit(&url, &until, &mut |waiting| told(waiting)));
                    }
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            }
        })
        .map_err(|error| UserAgentError::Listen { kind: error.kind() })?;
        let (redirect_uri, visits) = prepared.await.unwrap_or(Err(UserAgentError::Cancelled))?;
        if !visits {
            return Ok(Prepared::elsewhere(redirect_uri));
        }
        Ok(Prepared::with_page(redirect_uri, async move |url, deadline, told| {
            let until = Until::new(deadline);
            let _ends = until.end_when_dropped();
            go.send((url, until, told)).map_err(|_| UserAgentError::Cancelled)?;
            came_back.await.unwrap_or(Err(UserAgentError::Cancelled))
        }))
    }
}

/// What a user agent answers at once, or when its user does.
async fn on_thread(
    asks: impl FnOnce() -> Result<(), UserAgentError> + Send + 'static,
) -> Result<(), UserAgentError> {
    let (said, answer) = oneshot::channel();
    spawn_thread(move || drop(said.send(asks())))
        .map_err(|error| UserAgentError::Listen { kind: error.kind() })?;
    answer.await.unwrap_or(Err(UserAgentError::Cancelled))
}

/// The browser of this machine's user, who may have a terminal as well.
struct AtBrowser(LoopbackBrowser);

impl UserAgent for AtBrowser {
    async fn device(&self, page: &DevicePage) -> Result<(), UserAgentError> {
        let (user, page) = (LocalUser::Browser(self.0.clone()), page.clone());
        on_thread(move || user.device(&page)).await
    }

    async fn device_beside(&self, page: &DevicePage) -> Result<(), UserAgentError> {
        let (user, page) = (LocalUser::Browser(self.0.clone()), page.clone());
        on_thread(move || user.device_beside(&page)).await
    }

    async fn prepare(&self, registered: Option<&str>) -> Result<Prepared, UserAgentError> {
        UserAgent::prepare(&self.0, registered).await
    }
}

/// Nobody is waited for, so it takes no thread.
impl UserAgent for NoUserAgent {
    async fn prepare(&self, registered: Option<&str>) -> Result<Prepared, UserAgentError> {
        let prepared = BlockingUserAgent::prepare(self, registered)?;
        Ok(Prepared::elsewhere(prepared.redirect_uri().clone()))
    }
}

/// A user agent that the clones of a client share.
#[derive(Clone)]
pub struct SharedUserAgent(Arc<dyn Erased>);

impl<U: UserAgent> From<U> for SharedUserAgent {
    fn from(user_agent: U) -> Self {
        Self(Arc::new(user_agent))
    }
}

impl From<LocalUser> for SharedUserAgent {
    fn from(user: LocalUser) -> Self {
        match user {
            LocalUser::Browser(browser) => AtBrowser(browser).into(),
            user => Blocking::new(user).into(),
        }
    }
}

impl<R, W> From<PasteBack<R, W>> for SharedUserAgent
where
    R: BufRead + Send + 'static,
    W: Write + Send + 'static,
{
    fn from(user_agent: PasteBack<R, W>) -> Self {
        Blocking::new(user_agent).into()
    }
}

impl<F> From<UserAgentFn<F>> for SharedUserAgent
where
    F: Fn(&AuthorizationUrl) -> Result<String, UserAgentError> + Send + Sync + 'static,
{
    fn from(user_agent: UserAgentFn<F>) -> Self {
        Blocking::new(user_agent).into()
    }
}

impl SharedUserAgent {
    pub(crate) async fn about_to_authorize(
        &self,
        login: &AboutToAuthorize,
    ) -> Result<(), UserAgentError> {
        self.0.about_to_authorize(login).await
    }

    pub(crate) async fn device(&self, page: &DevicePage) -> Result<(), UserAgentError> {
        self.0.device(page).await
    }

    pub(crate) async fn device_beside(&self, page: &DevicePage) -> Result<(), UserAgentError> {
        self.0.device_beside(page).await
    }

    pub(crate) async fn prepare(
        &self,
        registered: Option<&str>,
    ) -> Result<Prepared, UserAgentError> {
        self.0.prepare(registered).await
    }
}

impl std::fmt::Debug for SharedUserAgent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedUserAgent")
    }
}

/// The trait in the form that can be shared without naming the user agent's type.
trait Erased: Send + Sync {
    fn about_to_authorize<'a>(&'a self, login: &'a AboutToAuthorize) -> Answer<'a, ()>;

    fn device<'a>(&'a self, page: &'a DevicePage) -> Answer<'a, ()>;

    fn device_beside<'a>(&'a self, page: &'a DevicePage) -> Answer<'a, ()>;

    fn prepare<'a>(&'a self, registered: Option<&'a str>) -> Answer<'a, Prepared>;
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, UserAgentError>> + Send + 'a>>;

impl<U: UserAgent> Erased for U {
    fn about_to_authorize<'a>(&'a self, login: &'a AboutToAuthorize) -> Answer<'a, ()> {
        Box::pin(UserAgent::about_to_authorize(self, login))
    }

    fn device<'a>(&'a self, page: &'a DevicePage) -> Answer<'a, ()> {
        Box::pin(UserAgent::device(self, page))
    }

    fn device_beside<'a>(&'a self, page: &'a DevicePage) -> Answer<'a, ()> {
        Box::pin(UserAgent::device_beside(self, page))
    }

    fn prepare<'a>(&'a self, registered: Option<&'a str>) -> Answer<'a, Prepared> {
        Box::pin(UserAgent::prepare(self, registered))
    }
}
