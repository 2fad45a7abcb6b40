//! Hosts with another HTTP client: they bring what sends requests, and take all other parts from an adapter.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::sync::Arc;
use std::time::Duration;

use oauth_blocking::adapter::{Threads, ready};
use oauth_blocking::{MemoryTokenStorage, SharedStorage, SharedUserAgent};
use oauth_core::client::{Client, Host, Mode};
use oauth_tests::direct::Direct;
use oauth_tests::drive::mcp_request;
use oauth_tests::world::{Grant, What};
use oauth_tokio::adapter::Tasks;

const LIST: &str = "tools/list";

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
    let client = Direct::new().client(Threads::new, store, SharedUserAgent::from, Duration::ZERO);
    ready(live(&client));
}

#[tokio::test]
async fn tasks_take_another_http_client() {
    let store = oauth_tokio::SharedStorage::from(MemoryTokenStorage::new());
    let users = oauth_tokio::SharedUserAgent::from;
    let client = Direct::new().client(Tasks::new, store, users, Duration::ZERO);
    live(&client).await;
}

/// In seconds: longer than an access token lives.
const DAY: u64 = 24 * 60 * 60;
