//! Calls that ask nobody, by tasks: what can be had without a person, and else an error at once, whoever is at a
//! page.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::time::{Duration, Instant};

use oauth_core::Scopes;
use oauth_tests::drive::head;
use oauth_tests::serve::Served;
use oauth_tests::world::{Knobs, ScopePolicy};
use oauth_tokio::{Error, MemoryTokenStorage, OAuth, with_oauth_retry};
use tokio_common::common::{
    CALL, HOUR, LIST, assert_sound, expire, key, logins, refreshes, serve, statuses,
};
use tokio_common::{SlowUser, builder, call, client, logged_in};

/// More than a call takes that waits for nobody, and less than a person.
const AT_ONCE: Duration = Duration::from_secs(1);

/// What the protocol says, and that it was said at once.
async fn refused<T: std::fmt::Debug>(
    call: impl Future<Output = Result<T, Error>>,
) -> oauth_core::Error {
    let begun = Instant::now();
    // Unoptimized, many of them are too much for the stack of a test.
    let outcome = Box::pin(call).await;
    assert!(begun.elapsed() < AT_ONCE, "{outcome:?} after {:?}", begun.elapsed());
    tokio_common::core_error(outcome)
}

fn missing(scopes: &str) -> oauth_core::Error {
    oauth_core::Error::ScopeRequired { missing: Scopes::parse(scopes).unwrap() }
}

fn steps_up() -> Knobs {
    Knobs { scopes: ScopePolicy::StepUp, prm_scopes: None, ..Knobs::default() }
}

/// Everything that asks for a token without a person.
async fn assert_all_need_a_login(quiet: &OAuth, served: &Served) {
    let needed = oauth_core::Error::LoginRequired;
    assert_eq!(refused(quiet.authenticate()).await, needed);
    assert_eq!(refused(call(quiet, served, LIST)).await, needed);
    assert_eq!(refused(quiet.token()).await, needed);
    assert_eq!(refused(with_oauth_retry(quiet, || quiet.token())).await, needed);
    let begun = Instant::now();
    assert!(matches!(quiet.initialize().await, Ok(None)));
    assert!(matches!(quiet.refresh_token().await, Ok(None)));
    assert!(begun.elapsed() < AT_ONCE);
}

#[tokio::test]
async fn a_first_start_asks_nobody_and_sends_nothing_for_a_login() {
    let served = serve(Knobs::default());
    let quiet = client(&served, &MemoryTokenStorage::new()).quiet();
    Box::pin(assert_all_need_a_login(&quiet, &served)).await;
    assert_eq!(served.world().oauth_requests(), 0);
    // Only the call itself went out, without a token.
    assert_eq!(served.world().log.len(), 1);
}

#[tokio::test]
async fn a_dead_token_is_told_while_another_process_is_at_its_page() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    logged_in(&served, &store).await;
    served.world().end_grants();
    expire(&store, &key(&served));
    let (user, mut handle) = SlowUser::new();
    let other = builder(&served, &store).user_agent(user).build().unwrap();
    let page = tokio::spawn(async move { other.authenticate().await });
    handle.at_page().await;
    served.world().log.clear();
    let quiet = client(&served, &store).quiet();
    Box::pin(assert_all_need_a_login(&quiet, &served)).await;
    assert_eq!((logins(&served), served.world().oauth_requests()), (0, 0));
    handle.consent();
    page.await.unwrap().unwrap();
    assert_eq!(call(&quiet, &served, LIST).await.unwrap(), 200);
    assert_sound(&served);
}

/// Nor does the login go on for a quiet call: nobody waits for it any more.
#[tokio::test]
async fn a_dead_token_is_told_while_another_task_is_at_its_page() {
    let served = serve(Knobs::default());
    let (user, mut handle) = SlowUser::new();
    let oauth = builder(&served, &MemoryTokenStorage::new()).user_agent(user).build().unwrap();
    let page = tokio::spawn({
        let oauth = oauth.clone();
        async move { oauth.authenticate().await }
    });
    handle.at_page().await;
    let (before, quiet) = (served.world().oauth_requests(), oauth.quiet());
    Box::pin(assert_all_need_a_login(&quiet, &served)).await;
    Box::pin(assert_all_need_a_login(&oauth.interactive().quiet(), &served)).await;
    assert_eq!(served.world().oauth_requests(), before);
    page.abort();
    assert!(page.await.unwrap_err().is_cancelled());
    assert!(oauth.shutdown(AT_ONCE).await, "the login has ended");
    assert_eq!(logins(&served), 0);
}

