//! Requests as real networks want them, with both adapters: named, uncompressed, on connections that live.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, Request, Response, StatusCode};
use oauth_blocking::{Adapter as Built, Builder, ClientError, MemoryTokenStorage, ureq};
use oauth_tests::serve::Served;
use oauth_tests::world::Knobs;
use oauth_tokio::{HttpClient, reqwest};
use rmcp::transport::streamable_http_client::StreamableHttpClient as _;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio_common::common::{self, LIST, assert_sound, expire, key, serve};

/// What the servers were asked: path and header fields.
type Asked = Arc<Mutex<Vec<(String, HeaderMap)>>>;

/// Writes down what is asked, and answers `refused` with a page of a firewall.
fn guard(served: &Served, refused: impl Fn(&Request<Vec<u8>>) -> bool + Send + 'static) -> Asked {
    let asked = Asked::default();
    let told = Arc::clone(&asked);
    served.rewrite(move |request, response| {
        // The browser is nobody's client.
        if request.uri().path() == "/authorize" {
            return;
        }
        told.lock().unwrap().push((request.uri().path().into(), request.headers().clone()));
        if refused(request) {
            *response = Response::new(b"<html>Access denied</html>".to_vec());
            *response.status_mut() = StatusCode::FORBIDDEN;
        }
    });
    asked
}

/// A login, a call, a refresh and a logout by each adapter; the last also with rmcp.
fn by_both(
    blocking: impl Fn(Builder<oauth_blocking::OAuth>) -> Builder<oauth_blocking::OAuth>,
    tokio: impl Fn(Builder<oauth_tokio::OAuth>) -> Builder<oauth_tokio::OAuth>,
    check: impl Fn(&Served, &str) -> Box<dyn Fn()>,
) {
    let (served, store) = (serve(Knobs::default()), MemoryTokenStorage::new());
    let done = check(&served, "oauth-blocking/");
    let oauth = blocking(common::builder(&served, &store)).build().unwrap();
    assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
    expire(&store, &key(&served));
    assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
    assert!(oauth.logout().is_ok());
    done();
    assert_sound(&served);

    let (served, store) = (serve(Knobs::default()), MemoryTokenStorage::new());
    let done = check(&served, "oauth-tokio/");
    let oauth = tokio(tokio_common::builder(&served, &store)).build().unwrap();
    Runtime::new().unwrap().block_on(async {
        assert_eq!(tokio_common::call(&oauth, &served, LIST).await.unwrap(), 200);
        expire(&store, &key(&served));
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": LIST});
        let (url, message) = (served.server_url(), serde_json::from_value(message).unwrap());
        oauth.post_message(url.into(), message, None, None, HashMap::new()).await.unwrap();
        assert!(oauth.logout().await.is_ok());
    });
    done();
    assert_sound(&served);
}

#[test]
fn every_request_says_who_asks() {
    by_both(
        |builder| builder,
        |builder| builder,
        |served, name| {
            let asked = guard(served, |request| !request.headers().contains_key("user-agent"));
            let name = name.to_owned();
            Box::new(move || {
                let asked = asked.lock().unwrap();
                assert!(asked.len() >= 8, "{asked:?}");
                for (path, headers) in &*asked {
                    assert!(headers["user-agent"].to_str().unwrap().starts_with(&name), "{path}");
                }
            })
        },
    );
}

#[test]
fn a_host_has_a_name_of_its_own() {
    fn named<A: Built>(builder: Builder<A>) -> Builder<A> {
        builder.http_user_agent("my-editor/1.2")
    }
    let http = |http: reqwest::ClientBuilder| http.user_agent("another/1.0");
    by_both(
        named,
        |builder| named(builder).http_client(HttpClient::new(http).unwrap()),
        |served, _| {
            let asked = guard(served, |request| request.headers()["user-agent"] != "my-editor/1.2");
            Box::new(move || assert!(asked.lock().unwrap().len() >= 8))
        },
    );
    by_both(
        |builder| builder,
        |builder| builder.http_client(HttpClient::new(http).unwrap()),
        |served, name| {
            let name = if name == "oauth-tokio/" { "another/1.0" } else { name }.to_owned();
            let is_named = move |headers: &HeaderMap| {
                headers["user-agent"].to_str().unwrap().starts_with(&*name)
            };
            let asked = guard(served, move |request| !is_named(request.headers()));
            Box::new(move || assert!(asked.lock().unwrap().len() >= 8))
        },
    );
}

