//! The clients of this repository: all that is in them, with these servers in the place of sockets.

use std::convert::Infallible;
use std::future::ready as at_once;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use http::HeaderValue;
use oauth_blocking::UserAgentFn;
use oauth_blocking::adapter::{Threads, ready};
use oauth_core::client::{
    Client, Gifts, Host, HostParts, HttpSender, Limits, MemoryTokenStorage, Mode, Runtime, System,
    Unanswered, UserAgentError, Users, nonblocking, response,
};
use oauth_core::flow::Settings;
use oauth_core::session::Session;
use oauth_core::wire::OAuthClientProvider;
use oauth_core::{Entropy, Request, Response, Secret, UnixTime};
use oauth_tokio::adapter::Tasks;
use oauth_tokio::{Prepared, UserAgent};

use crate::canned::{Canned, Place, challenge, redirect};
use crate::documents::{self, SERVER};
use crate::measure::Work;
use crate::prepared::{LATER, NOW, redirect_uri};
use crate::runtime::{at_one_thread, only};

pub(crate) const LOGIN_ON_TOKIO: Work = only(LOGINS, |count| logins(count, Known::Nothing));

pub(crate) const LOGIN_ON_THREADS: Work =
    only(LOGINS, |count| logins_on_threads(count, Known::Nothing));

pub(crate) const EXCHANGE_ON_TOKIO: Work = only(LOGINS, |count| logins(count, Known::endpoints()));

pub(crate) const EXCHANGE_ON_THREADS: Work =
    only(LOGINS, |count| logins_on_threads(count, Known::endpoints()));

pub(crate) const REFRESH_ON_TOKIO: Work = only(LOGINS, refreshes);

pub(crate) const REFRESH_ON_THREADS: Work = only(LOGINS, refreshes_on_threads);

const LOGINS: usize = 100;

/// What a host knows before its users log in.
enum Known {
    Nothing,
    /// And the client. They are read once, for all users.
    Endpoints(Arc<Settings>),
}

fn logins(prepared: usize, known: Known) -> Box<dyn FnMut(usize)> {
    let (runtime, world) = (at_one_thread(), World::new(Canned::ready_for(prepared)));
    let mut done = Vec::with_capacity(prepared);
    Box::new(move |count| {
        runtime.block_on(async {
            for _ in 0..count {
                let client = on_tokio(&world, &known.settings());
                done.push((black_box(log_in(&client).await), client));
            }
        });
    })
}

fn logins_on_threads(prepared: usize, known: Known) -> Box<dyn FnMut(usize)> {
    let world = World::new(Canned::ready_for(prepared));
    let mut done = Vec::with_capacity(prepared);
    Box::new(move |count| {
        for _ in 0..count {
            let client = on_threads(&world, &known.settings());
            done.push((black_box(ready(log_in(&client))), client));
        }
    })
}

fn refreshes(prepared: usize) -> Box<dyn FnMut(usize)> {
    let (runtime, world) = (at_one_thread(), World::new(Canned::ready_for(prepared)));
    let log_in = |_| runtime.block_on(logged_in_on_tokio(&world));
    let mut clients = (0..prepared).map(log_in).collect::<Vec<_>>().into_iter();
    world.canned.add(Place::Token, prepared);
    world.pass();
    let mut done = Vec::with_capacity(prepared);
    Box::new(move |count| {
        runtime.block_on(async {
            for client in clients.by_ref().take(count) {
                done.push((black_box(refreshed(&client).await), client));
            }
        });
    })
}

fn refreshes_on_threads(prepared: usize) -> Box<dyn FnMut(usize)> {
    let world = World::new(Canned::ready_for(prepared));
    let settings = Known::Nothing.settings();
    let log_in = |_| {
        let client = on_threads(&world, &settings);
        ready(log_in(&client));
        client
    };
    let mut clients = (0..prepared).map(log_in).collect::<Vec<_>>().into_iter();
    world.canned.add(Place::Token, prepared);
    world.pass();
    let mut done = Vec::with_capacity(prepared);
    Box::new(move |count| {
        for client in clients.by_ref().take(count) {
            done.push((black_box(ready(refreshed(&client))), client));
        }
    })
}

/// From the 401 to the header's value.
async fn log_in(client: &Arc<Client<impl Host>>) -> HeaderValue {
    let mut call = client.call(Mode::Interactive);
    let fields = client.authorize(&mut call, "POST", SERVER).await;
    assert!(fields.expect("the store works").is_none(), "nobody has logged in");
    let remedy = client.judge(&mut call, 401, &challenge()).await;
    let remedy = remedy.expect("the store works").expect("a login helps");
    client.remedy(&mut call, remedy).await.expect("the user consents");
    client.header().expect("the token is new")
}

