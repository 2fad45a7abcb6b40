//! Callers that are dropped at every await point, one after the other: what had begun is stored.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use oauth_blocking::TokenStorage;
use oauth_tests::serve::Served;
use oauth_tests::world::{Grant, Knobs, What};
use oauth_tokio::{Blocking, MemoryTokenStorage, OAuth, SharedStorage};
use tokio::runtime::Runtime;
use tokio_common::common::{
    Brittle, LIST, PATIENCE, age, assert_sound, expire, key, logins, refreshes, serve, stored_token,
};
use tokio_common::{
    Directory, SlowUser, builder, call, client, handed_out, headless, logged_in, redirect, until,
};

/// Polls a future so often at most.
struct Polled<F> {
    future: F,
    left: usize,
}

impl<F: Future + Unpin> Future for Polled<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        match Pin::new(&mut self.future).poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if self.left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// What a future gives, unless it is dropped after so many polls: at once, or when others got further.
async fn polled<T>(left: usize, lingers: bool, future: impl Future<Output = T>) -> Option<T> {
    let mut future = Box::pin(future);
    let outcome = Polled { future: &mut future, left }.await;
    for _ in 0..if lingers { LINGERING } else { 0 } {
        tokio::task::yield_now().await;
    }
    outcome
}

/// Rounds of everybody else's: enough for a request to get to its server.
const LINGERING: usize = 200;

/// More polls than any call here takes: who needs more hangs.
const ENOUGH: usize = 1_000;

/// How the token of a client comes to be of no use.
#[derive(Clone, Copy)]
enum Spoilt {
    /// It is known to have expired.
    Expired,
    /// The server refuses it.
    Revoked,
}

/// Drops a call that refreshes at each of its await points. Each time the new token is in the store, and
/// the next process goes on with it.
async fn a_refresh_survives<S>(store: &S, spoilt: Spoilt, ask: impl AsyncFn(&OAuth, &Served))
where
    S: TokenStorage + Into<SharedStorage> + Clone + 'static,
{
    let served = serve(Knobs::default());
    drop(logged_in(&served, store).await);
    // Long enough for the answer to be awaited.
    served.delay_tokens(Duration::from_millis(2));
    let (mut begun, mut step) = (0, 0);
    for _ in 0..ENOUGH {
        let (polls, lingers) = (step / 2, step % 2 == 1);
        served.world().log.clear();
        let oauth = client(&served, store);
        match spoilt {
            Spoilt::Expired => expire(store, &key(&served)),
            Spoilt::Revoked => {
                oauth.token().await.unwrap();
                served.world().revoke_access_tokens();
            }
        }
        let old = stored_token(store, &key(&served));
        let outcome = polled(polls, lingers, ask(&oauth, &served)).await;
        assert!(oauth.shutdown(PATIENCE).await);
        let refreshed = refreshes(&served);
        assert_eq!(stored_token(store, &key(&served)) != old, refreshed == 1, "{polls} polls");
        for next in [&client(&served, store), &oauth] {
            assert_eq!(call(next, &served, LIST).await.unwrap(), 200, "{polls} polls");
        }
        assert_eq!(refreshes(&served), 1, "{polls} polls");
        assert_eq!(logins(&served), 0, "{polls} polls");
        assert_sound(&served);
        step += 1;
        if outcome.is_some() {
            assert_eq!(refreshed, 1);
            if begun > 0 {
                return;
            }
            // The store answered at once this time, and slowly before: there was no poll in between.
            step = 0;
        } else {
            begun += refreshed;
        }
    }
    panic!("it does not end, or no caller is dropped while the token is refreshed");
}

async fn send(oauth: &OAuth, served: &Served) {
    assert_eq!(call(oauth, served, LIST).await.unwrap(), 200);
}

#[tokio::test]
async fn a_refresh_of_an_expired_token_survives_its_caller() {
    a_refresh_survives(&MemoryTokenStorage::new(), Spoilt::Expired, send).await;
}

