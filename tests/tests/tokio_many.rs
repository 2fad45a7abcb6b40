//! A thousand tasks that share a client: one refresh, whoever asks, and nobody waits who need not.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use oauth_blocking::TokenStorage;
use oauth_tests::serve::Served;
use oauth_tests::world::{Damage, Fault, Knobs};
use oauth_tokio::{Event, MemoryTokenStorage, OAuth, SharedStorage};
use tokio::sync::{Barrier, Notify};
use tokio::task::JoinSet;
use tokio_common::common::{
    LIST, PATIENCE, age, assert_sound, expire, key, logins, refreshes, serve, statuses, stored,
    stored_token,
};
use tokio_common::{Directory, builder, call, client, logged_in, post, until};

const TASKS: usize = 1_000;
const SLOWLY: Duration = Duration::from_millis(20);

/// What as many tasks get, which begin all at once.
async fn at_once<T: Send + 'static, F>(ask: impl Fn() -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(TASKS));
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (start, asked) = (Arc::clone(&start), ask());
        tasks.spawn(async move {
            start.wait().await;
            asked.await
        });
    }
    tokio::time::timeout(PATIENCE, tasks.join_all()).await.expect("somebody waits for ever")
}

/// The statuses that as many calls get.
async fn calls_at_once(oauth: &OAuth, served: &Served) -> Vec<u16> {
    let url = served.server_url();
    at_once(|| {
        let (oauth, url) = (oauth.clone(), url.clone());
        async move { post(&oauth, &url, LIST).await.unwrap().0 }
    })
    .await
}

