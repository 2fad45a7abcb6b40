//! What came of a login, for the page that its user is looking at.

use alloc::vec::Vec;

use super::page::{self, Page};
use crate::error::{Error, PeerMisbehaved};

/// What came of a login, as the page in the browser says it: in words of our own, whatever a server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// There are tokens, and they are stored.
    LoggedIn,
    /// It is not known yet: the application goes on, and says itself what comes of it.
    GoesOn,
    /// The user said no, or the authorization server in the user's name.
    Declined,
    /// The authorization server refused.
    Refused,
    /// The redirect does not come from the server that was asked, or was changed on its way (RFC 9207).
    NotBelieved,
    /// What the authorization server answered cannot be used.
    Unusable,
    /// The authorization server did not answer.
    Unreachable,
    /// The application could not finish it, for another reason.
    Failed,
}

impl Outcome {
    /// The whole HTTP response. It loads nothing, takes the query out of the address bar, and closes the
    /// window where the login succeeded and browsers let it.
    #[must_use]
    pub fn page(self) -> Vec<u8> {
        self.words().write(true)
    }

    /// The same with a document of the host's own, of [`MAX_OWN_PAGE`] bytes at most; in the place of a longer one
    /// there is ours.
    ///
    /// The head stays ours, and what runs: the query is taken out of the address bar, and the window closed where the
    /// login succeeded. Nothing is loaded, and no script of the document runs: styles stand in it, and images are
    /// `data:` URLs.
    ///
    /// # Security
    ///
    /// The document is not looked at. Texts that are not the host's own have to be escaped for the place where they
    /// stand in it, a server's name or a user's for instance. Nothing of the redirect belongs there.
    #[must_use]
    pub fn page_with(self, html: &str) -> Vec<u8> {
        match html.len() {
            ..=MAX_OWN_PAGE => self.words().write_own(html),
            _ => self.page(),
        }
    }

    fn words(self) -> Page {
        match self {
            Self::LoggedIn => page::LOGGED_IN,
            Self::GoesOn => page::GOES_ON,
            Self::Declined => Page::failure("It was declined. You can close this window."),
            Self::Refused => Page::failure(
                "The authorization server refused it. Go back to the application to see why.",
            ),
            Self::NotBelieved => Page::failure(
                "The answer does not come from the server that was asked, or was changed on its way. It \
                 was not used. Go back to the application to see more.",
            ),
            Self::Unusable => Page::failure(
                "The authorization server's answer cannot be used. Go back to the application to see why.",
            ),
            Self::Unreachable => Page::failure(
                "The authorization server did not answer. Try again from the application in a while.",
            ),
            Self::Failed => Page::failure("Go back to the application to see why."),
        }
    }
}

impl From<&Error> for Outcome {
    fn from(error: &Error) -> Self {
        use PeerMisbehaved::{MissingIss, RepeatedParameter, StateMismatch, WrongIss};
        match error {
            Error::Refused(refusal) if refusal.is_denied_by_user() => Self::Declined,
            Error::Refused(_) => Self::Refused,
            Error::PeerMisbehaved(
                WrongIss { .. } | MissingIss { .. } | RepeatedParameter { .. } | StateMismatch,
            ) => Self::NotBelieved,
            Error::PeerMisbehaved(_) | Error::PeerIncompatible(_) | Error::Malformed(_) => {
                Self::Unusable
            }
            Error::Unreachable(_) => Self::Unreachable,
            _ => Self::Failed,
        }
    }
}

/// How long a document of the host's may be, in bytes. What is written to a browser is not waited for, and so much fits
/// into what every system holds for a connection.
pub const MAX_OWN_PAGE: usize = 32 * 1024;
