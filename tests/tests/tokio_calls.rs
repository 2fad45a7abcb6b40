//! What the calls of an application lead to, by tasks: as few logins as can be.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use oauth_blocking::{Leases as _, Lock};
use oauth_core::error::PeerIncompatible;
use oauth_tests::serve::Served;
use oauth_tests::world::{Damage, Fault, Knobs, RefreshTokens, TokenForm};
use oauth_tokio::{Error, MemoryTokenStorage};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio_common::common::{
    LIST, PATIENCE, age, assert_sound, expire, key, logins, refreshes, serve,
};
use tokio_common::{builder, call, client, core_error, logged_in, post};

const TASKS: usize = 30;

/// What as many tasks get, which call all at once with one client.
async fn calls_at_once(served: &Served, store: &MemoryTokenStorage) -> Vec<Result<u16, Error>> {
    let (oauth, start) = (client(served, store), Arc::new(Barrier::new(TASKS)));
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (oauth, start, url) = (oauth.clone(), Arc::clone(&start), served.server_url());
        tasks.spawn(async move {
            start.wait().await;
            post(&oauth, &url, LIST).await.map(|(status, _)| status)
        });
    }
    tasks.join_all().await
}

/// A server that knows new tokens only after a second or two: all wait side by side, and nobody logs in twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_that_is_refused_is_sent_again_in_a_moment() {
    let served = serve(Knobs { young_for: 2, ..Knobs::default() });
    let begun = Instant::now();
    for outcome in calls_at_once(&served, &MemoryTokenStorage::new()).await {
        assert_eq!(outcome.unwrap(), 200);
    }
    assert!(begun.elapsed() < PATIENCE, "one after the other");
    assert_eq!((logins(&served), refreshes(&served)), (1, 0));
    assert_sound(&served);
}

fn in_vain<T: std::fmt::Debug>(outcome: Result<T, Error>) -> u8 {
    match core_error(outcome) {
        oauth_core::Error::PeerIncompatible(PeerIncompatible::LoginInVain { logins, .. }) => logins,
        error => panic!("{error:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_with_a_token_that_is_issued_expired_log_in_once() {
    let token_form = Damage::always(TokenForm::ExpiresInZero);
    let refresh_tokens = RefreshTokens::Never;
    let served = serve(Knobs { token_form, refresh_tokens, ..Knobs::default() });
    let store = MemoryTokenStorage::new();
    for _ in 0..2 {
        for outcome in calls_at_once(&served, &store).await {
            assert_eq!(outcome.unwrap(), 200);
        }
    }
    assert_eq!(logins(&served), 1);
    assert_sound(&served);
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_at_a_server_that_takes_no_token_log_in_once() {
    for refresh_tokens in [RefreshTokens::Never, RefreshTokens::Always] {
        let mcp_damage = Damage::always(Fault::Status(401));
        let served = serve(Knobs { mcp_damage, refresh_tokens, ..Knobs::default() });
        let store = MemoryTokenStorage::new();
        for _ in 0..2 {
            for outcome in calls_at_once(&served, &store).await {
                assert_eq!(in_vain(outcome), 1);
            }
        }
        // One of each client, of which there were two: what the other one saw, neither knows.
        assert_eq!(logins(&served), 2);
        // And the second one found a token that it could refresh.
        assert!(refreshes(&served) <= 3);
        let oauth = client(&served, &store);
        for made in [1, 2] {
            oauth.login().await.unwrap();
            assert_eq!(in_vain(call(&oauth, &served, LIST).await), made);
        }
        assert_eq!(logins(&served), 4);
        assert_sound(&served);
    }
}

#[tokio::test]
async fn a_token_that_was_taken_and_is_refused_later_costs_a_login_at_once() {
    let served = serve(Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() });
    let oauth = logged_in(&served, &MemoryTokenStorage::new()).await;
    for logins_so_far in 1..4 {
        served.world().end_grants();
        assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
        assert_eq!(logins(&served), logins_so_far);
    }
}

/// A process that was stopped in the middle of a refresh holds its lock for as long as it likes.
#[tokio::test]
async fn a_lock_that_is_never_released_is_not_waited_for_without_end() {
    let (served, store) = (serve(Knobs::default()), MemoryTokenStorage::new());
    drop(logged_in(&served, &store).await);
    let impatient = || builder(&served, &store).wait(Duration::from_millis(300)).build().unwrap();
    let held = store.try_lock(&key(&served), Lock::Refresh).unwrap().unwrap();
    age(&store, &key(&served), Duration::from_secs(30));
    assert_eq!(call(&impatient(), &served, LIST).await.unwrap(), 200);
    expire(&store, &key(&served));
    let oauth = impatient();
    let calls: JoinSet<_> = (0..TASKS)
        .map(|_| {
            let (oauth, url) = (oauth.clone(), served.server_url());
            async move { post(&oauth, &url, LIST).await }
        })
        .collect();
    for outcome in calls.join_all().await {
        let error = outcome.unwrap_err();
        assert!(matches!(error, Error::Busy { .. }) && error.is_retryable(), "{error:?}");
    }
    assert_eq!(refreshes(&served), 0);
    drop(held);
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_eq!((refreshes(&served), logins(&served)), (1, 0));
    assert_sound(&served);
}

/// Each answer comes too late: none is waited for longer than all may take together.
#[tokio::test(flavor = "multi_thread")]
async fn discovery_ends_when_its_time_is_over() {
    let served = serve(Knobs::default());
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    served.rewrite(move |request, _| {
        if request.uri().path() != "/mcp" {
            // Until the client has given up.
            let _ = wait.lock().unwrap().recv_timeout(Duration::from_secs(20));
        }
    });
    let builder = builder(&served, &MemoryTokenStorage::new());
    let oauth = builder.discovery_limit(Duration::from_millis(600)).build().unwrap();
    let begun = Instant::now();
    let error = oauth.authenticate().await.unwrap_err();
    drop(go);
    assert_eq!((error.code(), error.is_retryable()), ("unreachable", true));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// All who want it share one refresh; how long the server gives is said without another, and nobody logs in for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_some_time_is_refreshed_early_and_once() {
    let (served, store) = (serve(Knobs::default()), MemoryTokenStorage::new());
    let first = logged_in(&served, &store).await.authenticate().await.unwrap();
    age(&store, &key(&served), Duration::from_secs(1_200));
    let oauth = client(&served, &store);
    let (less, more) = (Duration::from_secs(900), Duration::from_secs(1_800));
    assert_eq!(oauth.token_for(less).await.unwrap(), first);
    assert_eq!(refreshes(&served), 0);

    let (mut tasks, start) = (JoinSet::new(), Arc::new(Barrier::new(TASKS)));
    for _ in 0..TASKS {
        let (oauth, start) = (oauth.clone(), Arc::clone(&start));
        tasks.spawn(async move {
            start.wait().await;
            oauth.token_for(more).await.unwrap()
        });
    }
    let tokens = tasks.join_all().await;
    assert!(tokens.iter().all(|token| *token == tokens[0] && *token != first));
    assert_eq!(refreshes(&served), 1);

    let wanted = Duration::from_secs(7_200);
    match core_error(oauth.token_for(wanted).await) {
        oauth_core::Error::TokenTooShort { lives_for, wanted: asked } => {
            assert!(asked == wanted && lives_for > more, "{lives_for:?}");
        }
        error => panic!("{error:?}"),
    }
    assert_eq!((refreshes(&served), logins(&served)), (1, 0));
    assert_eq!(oauth.authenticate().await.unwrap(), tokens[0]);
    assert_sound(&served);
}
