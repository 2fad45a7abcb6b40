//! What cannot be made good is told in our types, behind those of the SDK.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oauth_core::error::{Misuse, PeerIncompatible};
use oauth_tests::world::{Damage, Fault, Knobs};
use oauth_tokio::rmcp::cause;
use oauth_tokio::{
    AuthenticationError, BearerAuth, Error, MemoryTokenStorage, NeededConsent, OAuth, PendingLogin,
    RedirectUri, UserAgentError, UserAgentFn, needed_consent,
};
use rmcp::model::CallToolRequestParams;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpError;
use rmcp::{RmcpError, ServiceError};

use crate::tokio_common::common::{
    CALL, ELSEWHERE, HOUR, assert_sound, end_pause, key, logins, refreshes, silent_port, statuses,
};
use crate::tokio_common::{builder, client, headless, redirect, until};
use crate::{INITIALIZE, bounded, config, connect, connect_over, guarded, open};

fn handed_out(error: Option<&Error>) -> &AuthenticationError {
    match error {
        Some(Error::Authentication(error)) => error,
        error => panic!("{error:?}"),
    }
}

/// The login that waits behind an error.
fn pending(error: &(impl std::error::Error + 'static)) -> PendingLogin {
    handed_out(cause(error)).pending.clone()
}

pub(crate) fn assert_foreign(error: Option<&Error>) {
    let misuse = matches!(
        error,
        Some(Error::OAuth { error: oauth_core::Error::Misuse(Misuse::ForeignRequest { .. }), .. })
    );
    assert!(misuse, "{error:?}");
}

pub(crate) fn assert_bearer_refused(error: Option<&Error>) {
    let Some(Error::OAuth { error, .. }) = error else { panic!("{error:?}") };
    let code = Some("invalid_token".into());
    assert_eq!(*error, PeerIncompatible::BearerRefused { error: code }.into());
}

#[tokio::test]
async fn a_fixed_token_that_is_refused_is_our_error() {
    let guarded = guarded(Knobs::default()).await;
    let (token, store) = (BearerAuth::new("a-key").unwrap(), MemoryTokenStorage::new());
    let oauth = builder(&guarded, &store).bearer(token).build().unwrap();
    let error = connect(&oauth).await.err().unwrap();
    assert_bearer_refused(cause(&error));

    let good = client(&guarded, &store).authenticate().await.unwrap();
    let oauth = builder(&guarded, &store).bearer(good).build().unwrap();
    let connected = open(&guarded, &oauth).await;
    guarded.world().revoke_access_tokens();
    assert_bearer_refused(cause(&connected.add().await.unwrap_err()));
    connected.close().await;
    assert_eq!((statuses(&guarded, CALL), statuses(&guarded, "DELETE")), (vec![401], vec![401]));
    assert_eq!((logins(&guarded), refreshes(&guarded)), (1, 0));
}

#[tokio::test]
async fn the_page_to_visit_is_found_when_a_session_cannot_begin() {
    let guarded = guarded(Knobs::default()).await;
    let oauth = headless(&guarded, &MemoryTokenStorage::new());
    let error = connect(&oauth).await.err().unwrap();
    let handed_out = handed_out(cause(&error));
    assert!(handed_out.connect_url.as_str().starts_with(&guarded.world().issuer()));
    assert_eq!(statuses(&guarded, INITIALIZE), [401]);

    let query = redirect(&handed_out.connect_url).await;
    oauth.resume(pending(&error), &query).await.unwrap();
    let connected = connect(&oauth).await.unwrap();
    assert_eq!(connected.add().await.unwrap(), "42");
    assert_sound(&guarded);
}

#[tokio::test]
async fn the_page_to_visit_is_found_when_a_call_fails_and_the_session_goes_on_after_it() {
    let guarded = guarded(Knobs::default()).await;
    let store = MemoryTokenStorage::new();
    client(&guarded, &store).authenticate().await.unwrap();
    let oauth = headless(&guarded, &store);
    let connected = open(&guarded, &oauth).await;
    guarded.world().end_grants();
    let error = connected.add().await.unwrap_err();
    let handed_out = handed_out(cause(&error));

    let query = redirect(&handed_out.connect_url).await;
    oauth.resume(pending(&error), &query).await.unwrap();
    assert_eq!(connected.add().await.unwrap(), "42");
    assert_eq!(statuses(&guarded, CALL), [401, 200]);
    assert_eq!((guarded.sessions().len(), statuses(&guarded, INITIALIZE).len()), (1, 1));
    assert_sound(&guarded);
}

/// A client whose user consents until they are told otherwise, and how often they were asked.
fn fickle(served: &oauth_tests::serve::Served, consents: usize) -> (OAuth, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let redirect_uri = RedirectUri::parse(ELSEWHERE).unwrap();
    let user = UserAgentFn::new(redirect_uri, move |url| {
        if count.fetch_add(1, Ordering::SeqCst) < consents {
            Ok(crate::tokio_common::common::redirect(url))
        } else {
            Err(UserAgentError::Cancelled)
        }
    });
    let builder = builder(served, &MemoryTokenStorage::new()).user_agent(user);
    (builder.build().unwrap(), asked)
}

#[tokio::test]
async fn a_login_that_the_user_cancels_is_our_error() {
    let guarded = guarded(Knobs::default()).await;
    let (oauth, asked) = fickle(&guarded, 0);
    let error = connect(&oauth).await.err().unwrap();
    assert!(
        matches!(cause(&error), Some(Error::UserAgent(UserAgentError::Cancelled))),
        "{error:?}"
    );
    assert_eq!(asked.load(Ordering::SeqCst), 1);

    let (oauth, asked) = fickle(&guarded, 1);
    let connected = open(&guarded, &oauth).await;
    guarded.world().end_grants();
    let error = connected.add().await.unwrap_err();
    assert!(
        matches!(cause(&error), Some(Error::UserAgent(UserAgentError::Cancelled))),
        "{error:?}"
    );
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_stream_that_breaks_does_not_show_the_login_page_again_and_again() {
    let guarded = guarded(Knobs::default()).await;
    let (oauth, asked) = fickle(&guarded, 1);
    let mut config = config(guarded.server_url());
    // Many tries would fit into the time that this test has.
    config.retry_config = Arc::new(AtOnce);
    let _connected =
        connect_over(StreamableHttpClientTransport::with_client(oauth, config)).await.unwrap();
    until("the stream is open", || statuses(&guarded, "GET") == [200]).await;
    guarded.world().end_grants();
    guarded.end_sessions().await;
    until("the user was asked", || asked.load(Ordering::SeqCst) == 2).await;
    for _ in 0..20 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(statuses(&guarded, "GET"), [200, 401]);
}

#[derive(Debug)]
struct AtOnce;

impl rmcp::transport::common::client_side_sse::SseRetryPolicy for AtOnce {
    fn retry(&self, _times: usize) -> Option<std::time::Duration> {
        Some(std::time::Duration::from_millis(1))
    }
}

/// Nothing can be done about that here: the transport ends without a word.
#[tokio::test]
async fn a_failure_in_the_middle_of_the_handshake_is_not_told() {
    let guarded = guarded(Knobs::default()).await;
    let (oauth, asked) = fickle(&guarded, 1);
    guarded.before("notifications/initialized", |world| world.end_grants());
    let error = connect(&oauth).await.err().unwrap();
    assert!(error.to_string().contains("Transport channel closed"), "{error}");
    assert!(cause(&error).is_none());
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_refresh_that_cannot_be_had_now_is_our_error_and_loses_nothing() {
    let guarded = guarded(Knobs::default()).await;
    let store = MemoryTokenStorage::new();
    let connected = open(&guarded, &client(&guarded, &store)).await;
    guarded.advance(HOUR);
    let fault = Fault::Unavailable { retry_after: 9 };
    guarded.world().knobs.token_damage = Damage::times(fault, 1);
    let error = connected.add().await.unwrap_err();
    match cause(&error) {
        Some(Error::OAuth { error, .. }) => assert!(error.is_retryable()),
        error => panic!("{error:?}"),
    }
    end_pause(&store, &key(&guarded));
    assert_eq!(connected.add().await.unwrap(), "42");
    assert_eq!((refreshes(&guarded), logins(&guarded)), (2, 1));
    assert_sound(&guarded);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_http_error() {
    let guarded = guarded(Knobs::default()).await;
    let url = format!("http://127.0.0.1:{}/mcp?key=planted", silent_port());
    let oauth = OAuth::new(&url).unwrap().token_storage(MemoryTokenStorage::new()).build().unwrap();
    let error = connect(&oauth).await.err().unwrap();
    assert!(matches!(cause(&error), Some(Error::Http(_))), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("planted"), "{error:?}");
    assert_eq!(guarded.world().log.len(), 0);
}

#[tokio::test]
async fn a_cause_is_found_behind_whatever_shows_its_source_and_nowhere_else() {
    let guarded = guarded(Knobs::default()).await;
    let oauth = headless(&guarded, &MemoryTokenStorage::new());
    let error = RmcpError::from(connect(&oauth).await.err().unwrap());
    let page = handed_out(cause(&error)).connect_url.as_str();
    assert_eq!(needed_consent(&error), Some(NeededConsent::at(page)));
    handed_out(cause(&std::io::Error::other(error)));
    handed_out(cause(&oauth.authenticate().await.unwrap_err()));
    let own = oauth.authenticate().await.unwrap_err();
    handed_out(cause(&StreamableHttpError::Client(own)));

    client(&guarded, &MemoryTokenStorage::new()).authenticate().await.unwrap();
    let connected = connect(&client(&guarded, &MemoryTokenStorage::new())).await.unwrap();
    let unknown = CallToolRequestParams::new("unknown");
    let error = bounded(connected.service.call_tool(unknown)).await.unwrap_err();
    assert!(matches!(error, ServiceError::McpError(_)), "{error:?}");
    assert!(cause(&error).is_none());
    assert!(cause(&std::io::Error::other("something else")).is_none());
}
