//! Work that more than one case does by hand, with nothing checked that need not be.

use std::hint::black_box;

use http::{HeaderValue, Method, Request};
use serde::Deserialize;
use url::form_urlencoded::byte_serialize;

/// A piece of a `WWW-Authenticate` value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Piece<'a> {
    Scheme(&'a str),
    Token68(&'a str),
    Param(&'a str, &'a str),
}

/// One pass over a well-formed `WWW-Authenticate` value.
pub(crate) fn pieces<'a>(text: &'a str, mut each: impl FnMut(Piece<'a>)) {
    let mut at = 0;
    let mut behind_scheme = false;
    loop {
        at = find(text, at, |byte| !matches!(byte, b' ' | b','));
        if at == text.len() {
            return;
        }
        let end = find(text, at, |byte| matches!(byte, b' ' | b',' | b'='));
        let word = &text[at..end];
        let value = find(text, end, |byte| byte != b'=');
        if value == end && !behind_scheme {
            each(Piece::Scheme(word));
            (at, behind_scheme) = (end, true);
            continue;
        }
        match text.as_bytes().get(value) {
            None | Some(b',') => {
                each(Piece::Token68(&text[at..value]));
                at = value;
            }
            Some(b'"') => {
                let start = value + 1;
                let mut end = start;
                loop {
                    end += text[end..].find('"').expect("the quotes are closed");
                    if text.as_bytes()[end - 1] != b'\\' {
                        break;
                    }
                    end += 1;
                }
                each(Piece::Param(word, &text[start..end]));
                at = end + 1;
            }
            Some(_) => {
                at = find(text, value, |byte| matches!(byte, b' ' | b','));
                each(Piece::Param(word, &text[value..at]));
            }
        }
        behind_scheme = false;
    }
}

fn find(text: &str, from: usize, is_end: impl Fn(u8) -> bool) -> usize {
    let rest = &text.as_bytes()[from..];
    let found = rest.iter().position(|byte| is_end(*byte));
    found.map_or(text.len(), |length| from + length)
}

/// Writes a parameter of a form whose name needs no escapes.
pub(crate) fn pair(form: &mut String, name: &str, value: &str) {
    form.push_str(name);
    form.extend(byte_serialize(value.as_bytes()));
}

/// Reads a body as it comes from the network.
pub(crate) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> T {
    let text = str::from_utf8(body).expect("JSON is UTF-8");
    serde_json::from_str(text).expect("the document is one")
}

/// The body of a request.
pub(crate) enum Body {
    Json(String),
    Form(String),
}

/// A request as it is, for nobody.
pub(crate) fn look(url: &str, body: Option<Body>) {
    black_box((url, body));
}

/// The same as an HTTP client wants it.
pub(crate) fn send(url: &str, body: Option<Body>) {
    let mut request = Request::new(Vec::new());
    *request.uri_mut() = url.parse().expect("it is a URL");
    request.headers_mut().insert("accept", HeaderValue::from_static("application/json"));
    if let Some(body) = body {
        let (kind, text) = match body {
            Body::Json(text) => ("application/json", text),
            Body::Form(text) => ("application/x-www-form-urlencoded", text),
        };
        *request.method_mut() = Method::POST;
        request.headers_mut().insert("content-type", HeaderValue::from_static(kind));
        *request.body_mut() = text.into_bytes();
    }
    black_box(request);
}

/// What a token answer has to say.
#[derive(Deserialize)]
pub(crate) struct TokenAnswer<'a> {
    pub(crate) access_token: &'a str,
    pub(crate) token_type: &'a str,
    pub(crate) expires_in: u64,
    pub(crate) refresh_token: &'a str,
    pub(crate) scope: &'a str,
}

/// What is kept of it.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    /// Ready to be sent.
    pub(crate) header_value: Box<str>,
    pub(crate) expires_at: u64,
    pub(crate) refresh_token: Box<str>,
    pub(crate) scope: Box<str>,
}

impl Tokens {
    pub(crate) fn read(body: &[u8], now: u64) -> Self {
        let answer: TokenAnswer<'_> = read(body);
        assert!(answer.token_type.eq_ignore_ascii_case("bearer"));
        Self {
            header_value: ["Bearer ", answer.access_token].concat().into(),
            expires_at: now + answer.expires_in,
            refresh_token: answer.refresh_token.into(),
            scope: answer.scope.into(),
        }
    }
}
