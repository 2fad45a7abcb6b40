//! What the end-to-end tests share: clients, users, calls, and hands in a store.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use oauth_blocking::ureq::config::Config;
use oauth_blocking::ureq::http::Uri;
use oauth_blocking::ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use oauth_blocking::ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use oauth_blocking::ureq::{self, http};
use oauth_blocking::{
    AuthenticationError, AuthorizationUrl, Error, Event, GrantPage, GrantQuery, Key, Lease, Leases,
    Loaded, Lock, LoopbackBrowser, MemoryTokenStorage, NeedsConsent, NoUserAgent, OAuth,
    OAuthBuilder, Record, Records, RedirectUri, Spend, StorageError, TokenStorage, UserAgent,
    UserAgentError, UserAgentFn, Written,
};
use oauth_tests::serve::Served;
use oauth_tests::world::{Grant, Knobs, What};
use serde_json::{Value, json};

/// The program that all clients are.
pub(crate) const APPLICATION: &str = "test";

pub(crate) const LIST: &str = "tools/list";
pub(crate) const CALL: &str = "tools/call";

/// Longer than an access token lives, in seconds.
pub(crate) const HOUR: u64 = 3600;

/// Far more than anything takes here: what hangs fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A page that no test has to load.
pub(crate) const ELSEWHERE: &str = "http://127.0.0.1:1/callback";

pub(crate) fn serve(knobs: Knobs) -> Served {
    Served::start(knobs).unwrap()
}

/// A client with a real listener and a browser that consents at once.
pub(crate) fn builder(
    served: &Served,
    store: &(impl TokenStorage + Clone + 'static),
) -> OAuthBuilder {
    OAuth::new(&served.server_url())
        .unwrap()
        .application(APPLICATION)
        .token_storage(store.clone())
        .user_agent(LoopbackBrowser::new().open_with(browser))
        .wait(PATIENCE)
}

pub(crate) fn client(served: &Served, store: &(impl TokenStorage + Clone + 'static)) -> OAuth {
    builder(served, store).build().unwrap()
}

/// A client that has logged in already; the log begins after that.
pub(crate) fn logged_in(served: &Served, store: &(impl TokenStorage + Clone + 'static)) -> OAuth {
    let oauth = client(served, store);
    assert_eq!(call(&oauth, served, LIST).unwrap(), 200);
    served.world().log.clear();
    oauth
}

/// Calls a method of the MCP server, and gives the status.
pub(crate) fn call(oauth: &OAuth, served: &Served, method: &str) -> Result<u16, Error> {
    post(oauth, &served.server_url(), method).map(|(status, _)| status)
}

/// The same at any URL, with the body.
pub(crate) fn post(oauth: &OAuth, url: &str, method: &str) -> Result<(u16, String), Error> {
    let params = json!({"name": "add", "arguments": {"a": 19, "b": 23}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let mut answer = oauth.send(|| {
        http::Request::post(url).header("content-type", "application/json").body(&*body)
    })?;
    let text = answer.body_mut().read_to_string().unwrap();
    Ok((answer.status().as_u16(), text))
}

/// A browser whose user consents at once: follows the redirect, and takes the page behind it.
pub(crate) fn browser(url: &str) -> bool {
    agent(10).get(url).call().is_ok()
}

/// A browser whose user consents at once, and what its pages say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pages(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Pages {
    pub(crate) fn browser(&self) -> LoopbackBrowser {
        let pages = self.clone();
        LoopbackBrowser::new().open_with(move |url| {
            let page = agent(10).get(url).call().unwrap().body_mut().read_to_string().unwrap();
            pages.0.0.lock().unwrap().push(page);
            pages.0.1.notify_all();
            true
        })
    }

    /// The last page, when there is one.
    pub(crate) fn last(&self) -> String {
        let (pages, shown) = &*self.0;
        let pages = pages.lock().unwrap();
        let none = |pages: &mut Vec<String>| pages.is_empty();
        shown.wait_timeout_while(pages, PATIENCE, none).unwrap().0.last().unwrap().clone()
    }
}

/// Where the authorization endpoint sends the browser.
pub(crate) fn location(authorization_url: &str) -> String {
    let answer = agent(0).get(authorization_url).call().unwrap();
    let location = &answer.headers()[http::header::LOCATION];
    location.to_str().unwrap().to_owned()
}

/// The query of the redirect.
pub(crate) fn redirect(url: &AuthorizationUrl) -> String {
    let location = location(url.as_str());
    location.split_once('?').unwrap().1.to_owned()
}

/// A user who consents, without a socket to come back to.
pub(crate) fn visitor() -> impl UserAgent {
    visitor_who(|url| Ok(redirect(url)))
}

pub(crate) fn visitor_who(
    visit: impl Fn(&AuthorizationUrl) -> Result<String, UserAgentError> + Send + Sync + 'static,
) -> impl UserAgent {
    UserAgentFn::new(RedirectUri::parse(ELSEWHERE).unwrap(), visit)
}

/// A client of a host that serves the redirect URI itself.
pub(crate) fn headless(served: &Served, store: &(impl TokenStorage + Clone + 'static)) -> OAuth {
    let redirect_uri = RedirectUri::parse("https://host.example.com/callback").unwrap();
    builder(served, store).user_agent(NoUserAgent::new(redirect_uri)).build().unwrap()
}

pub(crate) fn handed_out<T: std::fmt::Debug>(result: Result<T, Error>) -> AuthenticationError {
    let error = result.unwrap_err();
    assert!(error.needs_consent());
    assert!(error.advice().contains("connect URL"));
    match error {
        Error::Authentication(error) => *error,
        error => panic!("{error:?}"),
    }
}

/// What a browser has: no proxy for this machine, whatever it is called.
fn agent(redirects: u32) -> ureq::Agent {
    let config = ureq::Agent::config_builder().max_redirects(redirects).proxy(None);
    let config = config.timeout_global(Some(PATIENCE)).build();
    ureq::Agent::with_parts(config, DefaultConnector::default(), ThisMachine)
}

/// Resolves every name to this machine.
#[derive(Debug)]
pub(crate) struct ThisMachine;

impl Resolver for ThisMachine {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut found = self.empty();
        let port = uri.port_u16().unwrap();
        found.push(match uri.host() {
            Some("[::1]") => (Ipv6Addr::LOCALHOST, port).into(),
            _ => (Ipv4Addr::LOCALHOST, port).into(),
        });
        Ok(found)
    }
}

/// A port on which nobody listens: none of those that systems give to who takes any, since that may be the next server.
pub(crate) fn silent_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let of_process = u16::try_from(std::process::id() % 100).unwrap() * 100;
    let mut ports = std::iter::repeat_with(|| NEXT.fetch_add(1, Ordering::Relaxed) % 100);
    let mut ports = ports.by_ref().take(100).map(|at| 20_000 + of_process + at);
    ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).unwrap()
}

/// A server with one request per connection, for answers that no `World` gives: `answer` is told the path
/// and writes them. It has to say `connection: close`, or the client sends its next request into nothing.
pub(crate) fn raw_server(answer: impl Fn(&str, &mut TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let head: Vec<_> = BufReader::new(&stream)
                .split(b'\n')
                .map(Result::unwrap)
                .take_while(|line| line != b"\r")
                .collect();
            // A connection may be opened and not used.
            let Some(first) = head.first() else { continue };
            let path = first.split(|byte| *byte == b' ').nth(1).unwrap();
            answer(str::from_utf8(path).unwrap(), &mut stream);
        }
    });
    origin
}

