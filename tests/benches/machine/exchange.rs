//! How the requests of a session are sent, and how their answers come back: in the core's own types, and in those of
//! the crate `http`, as the adapters do it. What an HTTP client itself costs is not in it.

use std::hint::black_box;
use std::vec::IntoIter;

use http::{HeaderMap, HeaderValue, StatusCode};
use oauth_core::client::response;
use oauth_core::session::HttpReply;
use oauth_core::{Endpoint, Request, UnixTime};

use crate::prepared::Answers;

/// Sends one request of a session after the other.
pub(crate) trait Exchange {
    /// Sends this one, and hands over what was answered.
    fn answer(&mut self, request: Request, reply: HttpReply<'_>, now: UnixTime);
}

/// Requests are looked at, and answers are there.
pub(crate) struct InCoreTypes<'a>(pub(crate) &'a Answers);

impl Exchange for InCoreTypes<'_> {
    fn answer(&mut self, request: Request, reply: HttpReply<'_>, now: UnixTime) {
        black_box((request.url().as_str(), request.body()));
        reply.response(self.0.to(&request), now);
    }
}

/// Requests are made anew for the HTTP client, and answers are what it hands over.
pub(crate) struct InHttpTypes(IntoIter<Answer>);

/// An answer as an HTTP client has it.
pub(crate) type Answer = (StatusCode, HeaderMap, Vec<u8>);

impl InHttpTypes {
    /// With the answers to the requests at these endpoints, in their order.
    pub(crate) fn new(answers: &Answers, endpoints: &[Endpoint]) -> Self {
        let all: Vec<_> = endpoints.iter().map(|endpoint| answer(answers, *endpoint)).collect();
        Self(all.into_iter())
    }
}

impl Exchange for InHttpTypes {
    fn answer(&mut self, request: Request, reply: HttpReply<'_>, now: UnixTime) {
        black_box(http::Request::<Vec<u8>>::from(&request));
        let (status, headers, body) = self.0.next().expect("there is an answer to each request");
        reply.response(&response(status, headers, body), now);
    }
}

/// With the fields that servers send.
pub(crate) fn answer(answers: &Answers, endpoint: Endpoint) -> Answer {
    let answer = answers.at(endpoint);
    let status = StatusCode::from_u16(answer.status()).expect("it is a status");
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    headers.insert("date", HeaderValue::from_static("Sun, 17 Mar 2030 17:46:40 GMT"));
    headers.insert("content-length", answer.body().len().into());
    (status, headers, answer.body().to_vec())
}

/// Whom a login asks.
pub(crate) const LOGIN: [Endpoint; 4] =
    [Endpoint::ResourceMetadata, Endpoint::ServerMetadata, Endpoint::Registration, Endpoint::Token];
