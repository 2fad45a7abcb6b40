//! What can go wrong: for a request, and for the program.

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
    /// The path names nobody who is known here.
    UnknownUser,
    /// The browser is nobody's who is known here.
    SignedOut,
    /// The MCP server's answer is too large to pass on.
    TooLarge,
    /// There is no randomness for the name of a session.
    NoRandomness,
    /// The files of the sessions cannot be used.
    Files(io::Error),
    /// The login or the call fails. [`Authentication`](oauth_tokio::Error::Authentication) is not among
    /// these: the gateway has an answer to that.
    OAuth(oauth_tokio::Error),
}

impl GatewayError {
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::UnknownUser => "use the name of a user whom the gateway knows",
            Self::SignedOut => "sign in to the gateway, and open the connect URL once more",
            Self::TooLarge => "ask the tool for less",
            Self::NoRandomness => "see that the operating system gives random bytes",
            Self::Files(_) => "see that the gateway can write to its directory",
            Self::OAuth(error) => error.advice(),
        }
    }

    /// Whoever is told this status can do something about it, or wait.
    fn status(&self) -> StatusCode {
        match self {
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::UnknownUser => StatusCode::NOT_FOUND,
            Self::TooLarge => StatusCode::BAD_GATEWAY,
            Self::Files(_) | Self::NoRandomness => StatusCode::INTERNAL_SERVER_ERROR,
            Self::OAuth(oauth_tokio::Error::OAuth { error, .. }) => match error.actor() {
                Actor::User => StatusCode::FORBIDDEN,
                Actor::Nobody => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::BAD_GATEWAY,
            },
            Self::OAuth(oauth_tokio::Error::Http(_)) => StatusCode::BAD_GATEWAY,
            Self::OAuth(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl fmt::Display for GatewayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownUser => f.write_str("there is no such user"),
            Self::SignedOut => f.write_str("nobody is signed in at this browser"),
            Self::TooLarge => f.write_str("the server's answer is too large"),
            Self::NoRandomness => f.write_str("the operating system gives no randomness"),
            Self::Files(error) => write!(f, "the sessions cannot be stored: {error}"),
            Self::OAuth(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for GatewayError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Files(error) => Some(error),
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
        Self::Files(error)
    }
}

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

/// Why the program ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments make no sense.
    Usage,
    /// The operating system refuses.
    System { doing: &'static str, error: io::Error },
    /// The gateway cannot be set up.
    Setup(GatewayError),
    /// A gateway does not say where it listens.
    NotStarted { name: &'static str },
    /// A gateway had to be killed, or ended with an error.
    NotEnded { name: &'static str },
    /// The story's own requests.
    Http(reqwest::Error),
    /// The story went another way.
    Unexpected { wanted: &'static str, status: u16 },
    /// The simulated server saw the protocol broken.
    Violations(Vec<String>),
    /// It took too long.
    TooSlow,
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

impl Failure {
    /// For `map_err`: what was being done when the operating system refused.
    pub(crate) fn system(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::System { doing, error }
    }

    pub(crate) fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Usage => Some(USAGE),
            Self::System { .. } => Some("see that this user may do that here"),
            Self::Setup(error) => Some(error.advice()),
            Self::NotStarted { .. } | Self::NotEnded { .. } => {
                Some("look at what it printed above")
            }
            Self::TooSlow => Some("try again when the machine has less to do"),
            Self::Http(_) => Some("see that programs may connect to 127.0.0.1 here"),
            Self::Unexpected { .. } | Self::Violations(_) => {
                Some("this is a bug: report it with what was printed above")
            }
            Self::Interrupted => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage => f.write_str("these arguments are not understood"),
            Self::System { doing, error } => write!(f, "cannot {doing}: {error}"),
            Self::Setup(error) => error.fmt(f),
            Self::NotStarted { name } => write!(f, "{name} did not start"),
            Self::NotEnded { name } => write!(f, "{name} did not end as it should"),
            Self::Http(error) => write!(f, "a request of the story could not be sent: {error}"),
            Self::Unexpected { wanted, status } => {
                write!(f, "the story wanted {wanted}, and the last answer was {status}")
            }
            Self::Violations(found) => {
                write!(f, "the servers saw the protocol broken: {}", found.join("; "))
            }
            Self::TooSlow => f.write_str("the story took too long"),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<oauth_tokio::Error> for Failure {
    fn from(error: oauth_tokio::Error) -> Self {
        Self::Setup(error.into())
    }
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        // A redirect's URL has a code in it.
        Self::Http(error.without_url())
    }
}

const USAGE: &str =
    "no arguments for the story, or: serve NAME SERVER-URL DIRECTORY [REDIRECT-URI]";
