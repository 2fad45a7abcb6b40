//! Makes the responses that the servers give.

use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

/// An answer that ends the handling of a request early.
pub(super) type Refused = Box<Response<Vec<u8>>>;

/// A plain text answer.
pub(super) fn text(status: u16, body: &str) -> Response<Vec<u8>> {
    with_type(status, "text/plain; charset=utf-8", body.as_bytes().to_vec())
}

/// A page for people.
pub(super) fn html(status: u16, body: &str) -> Response<Vec<u8>> {
    with_type(status, "text/html; charset=utf-8", body.as_bytes().to_vec())
}

/// A JSON answer that nobody may store (RFC 6749 §5.1).
pub(super) fn json(status: u16, body: &Value) -> Response<Vec<u8>> {
    let mut response = with_type(status, "application/json", body.to_string().into_bytes());
    set(&mut response, header::CACHE_CONTROL, "no-store");
    response
}

/// An OAuth error as RFC 6749 §5.2 has it.
pub(super) fn oauth_error(status: u16, error: &str, description: &str) -> Response<Vec<u8>> {
    json(status, &json!({ "error": error, "error_description": description }))
}

/// Adds a header; a value that cannot stand in one becomes `invalid`.
pub(super) fn set(response: &mut Response<Vec<u8>>, name: HeaderName, value: &str) {
    let value =
        HeaderValue::from_str(value).unwrap_or_else(|_| HeaderValue::from_static("invalid"));
    response.headers_mut().append(name, value);
}

fn with_type(status: u16, content_type: &'static str, body: Vec<u8>) -> Response<Vec<u8>> {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).expect("knobs and handlers give statuses from 100 to 999");
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
