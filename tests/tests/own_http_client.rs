//! Hosts with another HTTP client: they bring what sends requests, and take all other parts from an adapter.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use oauth_blocking::adapter::{Threads, ready};
use oauth_blocking::{
    AuthorizationUrl, MemoryTokenStorage, RedirectUri, SharedStorage, SharedUserAgent,
    UserAgentError, UserAgentFn,
};
use oauth_core::client::{
    Client, Gifts, Host, HostParts, HttpSender, Limits, Mode, Runtime, System, Unanswered, Users,
    nonblocking,
};
use oauth_core::flow::Settings;
use oauth_core::session::Session;
use oauth_core::{Entropy, Request, Response, UnixTime};
use oauth_tests::drive::mcp_request;
use oauth_tests::world::{Grant, Knobs, What, World};
use oauth_tokio::adapter::Tasks;

const LIST: &str = "tools/list";

/// The HTTP client: no sockets, the servers are asked at once.
#[derive(Clone)]
struct Direct(Arc<Mutex<World>>);

impl Direct {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

impl HttpSender for Direct {
    type Error = io::Error;

    async fn exchange(&self, request: &Request, _: Duration) -> Result<Response, Unanswered> {
        Ok(self.world().handle(&request.into()).into())
    }

    async fn ask(&self, request: &Request, limit: Duration) -> Result<Response, Unanswered> {
        self.exchange(request, limit).await
    }
}

/// The time of the servers.
impl System for Direct {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.world().now)
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }

    fn entropy(&self) -> Option<Entropy> {
        Entropy::from_os().ok()
    }

    fn chance(&self) -> u32 {
        0
    }
}

/// A host: its own HTTP client, and whatever else is there.
type Own<R, S, U> = HostParts<Direct, S, U, R, Direct>;

/// A client of a new world's MCP server whose user consents at once.
fn client<R: Runtime, S: nonblocking::TokenStorage + Clone, U: Users + Clone>(
    runtime: impl FnOnce(Session) -> R,
    store: S,
    users: impl FnOnce(UserAgentFn<Box<Consents>>) -> U,
) -> Arc<Client<Own<R, S, U>>> {
    let http = Direct(Arc::new(Mutex::new(World::new(Knobs::default()))));
    let server = http.world().server_url();
    let settings = Settings::new(&server).unwrap();
    let redirect_uri = RedirectUri::parse("http://127.0.0.1:1/callback").unwrap();
    let browser = http.clone();
    let visit: Box<Consents> =
        Box::new(move |url| Ok(browser.world().visit(url.as_str()).unwrap()));
    let users = users(UserAgentFn::new(redirect_uri, visit));
    let (settings, limits, gifts) = (Arc::new(settings), Limits::default(), Gifts::default());
    let system = http.clone();
    let host = |session| Own { http, store, users, runtime: runtime(session), system };
    Arc::new(Client::new(&settings, "", limits, None, gifts, host))
}

type Consents = dyn Fn(&AuthorizationUrl) -> Result<String, UserAgentError> + Send + Sync;

/// Sends one request of the application, as often as there is a remedy; the status.
async fn send(client: &Arc<Client<impl Host<Http = Direct>>>) -> u16 {
    let http = client.host().http();
    let url = http.world().server_url();
    let mut call = client.call(Mode::Interactive);
    for _ in 0..3 {
        let mut request = mcp_request(&url, LIST);
        if let Some(fields) = client.authorize(&mut call, "POST", &url).await.unwrap() {
            fields.add_to(request.headers_mut());
        }
        let answer = http.world().handle(&request);
        let status = answer.status().as_u16();
        match client.judge(&mut call, status, answer.headers()).await.unwrap() {
            Some(remedy) => drop(client.remedy(&mut call, remedy).await.unwrap()),
            None => return status,
        }
    }
    panic!("there is always a remedy");
}

/// A login, a refresh, and the end.
async fn live(client: &Arc<Client<impl Host<Http = Direct>>>) {
    let http = client.host().http();
    assert_eq!(send(client).await, 200);
    http.world().now += DAY;
    assert_eq!(send(client).await, 200);
    assert!(client.log_out().await.is_ok());
    let world = http.world();
    let asked = [What::Authorize, What::Token(Grant::Refresh), What::Revoke];
    // The refresh token is revoked, and the access token.
    assert_eq!(asked.map(|what| world.count(what)), [1, 1, 2]);
    assert_eq!(world.violations, [""; 0]);
}

#[test]
fn threads_take_another_http_client() {
    let store = SharedStorage::from(MemoryTokenStorage::new());
    let client = client(Threads::new, store, SharedUserAgent::from);
    ready(live(&client));
}

#[tokio::test]
async fn tasks_take_another_http_client() {
    let store = oauth_tokio::SharedStorage::from(MemoryTokenStorage::new());
    let client = client(Tasks::new, store, oauth_tokio::SharedUserAgent::from);
    live(&client).await;
}

/// In seconds: longer than an access token lives.
const DAY: u64 = 24 * 60 * 60;
