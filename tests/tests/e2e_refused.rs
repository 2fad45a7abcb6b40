//! A token that the MCP server refuses, and that no refresh replaces, with both adapters: no client of the store hands
//! it out again, before the next login has brought another.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use oauth_blocking::{Error, GrantQuery, MemoryTokenStorage, Status, TokenStorage};
use oauth_tests::serve::Served;
use oauth_tests::world::{Damage, Fault, Knobs, Party, RefreshTokens};
use tokio_common::common::{
    self, APPLICATION, LIST, age, assert_sound, key, logins, redirect, refreshes, serve, stored,
    visitor_who,
};
use tokio_common::{Directory, SlowUser, core_error};

/// With nothing to refresh with, and with what the authorization server refuses as well.
const BOTH: [RefreshTokens; 2] = [RefreshTokens::Never, RefreshTokens::Always];

/// A grant that nothing here says is dead, and that is.
fn dead(served: &Served, store: &(impl TokenStorage + Clone + 'static)) {
    drop(common::logged_in(served, store));
    // A new one would be given a moment.
    age(store, &key(served), Duration::from_secs(1800));
    served.world().end_grants();
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>) {
    assert!(
        matches!(&outcome, Err(Error::OAuth { error: oauth_core::Error::LoginRequired, .. })),
        "{outcome:?}"
    );
}

fn refused_on_tokio<T: std::fmt::Debug>(outcome: Result<T, oauth_tokio::Error>) {
    assert_eq!(core_error(outcome), oauth_core::Error::LoginRequired);
}

fn is_listed_as_refused(store: &impl TokenStorage) -> bool {
    let grants = store.list_all(&GrantQuery::new(APPLICATION)).unwrap();
    assert_eq!(grants.len(), 1);
    grants[0].refused_at.is_some()
}

fn by_threads(store: &(impl TokenStorage + Clone + 'static), refresh_tokens: RefreshTokens) {
    let served = serve(Knobs { refresh_tokens, ..Knobs::default() });
    dead(&served, store);
    let (oauth, other) = (common::client(&served, store), common::client(&served, store));
    let quiet = [oauth.quiet(), other.quiet()];
    // Nobody knows it yet.
    oauth.quiet().authenticate().unwrap();
    assert!(!is_listed_as_refused(store));
    refused(common::call(&oauth.quiet(), &served, LIST));
    assert!(is_listed_as_refused(store));
    let (written, refreshes_before) = (stored(store, &key(&served)), refreshes(&served));
    for quiet in &quiet {
        refused(quiet.authenticate());
        refused(quiet.token());
        refused(common::call(quiet, &served, LIST));
        assert!(matches!(quiet.status().unwrap(), Status::Refused(_)));
    }
    assert_eq!(stored(store, &key(&served)), written);
    assert_eq!((refreshes(&served), logins(&served)), (refreshes_before, 0));
    other.authenticate().unwrap();
    assert!(!is_listed_as_refused(store));
    for oauth in [oauth, other] {
        oauth.quiet().authenticate().unwrap();
        assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
        assert!(matches!(oauth.status().unwrap(), Status::LoggedIn(_)));
    }
    assert_eq!(logins(&served), 1);
    assert_sound(&served);
}

#[test]
fn threads_hand_out_no_refused_token() {
    for refresh_tokens in BOTH {
        by_threads(&MemoryTokenStorage::new(), refresh_tokens);
        by_threads(&Directory::new().store(), refresh_tokens);
    }
}

async fn by_tasks(refresh_tokens: RefreshTokens) {
    let served = serve(Knobs { refresh_tokens, ..Knobs::default() });
    let directory = Directory::new();
    let store = directory.store();
    tokio::task::block_in_place(|| dead(&served, &store));
    let oauth = tokio_common::client(&served, &store);
    let other = tokio_common::client(&served, &store);
    oauth.quiet().authenticate().await.unwrap();
    refused_on_tokio(Box::pin(tokio_common::call(&oauth.quiet(), &served, LIST)).await);
    assert!(is_listed_as_refused(&store));
    let (written, refreshes_before) = (stored(&store, &key(&served)), refreshes(&served));
    for quiet in [oauth.quiet(), other.quiet()] {
        refused_on_tokio(quiet.authenticate().await);
        refused_on_tokio(quiet.token().await);
        refused_on_tokio(Box::pin(tokio_common::call(&quiet, &served, LIST)).await);
        assert!(matches!(quiet.status().await.unwrap(), Status::Refused(_)));
    }
    assert_eq!(stored(&store, &key(&served)), written);
    assert_eq!((refreshes(&served), logins(&served)), (refreshes_before, 0));
    other.authenticate().await.unwrap();
    assert!(!is_listed_as_refused(&store));
    for oauth in [oauth, other] {
        oauth.quiet().authenticate().await.unwrap();
        assert_eq!(Box::pin(tokio_common::call(&oauth, &served, LIST)).await.unwrap(), 200);
        assert!(matches!(oauth.status().await.unwrap(), Status::LoggedIn(_)));
    }
    assert_eq!(logins(&served), 1);
    assert_sound(&served);
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_hand_out_no_refused_token() {
    for refresh_tokens in BOTH {
        Box::pin(by_tasks(refresh_tokens)).await;
    }
}

/// A program is told in advance, without the call that finds it out again.
#[test]
fn a_program_on_the_other_adapter_takes_the_word_of_this_one() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    dead(&served, &store);
    refused(common::call(&common::client(&served, &store).quiet(), &served, LIST));
    served.world().log.clear();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let oauth = tokio_common::client(&served, &store);
    let outcome = runtime.block_on(Box::pin(async { oauth.quiet().authenticate().await }));
    refused_on_tokio(outcome);
    assert_eq!(served.world().oauth_requests(), 0);
}

#[test]
fn threads_hand_out_no_refused_token_while_another_is_at_the_page() {
    let (served, store) = (serve(Knobs::default()), MemoryTokenStorage::new());
    dead(&served, &store);
    let (at_page, arrived) = mpsc::channel();
    let (leave, left) = mpsc::channel::<()>();
    let left = Mutex::new(left);
    let user = visitor_who(move |url| {
        at_page.send(()).unwrap();
        left.lock().unwrap().recv().unwrap();
        Ok(redirect(url))
    });
    let oauth = common::builder(&served, &store).user_agent(user).build().unwrap();
    thread::scope(|scope| {
        // If something fails, the user leaves the page.
        let leave = leave;
        let call = scope.spawn(|| common::call(&oauth, &served, LIST).unwrap());
        arrived.recv_timeout(common::PATIENCE).unwrap();
        refused(oauth.quiet().authenticate());
        refused(oauth.quiet().token());
        leave.send(()).unwrap();
        assert_eq!(call.join().unwrap(), 200);
    });
    oauth.quiet().authenticate().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_hand_out_no_refused_token_while_another_is_at_the_page() {
    let (served, store) = (serve(Knobs::default()), MemoryTokenStorage::new());
    tokio::task::block_in_place(|| dead(&served, &store));
    let (user, mut handle) = SlowUser::new();
    let oauth = tokio_common::builder(&served, &store).user_agent(user).build().unwrap();
    let served = std::sync::Arc::new(served);
    let call = tokio::spawn({
        let (oauth, served) = (oauth.clone(), std::sync::Arc::clone(&served));
        async move { Box::pin(tokio_common::call(&oauth, &served, LIST)).await.unwrap() }
    });
    handle.at_page().await;
    refused_on_tokio(oauth.quiet().authenticate().await);
    refused_on_tokio(oauth.quiet().token().await);
    handle.consent();
    assert_eq!(call.await.unwrap(), 200);
    oauth.quiet().authenticate().await.unwrap();
}

/// A server that starts refuses whatever it gets, and takes it when it is up.
#[test]
fn a_token_that_is_taken_again_is_refused_no_more() {
    let (served, store) = (serve(Knobs::default()), MemoryTokenStorage::new());
    drop(common::logged_in(&served, &store));
    age(&store, &key(&served), Duration::from_secs(1800));
    let oauth = common::client(&served, &store);
    assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
    served.world().knobs.mcp_damage = Damage::times(Fault::Status(401), 1);
    served.unplug(Party::AuthServer);
    common::call(&oauth.quiet(), &served, LIST).unwrap_err();
    assert!(matches!(oauth.status().unwrap(), Status::Refused(_)));
    served.plug(Party::AuthServer);
    assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
    assert!(matches!(oauth.status().unwrap(), Status::LoggedIn(_)));
    assert_eq!((refreshes(&served), logins(&served)), (0, 0));
}