#[tokio::test]
async fn a_refresh_of_a_stored_token_survives_its_caller() {
    a_refresh_survives(&Directory::new().store(), Spoilt::Expired, send).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_on_other_threads_survives_its_caller() {
    a_refresh_survives(&MemoryTokenStorage::new(), Spoilt::Expired, send).await;
}

#[tokio::test]
async fn a_refresh_of_a_refused_token_survives_its_caller() {
    a_refresh_survives(&MemoryTokenStorage::new(), Spoilt::Revoked, send).await;
}

#[tokio::test]
async fn a_refresh_that_was_asked_for_survives_its_caller() {
    a_refresh_survives(&MemoryTokenStorage::new(), Spoilt::Revoked, async |oauth, _| {
        oauth.refresh_token().await.unwrap().unwrap();
    })
    .await;
}

/// A program that makes a call and ends, without a word to the client, in the last minute of its token.
#[test]
fn a_program_that_ends_after_its_first_call_loses_no_refresh() {
    let (served, store) = (serve(Knobs::default()), MemoryTokenStorage::new());
    let program = |left: u64| {
        age(&store, &key(&served), Duration::from_secs(left));
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            assert_eq!(call(&client(&served, &store), &served, LIST).await.unwrap(), 200);
        });
    };
    drop(Runtime::new().unwrap().block_on(logged_in(&served, &store)));
    served.delay_tokens(Duration::from_millis(300));
    program(30);
    program(30);
    program(0);
    assert_eq!((refreshes(&served), logins(&served)), (3, 0));
    assert_sound(&served);
}

#[tokio::test]
async fn a_refresh_for_a_token_survives_its_caller() {
    a_refresh_survives(&MemoryTokenStorage::new(), Spoilt::Expired, async |oauth, _| {
        oauth.authenticate().await.unwrap();
    })
    .await;
}

/// Once the user came back, the tokens are stored, whoever asked for them. Before, a login that nobody waits
/// for is over.
#[tokio::test]
async fn a_login_whose_user_came_back_survives_its_caller() {
    for polls in 0..ENOUGH {
        let served = serve(Knobs::default());
        let store = MemoryTokenStorage::new();
        let oauth = client(&served, &store);
        let outcome = polled(polls, true, call(&oauth, &served, LIST)).await;
        assert!(oauth.shutdown(PATIENCE).await);
        let spent = served.world().count(What::Token(Grant::Code));
        assert_eq!(stored_token(&store, &key(&served)).is_some(), spent == 1, "{polls} polls");
        let next = client(&served, &store);
        assert_eq!(call(&next, &served, LIST).await.unwrap(), 200, "{polls} polls");
        // The user may have been at the page that nobody waited for.
        let pages = if spent == 1 { 1..=1 } else { 1..=2 };
        assert!(pages.contains(&logins(&served)), "{polls} polls");
        assert_sound(&served);
        if outcome.is_some() {
            return;
        }
    }
    panic!("it does not end");
}

#[tokio::test]
async fn a_login_that_is_finished_survives_its_caller() {
    for polls in 0..ENOUGH {
        let served = serve(Knobs::default());
        let store = MemoryTokenStorage::new();
        let oauth = headless(&served, &store);
        let error = handed_out(call(&oauth, &served, LIST).await);
        let query = redirect(&error.connect_url).await;
        let outcome = polled(polls, true, oauth.resume(error.pending, &query)).await;
        assert!(oauth.shutdown(PATIENCE).await);
        assert_eq!(stored_token(&store, &key(&served)).is_some(), polls > 0, "{polls} polls");
        if polls > 0 {
            assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200, "{polls} polls");
        }
        assert_sound(&served);
        if outcome.is_some() {
            return;
        }
    }
    panic!("it does not end");
}

#[tokio::test]
async fn a_caller_who_waits_for_another_one_is_dropped_without_harm() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    drop(logged_in(&served, &store).await);
    expire(&store, &key(&served));
    served.delay_tokens(Duration::from_millis(50));
    let oauth = client(&served, &store);
    let (_, dropped) = tokio::join!(
        async { assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200) },
        polled(1, false, call(&oauth, &served, LIST)),
    );
    assert!(dropped.is_none());
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_eq!(refreshes(&served), 1);
    assert_sound(&served);
}

