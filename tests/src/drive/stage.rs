//! Sessions, driven: hosts that share a store and call the MCP server.

use alloc::sync::Arc;

use http::{HeaderMap, HeaderValue};
use oauth_core::flow::Settings;
use oauth_core::session::{
    Attach, Attempt, Authorization, Key, PendingLogin, Record, Session, Turn, Verdict,
};
use oauth_core::wire::DevicePage;
use oauth_core::{Error, UnixTime};

use super::callback::Callback;
use super::gifts::Gifts;
use super::network::{Network, challenges, mcp_request};
use super::scene::{Event, User};
use super::store::Store;
use super::{MAX_STEPS, PATIENCE, SERVER_URL, restored, stored};
use crate::world::{Grant, Knobs, What, World};

/// The servers, a store, a person, and hosts with a session each.
#[derive(Debug)]
pub struct Stage {
    /// The servers.
    pub world: World,
    /// The store that all hosts share.
    pub store: Store,
    /// The person at all hosts.
    pub user: User,
    /// The way between hosts and servers.
    pub network: Network,
    /// What each call came to, in order.
    pub calls: Vec<Result<u16, Error>>,
    /// What was said to redirects that did not end the wait.
    pub refused_redirects: Vec<Error>,
    /// Where redirects can come back to.
    pub callback: Callback,
    /// What users with another device were shown, in order.
    pub pages: Vec<DevicePage>,
    /// What a host has that is no message of the protocol.
    pub gifts: Gifts,
    /// Whose hosts they are, as far as it is said; those of the others are nobody's in particular.
    pub profiles: Vec<&'static str>,
    settings: Arc<Settings>,
    pub(super) sessions: Vec<Session>,
    restart: bool,
    pub(super) logins: u64,
}

impl Stage {
    /// A stage with one host.
    #[must_use]
    pub fn new(knobs: &Knobs, settings: &Settings, restart: bool) -> Self {
        let settings = Arc::new(settings.clone());
        Self {
            world: World::new(knobs.clone()),
            store: Store::default(),
            user: User::Consents,
            network: Network::default(),
            calls: Vec::new(),
            refused_redirects: Vec::new(),
            callback: Callback::Registered,
            pages: Vec::new(),
            gifts: Gifts::default(),
            profiles: Vec::new(),
            sessions: vec![Session::new(Arc::clone(&settings))],
            settings,
            restart,
            logins: 0,
        }
    }

    /// Calls a method of the MCP server from the first host; the status of the answer.
    ///
    /// # Errors
    ///
    /// Why there is no answer that could be delivered.
    pub fn call(&mut self, method: &str) -> Result<u16, Error> {
        self.call_from(0, method)
    }

    /// Calls a method from a host, as an adapter would: with the token at hand, else with one that can
    /// be had, else without; and again as long as the session has a remedy.
    ///
    /// # Errors
    ///
    /// Why there is no answer that could be delivered.
    pub fn call_from(&mut self, host: usize, method: &str) -> Result<u16, Error> {
        let result = self.try_call(host, method);
        let held = self.store.held_by(host);
        assert_eq!(held, [], "locks left behind after {result:?}");
        self.calls.push(result.clone());
        result
    }

    fn try_call(&mut self, host: usize, method: &str) -> Result<u16, Error> {
        if self.session(host).authorization(self.now()).is_none() {
            self.sessions[host].access();
            self.run(host)?;
        }
        let mut attempt = Attempt::new();
        for _ in 0..MAX_STEPS {
            let (status, headers) = self.send(host, method, &mut attempt);
            let now = self.now();
            match self.sessions[host].answered(&mut attempt, status, &headers, now)? {
                Verdict::Deliver => return Ok(status),
                Verdict::Retry => self.obtain(host)?,
                Verdict::Wait(pause) => {
                    self.world.advance(pause.as_secs());
                    if !matches!(self.sessions[host].turn(), Ok(Turn::Ready(_))) {
                        self.sessions[host].access();
                    }
                    self.obtain(host)?;
                }
            }
        }
        panic!("a request that is sent for ever")
    }

