//! The HTTP client, for as many servers and users as there are.

use std::error::Error as _;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use oauth_core::client::{
    AddressFilter, Headers, HttpSender, Obstructed, Unanswered, last_chance, response,
};
use oauth_core::error::Obstacle;
use oauth_core::{MAX_BODY, Method, Request, Response, is_loopback};
use reqwest::dns::Resolve;
use reqwest::{ClientBuilder, Url};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::Error;
use crate::resolver::{FilteredResolver, System};
use crate::turns::{InTurn, Turns};

/// An HTTP client that follows no redirects, and goes to this machine directly, whatever proxy it is set up
/// with: a token stays with the server that it is for.
///
/// A server may send any number of interim answers (1xx) before the one that counts, and hyper, which reads
/// and forgets them, has no limit for that. They cost no memory, but the time until the limit of the request
/// (thirty seconds in a login), and other tasks of a runtime with one thread get little of that.
///
/// Clones share connections. A host with many users makes one and gives it to all
/// ([`OAuthBuilder::http_client`](crate::OAuthBuilder::http_client)); it belongs to the runtime on which it is used.
#[derive(Clone)]
pub struct HttpClient(Arc<Clients>);

/// reqwest decides about proxies and connections for a client, not for a request.
struct Clients {
    build: Box<dyn Fn(ClientBuilder) -> ClientBuilder + Send + Sync>,
    turns: Turns,
    by_way: [OnceLock<reqwest::Client>; 4],
}

/// How a request gets to its server.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// By the proxies that are set, if there are any.
    by_proxy: bool,
    connection: Connection,
}

/// What a request may be sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connection {
    /// One that was used before, if there is one: it may have died since.
    Any,
    /// A new one.
    Fresh,
}

impl HttpClient {
    /// A client with the host's proxy, certificates and time limits: names are resolved by the operating
    /// system, and those that resolve into a private network are not kept from metadata. A limit for whole
    /// calls holds for requests of the application; it is better put on those, since streams have no end.
    ///
    /// `build` gets a builder with the defaults of this crate (its name as `User-Agent`, ten seconds to connect)
    /// and changes what the host wants to be different, the same each time: requests to this machine are
    /// sent by a client without proxies, those that spend a code or a token by one that keeps no
    /// connections, and each is made when it is needed.
    ///
    /// Of several addresses of a host, each gets a tenth of the time to connect, again and again, and one
    /// that did not take a connection is not tried first for ten minutes. A resolver that `build` sets
    /// would do without that: it belongs to [`HttpClient::with_resolver`].
    ///
    /// # Errors
    ///
    /// Why the TLS backend or the resolver cannot be set up.
    pub fn new(
        build: impl Fn(ClientBuilder) -> ClientBuilder + Send + Sync + 'static,
    ) -> Result<Self, reqwest::Error> {
        let turns = Turns::default();
        let resolver = InTurn::new(System, turns.clone());
        Self::build(move |http| build(http.dns_resolver(resolver.clone())), turns)
    }

    /// The same with a resolver of the host's.
    ///
    /// # Errors
    ///
    /// As [`HttpClient::new`].
    pub fn with_resolver(
        build: impl Fn(ClientBuilder) -> ClientBuilder + Send + Sync + 'static,
        resolver: impl Resolve + 'static,
    ) -> Result<Self, reqwest::Error> {
        let turns = Turns::default();
        let resolver = InTurn::new(resolver, turns.clone());
        Self::build(move |http| build(http).dns_resolver(resolver.clone()), turns)
    }

    /// The same, and it connects only to addresses that `filter` keeps
    /// ([`OAuthBuilder::address_filter`](crate::OAuthBuilder::address_filter)) of what the operating system
    /// finds; of what another resolver finds, with [`FilteredResolver::over`] as the resolver. A client
    /// that makes its own HTTP client makes one like this.
    ///
    /// Clients of several servers can share it if they share the filter: then it has to forbid and to
    /// allow the same for all ([`Policy::only_public_addresses`](crate::Policy::only_public_addresses)).
    ///
    /// # Errors
    ///
    /// As [`HttpClient::new`].
    pub fn filtered(
        build: impl Fn(ClientBuilder) -> ClientBuilder + Send + Sync + 'static,
        filter: AddressFilter,
    ) -> Result<Self, reqwest::Error> {
        Self::with_resolver(build, FilteredResolver::new(filter))
    }

