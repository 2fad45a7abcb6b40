//! A provider as a script: what it publishes, and how its endpoints answer.

use std::collections::BTreeMap;

use oauth_core::Response;
use serde_json::Value;

/// Names and values of a form or a query.
pub(crate) type Parameters = BTreeMap<String, String>;

/// An MCP server with its authorization server.
#[derive(Debug, Clone)]
pub(crate) struct Provider {
    /// The MCP endpoint.
    pub(crate) server_url: &'static str,
    /// What it answers a request without a token.
    pub(crate) challenge: &'static str,
    /// What lies where; nothing lies anywhere else.
    pub(crate) documents: Vec<(&'static str, Answer)>,
    /// The registration endpoint: from the client's metadata.
    pub(crate) register: fn(&Value) -> Answer,
    /// The authorization endpoint: from the query to what the redirect says besides `state`.
    pub(crate) authorize: fn(&Parameters) -> &'static str,
    /// The token endpoint.
    pub(crate) token: fn(&TokenRequest) -> Answer,
}

/// A request to the token endpoint.
#[derive(Debug)]
pub(crate) struct TokenRequest {
    pub(crate) form: Parameters,
    pub(crate) headers: Parameters,
    /// The query of the authorization request before it.
    pub(crate) consented: Parameters,
}

impl TokenRequest {
    pub(crate) fn is_refresh(&self) -> bool {
        self.form["grant_type"] == "refresh_token"
    }
}

impl Provider {
    /// One that gives a code to everybody, and registers nobody.
    pub(crate) fn new(server_url: &'static str, challenge: &'static str) -> Self {
        Self {
            server_url,
            challenge,
            documents: Vec::new(),
            register: |_| Answer::page(404),
            authorize: |_| "code=c",
            token: |_| Answer::page(404),
        }
    }

    pub(crate) fn document(mut self, url: &'static str, document: Value) -> Self {
        self.documents.push((url, Answer::json(200, document)));
        self
    }

    pub(crate) fn register(self, register: fn(&Value) -> Answer) -> Self {
        Self { register, ..self }
    }

    pub(crate) fn authorize(self, authorize: fn(&Parameters) -> &'static str) -> Self {
        Self { authorize, ..self }
    }

    pub(crate) fn token(self, token: fn(&TokenRequest) -> Answer) -> Self {
        Self { token, ..self }
    }
}

/// What an endpoint answers.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    content_type: &'static str,
    body: String,
}

impl Answer {
    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self { status, content_type: "application/json; charset=utf-8", body: body.to_string() }
    }

    pub(crate) fn form(body: &str) -> Self {
        let content_type = "application/x-www-form-urlencoded; charset=utf-8";
        Self { status: 200, content_type, body: body.into() }
    }

    /// Takes a member out of a document.
    pub(crate) fn without_member(&mut self, name: &str) {
        let mut document: Value = serde_json::from_str(&self.body).unwrap();
        document.as_object_mut().unwrap().remove(name).unwrap();
        self.body = document.to_string();
    }

    /// A page for people.
    pub(crate) fn page(status: u16) -> Self {
        let body = "<!doctype html><title>Not here</title>".into();
        Self { status, content_type: "text/html", body }
    }
}

impl From<Answer> for Response {
    fn from(answer: Answer) -> Self {
        let Answer { status, content_type, body } = answer;
        Self::new(status, body.into_bytes()).with_header("content-type", content_type)
    }
}
