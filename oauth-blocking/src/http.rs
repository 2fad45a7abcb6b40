//! How requests are sent: by which connection, with which header fields, and by no proxy to this machine.

use std::io::{self, ErrorKind, Read as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use oauth_core::client::{Headers, HttpSender, Obstructed, Unanswered, last_chance, response};
use oauth_core::error::Obstacle;
use oauth_core::{MAX_BODY, Method, Request, Response, is_loopback};
use ureq::http;
use ureq::{AsSendBody, Body};

use crate::apart::Apart;

/// The HTTP client. Clones share connections.
#[derive(Clone)]
pub(crate) struct Http {
    agent: ureq::Agent,
    headers: Arc<Headers>,
}

/// What a request may be sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connection {
    /// One that was used before, if there is one: it may have died since.
    Any,
    /// A new one.
    Fresh,
}

impl Http {
    pub(crate) fn new(agent: ureq::Agent, headers: Headers) -> Self {
        Self { agent, headers: Arc::new(headers) }
    }

    /// Sends a request of the application, with the time limits that it has.
    pub(crate) fn send<B: AsSendBody>(
        &self,
        request: http::Request<B>,
    ) -> Result<http::Response<Body>, ureq::Error> {
        self.run(request, Connection::Any, None)
    }

    /// Sends a request that changes nothing, and once more if its connection is lost before it brought an answer.
    fn again(
        &self,
        request: &Request,
        limit: Duration,
    ) -> Result<http::Response<Body>, ureq::Error> {
        let begun = Instant::now();
        match self.run(http::Request::<Vec<u8>>::from(request), Connection::Any, Some(limit)) {
            Err(error) if is_lost(&error) => {
                let left = limit.saturating_sub(begun.elapsed());
                self.run(http::Request::<Vec<u8>>::from(request), Connection::Fresh, Some(left))
            }
            answer => answer,
        }
    }

    /// Sends a request that may change something, once, on a connection of its own. ureq's clock goes on while this
    /// process is stopped, and when it wakes the answer that lies in the socket would come too late.
    async fn once(&self, request: &Request, limit: Duration) -> Result<Response, Unanswered> {
        let (http, request, begun) = (self.clone(), request.clone(), Instant::now());
        let mut sent = Apart::begin(move |says| {
            let sent = http::Request::<Vec<u8>>::from(&request);
            let answer = http.run(sent, Connection::Fresh, Some(LONGEST_STOP));
            says.say(http.read(&request, answer));
        })?;
        let mut left = limit;
        loop {
            match sent.next(Some(left)).await {
                Some(answer) => return answer?,
                None => {
                    let overrun = begun.elapsed().saturating_sub(limit);
                    match last_chance(overrun).filter(|_| left == limit) {
                        Some(chance) => left = chance,
                        None => {
                            let source = ureq::Error::Timeout(ureq::Timeout::Global);
                            return Err(cause(source, false));
                        }
                    }
                }
            }
        }
    }

    /// The answer, up to the byte that says that it is too large.
    fn read(
        &self,
        request: &Request,
        answer: Result<http::Response<Body>, ureq::Error>,
    ) -> Result<Response, Unanswered> {
        let cause = |error| cause(error, self.goes_by_proxy(request.url().as_str()));
        let (head, body) = answer.map_err(cause)?.into_parts();
        let mut bytes = Vec::new();
        // One byte more than is read: then the machine says that it is too much.
        let mut body = body.into_reader().take(MAX_BODY as u64 + 1);
        body.read_to_end(&mut bytes).map_err(|error| cause(error.into()))?;
        Ok(response(head.status, head.headers, bytes))
    }

    fn goes_by_proxy(&self, url: &str) -> bool {
        let excepted = |proxy: &ureq::Proxy| {
            is_loopback(url) || url.parse().is_ok_and(|url| proxy.is_no_proxy(&url))
        };
        self.agent.config().proxy().is_some_and(|proxy| !excepted(proxy))
    }

