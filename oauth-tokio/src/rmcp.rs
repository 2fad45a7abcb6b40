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
//! request is sent again. What fails on the way is behind rmcp's error: [`cause`] finds it.
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
//!
//! Of the answers of the MCP server, [`Event::Answered`] tells only refusals: the others are rmcp's. Of
//! several `WWW-Authenticate` lines rmcp passes on the first. If that of a 401 is for another scheme, the
//! others are asked for; a step-up is found in the first line or not at all.

mod error;
mod told;

use std::collections::HashMap;
use std::sync::Arc;

use ::rmcp::model::ClientJsonRpcMessage;
use ::rmcp::transport::StreamableHttpClientTransport;
use ::rmcp::transport::common::client_side_sse::BoxedSseResponse;
use ::rmcp::transport::streamable_http_client::{
    AuthRequiredError, StreamableHttpClient, StreamableHttpClientTransportConfig,
    StreamableHttpError, StreamableHttpPostResponse, StreamableHttpResponseLimits,
};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

pub use error::cause;
use error::{is_redirect, lasts, outer, refusal, refused_bearer};
use oauth_core::client::Mode;
use told::told;

use crate::{Error, Event, NeedsConsent as _, OAuth};

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

    fn http_to(&self, url: &str) -> Inner<&reqwest::Client> {
        self.client.host().http().to(url).map_err(StreamableHttpError::Client)
    }

    /// The fields of a request of rmcp, with the host's own.
    fn with_own(&self, url: &str, headers: &Headers) -> Headers {
        let fields = headers.iter().map(|(name, value)| (name.clone(), value.clone()));
        let mut fields: HeaderMap = fields.collect();
        self.client.host().http().headers().add_to(url, &mut fields);
        fields.into_iter().filter_map(|(name, value)| Some((name?, value))).collect()
    }

    /// Where a request to the MCP endpoint goes, which may have moved within its origin.
    fn target(&self, url: &str) -> Arc<str> {
        let moved = self.client.moved().filter(|_| *url == *self.client.key().server_url);
        moved.map_or_else(|| url.into(), |moved| moved.as_str().into())
    }

    /// Gives up an answer that is no refusal. If it comes from where the endpoint had moved to, the next
    /// request is for its own URL: it may have been there for a while only.
    fn failed<T>(
        &self,
        asked: &str,
        url: &str,
        error: StreamableHttpError<reqwest::Error>,
    ) -> Outer<T> {
        if asked != url && !matches!(error, StreamableHttpError::ServerDoesNotSupportSse) {
            self.client.forget_moved();
        }
        Err(outer(error))
    }

    /// Sends a request of rmcp as [`send`](Self::send) does.
    async fn pass<T, F>(
        &self,
        request: Passed<'_>,
        send: impl Fn(Arc<str>, Option<String>) -> F,
    ) -> Outer<T>
    where
        F: Future<Output = Inner<T>>,
    {
        if request.brings_its_own() {
            return send(request.url.into(), request.token).await.map_err(refused_bearer);
        }
        let client = &self.client;
        let mut call = client.call(self.mode);
        let mut has_moved = false;
        loop {
            let url = self.target(request.url);
            let header = client.authorize(&mut call, &url).await;
            let token = header.map_err(StreamableHttpError::Client)?.as_ref().and_then(token);
            let authorized = token.is_some();
            let error = match send(Arc::clone(&url), token).await {
                Ok(answer) => {
                    client.delivered(&mut call, 200);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            if let StreamableHttpError::Client(error) = &error {
                client.host().http().failed(&url, error);
            }
            if is_redirect(&error) && !has_moved {
                // It may be within the origin: only an answer of our own shows where it leads.
                client.probe().await;
                has_moved = true;
                if self.target(request.url) != url {
                    continue;
                }
            }
            let Some((status, challenges)) = refusal(&error) else {
                return self.failed(request.url, &url, error);
            };
            client.tell(&Event::Answered { method: request.method, url: &url, authorized, status });
            let challenges = self.lines(status, challenges).await;
            let remedy = client.judge(&mut call, status, &challenges).await;
            match remedy.map_err(StreamableHttpError::Client)? {
                Some(remedy) => {
                    let done = client.remedy(&mut call, remedy).await;
                    done.map_err(|failure| told(failure, &challenges))?;
                }
                None => return Err(self.left(error)),
            }
        }
    }

    /// The same for a stream. rmcp opens a stream that ended again and again, unless the answer is that
    /// authorization is required: whoever has said no must not see the login page each time.
    async fn open<F>(
        &self,
        request: Passed<'_>,
        send: impl Fn(Arc<str>, Option<String>) -> F,
    ) -> Outer<BoxedSseResponse>
    where
        F: Future<Output = Inner<BoxedSseResponse>>,
    {
        self.pass(request, send).await.map_err(|error| match error {
            StreamableHttpError::Client(failure) if lasts(&failure) => {
                StreamableHttpError::AuthRequired(AuthRequiredError::new(failure.to_string()))
            }
            error => error,
        })
    }

    /// The same for the end of a session. It is worth a refresh, which all that end share, but no login: beside
    /// one it is sent with what is at hand, and left if that is refused.
    async fn close<F>(
        &self,
        request: Passed<'_>,
        send: impl Fn(Arc<str>, Option<String>) -> F,
    ) -> Outer<()>
    where
        F: Future<Output = Inner<()>>,
    {
        if request.brings_its_own() {
            return send(request.url.into(), request.token).await.map_err(refused_bearer);
        }
        let client = &self.client;
        let mut call = client.call(Mode::Quiet);
        loop {
            let url = self.target(request.url);
            let header = match client.is_at_login() {
                true => client.authorize_now(&mut call, &url),
                false => client.authorize(&mut call, &url).await,
            };
            let token = header.map_err(StreamableHttpError::Client)?.as_ref().and_then(token);
            let authorized = token.is_some();
            let Err(error) = send(Arc::clone(&url), token).await else {
                client.delivered(&mut call, 200);
                return Ok(());
            };
            let Some((status @ 401, challenges)) = refusal(&error) else {
                return Err(outer(error));
            };
            client.tell(&Event::Answered { method: request.method, url: &url, authorized, status });
            if !authorized || client.is_at_login() {
                return Err(outer(error));
            }
            let remedy = client.judge(&mut call, status, &challenges).await;
            let Some(remedy) = remedy.map_err(StreamableHttpError::Client)? else {
                return Err(self.left(error));
            };
            match client.remedy(&mut call, remedy).await {
                Ok(_) => {}
                Err(failure) if failure.needs_consent() => return Err(outer(error)),
                Err(failure) => return Err(StreamableHttpError::Client(failure)),
            }
        }
    }

    /// A refusal about which nothing is done.
    fn left(&self, error: StreamableHttpError<reqwest::Error>) -> StreamableHttpError<Error> {
        if self.client.has_bearer() { refused_bearer(error) } else { outer(error) }
    }
}

type Headers = HashMap<HeaderName, HeaderValue>;
type Inner<T> = Result<T, StreamableHttpError<reqwest::Error>>;
type Outer<T> = Result<T, StreamableHttpError<Error>>;

/// A request of rmcp, as far as it matters here.
struct Passed<'a> {
    method: &'static str,
    url: &'a str,
    token: Option<String>,
    headers: &'a Headers,
}

