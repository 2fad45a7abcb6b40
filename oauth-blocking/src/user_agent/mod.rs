//! How a person gets to the authorization page and back: some ways, and a trait for others.

use std::ops::Deref;
use std::sync::Arc;

use oauth_core::Secret;
use oauth_core::client::{AboutToAuthorize, Returned, UserAgentError, Waiting};
use oauth_core::flow::RedirectUri;
use oauth_core::wire::{AuthorizationUrl, DevicePage};

mod bound;
mod claim;
mod closure;
#[cfg(all(unix, not(any(target_vendor = "apple", target_os = "android"))))]
mod desktop;
mod first_of;
mod local;
mod loopback;
mod none;
mod parked;
mod paste;
mod until;

pub use bound::Bound;
pub use closure::UserAgentFn;
pub use first_of::FirstOf;
pub(crate) use local::open_browser;
pub use local::{LocalUser, shows_pages};
pub use loopback::LoopbackBrowser;
pub use none::NoUserAgent;
pub use parked::{PAGE_LIMIT, Parked, write_page};
pub use paste::PasteBack;
pub use until::{EndsVisit, Until};

/// A way for a person to consent.
///
/// A login asks it first whether it may begin, then where the user will come back to, because that has to be
/// registered, and sends them off later ([`Prepared`]).
///
/// A host that wants one of those here, and a word of its own besides, passes on what is asked:
///
/// ```
/// use oauth_blocking::{AboutToAuthorize, LoopbackBrowser, Prepared, UserAgent, UserAgentError};
///
/// struct Announced(LoopbackBrowser);
///
/// impl UserAgent for Announced {
///     fn about_to_authorize(&self, login: &AboutToAuthorize) -> Result<(), UserAgentError> {
///         eprintln!("{login}. A page opens in your browser.");
///         self.0.about_to_authorize(login)
///     }
///
///     fn prepare(&self, registered: Option<&str>) -> Result<Prepared, UserAgentError> {
///         self.0.prepare(registered)
///     }
/// }
/// # let _ = |oauth: oauth_blocking::OAuthBuilder| oauth.user_agent(Announced(LoopbackBrowser::new()));
/// ```
pub trait UserAgent: Send + Sync {
    /// A login is about to begin: nothing is locked, requested or registered for it yet. Calls that may ask for a
    /// person wait as long as this takes; [quiet](crate::OAuth::quiet) ones do not.
    ///
    /// It is asked once for each login, and once more if it turns out on the way that the server has moved to
    /// another authorization server ([`LoginReason::Moved`](crate::LoginReason)): before a client is registered
    /// there, and before anybody is sent there.
    ///
    /// # Errors
    ///
    /// [`UserAgentError::Refused`] if there is to be no login now. It is the error of all calls that wait for the
    /// login; what the server asked for is asked for by the next one.
    fn about_to_authorize(&self, login: &AboutToAuthorize) -> Result<(), UserAgentError> {
        let _ = login;
        Ok(())
    }

    /// Gets ready for one login: binds the listener, for instance, and keeps it.
    ///
    /// `registered` is a redirect URI that the client is registered with already: using it again spares a
    /// registration, if that is possible. Where the answer is [at any
    /// port](RedirectUri::at_any_port), a login may ask once more, for the place of a client that other profiles
    /// have registered; it drops the first answer before.
    ///
    /// # Errors
    ///
    /// A [`UserAgentError`] if nobody could come back.
    fn prepare(&self, registered: Option<&str>) -> Result<Prepared, UserAgentError>;

    /// Shows the user where to go on another device, and with which code
    /// ([`device_code`](crate::Builder::device_code)); it returns as soon as that is shown, and the login waits.
    /// The host's [`Event::DeviceCode`](crate::Event::DeviceCode) says the same, so nothing is done here unless a user
    /// agent has a way of its own.
    ///
    /// # Errors
    ///
    /// A [`UserAgentError`] if nobody can be shown it: the login is over then.
    fn device(&self, page: &DevicePage) -> Result<(), UserAgentError> {
        let _ = page;
        Ok(())
    }

