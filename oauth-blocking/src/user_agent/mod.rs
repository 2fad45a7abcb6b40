//! How a person gets to the authorization page and back: four ways, and a trait for others.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use oauth_core::Secret;
use oauth_core::flow::RedirectUri;
use oauth_core::wire::AuthorizationUrl;

mod bound;
mod closure;
mod loopback;
mod none;
mod paste;

pub use closure::Visitor;
pub use loopback::LoopbackBrowser;
pub use none::NoUserAgent;
pub use paste::PasteBack;

/// A way for a person to consent.
///
/// A login asks it first where the user will come back to, because that has to be registered, and sends
/// him off later ([`Prepared`]).
pub trait UserAgent: Send + Sync {
    /// Gets ready for one login: binds the listener, for instance, and keeps it.
    ///
    /// `registered` is a redirect URI that the client is registered with already: using it again spares a
    /// registration, if that is possible.
    ///
    /// # Errors
    ///
    /// A [`UserAgentError`] if nobody could come back.
    fn prepare(&self, registered: Option<&str>) -> Result<Prepared, UserAgentError>;
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

/// One login of a [`UserAgent`]: where the user will come back to, and how to send him off.
pub struct Prepared {
    redirect_uri: RedirectUri,
    visit: Option<Box<Visit>>,
}

/// Sends a user to a page, and waits for him to come back.
pub type Visit = dyn FnOnce(&AuthorizationUrl, Instant, &mut dyn FnMut(Waiting)) -> Result<Secret, UserAgentError>
    + Send;

impl Prepared {
    /// The user will come back to `redirect_uri`. `visit` sends him to the page and waits for the
    /// redirect's query, until the given moment at most; it may say from time to time that it still
    /// waits.
    pub fn new<F>(redirect_uri: RedirectUri, visit: F) -> Self
    where
        F: FnOnce(
                &AuthorizationUrl,
                Instant,
                &mut dyn FnMut(Waiting),
            ) -> Result<Secret, UserAgentError>
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

    /// The same, and how to send him off; nothing if the login is handed out.
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

/// What a login waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiting {
    /// Whether a browser was opened; if not, the user has to open the URL.
    pub opened: bool,
    /// How long it goes on waiting.
    pub left: std::time::Duration,
}

/// Why nobody came back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UserAgentError {
    /// The port for the redirect is taken.
    #[error("port {port} of the redirect (`callback_port`) is in use by another program")]
    PortInUse {
        /// The port.
        port: u16,
    },
    /// The listener for the redirect does not work.
    #[error("cannot listen for the redirect: {kind}")]
    Listen {
        /// The reason.
        kind: std::io::ErrorKind,
    },
    /// The user did not come back in time.
    #[error("nobody came back from the login page within {} seconds", waited.as_secs())]
    TimedOut {
        /// How long it waited.
        waited: std::time::Duration,
    },
    /// Another process was logging in all that time.
    #[error("another process has been logging in for {} seconds", waited.as_secs())]
    Elsewhere {
        /// How long it was waited for.
        waited: std::time::Duration,
    },
    /// The user gave up, or the terminal was closed.
    #[error("the login was given up")]
    Cancelled,
    /// The redirect URI cannot be used.
    #[error(transparent)]
    RedirectUri(#[from] oauth_core::Error),
}

impl UserAgentError {
    /// What would help, in one sentence.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::PortInUse { .. } => {
                "set another `callback_port`, or none to take any that is free"
            }
            Self::Listen { .. } => "use another user agent, such as `PasteBack`",
            Self::Elsewhere { .. } => "finish the login there, or end that process",
            Self::TimedOut { .. } | Self::Cancelled => {
                "log in again, and finish in the browser; if its page does not know the client, delete \
                 the stored grant first (`delete_tokens`)"
            }
            Self::RedirectUri(error) => error.advice(),
        }
    }
}
