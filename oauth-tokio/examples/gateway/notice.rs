//! What people are told about what they have just done. The browser is redirected to a page with a word of this list, so
//! that nothing of a login stays in the address bar, and no word of it comes from a server.

use axum::http::StatusCode;
use axum::response::Redirect;
use oauth_core::Error;

use crate::error::GatewayError;

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    Connected,
    Declined,
    SignedOut,
    SignInFirst,
    UnusableName,
    NotWaiting,
    Disconnected,
    StillAlive,
    ForeignPage,
    UnknownServer,
    Later,
    Failed,
}

impl Notice {
    const ALL: [Self; 12] = [
        Self::Connected,
        Self::Declined,
        Self::SignedOut,
        Self::SignInFirst,
        Self::UnusableName,
        Self::NotWaiting,
        Self::Disconnected,
        Self::StillAlive,
        Self::ForeignPage,
        Self::UnknownServer,
        Self::Later,
        Self::Failed,
    ];

    /// The one with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notice| notice.name() == name)
    }

    /// Sends the browser to its page.
    pub(crate) fn redirect(self) -> Redirect {
        Redirect::to(&format!("/said/{}", self.name()))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Declined => "declined",
            Self::SignedOut => "signed-out",
            Self::SignInFirst => "sign-in-first",
            Self::UnusableName => "unusable-name",
            Self::NotWaiting => "not-waiting",
            Self::Disconnected => "disconnected",
            Self::StillAlive => "still-alive",
            Self::ForeignPage => "foreign-page",
            Self::UnknownServer => "unknown-server",
            Self::Later => "later",
            Self::Failed => "failed",
        }
    }

    /// Whether all is well.
    pub(crate) fn is_good(self) -> bool {
        self.says().0 == StatusCode::OK && self != Self::StillAlive
    }

    /// Status, heading and text.
    pub(crate) fn says(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Connected => {
                (StatusCode::OK, "Connected", "Your agents can use this server for you now.")
            }
            Self::Declined => (
                StatusCode::FORBIDDEN,
                "Not connected",
                "You declined. Your agent asks again when it needs this.",
            ),
            Self::SignedOut => {
                (StatusCode::OK, "Signed out", "What is connected stays so for your agents.")
            }
            Self::SignInFirst => (
                StatusCode::UNAUTHORIZED,
                "Sign in first",
                "Nobody is signed in at this browser. If you came from another page, go there again afterwards.",
            ),
            Self::UnusableName => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "Not signed in",
                "A name has 1 to 100 characters that can be seen.",
            ),
            Self::NotWaiting => (
                StatusCode::NOT_FOUND,
                "Not connected",
                "This link was used already, too long ago, or was made for somebody else. Connect once more. If \
                 somebody sent it to you, tell your administrator: with your consent their agent would have used your \
                 account.",
            ),
            Self::Disconnected => (
                StatusCode::OK,
                "Disconnected",
                "The server has ended the access, and the gateway has erased it.",
            ),
            Self::StillAlive => (
                StatusCode::OK,
                "Disconnected, but not ended at the server",
                "The gateway has erased the access. The server did not confirm that it has ended: end it there as well.",
            ),
            Self::ForeignPage => (
                StatusCode::FORBIDDEN,
                "Nothing was done",
                "Another page asked for this in your name. Use the buttons of this one.",
            ),
            Self::UnknownServer => {
                (StatusCode::NOT_FOUND, "Nothing was done", "The gateway knows no such server.")
            }
            Self::Later => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Not done",
                "Something does not answer at the moment. Try again in a while.",
            ),
            Self::Failed => (
                StatusCode::BAD_GATEWAY,
                "Not done",
                "The server did not go along. The gateway's operator can see why.",
            ),
        }
    }
}

impl From<&GatewayError> for Notice {
    fn from(error: &GatewayError) -> Self {
        match error {
            GatewayError::SignedOut => Self::SignInFirst,
            GatewayError::UnusableName => Self::UnusableName,
            GatewayError::ForeignPage => Self::ForeignPage,
            GatewayError::UnknownServer => Self::UnknownServer,
            GatewayError::OAuth(oauth_tokio::Error::OAuth { error, .. }) => match error {
                Error::Refused(refusal) if refusal.is_denied_by_user() => Self::Declined,
                Error::LoginExpired { .. } | Error::LoginUsed | Error::LoginNotWaiting => {
                    Self::NotWaiting
                }
                error if error.is_retryable() => Self::Later,
                _ => Self::Failed,
            },
            GatewayError::OAuth(error) if error.is_retryable() => Self::Later,
            _ => Self::Failed,
        }
    }
}
