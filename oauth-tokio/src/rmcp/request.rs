//! A request of rmcp, as it goes out.

use std::collections::HashMap;

use ::rmcp::transport::common::http_header::{
    EVENT_STREAM_MIME_TYPE, HEADER_LAST_EVENT_ID, HEADER_SESSION_ID, JSON_MIME_TYPE,
};
use ::rmcp::transport::streamable_http_client::StreamableHttpError;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, Method, Request};

use super::Outer;
use crate::Error;
use crate::http::unsent;

pub(super) type Fields = HashMap<HeaderName, HeaderValue>;

/// What rmcp wants to be sent: it can be made any number of times.
pub(super) struct Outgoing<'a> {
    method: Method,
    pub(super) url: &'a str,
    /// The host's own, from rmcp's settings.
    token: Option<&'a str>,
    session: Option<&'a str>,
    last_event: Option<&'a str>,
    fields: Fields,
    body: Option<Vec<u8>>,
}

impl<'a> Outgoing<'a> {
    /// # Errors
    ///
    /// That a field is not the host's to set.
    pub(super) fn new(
        method: Method,
        url: &'a str,
        session: Option<&'a str>,
        token: Option<&'a str>,
        fields: Fields,
    ) -> Outer<Self> {
        let is_reserved = |name: &&HeaderName| RESERVED.iter().any(|it| **name == *it);
        if let Some(name) = fields.keys().find(is_reserved) {
            return Err(StreamableHttpError::ReservedHeaderConflict(name.to_string()));
        }
        Ok(Self { method, url, token, session, last_event: None, fields, body: None })
    }

    /// The same for a stream that goes on after an event.
    pub(super) fn after(self, last_event: Option<&'a str>) -> Self {
        Self { last_event, ..self }
    }

    pub(super) fn with_json(self, body: Vec<u8>) -> Self {
        Self { body: Some(body), ..self }
    }

    /// Whether the host has an `Authorization` of its own for it.
    pub(super) fn brings_its_own(&self) -> bool {
        self.token.is_some() || self.fields.contains_key(&AUTHORIZATION)
    }

    /// The request, to `url`.
    pub(super) fn build(&self, http: &Client, url: &str) -> Result<Request, Error> {
        let mut request = http.request(self.method.clone(), url);
        if self.method != Method::DELETE {
            let accepted = [EVENT_STREAM_MIME_TYPE, JSON_MIME_TYPE].join(", ");
            request = request.header(ACCEPT, accepted);
        }
        if let Some(token) = self.token {
            request = request.bearer_auth(token);
        }
        let named = [(HEADER_SESSION_ID, self.session), (HEADER_LAST_EVENT_ID, self.last_event)];
        for (name, value) in named {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        for (name, value) in &self.fields {
            request = request.header(name, value);
        }
        if let Some(body) = &self.body {
            if !self.fields.contains_key(&CONTENT_TYPE) {
                request = request.header(CONTENT_TYPE, JSON_MIME_TYPE);
            }
            request = request.body(body.clone());
        }
        request.build().map_err(unsent)
    }
}

/// What belongs to the transport.
const RESERVED: [&str; 3] = ["accept", "mcp-session-id", "last-event-id"];
