//! The need for a login in the shapes that rmcp has for it, so that its own questions find it as well.

use std::sync::{LazyLock, Mutex, PoisonError};

use ::rmcp::transport::streamable_http_client::{
    AuthRequiredError, InsufficientScopeError, StreamableHttpError,
};
use oauth_core::Scopes;
use oauth_core::error::Error as ProtocolError;

use crate::Error;
use crate::sending::NoAnswer;

impl From<NoAnswer> for StreamableHttpError<Error> {
    fn from(no_answer: NoAnswer) -> Self {
        match no_answer {
            NoAnswer::Failed(error) => Self::Client(error),
            NoAnswer::Unmet(error, challenges) => told(error, &challenges),
        }
    }
}

/// The failure of a call for which nobody was asked. `challenges` are what the server said.
fn told(failure: Error, challenges: &[String]) -> StreamableHttpError<Error> {
    let Error::OAuth { error, .. } = &failure else {
        return StreamableHttpError::Client(failure);
    };
    let header = challenges.join(", ");
    match error {
        ProtocolError::LoginRequired => {
            StreamableHttpError::AuthRequired(AuthRequiredError::new(header))
        }
        ProtocolError::ScopeRequired { missing } => {
            let missing = Some(missing.to_string());
            StreamableHttpError::InsufficientScope(InsufficientScopeError::new(header, missing))
        }
        _ => StreamableHttpError::Client(failure),
    }
}

/// What such a shape says, which has no room for an error of ours.
pub(super) fn heard(error: &StreamableHttpError<Error>) -> Option<&'static Error> {
    match error {
        StreamableHttpError::AuthRequired(_) => Some(&LOGIN_REQUIRED),
        StreamableHttpError::InsufficientScope(error) => {
            let missing = error.get_required_scope().and_then(Scopes::parse);
            Some(missing.map_or(&LOGIN_REQUIRED, scope_required))
        }
        _ => None,
    }
}

/// Who looks for a cause gets a reference: each of these is made once, and stays.
fn scope_required(missing: Scopes) -> &'static Error {
    let mut made = SCOPES_REQUIRED.lock().unwrap_or_else(PoisonError::into_inner);
    let known = made.iter().find(|(own, _)| *own == missing);
    if let Some((_, error)) = known {
        return error;
    }
    if made.len() >= MAX_SCOPES_REQUIRED {
        return &LOGIN_REQUIRED;
    }
    let error = ProtocolError::ScopeRequired { missing: missing.clone() };
    let error: &'static Error = Box::leak(Box::new(error.into()));
    made.push((missing, error));
    error
}

static LOGIN_REQUIRED: LazyLock<Error> = LazyLock::new(|| ProtocolError::LoginRequired.into());

static SCOPES_REQUIRED: Mutex<Vec<(Scopes, &'static Error)>> = Mutex::new(Vec::new());

/// Far more than there are sets of scopes that servers ask for one by one. A server that invents them costs no
/// more memory than that; what it asks for beyond is told as the need for a login.
const MAX_SCOPES_REQUIRED: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(scopes: &str) -> ProtocolError {
        ProtocolError::ScopeRequired { missing: Scopes::parse(scopes).unwrap_or_default() }
    }

    fn through(error: &ProtocolError) -> Option<ProtocolError> {
        match heard(&told(error.clone().into(), &[])) {
            Some(Error::OAuth { error, .. }) => Some(error.clone()),
            _ => None,
        }
    }

    #[test]
    fn what_is_told_is_heard_and_takes_no_memory_without_end() {
        for error in [ProtocolError::LoginRequired, missing("a b"), missing("a")] {
            assert_eq!(through(&error), Some(error));
        }
        assert_eq!(through(&ProtocolError::Contended), None);
        for number in 0..2 * MAX_SCOPES_REQUIRED {
            let error = missing(&format!("s{number}"));
            let heard = through(&error);
            assert!(heard == Some(error) || heard == Some(ProtocolError::LoginRequired));
        }
        assert_eq!(through(&missing("one more")), Some(ProtocolError::LoginRequired));
        assert_eq!(through(&missing("a")), Some(missing("a")));
        let made = SCOPES_REQUIRED.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(made.len(), MAX_SCOPES_REQUIRED);
    }
}