    fn build(
        build: impl Fn(ClientBuilder) -> ClientBuilder + Send + Sync + 'static,
        turns: Turns,
    ) -> Result<Self, reqwest::Error> {
        let by_way = Default::default();
        let http = Self(Arc::new(Clients { build: Box::new(build), turns, by_way }));
        http.client(Way { by_proxy: true, connection: Connection::Any })?;
        Ok(http)
    }

    fn to(&self, url: &str, connection: Connection) -> Result<&reqwest::Client, reqwest::Error> {
        self.client(Way { by_proxy: !is_loopback(url), connection })
    }

    fn client(&self, way: Way) -> Result<&reqwest::Client, reqwest::Error> {
        let Clients { build, by_way, .. } = &*self.0;
        let Way { by_proxy, connection } = way;
        let place = &by_way[usize::from(by_proxy) + 2 * usize::from(connection == Connection::Any)];
        if let Some(client) = place.get() {
            return Ok(client);
        }
        let defaults = reqwest::Client::builder().user_agent(NAME).connect_timeout(CONNECT_LIMIT);
        let mut builder = build(defaults).redirect(reqwest::redirect::Policy::none());
        if !by_proxy {
            builder = builder.no_proxy();
        }
        if connection == Connection::Fresh {
            builder = builder.pool_max_idle_per_host(0).read_timeout(UNBOUND);
        }
        let client = builder.build()?;
        Ok(place.get_or_init(|| client))
    }
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}

/// The HTTP client and what is added to its requests. Clones share connections.
#[derive(Clone)]
pub(crate) struct Http {
    client: HttpClient,
    headers: Arc<Headers>,
}

impl Http {
    pub(crate) fn new(client: HttpClient, headers: Headers) -> Self {
        Self { client, headers: Arc::new(headers) }
    }

    /// The client for requests of the application to this URL.
    pub(crate) fn to(&self, url: &str) -> Result<&reqwest::Client, reqwest::Error> {
        self.client.to(url, Connection::Any)
    }

    /// Sends a request as it is; the host's own fields are added.
    pub(crate) async fn send(
        &self,
        mut request: reqwest::Request,
        connection: Connection,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let http = self.client.to(request.url().as_str(), connection)?;
        let url = request.url().clone();
        self.headers.add_to(url.as_str(), request.headers_mut());
        let answer = http.execute(request).await;
        match &answer {
            Ok(answer) => {
                if let (Some(host), Some(address)) = (url.host_str(), answer.remote_addr()) {
                    self.client.0.turns.reached(host, address.ip());
                }
            }
            Err(error) => self.failed(url.as_str(), error),
        }
        answer
    }

    /// Learns from a request that was not answered.
    fn failed(&self, url: &str, error: &reqwest::Error) {
        if error.is_connect()
            && error.is_timeout()
            && let Ok(url) = Url::parse(url)
            && let Some(host) = url.host_str()
        {
            self.client.0.turns.missed(host);
        }
    }

    /// Sends a request that changes nothing, and leaves the body of the answer.
    async fn head(&self, request: &Request) -> Result<Response, reqwest::Error> {
        let mut answer = self.again(request).await?;
        Ok(response(answer.status(), std::mem::take(answer.headers_mut()), Vec::new()))
    }

    /// Sends a request that changes nothing, and once more if its connection is lost before it brought an answer.
    async fn again(&self, request: &Request) -> Result<reqwest::Response, reqwest::Error> {
        match self.once(request, Connection::Any).await {
            Err(error) if is_lost(&error) => self.once(request, Connection::Fresh).await,
            answer => answer,
        }
    }

    async fn once(
        &self,
        request: &Request,
        connection: Connection,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let mut request = reqwest::Request::try_from(http::Request::<Vec<u8>>::from(request))?;
        *request.timeout_mut() = Some(UNBOUND);
        self.send(request, connection).await
    }

