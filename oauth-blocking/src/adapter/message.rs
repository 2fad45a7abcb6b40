//! Answers as HTTP clients have them.

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, StatusCode};
use oauth_core::Response;

/// An answer as the machine wants it.
#[must_use]
pub fn response(status: StatusCode, headers: HeaderMap, body: Vec<u8>) -> Response {
    let mut response = http::Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.into()
}

/// All that a server says in `WWW-Authenticate`. A realm may be written in any encoding; what counts is
/// ASCII.
#[must_use]
pub fn challenges(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter();
    values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}
