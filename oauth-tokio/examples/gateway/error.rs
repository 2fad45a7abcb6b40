//! Why a request to the gateway fails.

use std::fmt;
use std::io;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use oauth_core::error::Actor;
use serde_json::json;

/// Why a request to the gateway fails.
#[derive(Debug)]
pub(crate) enum GatewayError {
    /// The path names no server that is known here.
    UnknownServer,
    /// The name is empty, too long, or has control characters.
    UnusableName,
    /// Nobody is signed in at the browser.
    SignedOut,
    /// A page that is not the gateway's has sent the browser here.
    ForeignPage,
    /// The MCP server's answer is too large to pass on.
    TooLarge,
    /// There is no randomness for the name of a session.
    NoRandomness,
    /// The sessions cannot be read or written.
    Sessions(Box<dyn std::error::Error + Send + Sync>),
    /// The login or the call fails. [`Authentication`](oauth_tokio::Error::Authentication) is not among
    /// these: the gateway has an answer to that.
    OAuth(oauth_tokio::Error),
}

impl GatewayError {
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::UnknownServer => "use the name of a server that the gateway knows",
            Self::UnusableName => "use a name of 1 to 100 characters that can be seen",
            Self::SignedOut => "sign in to the gateway first",
            Self::ForeignPage => "use the gateway's own page",
            Self::TooLarge => "ask the tool for less",
            Self::NoRandomness => "see that the operating system gives random bytes",
            Self::Sessions(_) => "see that the gateway can write to its directory or database",
            Self::OAuth(error) => error.advice(),
        }
    }

    /// Whoever is told this status can do something about it, or wait.
    fn status(&self) -> StatusCode {
        match self {
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::ForeignPage => StatusCode::FORBIDDEN,
            Self::UnknownServer => StatusCode::NOT_FOUND,
            Self::UnusableName => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooLarge => StatusCode::BAD_GATEWAY,
            Self::OAuth(error) if error.is_retryable() => StatusCode::SERVICE_UNAVAILABLE,
            Self::OAuth(oauth_tokio::Error::OAuth { error, .. }) => match error.actor() {
                Actor::User => StatusCode::FORBIDDEN,
                _ => StatusCode::BAD_GATEWAY,
            },
            Self::OAuth(oauth_tokio::Error::Http(_)) => StatusCode::BAD_GATEWAY,
            Self::Sessions(_) | Self::NoRandomness | Self::OAuth(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}

impl fmt::Display for GatewayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownServer => f.write_str("there is no such server"),
            Self::UnusableName => f.write_str("nobody can have this name"),
            Self::SignedOut => f.write_str("nobody is signed in at this browser"),
            Self::ForeignPage => f.write_str("another page than the gateway's has asked for this"),
            Self::TooLarge => f.write_str("the server's answer is too large"),
            Self::NoRandomness => f.write_str("the operating system gives no randomness"),
            Self::Sessions(error) => write!(f, "the sessions cannot be used: {error}"),
            Self::OAuth(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for GatewayError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Sessions(error) => Some(&**error),
            Self::OAuth(error) => Some(error),
            _ => None,
        }
    }
}

impl From<oauth_tokio::Error> for GatewayError {
    fn from(error: oauth_tokio::Error) -> Self {
        Self::OAuth(error)
    }
}

impl From<io::Error> for GatewayError {
    fn from(error: io::Error) -> Self {
        Self::Sessions(error.into())
    }
}

#[cfg(feature = "postgres")]
impl From<oauth_tokio::postgres::StatementError> for GatewayError {
    fn from(error: oauth_tokio::postgres::StatementError) -> Self {
        Self::Sessions(error.into())
    }
}

/// For agents. People get a page.
impl IntoResponse for GatewayError {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = if status == StatusCode::INTERNAL_SERVER_ERROR {
            // Paths are for the operator, not for whoever calls.
            eprintln!("  {self}");
            json!({"error": "the gateway cannot do this now", "advice": "tell its operator"})
        } else {
            json!({"error": self.to_string(), "advice": self.advice()})
        };
        (status, Json(body)).into_response()
    }
}