#[tokio::test]
async fn a_shutdown_has_nothing_to_wait_for_when_nothing_runs() {
    let served = serve(Knobs::default());
    let oauth = logged_in(&served, &MemoryTokenStorage::new()).await;
    assert!(oauth.shutdown(Duration::ZERO).await);
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200, "it can be used again");
}

#[tokio::test]
async fn a_shutdown_waits_for_a_refresh_that_has_begun() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    drop(logged_in(&served, &store).await);
    expire(&store, &key(&served));
    let old = stored_token(&store, &key(&served));
    served.delay_tokens(Duration::from_millis(200));
    let oauth = client(&served, &store);
    let asking = tokio::spawn({
        let oauth = oauth.clone();
        async move { oauth.token().await }
    });
    until("it has begun", || refreshes(&served) == 1).await;
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    assert!(!oauth.shutdown(Duration::ZERO).await);
    assert_eq!(stored_token(&store, &key(&served)), old);
    assert!(oauth.shutdown(PATIENCE).await);
    assert_ne!(stored_token(&store, &key(&served)), old);
    assert_eq!(refreshes(&served), 1);
    assert_sound(&served);
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_a_person_longer_than_it_may() {
    let served = serve(Knobs::default());
    let (user, mut handle) = SlowUser::new();
    let oauth = builder(&served, &MemoryTokenStorage::new()).user_agent(user).build().unwrap();
    let asking = tokio::spawn({
        let oauth = oauth.clone();
        async move { oauth.authenticate().await }
    });
    handle.at_page().await;
    assert!(!oauth.shutdown(Duration::from_millis(20)).await);
    handle.consent();
    asking.await.unwrap().unwrap();
    assert!(oauth.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_rotated_token_that_could_not_be_stored_is_not_lost_with_its_caller() {
    let served = serve(Knobs::default());
    let store = Brittle::default();
    let oauth = client(&served, &SharedStorage::from(Blocking::new(store.clone())));
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    served.world().log.clear();
    served.world().revoke_access_tokens();
    served.delay_tokens(Duration::from_millis(50));
    store.no_save.store(true, std::sync::atomic::Ordering::SeqCst);
    let asking = tokio::spawn({
        let oauth = oauth.clone();
        async move { oauth.refresh_token().await }
    });
    until("it has begun", || refreshes(&served) == 1).await;
    asking.abort();
    assert!(!oauth.shutdown(Duration::from_millis(300)).await, "it is tried again");
    store.no_save.store(false, std::sync::atomic::Ordering::SeqCst);
    assert!(oauth.shutdown(PATIENCE).await);
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_eq!((refreshes(&served), logins(&served)), (1, 0));
    let stored = stored_token(&store, &key(&served)).unwrap();
    assert_eq!(oauth.token().await.unwrap().token(), stored);
    assert_sound(&served);
}

/// Whoever gives a login up and asks for another in the same breath does not wait for the old page.
#[test]
fn a_login_that_is_asked_for_right_after_one_was_given_up_has_a_page_of_its_own() {
    Runtime::new().unwrap().block_on(async {
        let served = serve(Knobs::default());
        let (user, mut handle) = SlowUser::new();
        let store = MemoryTokenStorage::new();
        let oauth = builder(&served, &store).user_agent(user).build().unwrap();
        let mut first = Box::pin(oauth.login());
        tokio::select! {
            outcome = &mut first => panic!("{outcome:?}"),
            () = handle.at_page() => {}
        }
        drop(first);
        let second = oauth.login();
        let consents = async {
            handle.at_page().await;
            handle.consent();
        };
        let (outcome, ()) = tokio::join!(second, consents);
        outcome.unwrap();
        assert_eq!(logins(&served), 1);
        assert_sound(&served);
    });
}