pub(crate) fn assert_sound(served: &Served) {
    let world = served.world();
    assert_eq!(world.violations, [""; 0]);
    assert_eq!(world.reuses, 0);
}

pub(crate) fn logins(served: &Served) -> usize {
    served.world().count(What::Authorize)
}

pub(crate) fn refreshes(served: &Served) -> usize {
    served.world().count(What::Token(Grant::Refresh))
}

pub(crate) fn registrations(served: &Served) -> usize {
    served.world().count(What::Register)
}

/// The statuses of the calls of a method, in order.
pub(crate) fn statuses(served: &Served, method: &str) -> Vec<u16> {
    let world = served.world();
    let calls = world.requests(What::Mcp(method.into()));
    calls.iter().map(|exchange| exchange.status).collect()
}

pub(crate) fn key(served: &Served) -> Key {
    Key::grant(APPLICATION, "", &served.server_url())
}

pub(crate) fn stored(store: &impl TokenStorage, key: &Key) -> Option<Record> {
    match store.load(key).unwrap() {
        Loaded::Record(record) => Some(*record),
        Loaded::Nothing => None,
        Loaded::Damaged { kept } => panic!("damaged: {}", kept),
    }
}

pub(crate) fn stored_token(store: &impl TokenStorage, key: &Key) -> Option<String> {
    let record = stored(store, key)?;
    Some(record.tokens()?.access_token.token().to_owned())
}

/// Lets the stored token expire by the clock of this machine. Clients that have it in memory go on
/// with that: make another one.
pub(crate) fn expire(store: &impl TokenStorage, key: &Key) {
    age(store, key, Duration::ZERO);
}

/// The same, but lets it have this much left of its hour.
pub(crate) fn age(store: &impl TokenStorage, key: &Key, left: Duration) {
    let record = stored(store, key).unwrap();
    let mut document: Value = serde_json::from_str(&record.to_json()).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let expires_at = (now + left).as_secs();
    document["issued_at"] = json!(expires_at - HOUR);
    document["tokens"]["expires_at"] = json!(expires_at);
    let aged = Record::from_json(document.to_string().as_bytes()).unwrap();
    let saved = store.save(key, &aged, record.generation()).unwrap();
    assert_eq!(saved, Written::Done);
}

