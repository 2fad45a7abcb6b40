//! A login takes as long as its user; it holds up nobody who need not wait for it.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::sync::Arc;

use oauth_tests::serve::Served;
use oauth_tests::world::{Knobs, ScopePolicy};
use oauth_tokio::{MemoryTokenStorage, OAuth, SharedStorage};
use tokio_common::common::{CALL, LIST, PATIENCE, assert_sound, logins, serve, statuses};
use tokio_common::{Directory, SlowUser, builder, call, client, logged_in};

/// Holds a step-up at the consent page while `meanwhile` runs, to its end.
async fn during_a_step_up<S: Into<SharedStorage> + Clone>(
    store: &S,
    meanwhile: impl AsyncFnOnce(&OAuth, &Served, &S),
) {
    let served = Arc::new(serve(Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() }));
    drop(logged_in(&served, store).await);
    let (user, mut handle) = SlowUser::new();
    let oauth = builder(&served, store).user_agent(user).build().unwrap();
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    let stepping = {
        let (oauth, served) = (oauth.clone(), Arc::clone(&served));
        tokio::spawn(async move { call(&oauth, &served, CALL).await })
    };
    handle.at_page().await;
    let done = tokio::time::timeout(PATIENCE / 2, meanwhile(&oauth, &served, store)).await;
    assert!(!stepping.is_finished());
    handle.consent();
    assert_eq!(stepping.await.unwrap().unwrap(), 200);
    done.expect("nobody whose token is good waits for a login");
    assert_eq!(logins(&served), 1);
    assert_sound(&served);
}

#[tokio::test]
async fn a_request_with_a_good_token_is_sent() {
    during_a_step_up(&MemoryTokenStorage::new(), async |oauth, served, _| {
        for _ in 0..3 {
            assert_eq!(call(oauth, served, LIST).await.unwrap(), 200);
        }
    })
    .await;
}

#[tokio::test]
async fn a_good_token_is_handed_out() {
    during_a_step_up(&MemoryTokenStorage::new(), async |oauth, _, _| {
        assert!(oauth.initialize().await.unwrap().is_some());
        oauth.authenticate().await.unwrap();
        oauth.token().await.unwrap();
        assert!(oauth.record().is_some());
    })
    .await;
}

#[tokio::test]
async fn another_client_of_the_same_store_sends_and_refreshes() {
    during_a_step_up(&Directory::new().store(), async |_, served, store| {
        let another = client(served, store);
        assert_eq!(call(&another, served, LIST).await.unwrap(), 200);
        another.refresh_token().await.unwrap().unwrap();
    })
    .await;
}

async fn another_server(store: &(impl Into<SharedStorage> + Clone)) {
    during_a_step_up(store, async |_, _, store| {
        let other = serve(Knobs::default());
        let oauth = client(&other, store);
        assert_eq!(call(&oauth, &other, LIST).await.unwrap(), 200);
        oauth.refresh_token().await.unwrap().unwrap();
        assert_eq!(call(&oauth, &other, LIST).await.unwrap(), 200);
        assert!(oauth.shutdown(PATIENCE).await);
        assert_sound(&other);
    })
    .await;
}

#[tokio::test]
async fn a_login_to_another_server_goes_on() {
    another_server(&MemoryTokenStorage::new()).await;
}

#[tokio::test]
async fn a_login_to_another_server_goes_on_in_the_same_directory() {
    another_server(&Directory::new().store()).await;
}

#[tokio::test]
async fn tasks_without_a_token_share_one_login() {
    const TASKS: usize = 50;
    let served = Arc::new(serve(Knobs::default()));
    let (user, mut handle) = SlowUser::new();
    let oauth = builder(&served, &MemoryTokenStorage::new()).user_agent(user).build().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TASKS {
        let (oauth, served) = (oauth.clone(), Arc::clone(&served));
        tasks.spawn(async move { call(&oauth, &served, LIST).await.unwrap() });
    }
    handle.at_page().await;
    handle.consent();
    assert_eq!(tasks.join_all().await, [200; TASKS]);
    assert_eq!(logins(&served), 1);
    assert_eq!(served.world().oauth_requests(), 5);
    assert_eq!(statuses(&served, LIST).iter().filter(|status| **status == 200).count(), TASKS);
    assert_sound(&served);
}
