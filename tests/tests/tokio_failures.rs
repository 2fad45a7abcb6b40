//! What fails for one who waits fails for all who wait, and for nobody else.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use oauth_tests::serve::Served;
use oauth_tests::world::{Damage, Fault, Knobs, ScopePolicy};
use oauth_tokio::{
    Blocking, Error, MemoryTokenStorage, OAuth, OwnedEvent, RedirectUri, UserAgentError,
    UserAgentFn,
};
use tokio::task::JoinSet;
use tokio_common::common::{
    CALL, ELSEWHERE, LIST, PATIENCE, assert_sound, end_pause, expire, key, logins, refreshes,
    registrations, serve,
};
use tokio_common::{
    SlowUser, builder, call, client, core_error, handed_out, headless, logged_in, redirect, until,
};

const TASKS: usize = 100;

/// Longer than it takes all tasks to begin to wait.
const SLOWLY: Duration = Duration::from_millis(300);

/// What as many calls come to.
async fn calls(oauth: &OAuth, served: &Arc<Served>) -> Vec<Result<u16, Error>> {
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (oauth, served) = (oauth.clone(), Arc::clone(served));
        tasks.spawn(async move { call(&oauth, &served, LIST).await });
    }
    tokio::time::timeout(PATIENCE, tasks.join_all()).await.expect("somebody waits for ever")
}

/// A user who closes the page, after a while.
fn closes(pages: &Arc<AtomicUsize>) -> Blocking<impl oauth_blocking::UserAgent + use<>> {
    let pages = Arc::clone(pages);
    Blocking::new(UserAgentFn::new(RedirectUri::parse(ELSEWHERE).unwrap(), move |_| {
        pages.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(SLOWLY);
        Err(UserAgentError::Cancelled)
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_in_trouble_is_asked_once_for_all_who_wait() {
    let served = Arc::new(serve(Knobs::default()));
    let store = MemoryTokenStorage::new();
    drop(logged_in(&served, &store).await);
    expire(&store, &key(&served));
    let fault = Fault::Unavailable { retry_after: 9 };
    served.world().knobs.token_damage = Damage::times(fault, 1);
    served.delay_tokens(SLOWLY);
    let oauth = client(&served, &store);
    for outcome in calls(&oauth, &served).await {
        assert!(core_error(outcome).is_retryable());
    }
    assert_eq!((refreshes(&served), served.world().log.len()), (1, 1));
    // Who comes later asks again.
    end_pause(&store, &key(&served));
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_eq!((refreshes(&served), logins(&served)), (2, 0));
    assert_sound(&served);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_closed_is_not_opened_again_for_those_who_waited() {
    let served = Arc::new(serve(Knobs::default()));
    let pages = Arc::default();
    let store = MemoryTokenStorage::new();
    let oauth = builder(&served, &store).user_agent(closes(&pages)).build().unwrap();
    for outcome in calls(&oauth, &served).await {
        assert!(matches!(outcome, Err(Error::UserAgent(UserAgentError::Cancelled))), "{outcome:?}");
    }
    assert_eq!(pages.load(Ordering::SeqCst), 1);
    call(&oauth, &served, LIST).await.unwrap_err();
    assert_eq!(pages.load(Ordering::SeqCst), 2, "who comes later may try again");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_wait_are_handed_the_same_login() {
    let served = Arc::new(serve(Knobs::default()));
    let oauth = headless(&served, &MemoryTokenStorage::new());
    let mut logins_handed_out = BTreeSet::new();
    let mut pending = None;
    for outcome in calls(&oauth, &served).await {
        let error = handed_out(outcome);
        logins_handed_out.insert(error.connect_url.as_str().to_owned());
        pending = Some(error);
    }
    // Some may begin to wait after the first login was handed out already.
    assert!(logins_handed_out.len() < TASKS / 2, "{}", logins_handed_out.len());
    assert_eq!(registrations(&served), 1);
    let error = pending.unwrap();
    let query = redirect(&error.connect_url).await;
    oauth.resume(error.pending, &query).await.unwrap();
    for outcome in calls(&oauth, &served).await {
        assert_eq!(outcome.unwrap(), 200);
    }
    assert_sound(&served);
}

/// Somebody closes the page on which he was asked for more; others want no more than a refresh.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_fails_fails_nobody_who_needs_none() {
    let served = Arc::new(serve(Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() }));
    let store = MemoryTokenStorage::new();
    drop(logged_in(&served, &store).await);
    let pages = Arc::new(AtomicUsize::new(0));
    let oauth = builder(&served, &store).user_agent(closes(&pages)).build().unwrap();
    let wants_more = {
        let (oauth, served) = (oauth.clone(), Arc::clone(&served));
        tokio::spawn(async move { call(&oauth, &served, CALL).await })
    };
    until("the page is open", || pages.load(Ordering::SeqCst) == 1).await;
    served.world().revoke_access_tokens();
    for outcome in calls(&oauth, &served).await {
        assert_eq!(outcome.unwrap(), 200);
    }
    wants_more.await.unwrap().unwrap_err();
    assert_eq!((refreshes(&served), pages.load(Ordering::SeqCst)), (1, 1));
    assert_sound(&served);
}

/// Dropped while the user looks at the page that asks for more: what they had before is still good, and the next call
/// has a page of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_is_gone_leaves_a_login_for_more_to_its_user() {
    let served = Arc::new(serve(Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() }));
    let store = MemoryTokenStorage::new();
    drop(logged_in(&served, &store).await);
    let (user, mut person) = SlowUser::new();
    let oauth = builder(&served, &store).user_agent(user).build().unwrap();
    let mut events = oauth.events();
    let wants_more = {
        let (oauth, served) = (oauth.clone(), Arc::clone(&served));
        tokio::spawn(async move { call(&oauth, &served, CALL).await })
    };
    person.at_page().await;
    wants_more.abort();
    assert!(wants_more.await.unwrap_err().is_cancelled());
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    // Who consents in the same moment may do so to the page that is closed.
    let ends = async {
        while events.next().await.unwrap().unwrap().event != OwnedEvent::LoginCancelled {}
    };
    tokio::time::timeout(PATIENCE, ends).await.unwrap();
    person.consent();
    assert_eq!(call(&oauth, &served, CALL).await.unwrap(), 200);
    assert_eq!(logins(&served), 1);
    assert_sound(&served);
}
