//! What the server refuses is made good, and the SDK notices nothing.

use std::collections::HashMap;
use std::time::Duration;

use oauth_tests::guard::Guarded;
use oauth_tests::world::{Challenge, Damage, Fault, Knobs, PrmLocation, ScopePolicy};
use oauth_tokio::reqwest::header::{AUTHORIZATION, HeaderValue};
use oauth_tokio::{MemoryTokenStorage, OAuth};
use rmcp::model::ProtocolVersion;
use rmcp::service::{ClientLifecycleMode, ClientServiceExt as _};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::{StreamableHttpClient as _, StreamableHttpError};

use crate::tokio_common::common::{
    CALL, HOUR, LIST, assert_sound, logins, refreshes, registrations, statuses,
};
use crate::tokio_common::{client, until};
use crate::{INITIALIZE, bounded, config, connect_over, guarded, no_headers, open, url};

/// A client that knows nothing yet.
fn fresh(guarded: &Guarded) -> OAuth {
    client(guarded, &MemoryTokenStorage::new())
}

#[tokio::test]
async fn a_login_happens_at_the_first_request_and_everything_carries_its_token() {
    let guarded = guarded(Knobs::default()).await;
    let connected = open(&guarded, &fresh(&guarded)).await;
    assert_eq!(connected.list().await.unwrap(), 2);
    assert_eq!(connected.add().await.unwrap(), "42");
    connected.close().await;
    assert_eq!(statuses(&guarded, INITIALIZE), [401, 200]);
    for method in ["notifications/initialized", "GET", LIST, CALL, "DELETE"] {
        assert_eq!(statuses(&guarded, method), [200], "{method}");
    }
    assert_eq!(guarded.world().oauth_requests(), 5);
    assert_eq!(guarded.sessions().len(), 1);
    assert_sound(&guarded);
}

#[tokio::test]
async fn a_stored_token_needs_no_login() {
    let guarded = guarded(Knobs::default()).await;
    let store = MemoryTokenStorage::new();
    open(&guarded, &client(&guarded, &store)).await.close().await;
    open(&guarded, &client(&guarded, &store)).await.close().await;
    assert_eq!(statuses(&guarded, INITIALIZE), [401, 200, 200]);
    assert_eq!(guarded.world().oauth_requests(), 5);
}

#[tokio::test]
async fn the_lifecycle_without_sessions_works_as_well() {
    let guarded = guarded(Knobs::default()).await;
    let oauth = fresh(&guarded);
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    let lifecycle = ClientLifecycleMode::Discover { preferred_versions };
    let service = bounded(().serve_with_lifecycle(oauth.transport(), lifecycle)).await.unwrap();
    assert_eq!(crate::add(&service).await.unwrap(), "42");
    guarded.world().revoke_access_tokens();
    assert_eq!(crate::add(&service).await.unwrap(), "42");
    bounded(service.cancel()).await.unwrap();
    assert_eq!(statuses(&guarded, "server/discover"), [401, 200]);
    assert_eq!(statuses(&guarded, CALL), [200, 401, 200]);
    assert_eq!((logins(&guarded), refreshes(&guarded)), (1, 1));
    assert_sound(&guarded);
}

#[tokio::test]
async fn a_missing_scope_is_asked_for_in_the_middle_of_a_session() {
    let guarded = guarded(Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() }).await;
    let connected = open(&guarded, &fresh(&guarded)).await;
    assert_eq!(connected.list().await.unwrap(), 2);
    assert_eq!(connected.add().await.unwrap(), "42");
    assert_eq!(statuses(&guarded, CALL), [403, 200]);
    let scopes = [Some("mcp:basic"), Some("mcp:basic mcp:write")];
    assert_eq!(guarded.world().scopes_asked(), scopes);
    assert_eq!((registrations(&guarded), guarded.sessions().len()), (1, 1));
    assert_sound(&guarded);
}