    /// Sends a request of a login. One that may change something goes out on a connection of its own, and
    /// once: on one that has died meanwhile, a code or a refresh token would be lost. One that changes nothing
    /// is sent again on a new connection if the first one is lost before it brought an answer.
    async fn whole(&self, request: &Request) -> Result<Response, reqwest::Error> {
        let mut answer = match request.method() {
            Method::Get => self.again(request).await?,
            Method::Post => self.once(request, Connection::Fresh).await?,
        };
        let mut body = Vec::new();
        // One byte more than is read: then the machine says that it is too much.
        while let Some(chunk) = answer.chunk().await? {
            let room = MAX_BODY + 1 - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if body.len() > MAX_BODY {
                break;
            }
        }
        Ok(response(answer.status(), std::mem::take(answer.headers_mut()), body))
    }
}

/// Whether a connection ended, or brought nothing that is HTTP, before the head of an answer.
fn is_lost(error: &reqwest::Error) -> bool {
    error.is_request() && !error.is_connect() && !error.is_timeout()
}

/// The error of a request of the application. It is for logs, and queries are not: some have keys in them.
pub(crate) fn unsent(mut error: reqwest::Error) -> Error {
    if let Some(url) = error.url_mut() {
        url.set_query(None);
    }
    Error::Http(error)
}

impl HttpSender for Http {
    type Error = reqwest::Error;

    async fn exchange(&self, request: &Request, limit: Duration) -> Result<Response, Unanswered> {
        let answer = within(limit, self.whole(request)).await;
        let answer = answer
            .map_err(|elapsed| Obstructed { obstacle: Obstacle::Time, source: elapsed.into() })?;
        answer.map_err(cause)
    }

    async fn ask(&self, request: &Request, limit: Duration) -> Result<Response, Unanswered> {
        let answer = timeout(limit, self.head(request)).await?;
        answer.map_err(cause)
    }
}

/// Works within a limit, and a moment more if this process did not run when it was over. When it wakes, the
/// timer may come before the task that reads the answer.
async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, Elapsed> {
    let (begun, mut work) = (Instant::now(), pin!(work));
    match timeout(limit, work.as_mut()).await {
        Ok(done) => Ok(done),
        Err(elapsed) => match last_chance(begun.elapsed().saturating_sub(limit)) {
            Some(chance) => timeout(chance, work).await,
            None => Err(elapsed),
        },
    }
}

/// What an error says about the way to the server.
fn cause(error: reqwest::Error) -> Unanswered {
    // The error is for logs, and queries are not.
    let error = error.without_url();
    match obstacle(&error) {
        Some(obstacle) => Obstructed { obstacle, source: error.into() }.into(),
        None => error.into(),
    }
}

/// Most of what is beneath reqwest has no types that could be asked.
fn obstacle(error: &reqwest::Error) -> Option<Obstacle> {
    if error.is_timeout() {
        return Some(Obstacle::Time);
    }
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if words.starts_with("dns error") {
            return Some(Obstacle::Name);
        } else if words.starts_with("tunnel error") || words.contains("socks proxy") {
            return Some(Obstacle::Proxy);
        } else if words.starts_with("tls handshake") || is_tls(cause) {
            return Some(Obstacle::Tls);
        }
        next = cause.source();
    }
    let is_connection = error.is_connect() || error.is_request() || error.is_body();
    is_connection.then_some(Obstacle::Connection)
}

/// I/O errors do not give what they wrap as their source.
#[cfg(feature = "rustls")]
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<rustls::Error>() {
            return true;
        }
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = wrapped.map(|error| error as _);
    }
    false
}

/// A backend of the host's own has errors of its own.
#[cfg(not(feature = "rustls"))]
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let kind = error.downcast_ref().map(std::io::Error::kind);
    kind == Some(std::io::ErrorKind::InvalidData)
}

const NAME: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// A limit of the host's own may not end a request of ours, which has one that knows about processes that
/// are stopped.
const UNBOUND: Duration = Duration::from_secs(24 * 60 * 60);

/// How long connecting may take, TLS and proxies included.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
