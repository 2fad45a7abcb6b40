//! The pages at which users end up. The browser is redirected to them, so that nothing of the login stays in
//! the address bar, and no word of them comes from a server.

use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Redirect, Response};
use oauth_core::Error;

use crate::error::GatewayError;

/// What came of a user's way to the authorization server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Connected,
    Declined,
    SignedOut,
    NotWaiting,
    Later,
    Failed,
}

impl Ending {
    const ALL: [Self; 6] = [
        Self::Connected,
        Self::Declined,
        Self::SignedOut,
        Self::NotWaiting,
        Self::Later,
        Self::Failed,
    ];

    /// The ending whose page has this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ending| ending.name() == name)
    }

    /// Sends the browser to the page.
    pub(crate) fn redirect(self) -> Redirect {
        Redirect::to(&format!("{PATH}{}", self.name()))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Declined => "declined",
            Self::SignedOut => "signed-out",
            Self::NotWaiting => "not-waiting",
            Self::Later => "later",
            Self::Failed => "failed",
        }
    }

    /// Status, heading and text.
    fn says(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Connected => (StatusCode::OK, "Connected", "You can close this window."),
            Self::Declined => (
                StatusCode::FORBIDDEN,
                "Not connected",
                "You declined. Your agent asks again when it needs this.",
            ),
            Self::SignedOut => (
                StatusCode::UNAUTHORIZED,
                "Not connected",
                "Sign in to the gateway in this browser, then open the link once more.",
            ),
            Self::NotWaiting => (
                StatusCode::NOT_FOUND,
                "Not connected",
                "This link was used already, too long ago, or was made for somebody else. Let your agent ask once \
                 more. If somebody sent it to you, tell your administrator: with your consent their agent would \
                 have used your account.",
            ),
            Self::Later => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Not connected",
                "The server does not answer at the moment. Let your agent ask again in a while.",
            ),
            Self::Failed => (
                StatusCode::BAD_GATEWAY,
                "Not connected",
                "The server did not go along. The gateway's operator can see why.",
            ),
        }
    }
}

impl From<&GatewayError> for Ending {
    fn from(error: &GatewayError) -> Self {
        match error {
            GatewayError::SignedOut => Self::SignedOut,
            GatewayError::OAuth(oauth_tokio::Error::OAuth { error, .. }) => match error {
                Error::Refused(refusal) if refusal.is_denied_by_user() => Self::Declined,
                Error::LoginExpired { .. } | Error::LoginUsed | Error::LoginNotWaiting => {
                    Self::NotWaiting
                }
                error if error.is_retryable() => Self::Later,
                _ => Self::Failed,
            },
            _ => Self::Failed,
        }
    }
}

impl IntoResponse for Ending {
    fn into_response(self) -> Response {
        let (status, heading, text) = self.says();
        let page = format!(
            "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{heading}</title>\
             <h1>{heading}</h1><p>{text}</p></html>\n"
        );
        let fields = [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (
                CONTENT_SECURITY_POLICY,
                "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
            ),
            (CACHE_CONTROL, "no-store"),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        (status, fields, page).into_response()
    }
}

/// Where the pages are.
pub(crate) const PATH: &str = "/ended/";
