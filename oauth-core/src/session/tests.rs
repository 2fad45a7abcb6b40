//! What a host does with a session, counted where only the core can count.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use crate::entropy::Entropy;
use crate::flow::{RedirectUri, Settings};
use crate::http::{Endpoint, Request, Response, built};
use crate::session::event::Event;
use crate::session::{Record, Session, Turn};
use crate::signing_algorithm::SigningAlgorithm;
use crate::time::UnixTime;
use crate::wire::KeyDescription;

const START: UnixTime = UnixTime::from_secs(1_900_000_000);

/// A host whose requests are all answered as they should be.
struct Host {
    session: Session,
    stored: Option<Record>,
    now: UnixTime,
    sent: Vec<Endpoint>,
}

impl Host {
    fn new() -> Self {
        Self::with(Settings::new("https://mcp.example.com/mcp").unwrap())
    }

    /// Its client has a key, and asks for tokens of its own.
    fn without_a_user() -> Self {
        let settings = Settings::new("https://mcp.example.com/mcp").unwrap();
        let key = KeyDescription { key_id: None, algorithms: SigningAlgorithm::Es256.into() };
        Self::with(settings.client_id("c", None).unwrap().signing_key(key).client_credentials())
    }

    fn with(settings: Settings) -> Self {
        let session = Session::new(settings.into());
        Self { session, stored: None, now: START, sent: Vec::new() }
    }

    /// Does what the turns say, asking once for each; which requests were sent for it.
    fn drive(&mut self) -> Vec<Endpoint> {
        self.drive_and(|_, _| ())
    }

    /// The same, and looks before each turn.
    fn drive_and(&mut self, look: impl Fn(&mut Session, UnixTime)) -> Vec<Endpoint> {
        let now = self.now;
        loop {
            look(&mut self.session, now);
            match self.session.turn().unwrap() {
                Turn::Load(reply) => reply.loaded(self.stored.clone(), now),
                Turn::Lock(_, reply) => reply.locked(),
                Turn::Reserve(reply) => reply.reserved(),
                Turn::Save(reply) => {
                    self.stored = Some(reply.record().clone());
                    reply.saved(now);
                }
                Turn::Unlock(_, reply) => reply.unlocked(),
                Turn::Http(request, reply) => {
                    self.sent.push(request.endpoint());
                    reply.response(&answer(&request), now);
                }
                Turn::Sign(reply) => {
                    let unsigned = reply.unsigned([self.sent.len() as u8; 16], now).unwrap();
                    reply.signed(&unsigned, &[7; 64], now).unwrap();
                }
                Turn::Assertion(_) | Turn::Key(_) => panic!("the client has a key"),
                Turn::Device(..) | Turn::Wait(..) => panic!("there is a browser"),
                Turn::Login(reply) => reply.begin(),
                Turn::Prepare(reply) => {
                    let redirect_uri = RedirectUri::parse("http://127.0.0.1:1/callback").unwrap();
                    reply.prepared(redirect_uri, Entropy::from_bytes([7; 64]), now);
                }
                Turn::Browser(url, reply) => {
                    let query =
                        format!("code=c&iss=https%3A%2F%2Fas.example.com&state={}", url.state());
                    reply.redirect(&query, now).unwrap();
                }
                Turn::Ready(_) | Turn::LoggedOut(_) => return mem::take(&mut self.sent),
            }
        }
    }
}

fn answer(request: &Request) -> Response {
    let (status, body) = match request.endpoint() {
        Endpoint::ResourceMetadata => (
            200,
            r#"{"resource": "https://mcp.example.com/mcp",
                "authorization_servers": ["https://as.example.com"]}"#,
        ),
        Endpoint::ServerMetadata => (
            200,
            r#"{"issuer": "https://as.example.com", "code_challenge_methods_supported": ["S256"],
                "authorization_endpoint": "https://as.example.com/authorize",
                "token_endpoint": "https://as.example.com/token",
                "registration_endpoint": "https://as.example.com/register",
                "revocation_endpoint": "https://as.example.com/revoke",
                "token_endpoint_auth_methods_supported": ["none"],
                "authorization_response_iss_parameter_supported": true}"#,
        ),
        Endpoint::Registration => (
            201,
            r#"{"client_id": "client-1", "redirect_uris": ["http://127.0.0.1:1/callback"],
                "token_endpoint_auth_method": "none"}"#,
        ),
        Endpoint::Token => (
            200,
            r#"{"access_token": "at", "token_type": "Bearer", "expires_in": 3600,
                "refresh_token": "rt"}"#,
        ),
        Endpoint::Resource => (401, ""),
        _ => (200, ""),
    };
    let body = String::from(body).into_bytes();
    Response::new(status, body).with_header("content-type", "application/json")
}

