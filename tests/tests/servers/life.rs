//! What happens between the first call and the last one, leg by leg.

use std::fmt::Display;
use std::thread;
use std::time::{Duration, Instant};

use oauth_blocking::{
    GrantQuery, Loaded, MemoryTokenStorage, Records as _, RevocationOutcome, Written,
};

use crate::client::{APPLICATION, Adapter, Client, OwnClient, User};
use crate::server::{LIFETIME, Server};

/// The requests of a server's logins.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub(crate) discovery: &'static [&'static str],
    /// From the discovery to the request that brings tokens: registration, and what the browser asks for.
    pub(crate) consent: Vec<&'static str>,
    /// The same where the user is sent off for more.
    pub(crate) wider_consent: Vec<&'static str>,
    pub(crate) revocation: &'static str,
    /// Whether both servers want their nonce in a proof.
    pub(crate) nonces: bool,
}

/// A client, a server, and what they have said to each other.
#[derive(Debug)]
pub(crate) struct Life {
    server: Server,
    login: Login,
    adapter: Adapter,
    own: Option<OwnClient>,
    user: User,
    store: MemoryTokenStorage,
    client: Client,
    refreshed: Instant,
}

impl Life {
    pub(crate) fn at(
        server: Server,
        login: Login,
        adapter: Adapter,
        own: Option<OwnClient>,
        user: User,
    ) -> Self {
        let store = MemoryTokenStorage::new();
        let client = adapter.client(&server.url, &store, own, user);
        Self { server, login, adapter, own, user, store, client, refreshed: Instant::now() }
    }

    /// A call of somebody who was never here.
    pub(crate) fn first_call(&mut self) {
        self.call(LIST);
        let Login { discovery, consent, .. } = &self.login;
        // The server has said its nonce already where the request was pushed, or where it was polled.
        let tokens = match consent.iter().any(|request| request.ends_with(" 400")) {
            true => vec![TOKEN],
            false => self.asked(TOKEN_ASKED, TOKEN),
        };
        let call = self.asked(CALL_ASKED, CALL);
        self.expect("first call", &[discovery, &**consent, &tokens, &call].concat());
        self.refreshed = Instant::now();
    }

    /// Nothing but the call, also after a restart.
    pub(crate) fn more_calls(&mut self) {
        self.call(LIST);
        self.expect("second call", &[CALL]);
        self.client = self.adapter.client(&self.server.url, &self.store, self.own, self.user);
        self.call(LIST);
        self.expect("call after a restart", &self.asked(CALL_ASKED, CALL));
    }

    /// One refresh, when the token has expired.
    pub(crate) fn call_after_expiry(&mut self) {
        let expired = self.refreshed + LIFETIME + Duration::from_secs(1);
        thread::sleep(expired.saturating_duration_since(Instant::now()));
        self.call(LIST);
        self.expect("call after expiry", &[&*self.asked(TOKEN_ASKED, TOKEN), &[CALL]].concat());
    }

    /// A real tool.
    pub(crate) fn call_a_tool(&self) {
        assert_eq!(self.call("tools/call")["content"][0]["text"], "42");
        self.expect("call of a tool", &[CALL]);
    }

    /// A tool that wants more than the login asked for: the user is asked once more.
    pub(crate) fn step_up(&self) {
        self.call("tools/call");
        let consent = &*self.login.wider_consent;
        self.expect("call of a tool", &[&["POST /mcp 403"], consent, &[TOKEN, CALL]].concat());
        self.call(LIST);
        self.expect("call with what was granted before", &[CALL]);
    }

    /// The tokens are revoked, and the server knows them no more.
    pub(crate) fn logout(&self) {
        let before = self.copy_of_the_store();
        let outcome = self.client.log_out();
        assert_eq!(outcome.refresh_token, RevocationOutcome::Revoked, "{:?}", self.adapter);
        assert_eq!(outcome.access_token, RevocationOutcome::Revoked, "{:?}", self.adapter);
        self.expect("logout", &[self.login.revocation, self.login.revocation]);

        let thief = self.adapter.client(&self.server.url, &before, self.own, User::Nobody);
        thief.call(&self.server.url, LIST).unwrap_err();
        let requests = self.server.requests();
        // A token that was issued a moment ago is sent once more.
        let refused = requests.iter().take_while(|request| **request == "POST /mcp 401").count();
        let most = if self.login.nonces { 3 } else { 2 };
        assert!((1..=most).contains(&refused), "{:?} {requests:?}", self.adapter);
        assert_eq!(requests[refused], "POST /token 400", "{:?}", self.adapter);
    }

    /// A request of a client that has not heard the server's nonce yet, if there is one.
    fn asked(&self, first: &'static str, then: &'static str) -> Vec<&'static str> {
        if self.login.nonces { vec![first, then] } else { vec![then] }
    }

    fn call(&self, method: &str) -> serde_json::Value {
        let result = self.client.call(&self.server.url, method);
        result.unwrap_or_else(|refusal| {
            panic!("{:?} {refusal:#?} {:#?}", self.adapter, self.server.requests())
        })
    }

    fn copy_of_the_store(&self) -> MemoryTokenStorage {
        let copy = MemoryTokenStorage::new();
        for grant in self.store.list_all(&GrantQuery::new(APPLICATION)).unwrap() {
            let Loaded::Record(record) = self.store.load(&grant.key).unwrap() else { panic!() };
            assert_eq!(copy.save(&grant.key, &record, 0).unwrap(), Written::Done);
        }
        assert_eq!(copy.list_all(&GrantQuery::new(APPLICATION)).unwrap().len(), 1);
        copy
    }

    fn expect(&self, leg: &str, requests: &[&str]) {
        assert_requests(&self.server, requests, format_args!("{leg}, {:?}", self.adapter));
    }
}

/// Compares the requests since this was asked last with a list. A user with another device is asked for at least once
/// before they are there, and never sooner than the server wants; how often depends on how fast they are.
pub(crate) fn assert_requests(server: &Server, expected: &[&str], leg: impl Display) {
    let requests = server.requests();
    let (polls, others): (Vec<_>, Vec<_>) =
        requests.iter().partition(|request| request.contains("pending"));
    assert_eq!(others, expected, "{leg}");
    assert!(polls.iter().all(|poll| *poll == "POST /token 400 pending"), "{leg}: {requests:?}");
    let is_on_device = expected.contains(&"POST /device/auth 200");
    assert_eq!(!polls.is_empty(), is_on_device, "{leg}: {requests:?}");
}

pub(crate) const LIST: &str = "tools/list";
const TOKEN: &str = "POST /token 200";
const CALL: &str = "POST /mcp 200";

/// The server wants its nonce.
const TOKEN_ASKED: &str = "POST /token 400";
const CALL_ASKED: &str = "POST /mcp 401";
