//! [`OAuth`] as the HTTP client of [`rmcp`](https://docs.rs/rmcp), the Rust SDK of MCP.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use oauth_tokio::OAuth;
//! use rmcp::ServiceExt;
//!
//! let oauth = OAuth::new("https://mcp.example.com/mcp")?.client_name("My editor").build()?;
//! let client = ().serve(oauth.transport()).await?;
//! println!("{:?}", client.list_all_tools().await?);
//! # Ok(())
//! # }
//! ```
//!
//! With settings of the transport's own:
//! `StreamableHttpClientTransport::with_client(oauth, StreamableHttpClientTransportConfig::with_uri(url))`.
//! An `Authorization` that such a configuration brings wins: nothing here is done for it then. Refused, it is
//! [`PeerIncompatible::BearerRefused`](oauth_core::error::PeerIncompatible), as is a fixed token
//! ([`bearer`](crate::OAuthBuilder::bearer)).
//!
//! Every request carries the token; a refusal is answered by a refresh, a login or a wider scope, and the
//! request is sent again. What fails on the way is behind rmcp's error: [`cause`] finds it. All other answers mean
//! what they mean to rmcp's own HTTP client, and its limits for them hold. Of rmcp's features for clients it needs
//! `transport-streamable-http-client` alone.
//!
//! Through `oauth.quiet().transport()` nobody is asked: a call that needs a login fails at once. rmcp has shapes for
//! that, and its own `is_authorization_required` and `auth_challenge` see them; [`cause`] finds
//! [`oauth_core::Error::LoginRequired`] or [`oauth_core::Error::ScopeRequired`]. The session goes on after it.
//!
//! # What rmcp does meanwhile
//!
//! - Calls wait side by side, sixteen at most (`max_concurrent_requests`): one that waits for a person at
//!   a login page holds up neither the others nor the stream of notifications.
//! - The handshake is not like that. Until `initialize` is answered, the transport does nothing else, and
//!   does not even end: whoever drops `serve` leaves it waiting for the login, for
//!   [`wait`](crate::OAuthBuilder::wait) at most. With `ClientLifecycleMode::Auto`, ten seconds are
//!   all there is for the first request: call [`OAuth::authenticate`] before.
//! - A call that is dropped or cancelled takes nothing with it. A refresh or a login that it began goes
//!   on, and the next call has its token.
//! - Replies, cancellations and the end of the session have five seconds. The end of a session begins
//!   no login, only a refresh, which all sessions that end at a time share; beside a login it neither waits nor
//!   refreshes.
//! - A failure to open the stream of notifications is told to nobody, nor is one of
//!   `notifications/initialized`, but that the connection is closed. If a login fails on behalf of the
//!   stream, rmcp does not try again.

mod answer;
mod error;
mod events;
mod request;
mod told;

use std::sync::Arc;

use ::rmcp::model::ClientJsonRpcMessage;
use ::rmcp::transport::StreamableHttpClientTransport;
use ::rmcp::transport::common::client_side_sse::BoxedSseResponse;
use ::rmcp::transport::streamable_http_client::{
    AuthRequiredError, StreamableHttpClient, StreamableHttpClientTransportConfig,
    StreamableHttpError, StreamableHttpPostResponse, StreamableHttpResponseLimits,
};
use oauth_core::client::{Host as _, Mode, challenges};
use oauth_core::error::PeerIncompatible;
use reqwest::{Method, Response, StatusCode};

use answer::{to_end, to_message, to_stream};
pub use error::cause;
use error::lasts;
use events::GIVEN_UP;
use request::{Fields, Outgoing};

use crate::http::unsent;
use crate::sending::{Answer, Token};
use crate::{Error, NeedsConsent as _, OAuth};

impl OAuth {
    /// A transport of rmcp to this server, for `serve`.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime: the transport is a task.
    #[must_use]
    pub fn transport(&self) -> StreamableHttpClientTransport<Self> {
        let config = StreamableHttpClientTransportConfig::with_uri(&*self.client.key().server_url);
        StreamableHttpClientTransport::with_client(self.clone(), config)
    }

    /// Where a request to the MCP endpoint goes, which may have moved within its origin.
    fn target(&self, url: &str) -> Arc<str> {
        let moved = self.client.moved().filter(|_| *url == *self.client.key().server_url);
        moved.map_or_else(|| url.into(), |moved| moved.as_str().into())
    }

    fn make(&self, request: &Outgoing<'_>, url: &str) -> Result<reqwest::Request, Error> {
        let http = self.client.host().http().to(url).map_err(unsent)?;
        request.build(http, url)
    }

    /// Sends a request of rmcp as [`send`](Self::send) does.
    async fn pass(&self, request: &Outgoing<'_>) -> Outer<Response> {
        if request.brings_its_own() {
            return self.pass_as_it_is(request).await;
        }
        let client = &self.client;
        let mut call = client.call(self.mode);
        let mut url = self.target(request.url);
        let mut answer = self.carry(&mut call, || self.make(request, &url)).await?;
        if matches!(answer.status().as_u16(), 307 | 308) && *url != *request.url {
            // It has moved again, or back.
            client.forget_moved();
            url = request.url.into();
            answer = self.carry(&mut call, || self.make(request, &url)).await?;
        }
        self.unless_fixed(answer)
    }

    /// The same for a request with an `Authorization` of the host's own.
    async fn pass_as_it_is(&self, request: &Outgoing<'_>) -> Outer<Response> {
        let request = self.make(request, request.url).map_err(StreamableHttpError::Client)?;
        let answer = self.execute(request).await.map_err(StreamableHttpError::Client)?;
        match answer.status() {
            StatusCode::UNAUTHORIZED => Err(refused_bearer(&answer)),
            _ => Ok(answer),
        }
    }

