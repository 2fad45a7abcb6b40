//! Servers whose MCP endpoint is elsewhere, or is asked in vain with GET, or asks for nothing; both adapters.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use http::{HeaderValue, Request, Response, StatusCode, header};
use oauth_blocking::{ClientError, MemoryTokenStorage};
use oauth_core::Error;
use oauth_core::error::PeerIncompatible;
use oauth_tests::serve::Served;
use oauth_tests::world::{Challenge, Knobs, PrmLocation, What};
use oauth_tokio::Blocking;
use tokio_common::common::{
    self, APPLICATION, LIST, assert_sound, logins, post, serve, statuses, visitor,
};

/// The endpoint as the host knows it; the server's own is `/mcp`.
const OLD: &str = "/old";

/// A world in which `/old` answers like this, and metadata is where the path of `/mcp` says.
fn moved(status: u16, location: &'static str) -> Served {
    moved_and_carried(status, location).0
}

/// The same, and whether a token came to `/old`.
fn moved_and_carried(status: u16, location: &'static str) -> (Served, Arc<AtomicBool>) {
    let served = serve(Knobs { challenge: Challenge::Bare, ..Knobs::default() });
    let is_carried = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_carried);
    served.rewrite(move |request, answer| {
        if request.uri().path() == OLD {
            seen.fetch_or(request.headers().contains_key("authorization"), Ordering::SeqCst);
            *answer = Response::new(Vec::new());
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            answer.headers_mut().insert(header::LOCATION, HeaderValue::from_static(location));
        }
    });
    (served, is_carried)
}

fn old_url(served: &Served) -> String {
    served.server_url().replace("/mcp", OLD)
}

fn blocking(url: &str, store: &MemoryTokenStorage) -> oauth_blocking::OAuth {
    let builder = oauth_blocking::OAuth::new(url).unwrap().token_storage(store.clone());
    builder.application(APPLICATION).user_agent(visitor()).build().unwrap()
}

fn on_tokio(url: &str, store: &MemoryTokenStorage) -> oauth_tokio::OAuth {
    let builder = oauth_tokio::OAuth::new(url).unwrap().token_storage(Blocking::new(store.clone()));
    builder.application(APPLICATION).user_agent(Blocking::new(visitor())).build().unwrap()
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}

/// Both adapters send a call, each with a store of its own.
fn send(url: &str) -> [Result<u16, Error>; 2] {
    let store = MemoryTokenStorage::new();
    let blocking = post(&blocking(url, &store), url, LIST).map(|(status, _)| status);
    let store = MemoryTokenStorage::new();
    let tokio = wait(tokio_common::post(&on_tokio(url, &store), url, LIST));
    [blocking.map_err(core), tokio.map(|(status, _)| status).map_err(core)]
}

/// Both adapters log in.
fn authenticate(url: &str) -> [Result<(), Error>; 2] {
    let blocking = blocking(url, &MemoryTokenStorage::new()).authenticate();
    let tokio = wait(on_tokio(url, &MemoryTokenStorage::new()).authenticate());
    [blocking.map(drop).map_err(core), tokio.map(drop).map_err(core)]
}

/// What both adapters say.
fn diagnose(url: &str) -> String {
    let text = blocking(url, &MemoryTokenStorage::new()).diagnose().unwrap().to_string();
    let tokio = wait(on_tokio(url, &MemoryTokenStorage::new()).diagnose()).unwrap();
    assert_eq!(tokio.to_string(), text);
    text
}