    /// Runs a request as it is: no redirects, and any status is an answer. With a limit, none but that for
    /// connecting counts beside it.
    fn run<B: AsSendBody>(
        &self,
        mut request: http::Request<B>,
        connection: Connection,
        limit: Option<Duration>,
    ) -> Result<http::Response<Body>, ureq::Error> {
        let url = request.uri().to_string();
        self.headers.add_to(&url, request.headers_mut());
        let mut request = self
            .agent
            .configure_request(request)
            .http_status_as_error(false)
            .max_redirects(0)
            .allow_non_standard_methods(true);
        if let Some(limit) = limit {
            request = request
                .timeout_global(Some(limit))
                .timeout_per_call(None)
                .timeout_per_read(None)
                .timeout_per_write(None)
                .timeout_send_request(None)
                .timeout_send_body(None)
                .timeout_recv_response(None)
                .timeout_recv_body(None);
        }
        if is_loopback(&url) {
            request = request.proxy(None);
        }
        if connection == Connection::Fresh {
            request = request.max_idle_age(Duration::ZERO);
        }
        self.agent.run(request.build())
    }
}

impl HttpSender for Http {
    type Error = ureq::Error;

    /// One that may change something goes out on a connection of its own, and
    /// once: on one that has died meanwhile, a code or a refresh token would be lost. One that changes nothing
    /// is sent again on a new connection if the first one is lost before it brought an answer. Either goes out on a
    /// thread of its own: whoever waits may leave.
    async fn exchange(&self, request: &Request, limit: Duration) -> Result<Response, Unanswered> {
        match request.method() {
            Method::Get => {
                let (http, request) = (self.clone(), request.clone());
                let get = move || http.read(&request, http.again(&request, limit));
                answer(Apart::begin(move |says| says.say(get()))?).await
            }
            Method::Post => self.once(request, limit).await,
        }
    }

    async fn ask(&self, request: &Request, limit: Duration) -> Result<Response, Unanswered> {
        let (http, request) = (self.clone(), request.clone());
        let ask = move || {
            let cause = |error| cause(error, http.goes_by_proxy(request.url().as_str()));
            let (head, _) = http.again(&request, limit).map_err(cause)?.into_parts();
            Ok(response(head.status, head.headers, Vec::new()))
        };
        answer(Apart::begin(move |says| says.say(ask()))?).await
    }
}

/// The answer to a request with a time limit of its own.
async fn answer(mut sent: Apart<Result<Response, Unanswered>>) -> Result<Response, Unanswered> {
    match sent.next(None).await {
        Some(answer) => answer?,
        None => Err(io::Error::from(ErrorKind::TimedOut).into()),
    }
}

/// Whether a connection ended before it brought the head of an answer.
fn is_lost(error: &ureq::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    let ureq::Error::Io(error) = error else { return false };
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof
    )
}

/// Whether it was the resolver that failed. The standard library has no kind for it, but words of its own on
/// Unix, and on Windows numbers: from `WSAHOST_NOT_FOUND` to `WSANO_DATA`.
fn is_lookup(error: &io::Error) -> bool {
    let is_number = |number| cfg!(windows) && (11001..=11004).contains(&number);
    error.raw_os_error().is_some_and(is_number) || error.to_string().contains("lookup address")
}

/// What an error says about the way to this URL. ureq's errors have no source; what the resolver says is
/// wrapped in one.
fn cause(error: ureq::Error, by_proxy: bool) -> Unanswered {
    use ureq::Error;
    let obstacle = match &error {
        Error::Other(_) => None,
        Error::Timeout(_) => Some(Obstacle::Time),
        Error::HostNotFound => Some(Obstacle::Name),
        Error::Tls(_) | Error::Rustls(_) | Error::Pem(_) | Error::TlsRequired => {
            Some(Obstacle::Tls)
        }
        Error::ConnectProxyFailed(_) | Error::InvalidProxyUrl => Some(Obstacle::Proxy),
        Error::ConnectionFailed => Some(Obstacle::Connection),
        Error::Io(error) => Some(match error.kind() {
            ErrorKind::TimedOut => Obstacle::Time,
            // So are rustls' errors wrapped.
            ErrorKind::InvalidData => Obstacle::Tls,
            _ if is_lookup(error) => Obstacle::Name,
            _ => Obstacle::Connection,
        }),
        _ => None,
    };
    let obstacle = match obstacle {
        // It was the proxy that was looked for.
        Some(Obstacle::Name | Obstacle::Connection) if by_proxy => Some(Obstacle::Proxy),
        obstacle => obstacle,
    };
    let source = match error {
        Error::Other(cause) => cause,
        error => error.into(),
    };
    match obstacle {
        Some(obstacle) => Obstructed { obstacle, source }.into(),
        None => source,
    }
}

/// The longest time that a process may be stopped and still get the answer that came meanwhile. A thread that
/// nobody waits for any more ends after it.
const LONGEST_STOP: Duration = Duration::from_secs(15 * 60);
