//! A host without sockets: its HTTP client asks the world at once, and all other parts are an adapter's.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use oauth_blocking::{AuthorizationUrl, RedirectUri, UserAgentError, UserAgentFn};
use oauth_core::client::{
    Client, Gifts, HostParts, HttpSender, Limits, Runtime, System, Unanswered, Users, nonblocking,
};
use oauth_core::flow::Settings;
use oauth_core::session::Session;
use oauth_core::{Entropy, Request, Response, UnixTime};

use crate::world::{Knobs, World};

/// The HTTP client, and the time of the servers. Its machine can be stopped: its clock goes on meanwhile.
#[derive(Debug, Clone)]
pub struct Direct {
    world: Arc<Mutex<World>>,
    stopped: Arc<AtomicU64>,
}

impl Direct {
    /// A world of its own.
    #[must_use]
    pub fn new() -> Self {
        let world = Arc::new(Mutex::new(World::new(Knobs::default())));
        Self { world, stopped: Arc::default() }
    }

    /// The servers.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the machine for so many seconds.
    pub fn stop(&self, seconds: u64) {
        self.stopped.fetch_add(seconds, Ordering::SeqCst);
    }

    /// A client of the world's MCP server whose user takes that long to consent.
    ///
    /// # Panics
    ///
    /// The world's URL is none.
    pub fn client<R: Runtime, S: nonblocking::TokenStorage + Clone, U: Users + Clone>(
        &self,
        runtime: impl FnOnce(Session) -> R,
        store: S,
        users: impl FnOnce(UserAgentFn<Box<Consents>>) -> U,
        takes: Duration,
    ) -> Arc<Client<Own<R, S, U>>> {
        let settings = Settings::new(&self.world().server_url()).expect("it is a URL");
        let redirect_uri = RedirectUri::parse("http://127.0.0.1:1/callback").expect("it is one");
        let browser = self.clone();
        let visit: Box<Consents> = Box::new(move |url| {
            thread::sleep(takes);
            let query = browser.world().visit(url.as_str());
            Ok(query.expect("the user is sent back"))
        });
        let (http, system) = (self.clone(), self.clone());
        let users = users(UserAgentFn::new(redirect_uri, visit));
        let host = |session| Own { http, store, users, runtime: runtime(session), system };
        let (settings, limits, gifts) = (settings.into(), Limits::default(), Gifts::default());
        Arc::new(Client::new(&settings, "", limits, None, gifts, host))
    }
}

impl Default for Direct {
    fn default() -> Self {
        Self::new()
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

impl System for Direct {
    fn now(&self) -> SystemTime {
        UnixTime::from_secs(self.world().now).into()
    }

    fn instant(&self) -> Instant {
        Instant::now() + Duration::from_secs(self.stopped.load(Ordering::SeqCst))
    }

    fn entropy(&self) -> Option<Entropy> {
        Entropy::from_os().ok()
    }

    fn chance(&self) -> u32 {
        0
    }
}

/// A host: this HTTP client, and whatever else is there.
pub type Own<R, S, U> = HostParts<Direct, S, U, R, Direct>;

/// What a user does at the page.
pub type Consents = dyn Fn(&AuthorizationUrl) -> Result<String, UserAgentError> + Send + Sync;