#[tokio::test]
async fn a_call_that_waits_for_a_refresh_hears_when_a_login_begins_instead() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    logged_in(&served, &store).await;
    let (user, mut handle) = SlowUser::new();
    let oauth = builder(&served, &store).user_agent(user).build().unwrap();
    served.world().end_grants();
    expire(&store, &key(&served));
    served.delay_tokens(Duration::from_millis(300));
    let ask = |oauth: OAuth| tokio::spawn(async move { oauth.authenticate().await });
    let page = ask(oauth.clone());
    let waits = ask(oauth.quiet());
    handle.at_page().await;
    let error = refused(async { waits.await.unwrap() }).await;
    assert_eq!(error, oauth_core::Error::LoginRequired);
    assert_eq!(refreshes(&served), 1);
    page.abort();
}

#[tokio::test]
async fn a_refresh_is_made_while_a_page_is_open() {
    let served = serve(steps_up());
    let store = MemoryTokenStorage::new();
    logged_in(&served, &store).await;
    let (user, mut handle) = SlowUser::new();
    let oauth = builder(&served, &store).user_agent(user).build().unwrap();
    let quiet = oauth.quiet();
    let url = served.server_url();
    let page = tokio::spawn({
        let oauth = oauth.clone();
        async move { tokio_common::post(&oauth, &url, CALL).await }
    });
    handle.at_page().await;
    assert_eq!(call(&quiet, &served, LIST).await.unwrap(), 200);
    assert_eq!(refreshes(&served), 0, "a token that lives is used");
    served.advance(HOUR);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (quiet, url) = (quiet.clone(), served.server_url());
        calls.spawn(async move { tokio_common::post(&quiet, &url, LIST).await.unwrap().0 });
    }
    assert_eq!(calls.join_all().await, [200; 16]);
    assert_eq!(refreshes(&served), 1);
    handle.consent();
    assert_eq!(page.await.unwrap().unwrap().0, 200);
    assert_eq!(call(&quiet, &served, LIST).await.unwrap(), 200);
    assert_sound(&served);
}

#[tokio::test]
async fn what_was_refused_quietly_is_asked_for_by_the_next_login() {
    let served = serve(steps_up());
    let oauth = logged_in(&served, &MemoryTokenStorage::new()).await;
    let quiet = oauth.quiet();
    for _ in 0..2 {
        assert_eq!(refused(call(&quiet, &served, CALL)).await, missing("mcp:write"));
        assert_eq!(call(&quiet, &served, LIST).await.unwrap(), 200, "the token is good for this");
    }
    assert_eq!(served.world().oauth_requests(), 0);
    // A login is the host's own word, on a quiet handle, too.
    quiet.login().await.unwrap();
    assert_eq!(served.world().scopes_asked(), [Some("mcp:basic mcp:write")]);
    assert_eq!(call(&quiet, &served, CALL).await.unwrap(), 200);
    assert_sound(&served);
}

#[tokio::test]
async fn what_was_refused_beside_a_login_is_asked_for_by_the_next_one() {
    let served = serve(steps_up());
    let store = MemoryTokenStorage::new();
    logged_in(&served, &store).await;
    let (user, mut handle) = SlowUser::new();
    let oauth = builder(&served, &store).user_agent(user).build().unwrap();
    let page = tokio::spawn({
        let oauth = oauth.clone();
        async move { oauth.login().await }
    });
    handle.at_page().await;
    assert_eq!(refused(call(&oauth.quiet(), &served, CALL)).await, missing("mcp:write"));
    handle.consent();
    page.await.unwrap().unwrap();
    oauth.login().await.unwrap();
    assert_eq!(served.world().scopes_asked().last(), Some(&Some("mcp:basic mcp:write")));
}

/// For hosts that send requests in their own way.
#[tokio::test]
async fn a_refusal_that_is_told_of_is_answered_as_quietly() {
    let served = serve(Knobs::default());
    let oauth = logged_in(&served, &MemoryTokenStorage::new()).await;
    let (quiet, token) = (oauth.quiet(), oauth.token().await.unwrap());
    served.world().end_grants();
    let needed = oauth_core::Error::LoginRequired;
    assert_eq!(refused(quiet.refused(&token, 401, &head(&[]))).await, needed);
    assert_eq!(statuses(&served, "initialize"), [0_u16; 0], "nothing is asked for a login");
    assert_eq!(logins(&served), 0);
}