/// To build a request may be to have it signed, by somebody who is asked for that.
#[test]
fn a_request_is_built_once_for_each_time_it_is_sent() {
    let mut host = Host::new();
    let mut life = Vec::new();
    let mut step = |host: &mut Host| {
        let before = built::so_far();
        let sent = host.drive();
        assert_eq!(built::so_far() - before, sent.len(), "{sent:?}");
        life.extend(sent);
    };
    step(&mut host);
    host.now = START + Duration::from_secs(3600);
    host.session.access();
    step(&mut host);
    host.session.logout();
    step(&mut host);
    use Endpoint::{Registration, ResourceMetadata, Revocation, ServerMetadata, Token};
    let (login, end) = ([ResourceMetadata, ServerMetadata, Registration, Token], [Revocation; 2]);
    assert_eq!(life, [&login[..], &[Token], &end].concat());
}

#[test]
fn so_is_one_that_is_signed() {
    use Endpoint::{Resource, ResourceMetadata, ServerMetadata, Token};
    let mut host = Host::without_a_user();
    let expected = [&[Resource, ResourceMetadata, ServerMetadata, Token][..], &[Token]];
    for sent in expected {
        let before = built::so_far();
        assert_eq!(host.drive(), sent);
        assert_eq!(built::so_far() - before, sent.len(), "{sent:?}");
        host.now = host.now + Duration::from_secs(3600);
        host.session.access();
    }
}

#[test]
fn an_event_that_is_not_waited_for_leads_nowhere() {
    for mut host in [Host::new(), Host::without_a_user()] {
        host.drive_and(leads_nowhere);
        host.now = START + Duration::from_secs(3600);
        host.session.access();
        host.drive_and(leads_nowhere);
        host.session.logout();
        host.drive_and(leads_nowhere);
    }
}

fn leads_nowhere(session: &mut Session, now: UnixTime) {
    let other = Response::new(200, Vec::new());
    let turn = name(&session.turn().unwrap());
    let redirect_uri = RedirectUri::parse("http://127.0.0.1:1/other").unwrap();
    let prepared = Event::Prepared(redirect_uri, Entropy::from_bytes([9; 64]), now);
    let events = [
        ("load", Event::Loaded(None, now)),
        ("lock", Event::Locked),
        ("lock", Event::HeldElsewhere(now)),
        ("reserve", Event::Reserved),
        // What spends a refresh token may lose its lock, too.
        ("reserve flow", Event::Lost(now)),
        ("save", Event::Saved(now)),
        ("save", Event::Conflict(7)),
        ("unlock", Event::Unlocked),
        ("login", Event::Begun),
        ("prepare", prepared),
        ("flow", Event::Answered(Ok(&other), now)),
        ("flow", Event::CameBack(now)),
        ("flow", Event::NobodyCame),
    ];
    let before = serde_json::to_string(session).unwrap();
    for (number, (waits, event)) in events.into_iter().enumerate() {
        if !waits.contains(turn) {
            assert!(!session.handle(event), "{number} at {turn}");
            assert_eq!(serde_json::to_string(session).unwrap(), before, "{number} at {turn}");
        }
    }
}

/// Which events a turn waits for. A flow judges for itself which of its own it does.
fn name(turn: &Turn<'_>) -> &'static str {
    match turn {
        Turn::Load(_) => "load",
        Turn::Lock(..) => "lock",
        Turn::Reserve(_) => "reserve",
        Turn::Save(_) => "save",
        Turn::Unlock(..) => "unlock",
        Turn::Login(_) => "login",
        Turn::Prepare(_) => "prepare",
        Turn::Http(..) | Turn::Sign(_) | Turn::Assertion(_) | Turn::Key(_) => "flow",
        Turn::Browser(..) | Turn::Device(..) | Turn::Wait(..) => "flow",
        Turn::Ready(_) | Turn::LoggedOut(_) => "nothing",
    }
}