fn core<H: std::error::Error>(error: ClientError<H>) -> Error {
    match error {
        ClientError::OAuth { error, .. } => error,
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_redirect_within_the_origin_is_followed_with_method_body_and_token() {
    for (status, location) in [(307, "/mcp"), (308, "mcp")] {
        let served = moved(status, location);
        let url = old_url(&served);
        assert_eq!(send(&url), [Ok(200), Ok(200)]);
        assert_eq!(statuses(&served, LIST), [401, 200, 401, 200]);
        assert_eq!(authenticate(&url), [Ok(()), Ok(())]);
        assert_eq!(logins(&served), 4);
        let text = diagnose(&url);
        assert!(text.contains("can begin") && text.contains("moved to"), "{text}");
        assert!(!text.contains("no login is asked for"), "{text}");
        assert_sound(&served);
    }
}

/// The store's key is the host's URL, and what was stored is found again by another process.
#[test]
fn what_a_login_at_a_moved_endpoint_brought_is_found_again() {
    let served = moved(307, "/mcp");
    let (url, store) = (old_url(&served), MemoryTokenStorage::new());
    blocking(&url, &store).authenticate().unwrap();
    let key = oauth_blocking::Key { server_url: url.clone().into(), ..common::key(&served) };
    let stored = common::stored(&store, &key).unwrap();
    assert_eq!(stored.binding().resource(), served.server_url());
    assert!(blocking(&url, &store).initialize().unwrap().is_some());
    assert!(wait(on_tokio(&url, &store).initialize()).unwrap().is_some());
    assert_eq!(logins(&served), 1);
}

/// Whoever has one path of an origin, and redirects it to the path of somebody else, gets no token for that.
#[test]
fn a_token_goes_to_where_an_endpoint_has_moved_and_not_to_where_it_was() {
    let (served, is_carried) = moved_and_carried(307, "/mcp");
    let (url, store) = (old_url(&served), MemoryTokenStorage::new());
    for _ in 0..2 {
        let oauth = blocking(&url, &store);
        assert_eq!([(); 2].map(|()| post(&oauth, &url, LIST).unwrap().0), [200; 2]);
        wait(async {
            let oauth = on_tokio(&url, &store);
            for _ in 0..2 {
                assert_eq!(tokio_common::post(&oauth, &url, LIST).await.unwrap().0, 200);
            }
        });
    }
    assert_eq!(logins(&served), 1);
    assert!(!is_carried.load(Ordering::SeqCst), "a token for another path");
    assert_sound(&served);
}

/// An endpoint may have a URL for each of its users, and redirect them there.
#[test]
fn where_one_user_was_sent_is_not_known_to_others() {
    let served = serve(Knobs { challenge: Challenge::Bare, ..Knobs::default() });
    let asked = Arc::new(AtomicUsize::new(0));
    let asked_there = Arc::clone(&asked);
    served.rewrite(move |request, answer| {
        if request.uri().path() == OLD {
            asked_there.fetch_add(1, Ordering::SeqCst);
            *answer = Response::new(Vec::new());
            *answer.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            answer.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/mcp"));
        }
    });
    let (url, store) = (old_url(&served), MemoryTokenStorage::new());
    let server = blocking(&url, &store);
    for user in ["alice", "bob"] {
        let user = server.for_profile(user);
        asked.store(0, Ordering::SeqCst);
        assert_eq!(post(&user, &url, LIST).unwrap().0, 200);
        assert!(asked.load(Ordering::SeqCst) > 0);
    }
    assert_sound(&served);
}

/// A page for the time of an outage, to which everything is redirected.
#[test]
fn where_an_endpoint_was_for_a_while_counts_no_more_when_it_is_back() {
    for adapter in 0..2 {
        let (served, is_down) = (serve(Knobs::default()), Arc::new(AtomicBool::new(true)));
        let is_down_there = Arc::clone(&is_down);
        served.rewrite(move |request, answer| {
            let status = match request.uri().path() {
                "/mcp" => StatusCode::TEMPORARY_REDIRECT,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            if is_down_there.load(Ordering::SeqCst) {
                *answer = Response::new(Vec::new());
                *answer.status_mut() = status;
                let location = HeaderValue::from_static("/outage");
                answer.headers_mut().insert(header::LOCATION, location);
            }
        });
        let (url, store) = (served.server_url(), MemoryTokenStorage::new());
        let back = || is_down.store(false, Ordering::SeqCst);
        if adapter == 0 {
            let oauth = blocking(&url, &store);
            assert_eq!(post(&oauth, &url, LIST).unwrap().0, 503);
            back();
            assert_eq!(post(&oauth, &url, LIST).unwrap().0, 200);
        } else {
            wait(async {
                let oauth = on_tokio(&url, &store);
                assert_eq!(tokio_common::post(&oauth, &url, LIST).await.unwrap().0, 503);
                back();
                assert_eq!(tokio_common::post(&oauth, &url, LIST).await.unwrap().0, 200);
            });
        }
        assert_sound(&served);
    }
}

/// A login that was handed out at one, and comes back in another process.
#[test]
fn a_login_at_a_moved_endpoint_can_be_handed_out() {
    let served = moved(307, "/mcp");
    let (url, store) = (old_url(&served), MemoryTokenStorage::new());
    let headless = || {
        let callback = oauth_blocking::RedirectUri::parse("https://host.example/callback");
        let builder = oauth_blocking::OAuth::new(&url).unwrap().token_storage(store.clone());
        let user_agent = oauth_blocking::NoUserAgent::new(callback.unwrap());
        builder.user_agent(user_agent).build().unwrap()
    };
    let login = common::handed_out(headless().authenticate());
    let query = common::redirect(&login.connect_url);
    headless().resume(login.pending, &query).unwrap();
    assert!(headless().initialize().unwrap().is_some());
}

#[test]
fn redirects_do_not_go_on_for_ever() {
    let served = moved(307, OLD);
    let url = old_url(&served);
    assert_eq!(send(&url), [Ok(307), Ok(307)]);
    for outcome in authenticate(&url) {
        let error = outcome.unwrap_err();
        assert!(matches!(error, Error::PeerIncompatible(PeerIncompatible::Redirected { .. })));
    }
    assert!(served.world().log.len() < 50);
}

/// Where the token must not go, and where the request would become another one.
#[test]
fn other_redirects_are_the_applications_and_named_where_a_login_is_sought() {
    let evil = "https://evil.example/mcp?key=planted";
    for (status, location, shown) in [
        (301, "/mcp", "/mcp"),
        (302, "/login?key=planted", "/login"),
        (303, "/mcp", "/mcp"),
        (307, evil, "https://evil.example/mcp"),
        (308, evil, "https://evil.example/mcp"),
    ] {
        let served = moved(status, location);
        let url = old_url(&served);
        assert_eq!(send(&url), [Ok(status), Ok(status)]);
        for outcome in authenticate(&url) {
            let error = outcome.unwrap_err();
            let text = error.explain(&oauth_core::Timeline::default()).to_string();
            assert_eq!(error.code(), "redirected", "{text}");
            assert!(text.contains(shown) && text.contains("URL of the MCP endpoint"), "{text}");
            assert!(!text.contains("planted"), "{text}");
        }
        let text = diagnose(&url);
        for words in ["cannot begin", "error[redirected]", "a redirect to", shown] {
            assert!(text.contains(words), "{words} is not in:\n{text}");
        }
        assert!(!text.contains("no login is asked for") && !text.contains("planted"), "{text}");
        assert_eq!(served.world().count(What::Mcp(LIST.into())), 0);
        assert_sound(&served);
    }
}

/// Answers GET at the MCP endpoint like this.
fn answers_get(served: &Served, status: StatusCode) {
    served.rewrite(move |request: &Request<Vec<u8>>, answer| {
        if request.method() == "GET" && request.uri().path() == "/mcp" {
            *answer = Response::new(Vec::new());
            *answer.status_mut() = status;
        }
    });
}

/// The metadata is where only the challenge says.
#[test]
fn a_server_that_only_challenges_post_is_asked_with_post() {
    for status in [StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_FOUND, StatusCode::OK] {
        let served = serve(Knobs { prm_location: PrmLocation::Custom, ..Knobs::default() });
        answers_get(&served, status);
        assert_eq!(authenticate(&served.server_url()), [Ok(()), Ok(())]);
        // One question is enough.
        assert_eq!(statuses(&served, LIST), [401, 401]);
        assert_eq!(statuses(&served, "GET"), [0; 0]);
        let text = diagnose(&served.server_url());
        assert!(text.contains("can begin"), "{text}");
        assert_sound(&served);
    }
}

#[test]
fn a_server_that_only_challenges_get_is_asked_with_get_then() {
    let served = serve(Knobs { prm_location: PrmLocation::Custom, ..Knobs::default() });
    served.rewrite(|request, answer| {
        if request.method() == "POST" && request.uri().path() == "/mcp" {
            *answer.status_mut() = StatusCode::BAD_REQUEST;
        }
    });
    assert_eq!(authenticate(&served.server_url()), [Ok(()), Ok(())]);
    let text = diagnose(&served.server_url());
    assert!(text.contains("can begin") && text.contains("400  MCP server"), "{text}");
}

/// Hosts go on without a token then; but a server in trouble is not open.
#[test]
fn a_server_that_asks_for_no_login_is_told_from_one_that_is_in_trouble() {
    for (status, code) in
        [(200, "no_login_asked_for"), (404, "no_login_asked_for"), (503, "unreachable")]
    {
        let served = serve(Knobs { prm_location: PrmLocation::Nowhere, ..Knobs::default() });
        served.rewrite(move |request, answer| {
            if request.uri().path() == "/mcp" {
                *answer = Response::new(Vec::new());
                *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            }
        });
        for outcome in authenticate(&served.server_url()) {
            let error = outcome.unwrap_err();
            assert_eq!(error.code(), code, "{status}");
            assert_eq!(error.is_retryable(), status == 503);
        }
        let text = diagnose(&served.server_url());
        assert!(text.contains(&format!("error[{code}]")), "{text}");
        assert_eq!(send(&served.server_url()), [Ok(status), Ok(status)]);
    }
}

/// A login that somebody asks for is made where it can be, whatever the endpoint answers.
#[test]
fn an_open_server_with_metadata_can_be_logged_in_to() {
    let served = serve(Knobs::default());
    served.rewrite(|request, answer| {
        if request.uri().path() == "/mcp" {
            *answer = Response::new(Vec::new());
        }
    });
    assert_eq!(authenticate(&served.server_url()), [Ok(()), Ok(())]);
}