async fn expired_refreshes_once(
    store: &(impl TokenStorage + Into<SharedStorage> + Clone + 'static),
) {
    let served = serve(Knobs::default());
    drop(logged_in(&served, store).await);
    expire(store, &key(&served));
    served.delay_tokens(SLOWLY);
    let oauth = client(&served, store);
    assert_eq!(calls_at_once(&oauth, &served).await, [200; TASKS]);
    assert_eq!(statuses(&served, LIST), [200; TASKS]);
    assert_eq!(served.world().oauth_requests(), 1);
    assert_eq!(refreshes(&served), 1);
    assert_sound(&served);
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_with_a_token_that_has_just_expired_refresh_once() {
    expired_refreshes_once(&MemoryTokenStorage::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_with_a_stored_token_that_has_just_expired_refresh_once() {
    expired_refreshes_once(&Directory::new().store()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_that_ask_for_a_token_that_has_just_expired_get_the_same() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    drop(logged_in(&served, &store).await);
    expire(&store, &key(&served));
    served.delay_tokens(SLOWLY);
    let oauth = client(&served, &store);
    let tokens = at_once(|| {
        let oauth = oauth.clone();
        async move { oauth.token().await.unwrap() }
    })
    .await;
    let new = stored_token(&store, &key(&served)).unwrap();
    assert!(tokens.iter().all(|token| token.token() == new));
    assert_eq!(served.world().log.len(), 1);
    assert_sound(&served);
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_that_ask_for_a_fresh_token_need_no_request() {
    let served = serve(Knobs::default());
    let oauth = logged_in(&served, &MemoryTokenStorage::new()).await;
    let one = oauth.token().await.unwrap();
    let tokens = at_once(|| {
        let oauth = oauth.clone();
        async move { oauth.token().await.unwrap() }
    })
    .await;
    assert_eq!(tokens, vec![one; TASKS]);
    assert_eq!(served.world().log.len(), 0);
}

/// On one thread, so that all have sent the old token before the first of them hears that it is old.
#[tokio::test]
#[expect(clippy::await_holding_lock, reason = "the servers wait for it, and no task here does")]
async fn tasks_that_are_refused_with_the_same_old_token_refresh_once() {
    let served = serve(Knobs::default());
    let oauth = logged_in(&served, &MemoryTokenStorage::new()).await;
    let url = served.server_url();
    served.delay_tokens(SLOWLY);
    let mut world = served.world();
    world.revoke_access_tokens();
    let sent = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (oauth, url, sent) = (oauth.clone(), url.clone(), Arc::clone(&sent));
        let build = move |http: &oauth_tokio::reqwest::Client| {
            sent.fetch_add(1, Ordering::SeqCst);
            http.post(&url).body(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#)
        };
        tasks.spawn(async move { oauth.send(build).await.unwrap().status().as_u16() });
    }
    until("all send", || sent.load(Ordering::SeqCst) == TASKS).await;
    drop(world);
    let answers = tokio::time::timeout(PATIENCE, tasks.join_all()).await.unwrap();
    assert_eq!(answers, [200; TASKS]);
    let statuses = statuses(&served, LIST);
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), TASKS);
    assert_eq!(statuses.len(), 2 * TASKS);
    assert_eq!(served.world().oauth_requests(), 1);
    assert_eq!(refreshes(&served), 1);
    assert_sound(&served);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_refusal_of_an_old_token_starts_no_refresh() {
    let served = Arc::new(serve(Knobs::default()));
    let store = MemoryTokenStorage::new();
    drop(logged_in(&served, &store).await);
    let refused = Arc::new(Notify::new());
    let (renew, renewed) = mpsc::channel();
    let (first, renewed) = (AtomicBool::new(true), std::sync::Mutex::new(renewed));
    let told = Arc::clone(&refused);
    let watched = builder(&served, &store).on_event(move |event| {
        let refusal = matches!(event, Event::Answered { status: 401, .. });
        if refusal && first.swap(false, Ordering::SeqCst) {
            told.notify_one();
            tokio::task::block_in_place(|| renewed.lock().unwrap().recv_timeout(PATIENCE)).unwrap();
        }
    });
    let oauth = watched.build().unwrap();
    oauth.token().await.unwrap();
    served.world().revoke_access_tokens();
    let late = {
        let (oauth, served) = (oauth.clone(), Arc::clone(&served));
        tokio::spawn(async move { call(&oauth, &served, LIST).await })
    };
    tokio::time::timeout(PATIENCE, refused.notified()).await.unwrap();
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_eq!(refreshes(&served), 1);
    renew.send(()).unwrap();
    assert_eq!(late.await.unwrap().unwrap(), 200);
    // The token was issued a moment ago, so the second call has sent it twice.
    assert_eq!(statuses(&served, LIST), [401, 401, 401, 200, 200]);
    assert_eq!(served.world().oauth_requests(), 1);
    assert_sound(&served);
}

/// A world whose token endpoint takes its time, and a store with a token that lives for 20 seconds more.
async fn about_to_run_out(store: &MemoryTokenStorage) -> Served {
    let served = serve(Knobs::default());
    drop(logged_in(&served, store).await);
    age(store, &key(&served), Duration::from_secs(20));
    served
}

/// All calls are answered while the token endpoint is still silent; later, the new token is there.
async fn nobody_waits(served: &Served, store: &MemoryTokenStorage, oauth: &OAuth) {
    let before = refreshes(served);
    let old = stored_token(store, &key(served));
    served.delay_tokens(3 * PATIENCE);
    assert_eq!(calls_at_once(oauth, served).await, [200; TASKS]);
    until("the token is renewed", || refreshes(served) == before + 1).await;
    assert_eq!(stored_token(store, &key(served)), old);
    assert!(!oauth.shutdown(Duration::ZERO).await, "it is still under way");
    assert_eq!(refreshes(served), before + 1);
    assert_eq!(logins(served), 0);
    assert_sound(served);
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_whose_token_lives_send_it_while_it_is_renewed_aside() {
    let store = MemoryTokenStorage::new();
    let served = about_to_run_out(&store).await;
    // A refresh that fails once leaves the token in memory, old as it is.
    let fault = Fault::Unavailable { retry_after: 1 };
    served.world().knobs.token_damage = Damage::times(fault, 1);
    let oauth = client(&served, &store);
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    until("the refresh failed", || refreshes(&served) == 1).await;
    assert!(oauth.shutdown(PATIENCE).await);
    until("the pause is over", || oauth.authorization().is_none()).await;
    nobody_waits(&served, &store, &oauth).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_whose_stored_token_lives_send_it_while_it_is_renewed_aside() {
    let store = MemoryTokenStorage::new();
    let served = about_to_run_out(&store).await;
    nobody_waits(&served, &store, &client(&served, &store)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_renewed_aside_is_used_from_then_on() {
    let store = MemoryTokenStorage::new();
    let served = about_to_run_out(&store).await;
    let old = stored(&store, &key(&served)).unwrap().generation();
    let oauth = client(&served, &store);
    for _ in 0..3 {
        assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    }
    assert!(oauth.shutdown(PATIENCE).await);
    assert!(oauth.record().unwrap().generation() > old);
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_eq!(statuses(&served, LIST), [200; 4]);
    assert_eq!(served.world().oauth_requests(), 1);
    assert_sound(&served);
}
