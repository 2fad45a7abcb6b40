//! What waits while a token is on its way, what does not, and what is dropped meanwhile.

use std::time::Duration;

use oauth_tests::guard::Guarded;
use oauth_tests::world::{Damage, Fault, Knobs, ScopePolicy};
use oauth_tokio::rmcp::cause;
use oauth_tokio::{Error, MemoryTokenStorage, OAuth};
use rmcp::model::ProtocolVersion;
use rmcp::service::{ClientInitializeError, ClientLifecycleMode, ClientServiceExt as _};

use crate::tokio_common::common::{
    CALL, HOUR, PATIENCE, assert_sound, logins, refreshes, statuses,
};
use crate::tokio_common::{SlowUser, SlowUserHandle, builder, client, until};
use crate::{bounded, connect, guarded, open};

/// A client whose user stays at the login page until told.
pub(crate) fn slow(guarded: &Guarded, store: &MemoryTokenStorage) -> (OAuth, SlowUserHandle) {
    let (user, handle) = SlowUser::new();
    (builder(guarded, store).user_agent(user).build().unwrap(), handle)
}

#[tokio::test]
async fn a_call_that_waits_at_a_login_page_holds_up_neither_calls_nor_notifications() {
    let guarded = guarded(Knobs::default()).await;
    let store = MemoryTokenStorage::new();
    client(&guarded, &store).authenticate().await.unwrap();
    let (oauth, mut user) = slow(&guarded, &store);
    let mut connected = open(&guarded, &oauth).await;
    guarded.world().knobs.scopes = ScopePolicy::StepUp;
    let peer = connected.service.peer().clone();
    let waiting = tokio::spawn(async move { crate::add(&peer).await });
    user.at_page().await;

    assert_eq!(connected.list().await.unwrap(), 2);
    guarded.world().knobs.scopes = ScopePolicy::Basic;
    connected.is_told().await;
    assert!(!waiting.is_finished());
    user.consent();
    assert_eq!(bounded(waiting).await.unwrap().unwrap(), "42");
    assert_eq!(statuses(&guarded, CALL), [403, 200, 200]);
    assert_sound(&guarded);
}

#[tokio::test]
async fn a_call_that_is_dropped_at_a_login_page_leaves_the_login_to_the_next() {
    let guarded = guarded(Knobs::default()).await;
    let store = MemoryTokenStorage::new();
    client(&guarded, &store).authenticate().await.unwrap();
    let (oauth, mut user) = slow(&guarded, &store);
    let connected = open(&guarded, &oauth).await;
    guarded.world().knobs.scopes = ScopePolicy::StepUp;
    let peer = connected.service.peer().clone();
    let waiting = tokio::spawn(async move { crate::add(&peer).await });
    user.at_page().await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    // The SDK tells the server, at once: the token is still good for that.
    let told = || statuses(&guarded, "notifications/cancelled") == [200];
    until("the server knows", told).await;

    user.consent();
    assert_eq!(connected.add().await.unwrap(), "42");
    assert_eq!(logins(&guarded), 2);
    assert_eq!(statuses(&guarded, CALL).last(), Some(&200));
    assert_sound(&guarded);
}

#[tokio::test]
async fn a_call_that_is_dropped_during_a_refresh_loses_nothing() {
    let guarded = guarded(Knobs::default()).await;
    let store = MemoryTokenStorage::new();
    let oauth = client(&guarded, &store);
    let connected = open(&guarded, &oauth).await;
    guarded.advance(HOUR);
    guarded.delay_tokens(Duration::from_millis(300));
    let peer = connected.service.peer().clone();
    let refreshing = tokio::spawn(async move { crate::add(&peer).await });
    // The old refresh token is spent now, and nobody has the new one yet.
    until("the refresh is on its way", || refreshes(&guarded) == 1).await;
    refreshing.abort();
    assert!(refreshing.await.unwrap_err().is_cancelled());

    assert_eq!(connected.add().await.unwrap(), "42");
    assert_eq!((refreshes(&guarded), logins(&guarded)), (1, 1));
    connected.close().await;
    // What was stored is what the next process finds.
    assert_eq!(connect(&client(&guarded, &store)).await.unwrap().add().await.unwrap(), "42");
    assert_eq!((refreshes(&guarded), logins(&guarded)), (1, 1));
    assert_sound(&guarded);
}

#[tokio::test]
async fn a_session_that_is_dropped_at_its_login_page_leaves_the_login_to_the_next() {
    let guarded = guarded(Knobs::default()).await;
    let (oauth, mut user) = slow(&guarded, &MemoryTokenStorage::new());
    let connecting = tokio::spawn({
        let oauth = oauth.clone();
        async move { connect(&oauth).await.map(drop) }
    });
    user.at_page().await;
    connecting.abort();
    assert!(connecting.await.unwrap_err().is_cancelled());
    user.consent();
    assert_eq!(connect(&oauth).await.unwrap().add().await.unwrap(), "42");
    assert_eq!(logins(&guarded), 1);
    assert_sound(&guarded);
}

/// Ten seconds are the SDK's, for the first request of this lifecycle. If that changes, so may what our
/// documentation says about it.
#[tokio::test]
async fn a_login_takes_too_long_for_the_lifecycle_that_probes_unless_it_is_made_before() {
    let guarded = guarded(Knobs::default()).await;
    let (oauth, mut user) = slow(&guarded, &MemoryTokenStorage::new());
    let lifecycle = || ClientLifecycleMode::Auto {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        legacy_version: None,
    };
    let connecting = tokio::spawn({
        let (oauth, lifecycle) = (oauth.clone(), lifecycle());
        async move { ().serve_with_lifecycle(oauth.transport(), lifecycle).await.map(drop) }
    });
    user.at_page().await;
    tokio::time::pause();
    tokio::time::advance(PATIENCE + Duration::from_secs(1)).await;
    tokio::time::resume();
    user.consent();
    let error = bounded(connecting).await.unwrap().unwrap_err();
    assert!(matches!(error, ClientInitializeError::ConflictInitResponseId(..)), "{error:?}");

    oauth.authenticate().await.unwrap();
    let service = bounded(().serve_with_lifecycle(oauth.transport(), lifecycle())).await.unwrap();
    assert_eq!(crate::add(&service).await.unwrap(), "42");
    assert_eq!(logins(&guarded), 1);
}

/// More calls than rmcp lets wait at a time.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_wait_for_a_refresh_that_fails_do_not_send_their_token_again() {
    const CALLS: usize = 24;
    let guarded = guarded(Knobs::default()).await;
    let connected = open(&guarded, &client(&guarded, &MemoryTokenStorage::new())).await;
    guarded.world().log.clear();
    guarded.world().revoke_access_tokens();
    let fault = Fault::Unavailable { retry_after: 60 };
    guarded.world().knobs.token_damage = Damage::times(fault, 1);
    guarded.delay_tokens(Duration::from_millis(100));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..CALLS {
        let peer = connected.service.peer().clone();
        tasks.spawn(async move { crate::add(&peer).await.unwrap_err() });
    }
    for error in bounded(tasks.join_all()).await {
        match cause(&error) {
            Some(Error::OAuth { error, .. }) => assert!(error.is_retryable(), "{error}"),
            error => panic!("{error:?}"),
        }
    }
    assert_eq!(refreshes(&guarded), 1);
    assert_eq!(statuses(&guarded, CALL), [401; CALLS]);
    assert_sound(&guarded);
}