    /// Shows the user where to go on another device, and with which code, beside the page that they are about to be sent
    /// to ([`or_device_code`](crate::Builder::or_device_code)): they do the one or the other. It returns as soon as that
    /// is shown, and opens nothing. As [`device`](Self::device), nothing is done here unless a user agent has a way of its
    /// own.
    ///
    /// # Errors
    ///
    /// A [`UserAgentError`] if nobody can be shown anything: the login is over then.
    fn device_beside(&self, page: &DevicePage) -> Result<(), UserAgentError> {
        let _ = page;
        Ok(())
    }

    /// This one and another in one login: whoever comes back first. The other is ended then, and its port free at once.
    ///
    /// The user comes back to where this one says, and the other has to take the answer wherever that is, as
    /// [`PasteBack`] and [`UserAgentFn`] do. Both are told [what a login is for](Self::about_to_authorize). One that
    /// fails leaves the login to the other, a terminal that is closed for instance; but if this one is
    /// [cancelled](UserAgentError::Cancelled), the login is over. If both fail, the error is this one's, and of the two
    /// only this one says what it [waits](crate::Event::Waiting) for.
    ///
    /// ```
    /// use oauth_blocking::{LoopbackBrowser, PasteBack, UserAgent};
    ///
    /// // For a machine whose user may sit in front of another one.
    /// let user = LoopbackBrowser::new().or(PasteBack::terminal()?);
    /// # Ok::<(), oauth_blocking::UserAgentError>(())
    /// ```
    ///
    /// A read of a terminal cannot be ended. Where the browser wins, it is left on a thread of its own, and takes the
    /// line that is typed next; the next login of the same [`PasteBack`] goes on with it. So a program that reads
    /// standard input itself gives it another input, or none.
    fn or(self, other: impl Into<SharedUserAgent>) -> FirstOf
    where
        Self: Sized + 'static,
    {
        FirstOf::new(self.into(), other.into())
    }
}

/// A user agent that the clones of a client share.
#[derive(Clone)]
pub struct SharedUserAgent(Arc<dyn UserAgent>);

impl<U: UserAgent + 'static> From<U> for SharedUserAgent {
    fn from(user_agent: U) -> Self {
        Self(Arc::new(user_agent))
    }
}

impl std::fmt::Debug for SharedUserAgent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedUserAgent")
    }
}

impl Deref for SharedUserAgent {
    type Target = dyn UserAgent;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

/// One login of a [`UserAgent`]: where the user will come back to, and how to send them off.
pub struct Prepared {
    redirect_uri: RedirectUri,
    visit: Option<Box<Visit>>,
}

/// Sends a user to a page, and waits until they come back.
pub type Visit = dyn FnOnce(&AuthorizationUrl, &Until, &mut dyn FnMut(Waiting)) -> Result<Returned, UserAgentError>
    + Send;

impl Prepared {
    /// The user will come back to `redirect_uri`. `visit` sends them to the page and waits for the
    /// redirect's query, [until](Until) its time is over or nobody wants the login any more; it may say from time to
    /// time that it still waits.
    pub fn new<F>(redirect_uri: RedirectUri, visit: F) -> Self
    where
        F: FnOnce(
                &AuthorizationUrl,
                &Until,
                &mut dyn FnMut(Waiting),
            ) -> Result<Secret, UserAgentError>
            + Send
            + 'static,
    {
        Self::with_page(redirect_uri, |url, until, waiting| {
            visit(url, until, waiting).map(Returned::new)
        })
    }

    /// The same, for a user agent that shows the user in the end what came of the login ([`Returned`]).
    pub fn with_page<F>(redirect_uri: RedirectUri, visit: F) -> Self
    where
        F: FnOnce(
                &AuthorizationUrl,
                &Until,
                &mut dyn FnMut(Waiting),
            ) -> Result<Returned, UserAgentError>
            + Send
            + 'static,
    {
        Self { redirect_uri, visit: Some(Box::new(visit)) }
    }

    /// The user will come back elsewhere: the login is handed to the host as an
    /// [`AuthenticationError`](crate::AuthenticationError).
    #[must_use]
    pub fn elsewhere(redirect_uri: RedirectUri) -> Self {
        Self { redirect_uri, visit: None }
    }

    /// Where the user will come back to.
    #[must_use]
    pub fn redirect_uri(&self) -> &RedirectUri {
        &self.redirect_uri
    }

    /// The same, and how to send them off; nothing if the login is handed out.
    #[must_use]
    pub fn into_parts(self) -> (RedirectUri, Option<Box<Visit>>) {
        (self.redirect_uri, self.visit)
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}
