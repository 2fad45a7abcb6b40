//! The same servers for everybody, in this process: what they answer was made before, and each client gets it in the types
//! of the crate `http`, as its own HTTP client would hand it over.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, DATE};
use http::{HeaderMap, HeaderValue, Response};
use tokio::time::sleep;

use crate::documents::{self, LONG_JWT};

/// An answer as an HTTP client has it.
pub(crate) type Answer = Response<Vec<u8>>;

/// The MCP server's documents, and the authorization server.
#[derive(Clone)]
pub(crate) struct Canned(Arc<Servers>);

struct Servers {
    /// Answers that were made before anything was counted, for each place.
    ready: Mutex<[Vec<Answer>; 4]>,
    /// How refresh tokens are taken, if not by anybody at any time.
    rotating: Option<Rotating>,
    asked: [AtomicUsize; 4],
}

/// Each refresh token is good once, and answers take a while.
struct Rotating {
    /// How many were issued; the last one is good.
    issued: AtomicUsize,
}

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Place {
    Resource,
    Server,
    Registration,
    Token,
}

use Place::{Registration, Resource, Server, Token};

impl Canned {
    /// With the answers for so many logins and refreshes ready.
    pub(crate) fn ready_for(count: usize) -> Self {
        let ready = [Resource, Server, Registration, Token]
            .map(|place| (0..count).map(|_| answer(place)).collect());
        Self(Arc::new(Servers {
            ready: Mutex::new(ready),
            rotating: None,
            asked: Default::default(),
        }))
    }

    /// Whose refresh tokens are good once.
    pub(crate) fn rotating() -> Self {
        let rotating = Some(Rotating { issued: AtomicUsize::new(0) });
        Self(Arc::new(Servers { ready: Mutex::default(), rotating, asked: Default::default() }))
    }

    /// Answers are ready for so many more.
    pub(crate) fn add(&self, place: Place, count: usize) {
        self.ready()[place as usize].extend((0..count).map(|_| answer(place)));
    }

    /// How many requests came to that place.
    pub(crate) fn asked(&self, place: Place) -> usize {
        self.0.asked[place as usize].load(Relaxed)
    }

    /// At once.
    pub(crate) fn now(&self, path: &str) -> Answer {
        let place = place(path);
        self.0.asked[place as usize].fetch_add(1, Relaxed);
        let ready = self.ready()[place as usize].pop();
        ready.unwrap_or_else(|| answer(place))
    }

    /// After a while, where refresh tokens are good once.
    pub(crate) async fn answer(&self, path: &str, body: &[u8]) -> Answer {
        let Some(rotating) = self.0.rotating.as_ref().filter(|_| place(path) == Token) else {
            return self.now(path);
        };
        self.0.asked[Token as usize].fetch_add(1, Relaxed);
        let body = String::from_utf8_lossy(body);
        let spends = body.split('&').find_map(|pair| pair.strip_prefix("refresh_token="));
        let answer = rotating.exchange(spends);
        sleep(SLOWLY).await;
        answer
    }

    fn ready(&self) -> std::sync::MutexGuard<'_, [Vec<Answer>; 4]> {
        self.0.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rotating {
    fn exchange(&self, spends: Option<&str>) -> Answer {
        let Some(token) = spends else { return tokens(self.issued.fetch_add(1, Relaxed) + 1) };
        let number = token.rsplit('.').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        let next = number + 1;
        match self.issued.compare_exchange(number, next, Relaxed, Relaxed) {
            Ok(_) => tokens(next),
            Err(_) => json(400, REUSED.to_owned()),
        }
    }
}

/// How long the token endpoint takes in a crowd: longer than it takes until all have asked, so that counts are alike.
pub(crate) const SLOWLY: Duration = Duration::from_millis(250);

/// The query with which the authorization endpoint sends the user back.
pub(crate) fn redirect(state: &str) -> String {
    format!("code={}&state={state}&iss=https%3A%2F%2Fauth.example.com", documents::CODE)
}

/// What the MCP server says to a request without a token.
pub(crate) fn challenge() -> HeaderMap {
    let challenge = HeaderValue::from_static(documents::CHALLENGE);
    HeaderMap::from_iter([(http::header::WWW_AUTHENTICATE, challenge)])
}

fn place(path: &str) -> Place {
    match path {
        "/.well-known/oauth-protected-resource/mcp" => Resource,
        "/.well-known/oauth-authorization-server" => Server,
        "/oauth2/v1/register" => Registration,
        "/oauth2/v1/token" => Token,
        other => panic!("nobody has to ask for {other}"),
    }
}

fn answer(place: Place) -> Answer {
    match place {
        Resource => json(200, documents::resource()),
        Server => json(200, documents::server()),
        Registration => json(201, documents::registration()),
        Token => json(200, documents::tokens(LONG_JWT)),
    }
}

/// With a refresh token that ends in this number.
fn tokens(number: usize) -> Answer {
    let answer = documents::tokens(LONG_JWT);
    assert!(answer.contains(END), "the documents have another refresh token");
    json(200, answer.replace(END, &format!("{END}.{number}")))
}

/// With the fields that servers send.
fn json(status: u16, body: String) -> Answer {
    let mut answer = Response::new(body.into_bytes());
    *answer.status_mut() = status.try_into().expect("it is a status");
    let length = answer.body().len().into();
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(DATE, HeaderValue::from_static("Sun, 17 Mar 2030 17:46:40 GMT"));
    headers.insert(http::header::CONTENT_LENGTH, length);
    answer
}

/// How the refresh token of the documents ends.
const END: &str = "NmM1MDg0YjM4NTFj";

const REUSED: &str = r#"{"error":"invalid_grant","error_description":"it was spent before"}"#;