    /// Gets a token before there is anything to call, as an adapter does that asks the server for its
    /// challenge first.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn authenticate(&mut self, host: usize) -> Result<(), Error> {
        self.sessions[host].access();
        if self.run(host)? == Event::Login {
            let refusal = self.world.handle(&mcp_request(SERVER_URL, "initialize"));
            let lines = challenges(&refusal);
            if let Ok(Turn::Login(mut reply)) = self.sessions[host].turn()
                && reply.lacks_challenge()
            {
                reply.challenge(lines.iter().map(String::as_str));
            }
        }
        self.obtain(host)
    }

    /// Drives a session to a token, through a login if need be.
    ///
    /// # Errors
    ///
    /// Why there is none; what the login would be for, if nobody is there to log in.
    pub fn obtain(&mut self, host: usize) -> Result<(), Error> {
        for _ in 0..MAX_STEPS {
            match self.run(host)? {
                Event::Ready => return Ok(()),
                Event::Login if self.user == User::Absent => return Err(self.needs_login(host)),
                Event::Login => self.begin(host),
                event => panic!("stuck: {event:?}"),
            }
        }
        panic!("logins without end")
    }

    /// Why a host needs a login.
    fn needs_login(&mut self, host: usize) -> Error {
        self.interrupt(host);
        match self.sessions[host].turn() {
            Ok(Turn::Login(reply)) => reply.error(),
            turn => panic!("no login is needed: {turn:?}"),
        }
    }

    /// Drives a session until it is ready or needs a person.
    ///
    /// # Errors
    ///
    /// Why there is no token.
    pub fn run(&mut self, host: usize) -> Result<Event, Error> {
        for _ in 0..MAX_STEPS {
            match self.step(host)? {
                Event::Progress => {}
                Event::Blocked(lock) => panic!("waits for {lock:?}, which nobody will release"),
                event => return Ok(event),
            }
        }
        panic!("turns without end")
    }

    /// Stops a host after its store has failed: what it holds is released.
    pub fn stop(&mut self, host: usize) {
        self.store.release_all(host);
    }

    /// Begins a login at a host that needs one.
    ///
    /// # Panics
    ///
    /// It needs none.
    pub fn begin(&mut self, host: usize) {
        self.interrupt(host);
        let Ok(Turn::Login(reply)) = self.sessions[host].turn() else {
            panic!("no login is needed")
        };
        reply.begin();
    }

    /// Takes the login out of a host whose page is open.
    ///
    /// # Panics
    ///
    /// No page is open.
    pub fn suspend(&mut self, host: usize) -> PendingLogin {
        self.interrupt(host);
        let expires_at = self.now() + PATIENCE;
        let Ok(Turn::Browser(_, reply)) = self.sessions[host].turn() else {
            panic!("no page is open")
        };
        reply.suspend("", expires_at).expect("a login that waits can be suspended")
    }

    /// Adds a host that goes on with a login; its number.
    ///
    /// # Errors
    ///
    /// Why it cannot.
    pub fn resume(&mut self, pending: PendingLogin) -> Result<usize, Error> {
        let session = Session::resume(Arc::clone(&self.settings), "", pending)?;
        self.sessions.push(session);
        Ok(self.sessions.len() - 1)
    }

    /// Adds a host that knows only the store; its number.
    pub fn add_host(&mut self) -> usize {
        self.sessions.push(Session::new(Arc::clone(&self.settings)));
        self.sessions.len() - 1
    }

    /// Ends the first host's process and starts another with these settings.
    pub fn restart_with(&mut self, settings: Settings) {
        self.settings = Arc::new(settings);
        self.sessions[0] = Session::new(Arc::clone(&self.settings));
        self.store.release_all(0);
    }

    /// Ends the first host's process and starts another.
    pub fn restart(&mut self) {
        self.restart_with((*self.settings).clone());
    }

    /// Forgets what happened so far, so that only what comes is counted.
    pub fn forget_log(&mut self) {
        self.world.log.clear();
    }

    /// A host's session.
    #[must_use]
    pub fn session(&self, host: usize) -> &Session {
        &self.sessions[host]
    }

    /// A host's session.
    pub fn session_mut(&mut self, host: usize) -> &mut Session {
        &mut self.sessions[host]
    }

    /// What the sessions are made with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The key of the session in the store.
    #[must_use]
    pub fn key(&self) -> Key {
        self.sessions[0].key("")
    }

    /// What is stored.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        self.store.load(&self.key())
    }

    /// How many refreshes there were.
    #[must_use]
    pub fn refreshes(&self) -> usize {
        self.world.count(What::Token(Grant::Refresh))
    }

    /// How many times somebody was sent to a login page.
    #[must_use]
    pub fn logins(&self) -> usize {
        self.world.count(What::Authorize)
    }

    /// The refresh token that is stored.
    #[must_use]
    pub fn refresh_token(&self) -> Option<String> {
        let record = self.record()?;
        let token = record.tokens()?.refresh_token.as_ref()?;
        Some(token.expose().into())
    }

    /// The servers' time, which is everybody's.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.world.now)
    }

    /// Sends the request with the token that the session has now, or without one.
    fn send(&mut self, host: usize, method: &str, attempt: &mut Attempt) -> (u16, HeaderMap) {
        self.interrupt(host);
        let mut request = mcp_request(SERVER_URL, method);
        let now = self.now();
        let (session, gifts) = (&mut self.sessions[host], &mut self.gifts);
        let mut attach = |authorization: Option<Authorization<'_>>| {
            attempt.sent_with(authorization.as_ref());
            let Some(authorization) = authorization else { return };
            let mut add = |name, value: &str| {
                let value = HeaderValue::from_str(value).expect("a token can be sent");
                request.headers_mut().insert(name, value);
            };
            match authorization.attach("POST", SERVER_URL).expect("our own server") {
                Attach::Bearer(value) => add("authorization", value),
                Attach::Dpop(proof) => {
                    for (name, value) in gifts.prove(&proof, now) {
                        add(name, &value);
                    }
                }
            }
        };
        if session.authorization(now).is_some() {
            attach(session.authorization(now));
        } else if let Ok(Turn::Ready(authorization)) = session.turn() {
            attach(Some(authorization));
        } else {
            attach(None);
        }
        self.assert_may_send(host, &request);
        let response = self.world.handle(&request);
        (response.status().as_u16(), response.headers().clone())
    }

    fn assert_may_send(&self, host: usize, request: &http::Request<Vec<u8>>) {
        assert_eq!(self.store.held_by(host), [], "locks while a request is out");
        if let (Some(value), Some(_)) =
            (request.headers().get("authorization"), self.session(host).record())
        {
            let value = value.to_str().expect("a token is ASCII");
            let token =
                format!("\"{}\"", value.trim_start_matches("Bearer ").trim_start_matches("DPoP "));
            let mut known = self.store.written.iter().chain(&self.store.not_taken);
            assert!(known.any(|text| text.contains(&token)), "a token is used before it is stored");
        }
    }

    /// What happens between any two turns.
    pub(super) fn interrupt(&mut self, host: usize) {
        if !self.restart {
            return;
        }
        let session = &mut self.sessions[host];
        let (before, _) = (stored(session), session.turn().is_ok());
        assert_eq!(stored(session), before, "asking changes nothing");
        *session = restored(&before);
    }
}