/// Lets the time pass in which the token endpoint is left alone.
pub(crate) fn end_pause(store: &impl TokenStorage, key: &Key) {
    let record = stored(store, key).unwrap();
    let mut document: Value = serde_json::from_str(&record.to_json()).unwrap();
    if document.get("trouble").is_some() {
        document["trouble"]["until"] = document["trouble"]["at"].clone();
        let mended = Record::from_json(document.to_string().as_bytes()).unwrap();
        assert_eq!(store.save(key, &mended, record.generation()).unwrap(), Written::Done);
    }
}

/// A store that refuses what it is told to refuse.
#[derive(Clone, Debug, Default)]
pub(crate) struct Brittle {
    inner: MemoryTokenStorage,
    pub(crate) no_load: Arc<AtomicBool>,
    pub(crate) no_lock: Arc<AtomicBool>,
    pub(crate) no_room: Arc<AtomicBool>,
    pub(crate) no_save: Arc<AtomicBool>,
    /// For what is known of clients.
    pub(crate) no_clients: Arc<AtomicBool>,
    /// Whether the next grant cannot be read.
    pub(crate) is_damaged: Arc<AtomicBool>,
    /// Whether somebody has the next lock for a moment, to see whether it is free.
    pub(crate) is_looked_at: Arc<AtomicBool>,
}

impl Brittle {
    fn check(refused: &AtomicBool) -> Result<(), StorageError> {
        match refused.load(Ordering::SeqCst) {
            true => Err(StorageError::refused("out of order")),
            false => Ok(()),
        }
    }

    fn check_kind(&self, key: &Key) -> Result<(), StorageError> {
        if key.kind.is_grant() { Ok(()) } else { Self::check(&self.no_clients) }
    }
}

impl Records for Brittle {
    fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        Self::check(&self.no_load)?;
        self.check_kind(key)?;
        if key.kind.is_grant() && self.is_damaged.swap(false, Ordering::SeqCst) {
            return Ok(Loaded::Damaged { kept: "kept".into() });
        }
        self.inner.load(key)
    }

    fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Written, StorageError> {
        Self::check(&self.no_save)?;
        self.check_kind(key)?;
        self.inner.save(key, record, expected)
    }

    fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        self.inner.delete(key, expected)
    }

    fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        self.inner.list(query)
    }
}

impl Leases for Brittle {
    fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError> {
        Self::check(&self.no_lock)?;
        if lock == Lock::Login && self.is_looked_at.swap(false, Ordering::SeqCst) {
            return Ok(None);
        }
        self.inner.try_lock(key, lock)
    }

    fn extend(&self, key: &Key, lease: &mut Lease) -> Result<bool, StorageError> {
        self.inner.extend(key, lease)
    }
}

impl TokenStorage for Brittle {
    fn reserve(
        &self,
        key: &Key,
        lease: &mut Lease,
        spend: Spend<'_>,
    ) -> Result<bool, StorageError> {
        Self::check(&self.no_room)?;
        self.inner.reserve(key, lease, spend)
    }
}

/// The names of the events so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events(Arc<Mutex<Vec<String>>>);

impl Events {
    pub(crate) fn watch(&self, builder: OAuthBuilder) -> OAuthBuilder {
        let events = self.clone();
        builder.on_event(move |event| {
            let name = match event {
                Event::Answered { authorized, status, .. } => {
                    format!("answered {authorized} {status}")
                }
                Event::Exchange { endpoint, outcome, .. } => {
                    format!("{endpoint:?} {}", outcome.unwrap_or(0))
                }
                Event::Opening { .. } => "opening".into(),
                Event::Waiting(waiting) => format!("waiting {:?}", waiting.browser),
                Event::NoBrowser { .. } => "no browser".into(),
                Event::Redirected => "redirected".into(),
                Event::LoginFinished { .. } => "login finished".into(),
                Event::DamagedRecord { kept } => format!("damaged {}", kept),
                other => format!("{other:?}"),
            };
            events.0.lock().unwrap().push(name);
        })
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Holds back the answers of one endpoint, once they are made.
pub(crate) struct HeldBack {
    asked: mpsc::Receiver<()>,
    _holds: mpsc::Sender<()>,
}

impl HeldBack {
    /// From now on, until this is dropped, at every path that ends so.
    pub(crate) fn at(served: &Served, end: &'static str) -> Self {
        let ((asks, asked), (holds, held)) = (mpsc::channel(), mpsc::channel::<()>());
        served.rewrite(move |request, _| {
            if request.uri().path().ends_with(end) {
                let _ = asks.send(());
                let _ = held.recv();
            }
        });
        Self { asked, _holds: holds }
    }

    /// Whether somebody waits for an answer that was not noticed before.
    pub(crate) fn was_asked(&self) -> bool {
        self.asked.try_recv().is_ok()
    }
}
