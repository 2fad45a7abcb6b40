//! Hosts that send the application's requests in their own way, and hosts with many users: both
//! adapters.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use oauth_blocking::ureq;
use oauth_blocking::{BearerAuth, MemoryTokenStorage};
use oauth_tests::drive::head;
use oauth_tests::serve::Served;
use oauth_tests::world::{Knobs, ScopePolicy};
use oauth_tokio::HttpClient;
use tokio_common::common::{
    self, CALL, LIST, assert_sound, logins, refreshes, serve, stored_token,
};

/// Sends a call without our help: the status, and what the server said in `WWW-Authenticate`.
fn own_call(served: &Served, token: &BearerAuth, method: &str) -> (u16, http::HeaderMap) {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{}}}}"#);
    let answer = agent
        .post(served.server_url())
        .header("authorization", token.header_value())
        .send(body)
        .unwrap();
    (answer.status().as_u16(), answer.headers().clone())
}

#[test]
fn a_refused_token_is_replaced() {
    let served = serve(Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() });
    let oauth = common::logged_in(&served, &MemoryTokenStorage::new());
    let old = oauth.token().unwrap();
    served.world().revoke_access_tokens();
    let (status, headers) = own_call(&served, &old, LIST);
    let refreshed = oauth.refused(&old, status, &headers).unwrap().unwrap();
    assert_eq!((refreshes(&served), logins(&served)), (1, 0));
    // Somebody else who hears late that the old one is refused gets the new one.
    assert_eq!(oauth.refused(&old, status, &headers).unwrap().as_ref(), Some(&refreshed));
    assert_eq!(refreshes(&served), 1);

    let (status, headers) = own_call(&served, &refreshed, CALL);
    let wider = oauth.refused(&refreshed, status, &headers).unwrap().unwrap();
    assert_eq!((status, logins(&served)), (403, 1));
    let (status, headers) = own_call(&served, &wider, CALL);
    assert_eq!(status, 200);
    assert_eq!(oauth.refused(&wider, status, &headers).unwrap(), None);
    assert_sound(&served);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_replaced_on_tokio() {
    let served = serve(Knobs::default());
    let oauth = tokio_common::logged_in(&served, &MemoryTokenStorage::new()).await;
    let old = oauth.token().await.unwrap();
    served.world().revoke_access_tokens();
    let (status, headers) = own_call(&served, &old, LIST);
    let refreshed = oauth.refused(&old, status, &headers).await.unwrap().unwrap();
    assert_eq!(own_call(&served, &refreshed, LIST).0, 200);
    assert_eq!(oauth.refused(&old, 401, &head(&[])).await.unwrap(), Some(refreshed));
    assert_eq!(oauth.refused(&old, 500, &head(&[])).await.unwrap(), None);
    assert_eq!((refreshes(&served), logins(&served)), (1, 0));
    assert_sound(&served);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_field_is_at_hand_as_long_as_the_token_is_fresh() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let oauth = tokio_common::client(&served, &store);
    assert_eq!(oauth.authorization(), None);
    let token = oauth.authenticate().await.unwrap();
    let header = oauth.authorization().unwrap();
    assert_eq!(header, token.header_value());
    assert!(header.is_sensitive());
    // Another client has to look into the store first.
    let blocking = common::client(&served, &store);
    assert_eq!(blocking.authorization(), None);
    tokio::task::block_in_place(|| blocking.token()).unwrap();
    assert_eq!(blocking.authorization(), Some(header));
}

#[test]
fn profiles_share_all_but_their_tokens() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let anybody = common::client(&served, &store);
    let [one, two] = ["user-1/gmail", "user-2/gmail"].map(|profile| anybody.for_profile(profile));
    assert_eq!(common::call(&one, &served, LIST).unwrap(), 200);
    assert_eq!(two.initialize().unwrap(), None);
    assert_eq!(common::call(&two, &served, LIST).unwrap(), 200);
    assert_eq!(logins(&served), 2);
    let key = |profile: &str| {
        oauth_blocking::Key::grant(common::APPLICATION, profile, &served.server_url())
    };
    let tokens = ["user-1/gmail", "user-2/gmail", ""].map(|it| stored_token(&store, &key(it)));
    assert!(tokens[0].is_some() && tokens[1].is_some() && tokens[0] != tokens[1]);
    assert_eq!(tokens[2], None);
    assert_sound(&served);
}

/// A host with a thousand users has one pool of connections.
#[tokio::test(flavor = "multi_thread")]
async fn profiles_on_tokio_share_connections() {
    const USERS: usize = 50;
    let served = serve(Knobs::default());
    let http = HttpClient::new(|http| http).unwrap();
    let anybody = tokio_common::builder(&served, &MemoryTokenStorage::new()).http_client(http);
    let anybody = anybody.build().unwrap();
    for user in 0..USERS {
        let oauth = anybody.for_profile(&format!("user-{user}"));
        assert_eq!(tokio_common::call(&oauth, &served, LIST).await.unwrap(), 200);
    }
    assert_eq!(logins(&served), USERS);
    // Each user's browser makes one of its own, and so do the client's registration and its code. One more
    // now and then is a connection that was not back in the pool yet.
    assert!(served.connections() < 4 * USERS, "{}", served.connections());
    assert_sound(&served);
}
