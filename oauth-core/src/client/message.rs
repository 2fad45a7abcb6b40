//! Answers as HTTP clients have them.

use alloc::string::String;
use alloc::vec::Vec;
use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};

use crate::{MAX_BODY, Response};

/// An answer as the machine wants it. A body that the HTTP client left compressed is decoded, up to the byte
/// behind [`MAX_BODY`] that says that it is too large.
#[must_use]
pub fn response(status: StatusCode, mut headers: HeaderMap, mut body: Vec<u8>) -> Response {
    if is_compressed(&headers)
        && let Some(decoded) = decoded(&body)
    {
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
        body = decoded;
    }
    let mut response = http::Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.into()
}

/// Whether it says gzip and nothing else. A client that decodes takes the field away.
fn is_compressed(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    let coding = codings.next().map_or(&[][..], HeaderValue::as_bytes);
    let is_gzip = coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip");
    is_gzip && codings.next().is_none()
}

fn decoded(body: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    let mut bytes = MultiGzDecoder::new(body).take(MAX_BODY as u64 + 1);
    bytes.read_to_end(&mut decoded).ok()?;
    Some(decoded)
}

/// All that a server says in `WWW-Authenticate`. A realm may be written in any encoding; what counts is
/// ASCII.
#[must_use]
pub fn challenges(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter();
    values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

/// Where a redirect leads, as the server wrote it.
#[must_use]
pub fn location(headers: &HeaderMap) -> Option<&str> {
    headers.get(LOCATION)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn compressed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).and_then(|()| encoder.finish()).unwrap_or_else(|e| panic!("{e}"))
    }

    fn read(coding: &'static str, body: Vec<u8>) -> Response {
        let headers = [(CONTENT_ENCODING, HeaderValue::from_static(coding))];
        response(StatusCode::OK, headers.into_iter().collect(), body)
    }

    #[test]
    fn what_is_compressed_is_decoded_once_and_within_the_limit() {
        assert_eq!(read("GZip", compressed(b"{}")).body(), b"{}");
        assert_eq!(read("x-gzip", compressed(b"{}")).header("content-encoding").count(), 0);
        let twice = compressed(&compressed(b"{}"));
        assert_eq!(read("gzip", twice).body(), compressed(b"{}"));
        assert_eq!(read("gzip", compressed(&vec![b' '; 64 << 20])).body().len(), MAX_BODY + 1);
        for (coding, body) in [("gzip", b"{}".to_vec()), ("br", compressed(b"{}"))] {
            assert_eq!(read(coding, body.clone()).body(), body);
        }
    }
}
