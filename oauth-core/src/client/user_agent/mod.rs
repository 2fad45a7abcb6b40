//! What a user agent is told before a login, and what it says: adapters bring the user agents themselves.

use alloc::boxed::Box;
use core::time::Duration;

mod about;
mod returned;

pub use about::AboutToAuthorize;
pub use returned::Returned;

/// What a login waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiting {
    /// What became of the browser.
    pub browser: Browser,
    /// How long it goes on waiting.
    pub left: Duration,
}

impl Waiting {
    /// A login that waits this much longer.
    #[must_use]
    pub fn new(browser: Browser, left: Duration) -> Self {
        Self { browser, left }
    }
}

/// What became of the browser that was to be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Browser {
    /// It is being opened. A browser in a terminal stays so until its user leaves it.
    Opening,
    /// It was opened.
    Opened,
    /// None could be opened, and the user has to open the URL: on this machine, because that is where the
    /// redirect is waited for. `PasteBack` is the way for a browser on another machine.
    NotOpened,
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
    /// The operating system gives the port to nobody, or not to this user. On Windows it is reserved, for virtual
    /// machines perhaps, or a program has it all for itself; elsewhere those below 1024 are the administrator's.
    #[error(
        "port {port} of the redirect (`callback_port`) is reserved: this program may not use it"
    )]
    PortReserved {
        /// The port.
        port: u16,
    },
    /// The port for the redirect is taken by another login, of this program or another, that did not
    /// end in time. A user agent says so at once, and is asked again until the login's time is over.
    #[error("port {port} of the redirect is in use by another login, for {} seconds now", waited.as_secs())]
    PortBusy {
        /// The port.
        port: u16,
        /// How long it was waited for.
        waited: Duration,
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
        waited: Duration,
    },
    /// Another process was logging in all that time.
    #[error("another process has been logging in for {} seconds", waited.as_secs())]
    Elsewhere {
        /// How long it was waited for.
        waited: Duration,
    },
    /// The user had to be sent once more, and the place of the redirect was taken meanwhile.
    #[error(
        "another program has taken {redirect_uri:?}, where the user has to come back to once more"
    )]
    PlaceTaken {
        /// Where the user has to come back to.
        redirect_uri: Box<str>,
    },
    /// The user agent did not let the login begin (`UserAgent::about_to_authorize`).
    #[error("the login was not allowed to begin: {reason}")]
    Refused {
        /// Why, in the host's own words.
        reason: Box<str>,
    },
    /// The user gave up, the terminal was closed, or the host has cancelled the login (`OAuth::cancel_login`).
    #[error("the login was cancelled")]
    Cancelled,
    /// All who waited for the login are gone: their calls were dropped.
    #[error("nobody waits for the login any more")]
    Abandoned,
    /// The redirect URI cannot be used.
    #[error(transparent)]
    RedirectUri(#[from] crate::Error),
}

impl UserAgentError {
    /// What would help, in one sentence.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::PortInUse { .. } => {
                "set another `callback_port`, or none to take any that is free"
            }
            Self::PortReserved { .. } if cfg!(windows) => {
                "set another `callback_port`, or none to take any that is free; `netsh interface ipv4 show \
                 excludedportrange protocol=tcp` lists those that are reserved"
            }
            Self::PortReserved { .. } => {
                "set a `callback_port` above 1023, or none to take any that is free"
            }
            Self::Listen { .. } => "use another user agent, such as `PasteBack`",
            Self::PortBusy { .. } => {
                "finish the other login first, or give each its own `callback_port` if the authorization \
                 servers allow that"
            }
            Self::Refused { .. } => {
                "log in when the program allows it; its reason says why not now"
            }
            Self::Elsewhere { .. } => "finish the login there, or end that process",
            Self::Abandoned => {
                "keep the call until the user has come back, in a task of its own perhaps"
            }
            Self::PlaceTaken { .. } => "log in again",
            Self::Cancelled => {
                "log in again when it is wanted; if its page does not know the client, `forget` what is stored \
                 first: another one is registered then"
            }
            Self::TimedOut { .. } => {
                "log in again, and finish in the browser; if its page does not know the client, wait \
                 five minutes first: another one is registered then"
            }
            Self::RedirectUri(error) => error.advice(),
        }
    }
}
