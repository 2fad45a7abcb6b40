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
//! An `Authorization` that such a configuration brings wins: nothing here is done for it then.
//!
//! Every request carries the token; a refusal is answered by a refresh, a login or a wider scope, and the
//! request is sent again. What fails on the way is behind rmcp's error: [`cause`] finds it.
//!
//! # What rmcp does meanwhile
//!
//! - Calls wait side by side, sixteen at most (`max_concurrent_requests`): one that waits for a person at
//!   a login page holds up neither the others nor the stream of notifications.
//! - The handshake is not like that. Until `initialize` is answered, the transport does nothing else, and
//!   does not even end: whoever drops `serve` leaves it waiting for the login, for
//!   [`wait`](oauth_blocking::Builder::wait) at most. With `ClientLifecycleMode::Auto`, ten seconds are
//!   all there is for the first request: call [`OAuth::authenticate`] before.
//! - A call that is dropped or cancelled takes nothing with it. A refresh or a login that it began goes
//!   on, and the next call has its token.
//! - Replies, cancellations and the end of the session have five seconds. The end of the session begins
//!   no login, only a refresh.
//! - A failure to open the stream of notifications is told to nobody, nor is one of
//!   `notifications/initialized`, but that the connection is closed. If a login fails on behalf of the
//!   stream, rmcp does not try again.
//!
//! Of the answers of the MCP server, [`Event::Answered`] tells only refusals: the others are rmcp's. Of
//! several `WWW-Authenticate` lines rmcp passes on the first. If that of a 401 is for another scheme, the
//! others are asked for; a step-up is found in the first line or not at all.

mod error;

use std::collections::HashMap;
use std::sync::Arc;

use ::rmcp::model::ClientJsonRpcMessage;
use ::rmcp::transport::StreamableHttpClientTransport;
use ::rmcp::transport::common::client_side_sse::BoxedSseResponse;
use ::rmcp::transport::streamable_http_client::{
    AuthRequiredError, StreamableHttpClient, StreamableHttpClientTransportConfig,
    StreamableHttpError, StreamableHttpPostResponse,
};
use oauth_core::session::{Attempt, Verdict};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};

pub use error::{cause, into_cause};
use error::{lasts, outer, refusal};

use crate::{Error, Event, OAuth};

impl OAuth {
    /// A transport of rmcp to this server, for `serve`.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime: the transport is a task.
    #[must_use]
    pub fn transport(&self) -> StreamableHttpClientTransport<Self> {
        let config = StreamableHttpClientTransportConfig::with_uri(self.inner.server.as_str());
        StreamableHttpClientTransport::with_client(self.clone(), config)
    }

    /// Sends a request of rmcp as [`send`](Self::send) does.
    async fn call<T, F>(&self, call: Call<'_>, send: impl Fn(Option<String>) -> F) -> Outer<T>
    where
        F: Future<Output = Inner<T>>,
    {
        if call.brings_its_own() {
            return send(call.token).await.map_err(outer);
        }
        let mut attempt = Attempt::new();
        loop {
            let token = self.authorize(call.url, &mut attempt).await;
            let token = token.map_err(StreamableHttpError::Client)?;
            let error = match send(token.as_ref().map(|token| token.token().to_owned())).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some((status, challenges)) = refusal(&error) else { return Err(outer(error)) };
            let (method, url, authorized) = (call.method, call.url, token.is_some());
            self.inner.tell(&Event::Answered { method, url, authorized, status });
            let challenges = self.lines(status, challenges).await;
            match self.remedy(&mut attempt, status, &challenges).await {
                Ok(Verdict::Retry) => {}
                Ok(Verdict::Deliver) => return Err(outer(error)),
                Err(error) => return Err(StreamableHttpError::Client(error)),
            }
        }
    }

    /// The same for a stream. rmcp opens a stream that ended again and again, unless the answer is that
    /// authorization is required: whoever has said no must not see the login page each time.
    async fn open<F>(
        &self,
        call: Call<'_>,
        send: impl Fn(Option<String>) -> F,
    ) -> Outer<BoxedSseResponse>
    where
        F: Future<Output = Inner<BoxedSseResponse>>,
    {
        self.call(call, send).await.map_err(|error| match error {
            StreamableHttpError::Client(failure) if lasts(&failure) => {
                StreamableHttpError::AuthRequired(AuthRequiredError::new(failure.to_string()))
            }
            error => error,
        })
    }

    /// The same for the end of a session, which is worth a refresh, but no login.
    async fn close<F>(&self, call: Call<'_>, send: impl Fn(Option<String>) -> F) -> Outer<()>
    where
        F: Future<Output = Inner<()>>,
    {
        if call.brings_its_own() {
            return send(call.token).await.map_err(outer);
        }
        let token = self.authorize(call.url, &mut Attempt::new()).await;
        let token = token.map_err(StreamableHttpError::Client)?;
        let sent = send(token.as_ref().map(|token| token.token().to_owned())).await;
        match sent {
            Err(error) if token.is_some() && refusal(&error).is_some() => {
                match self.refresh_token().await.map_err(StreamableHttpError::Client)? {
                    Some(token) => send(Some(token.token().to_owned())).await.map_err(outer),
                    None => Err(outer(error)),
                }
            }
            sent => sent.map_err(outer),
        }
    }
}

type Headers = HashMap<HeaderName, HeaderValue>;
type Inner<T> = Result<T, StreamableHttpError<reqwest::Error>>;
type Outer<T> = Result<T, StreamableHttpError<Error>>;

/// A request of rmcp, as far as it matters here.
struct Call<'a> {
    method: &'static str,
    url: &'a str,
    token: Option<String>,
    headers: &'a Headers,
}

impl Call<'_> {
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
        let max = default_max();
        self.post_message_with_max_sse_event_size(url, message, session, token, headers, max).await
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
        let call = Call { method: "POST", url: &url, token, headers: &headers };
        self.call(call, |token| {
            let (url, message, session) = (url.clone(), message.clone(), session.clone());
            let (http, headers) = (&self.inner.http, headers.clone());
            http.post_message_with_max_sse_event_size(url, message, session, token, headers, max)
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
        let max = default_max();
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
        let call = Call { method: "GET", url: &url, token, headers: &headers };
        self.open(call, |token| {
            let (url, session, last_event) = (url.clone(), session.clone(), last_event.clone());
            let (http, headers) = (&self.inner.http, headers.clone());
            http.get_stream_with_max_sse_event_size(url, session, last_event, token, headers, max)
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
        let call = Call { method: "DELETE", url: &url, token, headers: &headers };
        self.close(call, |token| {
            self.inner.http.delete_session(url.clone(), session.clone(), token, headers.clone())
        })
        .await
    }
}

fn default_max() -> usize {
    StreamableHttpClientTransportConfig::default().max_sse_event_size
}