    /// The same for the end of a session. It is worth a refresh, which all that end share, but no login: beside
    /// one it is sent with what is at hand, and left if that is refused.
    async fn close(&self, request: &Outgoing<'_>) -> Outer<Response> {
        if request.brings_its_own() {
            return self.pass_as_it_is(request).await;
        }
        let url = self.target(request.url);
        self.unless_fixed(self.end(request, &url).await.map_err(StreamableHttpError::Client)?)
    }

    async fn end(&self, request: &Outgoing<'_>, url: &str) -> Result<Response, Error> {
        let client = &self.client;
        let mut call = client.call(Mode::Quiet);
        loop {
            let token = if client.is_at_login() { Token::AtHand } else { Token::Awaited };
            let build = || self.make(request, url);
            let answer = self.carry_once(&mut call, token, build).await?;
            let Answer { response, authorized } = answer;
            let status = response.status().as_u16();
            if status != 401 || !authorized || client.is_at_login() {
                client.delivered(&mut call, status, response.headers());
                return Ok(response);
            }
            let Some(remedy) = client.judge(&mut call, status, response.headers()).await? else {
                return Ok(response);
            };
            match client.remedy(&mut call, remedy).await {
                Ok(_) => {}
                Err(failure) if failure.needs_consent() => return Ok(response),
                Err(failure) => return Err(failure),
            }
        }
    }

    /// A refused token that nobody here can renew is a failure of ours.
    fn unless_fixed(&self, answer: Response) -> Outer<Response> {
        match answer.status() {
            StatusCode::UNAUTHORIZED if self.client.has_bearer() => Err(refused_bearer(&answer)),
            _ => Ok(answer),
        }
    }

    /// What became of a request. If it failed at where the endpoint had moved to, the next one is for its own URL: it
    /// may have been there for a while only.
    fn unless_moved<T>(&self, outcome: Outer<T>) -> Outer<T> {
        use StreamableHttpError as E;
        match &outcome {
            Ok(_)
            | Err(E::ServerDoesNotSupportSse | E::AuthRequired(_) | E::InsufficientScope(_)) => {}
            Err(E::Client(error)) if !matches!(error, Error::Http(_)) => {}
            Err(_) => self.client.forget_moved(),
        }
        outcome
    }
}

fn refused_bearer(answer: &Response) -> StreamableHttpError<Error> {
    let challenges = challenges(answer.headers());
    let refused = PeerIncompatible::bearer_refused(challenges.iter().map(String::as_str));
    StreamableHttpError::Client(oauth_core::Error::from(refused).into())
}

/// rmcp opens a stream that ended again and again, unless the answer is that authorization is required: whoever has
/// said no must not see the login page each time.
fn once_only(error: StreamableHttpError<Error>) -> StreamableHttpError<Error> {
    match error {
        StreamableHttpError::Client(failure) if lasts(&failure) => {
            StreamableHttpError::AuthRequired(AuthRequiredError::new(failure.to_string()))
        }
        error => error,
    }
}

type Outer<T> = Result<T, StreamableHttpError<Error>>;

impl StreamableHttpClient for OAuth {
    type Error = Error;

    async fn post_message(
        &self,
        url: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        fields: Fields,
    ) -> Outer<StreamableHttpPostResponse> {
        let limits = StreamableHttpResponseLimits::default();
        self.post_message_with_response_limits(url, message, session, token, fields, limits).await
    }

    async fn post_message_with_max_sse_event_size(
        &self,
        url: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        fields: Fields,
        max: usize,
    ) -> Outer<StreamableHttpPostResponse> {
        let mut limits = StreamableHttpResponseLimits::default();
        limits.max_sse_event_size = max;
        self.post_message_with_response_limits(url, message, session, token, fields, limits).await
    }

    async fn post_message_with_response_limits(
        &self,
        url: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        fields: Fields,
        limits: StreamableHttpResponseLimits,
    ) -> Outer<StreamableHttpPostResponse> {
        let (session, token) = (session.as_deref(), token.as_deref());
        let request = Outgoing::new(Method::POST, &url, session, token, fields)?;
        let request = request.with_json(serde_json::to_vec(&message)?);
        let outcome = match self.pass(&request).await {
            Ok(answer) => to_message(answer, &message, session.is_some(), limits).await,
            Err(error) => Err(error),
        };
        self.unless_moved(outcome)
    }

    async fn get_stream(
        &self,
        url: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        token: Option<String>,
        fields: Fields,
    ) -> Outer<BoxedSseResponse> {
        let max = StreamableHttpResponseLimits::default().max_sse_event_size;
        self.get_stream_with_max_sse_event_size(url, session, last_event, token, fields, max).await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        url: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        token: Option<String>,
        fields: Fields,
        max: usize,
    ) -> Outer<BoxedSseResponse> {
        if last_event.as_deref() == Some(GIVEN_UP) {
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        }
        let (session, token) = (session.as_deref(), token.as_deref());
        let request = Outgoing::new(Method::GET, &url, session, token, fields)?;
        let answer = self.pass(&request.after(last_event.as_deref())).await.map_err(once_only);
        self.unless_moved(answer.and_then(|answer| to_stream(answer, max)))
    }

    async fn delete_session(
        &self,
        url: Arc<str>,
        session: Arc<str>,
        token: Option<String>,
        fields: Fields,
    ) -> Outer<()> {
        let request =
            Outgoing::new(Method::DELETE, &url, Some(&session), token.as_deref(), fields)?;
        self.close(&request).await.and_then(to_end)
    }
}
