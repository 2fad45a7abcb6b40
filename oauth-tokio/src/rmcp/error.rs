//! Failures on their way through rmcp: how they are found behind its own, and which of them last.

use ::rmcp::service::{ClientInitializeError, ServiceError};
use ::rmcp::transport::streamable_http_client::StreamableHttpError;

use super::told::heard;
use crate::Error;

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

/// Whether a later try would fail in the same way.
pub(super) fn lasts(failure: &Error) -> bool {
    match failure {
        Error::OAuth { error, .. } => !error.is_retryable(),
        Error::Authentication(_) | Error::UserAgent(_) => true,
        _ => false,
    }
}
