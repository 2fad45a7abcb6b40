//! How a request of the application gets to the MCP server: with a token, to where the endpoint is, and again after
//! what a refusal asks for.
//!
//! ```text
//!      ┌──────────────── what was asked for is done ◀───────────────┐
//!      ▼                                                            │
//!  authorize ─▶ execute ─▶ redirected within the origin? ─ no ─▶ refused? ─ no ─▶ the answer
//!      ▲                              │ yes
//!      └──────────────────────────────┘
//! ```

#![cfg_attr(not(feature = "rmcp"), allow(dead_code, reason = "`rmcp` has wishes of its own"))]

use oauth_core::client::{Call, Event, Host as _, challenges, location};
use reqwest::header::AUTHORIZATION;
use reqwest::{Request, Response};

use crate::http::{Connection, unsent};
use crate::{Error, OAuth};

/// Whether a request waits for its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// It does, if it can be had without a person.
    Awaited,
    /// It takes what is at hand.
    AtHand,
}

/// An answer of the MCP server. It is not known yet whether it is the application's.
pub(crate) struct Answer {
    pub(crate) response: Response,
    /// Whether the request had a token of ours.
    pub(crate) authorized: bool,
}

/// Why a request has no answer that would be the application's.
pub(crate) enum NoAnswer {
    /// It could not be sent, or not with what it needs.
    Failed(Error),
    /// It was refused, and what these challenges ask for is not to be had.
    Unmet(Error, Vec<String>),
}

impl OAuth {
    /// Sends a request, and again after what its answers ask for. `build` makes it anew each time.
    pub(crate) async fn carry(
        &self,
        call: &mut Call,
        mut build: impl FnMut() -> Result<Request, Error>,
    ) -> Result<Response, NoAnswer> {
        let client = &self.client;
        loop {
            let answer = self.carry_once(call, Token::Awaited, &mut build).await?;
            let response = answer.response;
            match client.judge(call, response.status().as_u16(), response.headers()).await? {
                None => return Ok(response),
                Some(remedy) => {
                    let challenges = challenges(response.headers());
                    // Its connection is free for the login.
                    drop(response);
                    let done = client.remedy(call, remedy).await;
                    done.map_err(|error| NoAnswer::Unmet(error, challenges))?;
                }
            }
        }
    }

    /// Sends a request to where the endpoint is; what the answer asks for is not done.
    pub(crate) async fn carry_once(
        &self,
        call: &mut Call,
        token: Token,
        mut build: impl FnMut() -> Result<Request, Error>,
    ) -> Result<Answer, Error> {
        let client = &self.client;
        loop {
            let mut request = build()?;
            if let Some(url) = call.url().and_then(|url| reqwest::Url::parse(url.as_str()).ok()) {
                *request.url_mut() = url;
            }
            let url = request.url().clone();
            let method = request.method().clone();
            let fields = match token {
                Token::Awaited => client.authorize(call, method.as_str(), url.as_str()).await?,
                Token::AtHand => client.authorize_now(call, method.as_str(), url.as_str()).await?,
            };
            let authorized = fields.is_some();
            if let Some(fields) = fields {
                fields.add_to(request.headers_mut());
            }
            let response = self.execute(request).await?;
            let (status, location) = (response.status().as_u16(), location(response.headers()));
            if client.redirected(call, url.as_str(), status, location) {
                continue;
            }
            return Ok(Answer { response, authorized });
        }
    }

    /// Sends a request as it is, and tells of its answer.
    pub(crate) async fn execute(&self, request: Request) -> Result<Response, Error> {
        let (method, url) = (request.method().clone(), request.url().clone());
        let authorized = request.headers().contains_key(AUTHORIZATION);
        let http = self.client.host().http();
        let response = http.send(request, Connection::Any).await.map_err(unsent)?;
        self.client.tell(&Event::Answered {
            method: method.as_str(),
            url: url.as_str(),
            authorized,
            status: response.status().as_u16(),
        });
        Ok(response)
    }
}

impl From<Error> for NoAnswer {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<NoAnswer> for Error {
    fn from(no_answer: NoAnswer) -> Self {
        match no_answer {
            NoAnswer::Failed(error) | NoAnswer::Unmet(error, _) => error,
        }
    }
}