#[tokio::test]
async fn an_expired_token_costs_one_refresh_and_the_session_goes_on() {
    let guarded = guarded(Knobs::default()).await;
    let mut connected = open(&guarded, &fresh(&guarded)).await;
    guarded.world().log.clear();
    guarded.advance(HOUR);
    assert_eq!(connected.add().await.unwrap(), "42");
    assert_eq!(statuses(&guarded, CALL), [401, 200]);
    assert_eq!(guarded.world().oauth_requests(), 1);
    assert_eq!(refreshes(&guarded), 1);
    connected.is_told().await;
    assert_eq!((statuses(&guarded, INITIALIZE).len(), guarded.sessions().len()), (0, 1));
    assert_sound(&guarded);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_with_an_expired_token_share_one_refresh() {
    const CALLS: usize = 12;
    let guarded = guarded(Knobs::default()).await;
    let connected = open(&guarded, &fresh(&guarded)).await;
    guarded.world().log.clear();
    guarded.advance(HOUR);
    guarded.delay_tokens(Duration::from_millis(50));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..CALLS {
        let peer = connected.service.peer().clone();
        tasks.spawn(async move { crate::add(&peer).await.unwrap() });
    }
    assert_eq!(bounded(tasks.join_all()).await, ["42"; CALLS]);
    assert_eq!(guarded.world().oauth_requests(), 1);
    assert_eq!(refreshes(&guarded), 1);
    let admitted = statuses(&guarded, CALL).into_iter().filter(|status| *status == 200);
    assert_eq!(admitted.count(), CALLS);
    assert_sound(&guarded);
}

#[tokio::test]
async fn a_stream_that_is_refused_is_opened_with_a_refreshed_token() {
    let guarded = guarded(Knobs::default()).await;
    guarded.before("GET", |world| world.revoke_access_tokens());
    let mut connected = open(&guarded, &fresh(&guarded)).await;
    assert_eq!(statuses(&guarded, "GET"), [401, 200]);
    assert_eq!((logins(&guarded), refreshes(&guarded)), (1, 1));
    connected.is_told().await;
    assert_eq!(statuses(&guarded, CALL), [200]);
    assert_sound(&guarded);
}

#[tokio::test]
async fn a_stream_that_is_refused_for_good_is_opened_after_a_login() {
    let guarded = guarded(Knobs::default()).await;
    guarded.before("GET", |world| world.end_grants());
    let mut connected = open(&guarded, &fresh(&guarded)).await;
    assert_eq!(statuses(&guarded, "GET"), [401, 200]);
    assert_eq!((logins(&guarded), refreshes(&guarded)), (2, 1));
    connected.is_told().await;
    assert_sound(&guarded);
}

#[tokio::test]
async fn the_end_of_a_session_is_worth_a_refresh_but_no_login() {
    let guarded = guarded(Knobs::default()).await;
    let connected = open(&guarded, &fresh(&guarded)).await;
    guarded.world().revoke_access_tokens();
    connected.close().await;
    assert_eq!(statuses(&guarded, "DELETE"), [401, 200]);
    assert_eq!((logins(&guarded), refreshes(&guarded)), (1, 1));

    guarded.world().log.clear();
    let connected = open(&guarded, &fresh(&guarded)).await;
    guarded.world().end_grants();
    connected.close().await;
    assert_eq!(statuses(&guarded, "DELETE"), [401]);
    assert_eq!((logins(&guarded), refreshes(&guarded)), (1, 1));
}

#[tokio::test]
async fn a_401_without_a_challenge_is_a_refusal() {
    let guarded = guarded(Knobs { challenge: Challenge::Bare, ..Knobs::default() }).await;
    let store = MemoryTokenStorage::new();
    open(&guarded, &client(&guarded, &store)).await.close().await;
    assert_eq!(statuses(&guarded, INITIALIZE), [401, 200]);
    guarded.world().log.clear();

    guarded.before("GET", |world| world.revoke_access_tokens());
    let connected = open(&guarded, &client(&guarded, &store)).await;
    assert_eq!(statuses(&guarded, "GET"), [401, 200]);
    guarded.world().revoke_access_tokens();
    assert_eq!(connected.add().await.unwrap(), "42");
    assert_eq!(statuses(&guarded, CALL), [401, 200]);
    guarded.world().revoke_access_tokens();
    connected.close().await;
    assert_eq!(statuses(&guarded, "DELETE"), [401, 200]);
    assert_eq!((logins(&guarded), refreshes(&guarded)), (0, 3));
    assert_sound(&guarded);
}

#[tokio::test]
async fn a_challenge_among_others_is_a_refusal() {
    let guarded = guarded(Knobs {
        challenge: Challenge::AmongOthers,
        prm_location: PrmLocation::Custom,
        ..Knobs::default()
    })
    .await;
    let connected = open(&guarded, &fresh(&guarded)).await;
    assert_eq!(statuses(&guarded, INITIALIZE), [401, 200]);
    // Nothing had to be asked for again.
    assert!(statuses(&guarded, LIST).is_empty());
    guarded.world().revoke_access_tokens();
    assert_eq!(connected.add().await.unwrap(), "42");
    assert_eq!((logins(&guarded), refreshes(&guarded)), (1, 1));
    assert_sound(&guarded);
}

#[tokio::test]
async fn what_the_host_brings_as_authorization_wins() {
    let guarded = guarded(Knobs::default()).await;
    let token = fresh(&guarded).authenticate().await.unwrap();
    let (one, other) = (config(guarded.server_url()), config(guarded.server_url()));
    let value = HeaderValue::from_str(token.header_value()).unwrap();
    let configs = [
        one.auth_header(token.token()),
        other.custom_headers(HashMap::from([(AUTHORIZATION, value)])),
    ];
    guarded.world().log.clear();
    let oauth = fresh(&guarded);
    let mut sessions = Vec::new();
    for config in configs {
        let transport = StreamableHttpClientTransport::with_client(oauth.clone(), config);
        sessions.push(connect_over(transport).await.unwrap());
    }
    guarded.world().revoke_access_tokens();
    for connected in sessions {
        let error = connected.add().await.unwrap_err();
        crate::failures::assert_bearer_refused(oauth_tokio::rmcp::cause(&error));
        connected.close().await;
    }
    assert_eq!(statuses(&guarded, CALL), [401, 401]);
    assert_eq!(statuses(&guarded, "DELETE"), [401, 401]);
    assert_eq!(guarded.world().oauth_requests(), 0);
    assert_sound(&guarded);
}

#[tokio::test]
async fn no_token_goes_to_a_foreign_url() {
    let (ours, foreign) = (guarded(Knobs::default()).await, guarded(Knobs::default()).await);
    let oauth = fresh(&ours);
    oauth.authenticate().await.unwrap();
    let config = config(foreign.server_url());
    let transport = StreamableHttpClientTransport::with_client(oauth.clone(), config);
    let error = connect_over(transport).await.err().unwrap();
    crate::failures::assert_foreign(oauth_tokio::rmcp::cause(&error));

    let session = "a session";
    let ended = oauth.delete_session(url(&foreign), session.into(), None, no_headers()).await;
    crate::failures::assert_foreign(oauth_tokio::rmcp::cause(&ended.unwrap_err()));
    let opened = oauth.get_stream(url(&foreign), None, None, None, no_headers()).await;
    assert!(matches!(opened.err().unwrap(), StreamableHttpError::AuthRequired(_)));
    assert_eq!(foreign.world().log.len(), 0);
}

/// Each session finds it out by its first request, and the others go straight there.
#[tokio::test]
async fn a_redirect_within_the_origin_is_followed() {
    let guarded = guarded(Knobs::default()).await;
    moves_to(&guarded, "/mcp?moved");
    let oauth = fresh(&guarded);
    let connected = open(&guarded, &oauth).await;
    assert_eq!(connected.add().await.unwrap(), "42");
    assert_eq!(logins(&guarded), 1);
    assert_eq!(statuses(&guarded, INITIALIZE), [307, 401, 200]);
    for method in ["notifications/initialized", "GET", CALL] {
        assert_eq!(statuses(&guarded, method), [200], "{method}");
    }
    // It moves on from there.
    moves_to(&guarded, "/mcp?moved=again");
    assert_eq!(connected.add().await.unwrap(), "42");
    assert_eq!(statuses(&guarded, CALL), [200, 307, 200]);
    connected.close().await;
    assert_eq!((statuses(&guarded, "DELETE"), statuses(&guarded, LIST)), (vec![200], Vec::new()));
    assert_sound(&guarded);
}

/// The next request to the MCP server is redirected.
fn moves_to(guarded: &Guarded, path: &str) {
    let location = guarded.server_url().replace("/mcp", path);
    let redirect = Fault::Redirect { status: 307, location };
    guarded.world().knobs.mcp_damage = Damage::times(redirect, 1);
}

/// A page for the time of an outage, which knows no session: the SDK begins another one.
#[tokio::test]
async fn where_an_endpoint_was_for_a_while_counts_no_more_when_it_is_back() {
    let guarded = guarded(Knobs::default()).await;
    let connected = open(&guarded, &fresh(&guarded)).await;
    moves_to(&guarded, "/outage");
    assert_eq!(connected.add().await.unwrap(), "42");
    assert_eq!(guarded.sessions().len(), 2);
    assert_eq!(logins(&guarded), 1);
}

#[tokio::test]
async fn another_redirect_is_not_followed() {
    let (ours, foreign) = (guarded(Knobs::default()).await, guarded(Knobs::default()).await);
    let connected = open(&ours, &fresh(&ours)).await;
    for status in [301, 302, 303, 307, 308] {
        let location = foreign.server_url();
        ours.world().knobs.mcp_damage = Damage::times(Fault::Redirect { status, location }, 1);
        let error = connected.add().await.unwrap_err();
        assert!(error.to_string().contains(&format!("HTTP {status}")), "{error}");
    }
    assert_eq!(connected.add().await.unwrap(), "42");
    assert_eq!(foreign.world().log.len(), 0);
}

#[tokio::test]
async fn other_answers_are_the_hosts() {
    let guarded = guarded(Knobs::default()).await;
    let connected = open(&guarded, &fresh(&guarded)).await;
    guarded.world().log.clear();
    for status in [400, 403, 429, 500, 503] {
        guarded.world().knobs.mcp_damage = Damage::times(Fault::Status(status), 1);
        let error = connected.add().await.unwrap_err();
        assert!(error.to_string().contains(&format!("HTTP {status}")), "{error}");
        assert!(oauth_tokio::rmcp::cause(&error).is_none(), "{error:?}");
    }
    assert_eq!(guarded.world().oauth_requests(), 0);
}

#[tokio::test]
async fn the_limits_that_the_host_sets_for_answers_hold() {
    let guarded = guarded(Knobs::default()).await;
    let oauth = fresh(&guarded);
    let mut config = config(guarded.server_url());
    config.max_error_response_size = 0;
    let transport = StreamableHttpClientTransport::with_client(oauth, config);
    let connected = connect_over(transport).await.unwrap();
    until("the stream is open", || statuses(&guarded, "GET") == [200]).await;
    guarded.world().knobs.mcp_damage = Damage::times(Fault::Status(400), 1);
    let error = connected.add().await.unwrap_err().to_string();
    assert!(error.ends_with("HTTP 400 Bad Request: "), "{error}");
}