/// To the header's value as well.
async fn refreshed(client: &Arc<Client<impl Host>>) -> HeaderValue {
    assert!(client.header().is_none(), "the token has expired");
    let token = client.token(Mode::Quiet).await.expect("the server answers");
    assert!(token.is_some(), "the refresh token is good");
    client.header().expect("the token is new")
}

/// A client that has a token, with these servers.
pub(crate) async fn logged_in_on_tokio(world: &World) -> Arc<Client<OnTokio>> {
    let client = on_tokio(world, &Known::Nothing.settings());
    log_in(&client).await;
    client
}

impl Known {
    fn endpoints() -> Self {
        let metadata = serde_json::from_str(&documents::server()).expect("it is metadata");
        let (id, display_name) = ("example".into(), "Example".into());
        let settings = of_server()
            .provider(&OAuthClientProvider { id, display_name, metadata })
            .and_then(|settings| settings.client_id(documents::CLIENT_ID, None))
            .map(Settings::without_discovery);
        Self::Endpoints(settings.expect("the settings fit together").into())
    }

    fn settings(&self) -> Arc<Settings> {
        match self {
            Self::Nothing => of_server().into(),
            Self::Endpoints(settings) => Arc::clone(settings),
        }
    }
}

fn of_server() -> Settings {
    Settings::new(SERVER).expect("it is a URL").application("compare")
}

/// Another user of the application, with its store.
fn on_tokio(world: &World, settings: &Arc<Settings>) -> Arc<Client<OnTokio>> {
    let (store, user) = (world.on_tokio.clone(), oauth_tokio::SharedUserAgent::from(Consents));
    client(world, settings, store, user, Tasks::new)
}

fn on_threads(world: &World, settings: &Arc<Settings>) -> Arc<Client<impl Host + use<>>> {
    let consents = |url: &oauth_core::wire::AuthorizationUrl| -> Result<String, UserAgentError> {
        Ok(redirect(url.state()))
    };
    let user = oauth_blocking::SharedUserAgent::from(UserAgentFn::new(redirect_uri(), consents));
    client(world, settings, world.on_threads.clone(), user, Threads::new)
}

fn client<R: Runtime, S: nonblocking::TokenStorage + Clone, U: Users + Clone>(
    world: &World,
    settings: &Arc<Settings>,
    store: S,
    users: U,
    runtime: impl FnOnce(Session) -> R,
) -> Arc<Client<Own<R, S, U>>> {
    let (http, system) = (world.clone(), world.clone());
    let host = |session| Own { http, store, users, runtime: runtime(session), system };
    let profile = format!("user-{:07}", world.users.fetch_add(1, Relaxed));
    Arc::new(Client::new(settings, &profile, Limits::default(), None, Gifts::default(), host))
}

/// What is like `oauth_tokio::OAuth` in all but the sockets.
pub(crate) type OnTokio = Own<Tasks, oauth_tokio::SharedStorage, oauth_tokio::SharedUserAgent>;

type Own<R, S, U> = HostParts<World, S, U, R, World>;

/// A user who is there, and comes back at once.
struct Consents;

impl UserAgent for Consents {
    async fn prepare(&self, _: Option<&str>) -> Result<Prepared, UserAgentError> {
        Ok(Prepared::new(redirect_uri(), |url, _, _| {
            at_once(Ok(Secret::from(redirect(url.state()))))
        }))
    }
}

/// The servers, the time, and an application with a store for all its users.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) canned: Canned,
    now: Arc<AtomicU64>,
    users: Arc<AtomicUsize>,
    on_tokio: oauth_tokio::SharedStorage,
    on_threads: oauth_blocking::SharedStorage,
}

impl World {
    pub(crate) fn new(canned: Canned) -> Self {
        Self {
            canned,
            now: Arc::new(NOW.as_secs().into()),
            users: Arc::default(),
            on_tokio: MemoryTokenStorage::new().into(),
            on_threads: MemoryTokenStorage::new().into(),
        }
    }

    /// Until all tokens have expired.
    pub(crate) fn pass(&self) {
        self.now.store(LATER.as_secs(), Relaxed);
    }
}

impl HttpSender for World {
    type Error = Infallible;

    async fn exchange(&self, request: &Request, _: Duration) -> Result<Response, Unanswered> {
        let request = black_box(http::Request::<Vec<u8>>::from(request));
        let answer = self.canned.answer(request.uri().path(), request.body()).await;
        let (head, body) = answer.into_parts();
        Ok(response(head.status, head.headers, body))
    }

    async fn ask(&self, request: &Request, limit: Duration) -> Result<Response, Unanswered> {
        self.exchange(request, limit).await
    }
}

impl System for World {
    fn now(&self) -> SystemTime {
        UnixTime::from_secs(self.now.load(Relaxed)).into()
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
