//! Logins that a host wants in a certain way, by tasks: another account, in its own time; and who shares them.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::time::{Duration, Instant};

use oauth_tests::serve::Served;
use oauth_tests::world::{Knobs, What};
use oauth_tokio::{
    Error, LoginOptions, LoopbackBrowser, MemoryTokenStorage, OAuth, Prepared, RedirectUri,
    UserAgent, UserAgentError,
};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio_common::common::{ELSEWHERE, LIST, PATIENCE, assert_sound, serve};
use tokio_common::{builder, call, logged_in, redirect};

/// Too short for a person.
const SHORT: Duration = Duration::from_secs(1);

/// A user who stays at each page until told what to do there.
struct SlowUser {
    at_page: mpsc::UnboundedSender<()>,
    decisions: std::sync::Arc<Mutex<mpsc::UnboundedReceiver<bool>>>,
}

/// What the test holds of it.
struct Handle {
    arrivals: mpsc::UnboundedReceiver<()>,
    decisions: mpsc::UnboundedSender<bool>,
}

impl SlowUser {
    fn new() -> (Self, Handle) {
        let (at_page, arrivals) = mpsc::unbounded_channel();
        let (tell, decisions) = mpsc::unbounded_channel();
        let decisions = std::sync::Arc::new(Mutex::new(decisions));
        (Self { at_page, decisions }, Handle { arrivals, decisions: tell })
    }
}

impl Handle {
    async fn at_page(&mut self) {
        tokio::time::timeout(PATIENCE, self.arrivals.recv()).await.unwrap().unwrap();
    }

    fn decide(&self, consents: bool) {
        self.decisions.send(consents).unwrap();
    }
}

impl UserAgent for SlowUser {
    async fn prepare(&self, _registered: Option<&str>) -> Result<Prepared, UserAgentError> {
        let (at_page, decisions) = (self.at_page.clone(), std::sync::Arc::clone(&self.decisions));
        Ok(Prepared::new(RedirectUri::parse(ELSEWHERE)?, async move |url, _deadline, _told| {
            at_page.send(()).map_err(|_| UserAgentError::Cancelled)?;
            match decisions.lock().await.recv().await {
                Some(true) => Ok(redirect(&url).await.into()),
                _ => Err(UserAgentError::Cancelled),
            }
        }))
    }
}

fn ann() -> LoginOptions {
    LoginOptions::new().select_account().login_hint("ann@example.com").unwrap()
}

fn bob() -> LoginOptions {
    LoginOptions::new().login_hint("bob@example.com").unwrap()
}

/// Begins a login, and lets it come as far as it can.
async fn begin(oauth: &OAuth, options: LoginOptions) -> JoinHandle<Result<String, Error>> {
    let oauth = oauth.clone();
    let login = tokio::spawn(async move {
        oauth.login_with(options).await.map(|token| token.token().to_owned())
    });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    login
}

/// The values of a parameter in each authorization request.
fn said(served: &Served, name: &str) -> Vec<Vec<String>> {
    let world = served.world();
    let requests = world.requests(What::Authorize).into_iter();
    let values = requests.map(|request| {
        let named = request.parameters.iter().filter(|(it, _)| it == name);
        named.map(|(_, value)| value.clone()).collect()
    });
    values.collect()
}

#[tokio::test]
async fn another_account_is_asked_for_once_and_the_old_token_is_used_meanwhile() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let first = logged_in(&served, &store).await.token().await.unwrap();
    let (agent, mut user) = SlowUser::new();
    let oauth = builder(&served, &store).user_agent(agent).build().unwrap();
    for consents in [false, true] {
        let login = begin(&oauth, ann()).await;
        user.at_page().await;
        assert_eq!(call(&oauth.quiet(), &served, LIST).await.unwrap(), 200);
        assert_eq!(oauth.authenticate().await.unwrap(), first);
        user.decide(consents);
        assert_eq!(login.await.unwrap().is_ok(), consents);
        assert_eq!(oauth.token().await.unwrap() == first, !consents, "kept until there is another");
        assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    }
    assert_eq!(said(&served, "prompt"), [["select_account"]]);
    assert_eq!(said(&served, "login_hint"), [["ann@example.com"]]);
    assert_eq!(served.world().count(What::Revoke), 0);
    assert_sound(&served);
}

/// The second one comes while the first one is at its page.
#[tokio::test]
async fn a_login_is_shared_by_those_who_want_the_same() {
    let any = LoginOptions::new;
    let later = || ann().limit(2 * PATIENCE);
    for (first, second, is_shared) in [
        (ann(), ann(), true),
        (ann(), later(), true),
        (ann(), any(), true),
        (any(), any(), true),
        (any(), ann(), false),
        (bob(), ann(), false),
        (ann(), ann().scope("mcp:basic").unwrap(), false),
    ] {
        for consents in [true, false] {
            let served = serve(Knobs::default());
            let (agent, mut user) = SlowUser::new();
            let store = MemoryTokenStorage::new();
            let oauth = builder(&served, &store).user_agent(agent).build().unwrap();
            let one = begin(&oauth, first.clone()).await;
            user.at_page().await;
            let other = begin(&oauth, second.clone()).await;
            user.decide(consents);
            let one = one.await.unwrap();
            assert_eq!(one.is_ok(), consents, "{one:?}");
            if !is_shared {
                user.at_page().await;
                user.decide(true);
            }
            let other = other.await.unwrap();
            assert_eq!(other.is_ok(), consents || !is_shared, "{first:?} {second:?} {other:?}");
            if consents {
                assert_eq!(one.unwrap() == *other.as_ref().unwrap(), is_shared);
            }
            if let Ok(other) = other {
                assert_eq!(oauth.token().await.unwrap().token(), other);
            }
            assert_eq!(
                served.world().count(What::Authorize),
                usize::from(consents) + usize::from(!is_shared),
                "{first:?} {second:?}"
            );
        }
    }
}

#[tokio::test]
async fn the_limit_is_for_all_that_a_login_waits_for() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let idle = LoopbackBrowser::new().open_with(|_| true);
    let oauth = builder(&served, &store).user_agent(idle).build().unwrap();
    let begun = Instant::now();
    let timed_out = |error| matches!(error, Error::UserAgent(UserAgentError::TimedOut { .. }));
    assert!(timed_out(oauth.login_with(ann().limit(SHORT)).await.unwrap_err()));
    assert!(begun.elapsed() >= SHORT);

    // The page of another caller.
    let (agent, mut user) = SlowUser::new();
    let slow = builder(&served, &store).user_agent(agent).build().unwrap();
    let page = begin(&slow, LoginOptions::new()).await;
    user.at_page().await;
    assert!(timed_out(slow.login_with(ann().limit(SHORT)).await.unwrap_err()));

    // That of another client.
    let error = oauth.login_with(ann().limit(SHORT)).await.unwrap_err();
    assert!(matches!(error, Error::UserAgent(UserAgentError::Elsewhere { .. })), "{error:?}");
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    user.decide(true);
    page.await.unwrap().unwrap();
    assert_eq!(call(&slow, &served, LIST).await.unwrap(), 200);
}