#[test]
fn an_edge_has_its_header_on_every_request_and_nobody_else_has_it() {
    const NAME: &str = "cf-access-client-id";
    fn admitted<A: Built>(builder: Builder<A>) -> Builder<A> {
        let builder = builder.server_header("CF-Access-Client-Id", "planted");
        assert!(!format!("{builder:?}").contains("planted"));
        builder
    }
    by_both(admitted, admitted, |served, _| {
        let authority = served.server_url().replace("http://", "").replace("/mcp", "");
        let of_edge = authority.clone();
        let asked = guard(served, move |request| {
            request.headers()["host"] == of_edge.as_str()
                && request.headers().get(NAME).is_none_or(|value| value != "planted")
        });
        Box::new(move || {
            let asked = asked.lock().unwrap();
            for (path, headers) in &*asked {
                let is_edge = headers["host"] == authority.as_str();
                assert_eq!(headers.contains_key(NAME), is_edge, "{path}");
            }
            assert!(asked.iter().any(|(path, _)| path.contains("oauth-protected-resource")));
            assert!(asked.iter().any(|(path, _)| path == "/token"));
        })
    });
}

/// Some compress whatever they are asked.
#[test]
fn no_compression_is_asked_for_and_what_comes_is_read() {
    by_both(
        |builder| builder,
        |builder| builder,
        |served, _| {
            served.rewrite(|request, response| {
                let path = request.uri().path();
                if path == "/mcp" || path == "/authorize" {
                    return;
                }
                assert_eq!(request.headers()["accept-encoding"], "identity", "{path}");
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(response.body()).unwrap();
                *response.body_mut() = encoder.finish().unwrap();
                response.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
            });
            Box::new(|| {})
        },
    );
}

/// Where connections die between two requests, and nobody says so: what asks is asked again, and what
/// spends something is sent on a connection of its own.
#[test]
fn a_login_gets_over_connections_that_have_died() {
    let (served, store) = (serve(Knobs::default()), MemoryTokenStorage::new());
    served.forget_connections();
    let oauth = common::builder(&served, &store).build().unwrap();
    assert!(oauth.authenticate().is_ok());
    assert!(oauth.refresh_token().unwrap().is_some());
    assert_spent_once(&served);

    let (served, store) = (serve(Knobs::default()), MemoryTokenStorage::new());
    served.forget_connections();
    let oauth = tokio_common::builder(&served, &store).build().unwrap();
    Runtime::new().unwrap().block_on(async {
        assert!(oauth.authenticate().await.is_ok());
        assert!(oauth.refresh_token().await.unwrap().is_some());
    });
    assert_spent_once(&served);
}

fn assert_spent_once(served: &Served) {
    assert_eq!((common::logins(served), common::refreshes(served)), (1, 1));
    assert_eq!(common::registrations(served), 1);
    assert_sound(served);
}

/// What the application says about its own request stands, whatever the agent has.
#[test]
fn a_request_of_the_application_keeps_its_own_time_limit() {
    const ANSWER_AFTER: Duration = Duration::from_secs(2);
    let (served, store) = (serve(Knobs::default()), MemoryTokenStorage::new());
    let agent = ureq::Agent::config_builder().timeout_global(Some(4 * ANSWER_AFTER)).build();
    let agent = agent.new_agent();
    let oauth = common::builder(&served, &store).http_client(agent.clone()).build().unwrap();
    assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
    served.rewrite(|_, _| thread::sleep(ANSWER_AFTER));
    let begun = Instant::now();
    let answer = oauth.send(|| {
        let request = Request::get(served.server_url()).body(())?;
        let limit = Some(Duration::from_millis(300));
        Ok(agent.configure_request(request).timeout_global(limit).build())
    });
    assert!(begun.elapsed() < ANSWER_AFTER, "{:?}", begun.elapsed());
    assert!(matches!(answer, Err(ClientError::Http(ureq::Error::Timeout(_)))), "{answer:?}");
}
