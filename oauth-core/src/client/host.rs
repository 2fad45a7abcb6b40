//! What one adapter does in its own way, in parts that can be brought one by one.
//!
//! Who brings another HTTP client writes an [`HttpSender`], and has the other parts from whoever has them.

use alloc::sync::Arc;
use core::ops::DerefMut;
use core::time::Duration;
use std::time::Instant;

use crate::client::obstacle::Unanswered;
use crate::client::storage::nonblocking::TokenStorage;
use crate::client::system::System;
use crate::client::user_agent::{AboutToAuthorize, Returned, UserAgentError, Waiting};
use crate::flow::RedirectUri;
use crate::session::Session;
use crate::wire::{AuthorizationUrl, DevicePage};
use crate::{Request, Response};

/// What an adapter gives the client that all adapters share: each part does one thing.
///
/// A host that blocks does its work when a method is called, and returns futures that are ready; or parks its thread
/// in those that a login waits for, so that it can be cancelled there.
pub trait Host: Sized + Send + Sync + 'static {
    /// Its HTTP client.
    type Http: HttpSender;

    /// Where grants rest.
    type Store: TokenStorage;

    /// How its users are reached.
    type Users: Users;

    /// Its threads or tasks.
    type Runtime: Runtime;

    /// Its time and randomness.
    type System: System;

    /// What sends requests.
    fn http(&self) -> &Self::Http;

    /// What keeps grants.
    fn store(&self) -> &Self::Store;

    /// What reaches users.
    fn users(&self) -> &Self::Users;

    /// What has the session, and runs work.
    fn runtime(&self) -> &Self::Runtime;

    /// Where the time and randomness come from.
    fn system(&self) -> &Self::System;

    /// A host for another session that shares all the rest.
    #[must_use]
    fn with_session(&self, session: Session) -> Self;
}

/// Sends the requests of a login: an HTTP client.
pub trait HttpSender: Send + Sync + 'static {
    /// Why a request of the application could not be sent ([`ClientError::Http`](crate::client::ClientError::Http)).
    type Error: core::error::Error + Send + Sync + 'static;

    /// Sends a request as it is, once, within `limit`, which is [`TIME_LIMIT`](crate::client::TIME_LIMIT) at most, and
    /// nothing else: no limit of the host's HTTP client for a whole call. A limit that is over has a
    /// [last chance](super::last_chance) before an answer to a POST counts as lost. It reads
    /// [`MAX_BODY`](crate::MAX_BODY) bytes of the answer and one more at most.
    ///
    /// The resolver of its HTTP client asks an [`AddressFilter`](super::AddressFilter). What that refuses
    /// has to be found among the error's sources.
    fn exchange(
        &self,
        request: &Request,
        limit: Duration,
    ) -> impl Future<Output = Result<Response, Unanswered>> + Send;

    /// The same with a request to the MCP server, whose body is left: it may have no end.
    fn ask(
        &self,
        request: &Request,
        limit: Duration,
    ) -> impl Future<Output = Result<Response, Unanswered>> + Send;
}

/// Reaches users: a user agent of the adapter's.
pub trait Users: Send + Sync + 'static {
    /// Sends a user to a page, once.
    type Visit: Send + 'static;

    /// A page that a user was sent to. Dropped, the visit is over: what it listened on is closed.
    type AtPage: Send;

    /// Asks whether a login may begin.
    fn about_to_authorize(
        &self,
        login: AboutToAuthorize,
    ) -> impl Future<Output = Result<(), UserAgentError>> + Send;

    /// Gets ready for one login: where the user will come back to, and how they get there. Without a
    /// visit the login is handed out.
    fn prepare(
        &self,
        registered: Option<&str>,
    ) -> impl Future<Output = Result<(RedirectUri, Option<Self::Visit>), UserAgentError>> + Send;

    /// Sends the user to the page.
    ///
    /// # Errors
    ///
    /// A [`UserAgentError`] if nobody can be sent off.
    fn open(
        &self,
        visit: Self::Visit,
        url: &AuthorizationUrl,
        deadline: Instant,
        waiting: Arc<dyn Fn(Waiting) + Send + Sync>,
    ) -> Result<Self::AtPage, UserAgentError>;

    /// Waits until the user comes back; for `limit` at most, if there is one: `None` then, and the page stays open.
    fn came_back(
        &self,
        page: &mut Self::AtPage,
        limit: Option<Duration>,
    ) -> impl Future<Output = Option<Result<Returned, UserAgentError>>> + Send;

    /// Waits for an answer while the page stays open: a user who comes back meanwhile is [found](Self::came_back) later.
    fn beside(
        &self,
        page: &mut Self::AtPage,
        answer: impl Future<Output = Result<Response, Unanswered>> + Send,
    ) -> impl Future<Output = Result<Response, Unanswered>> + Send;

    /// Shows the user where to go on another device, and with which code; if that is `beside` a page, nothing else is
    /// opened for it. It returns as soon as that is shown.
    fn show_device(
        &self,
        page: DevicePage,
        beside: bool,
    ) -> impl Future<Output = Result<(), UserAgentError>> + Send;
}

/// Has the session for one caller at a time, runs work, and waits: threads, or an async runtime.
pub trait Runtime: Send + Sync + 'static {
    /// The session, while this one has it and nobody else.
    type Session: DerefMut<Target = Session> + Send + 'static;

    /// Whether [`spawn_background`](Self::spawn_background) runs anything.
    const HAS_BACKGROUND: bool;

    /// The same for another session.
    #[must_use]
    fn with_session(&self, session: Session) -> Self;

    /// Waits for the session and takes it; dropped, it is given back.
    fn take(&self) -> impl Future<Output = Self::Session> + Send;

    /// The same for `limit` at most.
    fn take_within(&self, limit: Duration) -> impl Future<Output = Option<Self::Session>> + Send;

    /// The session, if nobody has it.
    fn try_take(&self) -> Option<Self::Session>;

    /// Waits for the session for `limit` at most, and for nobody's login: `None` also as soon as whoever has it
    /// is [at a login](Self::set_at_login). Who waits in this way counts for no [`while_awaited`](Self::while_awaited).
    fn take_beside(&self, limit: Duration) -> impl Future<Output = Option<Self::Session>> + Send;

    /// Whoever has the session waits for a person from now on, or does so no more.
    fn set_at_login(&self, is_at_login: bool);

    /// Runs work to its end, whether or not the caller waits that long.
    fn run_to_completion<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send;

    /// Runs work that nobody waits for.
    fn spawn_background(&self, work: impl Future<Output = ()> + Send + 'static);

    /// Waits that long.
    fn sleep(&self, pause: Duration) -> impl Future<Output = ()> + Send;

    /// Works as long as somebody waits for what comes of it, in [`take`](Self::take) or
    /// [`run_to_completion`](Self::run_to_completion); `None` if all are gone before. Only waits are worked at in this
    /// way, and requests that spend nothing: for a user, a lock, a port, metadata.
    fn while_awaited<T: Send>(
        &self,
        work: impl Future<Output = T> + Send,
    ) -> impl Future<Output = Option<T>> + Send;
}
