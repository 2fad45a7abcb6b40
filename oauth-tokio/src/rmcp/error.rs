//! Failures on their way through rmcp: what they are for us, what they become, and how they are found.

use ::rmcp::service::{ClientInitializeError, ServiceError};
use ::rmcp::transport::streamable_http_client::StreamableHttpError;
use oauth_core::error::PeerIncompatible;
use oauth_core::wire::ResourceChallenge;
use reqwest::StatusCode;

use super::told::heard;
use crate::http::unsent;
use crate::{Error, OAuth};

/// The failure of this crate behind an error of rmcp, or behind one that has such a source: for instance
/// [`Error::Authentication`] with its page. rmcp's errors do not show it as their source.
#[must_use]
pub fn cause<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = behind(error).or_else(|| error.source());
    }
    None
}

/// What rmcp keeps to itself.
fn behind<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a (dyn std::error::Error + 'static)> {
    if let Some(ServiceError::TransportSend(error)) = error.downcast_ref() {
        return Some(error);
    }
    match error.downcast_ref() {
        Some(ClientInitializeError::TransportError { error, .. }) => return Some(error),
        Some(ClientInitializeError::LegacyFallbackFailed { fallback, .. }) => {
            return Some(&**fallback);
        }
        _ => {}
    }
    match error.downcast_ref::<StreamableHttpError<Error>>() {
        Some(StreamableHttpError::Client(error)) => Some(error),
        Some(error) => heard(error).map(|error| error as _),
        None => None,
    }
}

/// Status and challenges, if the MCP server refused. Where rmcp keeps no status, its text has it.
pub(super) fn refusal(error: &StreamableHttpError<reqwest::Error>) -> Option<(u16, Vec<String>)> {
    match error {
        StreamableHttpError::AuthRequired(error) => {
            Some((401, vec![error.www_authenticate_header.clone()]))
        }
        StreamableHttpError::InsufficientScope(error) => {
            Some((403, vec![error.www_authenticate_header.clone()]))
        }
        StreamableHttpError::Client(error) if error.status() == Some(StatusCode::UNAUTHORIZED) => {
            Some((401, Vec::new()))
        }
        StreamableHttpError::UnexpectedServerResponse(text) if text.starts_with("HTTP 401") => {
            Some((401, Vec::new()))
        }
        _ => None,
    }
}

/// The same error with this crate's failures, of a request with a token that nobody here can renew.
pub(super) fn refused_bearer(
    error: StreamableHttpError<reqwest::Error>,
) -> StreamableHttpError<Error> {
    match refusal(&error) {
        Some((401, challenges)) => {
            let challenges = challenges.iter().map(String::as_str);
            let refused = PeerIncompatible::bearer_refused(challenges);
            StreamableHttpError::Client(oauth_core::Error::from(refused).into())
        }
        _ => outer(error),
    }
}

/// Whether the MCP endpoint has answered with a redirect that may be worth following. Where it leads, rmcp does not
/// say.
pub(super) fn is_redirect(error: &StreamableHttpError<reqwest::Error>) -> bool {
    match error {
        StreamableHttpError::Client(error) => {
            error.status().is_some_and(|status| matches!(status.as_u16(), 307 | 308))
        }
        StreamableHttpError::UnexpectedServerResponse(text) => {
            text.starts_with("HTTP 307") || text.starts_with("HTTP 308")
        }
        _ => false,
    }
}

impl OAuth {
    /// The challenges of a refusal of which rmcp passes on the first line.
    pub(super) async fn lines(&self, status: u16, first: Vec<String>) -> Vec<String> {
        let lines = || first.iter().map(String::as_str);
        let is_ours = first.is_empty() || ResourceChallenge::select(lines()).is_some();
        if is_ours || status != 401 {
            return first;
        }
        let client = &self.client;
        let probe = client.probe().await;
        let lines = probe.challenges().iter().map(|line| line.as_ref().to_owned());
        if probe.challenges().is_empty() { first } else { lines.collect() }
    }
}

/// Whether a later try would fail in the same way.
pub(super) fn lasts(failure: &Error) -> bool {
    match failure {
        Error::OAuth { error, .. } => !error.is_retryable(),
        Error::Authentication(_) | Error::UserAgent(_) => true,
        _ => false,
    }
}

/// The same error with this crate's failures.
pub(super) fn outer(error: StreamableHttpError<reqwest::Error>) -> StreamableHttpError<Error> {
    use StreamableHttpError as E;
    match error {
        E::Client(error) => E::Client(unsent(error)),
        E::Sse(error) => E::Sse(error),
        E::Io(error) => E::Io(error),
        E::HttpStatus(error) => E::HttpStatus(error),
        E::UnexpectedEndOfStream => E::UnexpectedEndOfStream,
        E::UnexpectedServerResponse(text) => E::UnexpectedServerResponse(text),
        E::ResponseBodyTooLarge { max_size } => E::ResponseBodyTooLarge { max_size },
        E::UnexpectedContentType(found) => E::UnexpectedContentType(found),
        E::ServerDoesNotSupportSse => E::ServerDoesNotSupportSse,
        E::ServerDoesNotSupportDeleteSession => E::ServerDoesNotSupportDeleteSession,
        E::TokioJoinError(error) => E::TokioJoinError(error),
        E::Deserialize(error) => E::Deserialize(error),
        E::TransportChannelClosed => E::TransportChannelClosed,
        E::MissingSessionIdInResponse => E::MissingSessionIdInResponse,
        E::AuthRequired(error) => E::AuthRequired(error),
        E::InsufficientScope(error) => E::InsufficientScope(error),
        E::ReservedHeaderConflict(name) => E::ReservedHeaderConflict(name),
        E::SessionExpired => E::SessionExpired,
        E::SessionRecoveryTimeout => E::SessionRecoveryTimeout,
        E::ReinitializationFailed(error) => E::ReinitializationFailed(error),
        E::ControlRequestTimeout => E::ControlRequestTimeout,
        // One that is newer than this crate.
        error => E::UnexpectedServerResponse(error.to_string().into()),
    }
}