impl Passed<'_> {
    fn brings_its_own(&self) -> bool {
        self.token.is_some() || self.headers.contains_key(&AUTHORIZATION)
    }
}

impl StreamableHttpClient for OAuth {
    type Error = Error;

    async fn post_message(
        &self,
        url: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        headers: Headers,
    ) -> Outer<StreamableHttpPostResponse> {
        let limits = StreamableHttpResponseLimits::default();
        self.post_message_with_response_limits(url, message, session, token, headers, limits).await
    }

    async fn post_message_with_max_sse_event_size(
        &self,
        url: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        headers: Headers,
        max: usize,
    ) -> Outer<StreamableHttpPostResponse> {
        let mut limits = StreamableHttpResponseLimits::default();
        limits.max_sse_event_size = max;
        self.post_message_with_response_limits(url, message, session, token, headers, limits).await
    }

    async fn post_message_with_response_limits(
        &self,
        url: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        headers: Headers,
        limits: StreamableHttpResponseLimits,
    ) -> Outer<StreamableHttpPostResponse> {
        let request = Passed { method: "POST", url: &url, token, headers: &headers };
        self.pass(request, |url, token| {
            let (message, session) = (message.clone(), session.clone());
            let headers = self.with_own(&url, &headers);
            async move {
                self.http_to(&url)?
                    .post_message_with_response_limits(
                        url, message, session, token, headers, limits,
                    )
                    .await
            }
        })
        .await
    }

    async fn get_stream(
        &self,
        url: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        token: Option<String>,
        headers: Headers,
    ) -> Outer<BoxedSseResponse> {
        let max = StreamableHttpResponseLimits::default().max_sse_event_size;
        self.get_stream_with_max_sse_event_size(url, session, last_event, token, headers, max).await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        url: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        token: Option<String>,
        headers: Headers,
        max: usize,
    ) -> Outer<BoxedSseResponse> {
        let request = Passed { method: "GET", url: &url, token, headers: &headers };
        self.open(request, |url, token| {
            let (session, last_event) = (session.clone(), last_event.clone());
            let headers = self.with_own(&url, &headers);
            async move {
                self.http_to(&url)?
                    .get_stream_with_max_sse_event_size(
                        url, session, last_event, token, headers, max,
                    )
                    .await
            }
        })
        .await
    }

    async fn delete_session(
        &self,
        url: Arc<str>,
        session: Arc<str>,
        token: Option<String>,
        headers: Headers,
    ) -> Outer<()> {
        let request = Passed { method: "DELETE", url: &url, token, headers: &headers };
        self.close(request, |url, token| {
            let (session, headers) = (session.clone(), self.with_own(&url, &headers));
            async move { self.http_to(&url)?.delete_session(url, session, token, headers).await }
        })
        .await
    }
}

/// The token in an `Authorization` field: rmcp writes the field itself.
fn token(header: &HeaderValue) -> Option<String> {
    header.to_str().ok()?.strip_prefix("Bearer ").map(str::to_owned)
}
