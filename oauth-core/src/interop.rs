//! Conversions from and to the types of the `http` crate.

use alloc::string::String;
use alloc::vec::Vec;

use http::header::{HeaderName, HeaderValue};

use crate::http::{Request, Response};

impl From<&Request> for http::Request<Vec<u8>> {
    /// Credentials are marked as sensitive, so that `Debug` of the result hides them too.
    fn from(request: &Request) -> Self {
        let mut converted = Self::new(request.body().to_vec());
        *converted.method_mut() = match request.method() {
            crate::Method::Get => http::Method::GET,
            crate::Method::Post => http::Method::POST,
        };
        // A checked https URL is a URI; an empty one in its place would only fail to be sent.
        *converted.uri_mut() = request.url().as_str().parse().unwrap_or_default();
        for (name, value) in request.headers() {
            if let Ok(mut value) = HeaderValue::from_str(value) {
                value.set_sensitive(matches!(name, "authorization" | "dpop"));
                converted.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        converted
    }
}

impl From<http::Response<Vec<u8>>> for Response {
    /// Header values that are not text are read as Latin-1, as RFC 9110 §5.5 suggests.
    fn from(response: http::Response<Vec<u8>>) -> Self {
        let (parts, body) = response.into_parts();
        let answer = Self::new(parts.status.as_u16(), body);
        parts.headers.iter().fold(answer, |answer, (name, value)| {
            // Almost all are ASCII.
            if let Ok(text) = value.to_str() {
                return answer.with_header(name.as_str(), text);
            }
            let text: String = value.as_bytes().iter().copied().map(char::from).collect();
            answer.with_header(name.as_str(), &text)
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::http::Endpoint;
    use crate::secret::SecretBuffer;
    use crate::url::{HttpAllowance, HttpUrl};

    #[test]
    fn a_request_keeps_everything_and_shows_no_credential() {
        let url = HttpUrl::parse("https://as.example/token?p=1", HttpAllowance::Forbidden)
            .unwrap_or_else(|e| panic!("{e}"));
        let request = Request::form(Endpoint::Token, url, SecretBuffer("a=b".into()))
            .with_authorization(Some("Basic planted".into()))
            .with_proof(Some("planted.planted.planted".into()));
        let converted = http::Request::<Vec<u8>>::from(&request);
        assert_eq!(converted.method(), http::Method::POST);
        assert_eq!(converted.uri(), "https://as.example/token?p=1");
        assert_eq!(converted.body(), b"a=b");
        assert_eq!(converted.headers()["authorization"], "Basic planted");
        assert_eq!(converted.headers()["dpop"], "planted.planted.planted");
        assert!(!format!("{:?}", converted.headers()).contains("planted"));
    }

    #[test]
    fn a_response_keeps_every_header_field() {
        let response = http::Response::builder()
            .status(401)
            .header("www-authenticate", "Basic")
            .header(
                "www-authenticate",
                HeaderValue::from_bytes(b"Bearer realm=\"\xE4\"").unwrap_or_else(|e| panic!("{e}")),
            )
            .body(b"x".to_vec())
            .unwrap_or_else(|e| panic!("{e}"));
        let converted = Response::from(response);
        assert_eq!((converted.status(), converted.body()), (401, &b"x"[..]));
        let values: Vec<_> = converted.header("WWW-Authenticate").collect();
        assert_eq!(values, ["Basic", "Bearer realm=\"ä\""]);
    }
}
