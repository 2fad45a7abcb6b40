//! Logins that a host wants in a certain way, by threads: another account, in its own time.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::{
    LIST, PATIENCE, assert_sound, builder, call, client, handed_out, headless, key, logged_in,
    logins, redirect, serve, visitor_who,
};
use oauth_blocking::{
    Error, Leases as _, LoginOptions, LoopbackBrowser, MemoryTokenStorage, UserAgent,
    UserAgentError,
};
use oauth_core::Error as E;
use oauth_core::session::Lock;
use oauth_tests::serve::Served;
use oauth_tests::world::{Knobs, What};

/// Too short for a person.
const SHORT: Duration = Duration::from_secs(1);

/// A user who stays at each page until told what to do there.
struct SlowUser {
    arrivals: Receiver<()>,
    decisions: Sender<bool>,
}

impl SlowUser {
    fn new() -> (impl UserAgent, Self) {
        let (at_page, arrivals) = channel();
        let (decisions, decision) = channel();
        let doors = Mutex::new((at_page, decision));
        let agent = visitor_who(move |url| {
            let doors = doors.lock().unwrap();
            doors.0.send(()).unwrap();
            match doors.1.recv() {
                Ok(true) => Ok(redirect(url)),
                _ => Err(UserAgentError::Cancelled),
            }
        });
        (agent, Self { arrivals, decisions })
    }

    fn at_page(&self) {
        self.arrivals.recv_timeout(PATIENCE).unwrap();
    }

    fn decide(&self, consents: bool) {
        self.decisions.send(consents).unwrap();
    }
}

fn ann() -> LoginOptions {
    LoginOptions::new().select_account().login_hint("ann@example.com").unwrap()
}

fn bob() -> LoginOptions {
    LoginOptions::new().login_hint("bob@example.com").unwrap()
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

#[test]
fn another_account_is_asked_for_once_and_the_old_token_is_used_meanwhile() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let first = logged_in(&served, &store).token().unwrap();
    let (agent, user) = SlowUser::new();
    let oauth = builder(&served, &store).user_agent(agent).build().unwrap();
    for consents in [false, true] {
        thread::scope(|scope| {
            let login = scope.spawn(|| oauth.login_with(ann()));
            user.at_page();
            assert_eq!(call(&oauth.quiet(), &served, LIST).unwrap(), 200);
            assert_eq!(oauth.authenticate().unwrap(), first);
            user.decide(consents);
            let outcome = login.join().unwrap();
            assert_eq!(outcome.is_ok(), consents, "{outcome:?}");
        });
        assert_eq!(oauth.token().unwrap() == first, !consents, "kept until there is another");
        assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    }
    assert_eq!(said(&served, "prompt"), [["select_account"]]);
    assert_eq!(said(&served, "login_hint"), [["ann@example.com"]]);
    assert_eq!(served.world().count(What::Revoke), 0);
    assert_sound(&served);
}

#[test]
fn callers_who_want_different_accounts_have_their_own_pages() {
    for consents in [true, false] {
        let served = serve(Knobs::default());
        let (agent, user) = SlowUser::new();
        let oauth = builder(&served, &MemoryTokenStorage::new()).user_agent(agent).build().unwrap();
        thread::scope(|scope| {
            let first = scope.spawn(|| oauth.login_with(ann()));
            user.at_page();
            let second = scope.spawn(|| oauth.login_with(bob()));
            user.decide(consents);
            let first = first.join().unwrap();
            assert_eq!(first.is_ok(), consents, "{first:?}");
            // Whatever became of the first one.
            user.at_page();
            user.decide(true);
            let second = second.join().unwrap().unwrap();
            assert_eq!(oauth.token().unwrap(), second);
        });
        assert_eq!(said(&served, "login_hint").last().unwrap(), &["bob@example.com"]);
        assert_eq!(logins(&served), 1 + usize::from(consents));
    }
}

#[test]
fn the_limit_of_one_login_takes_the_place_of_the_one_for_all() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let idle = LoopbackBrowser::new().open_with(|_| true);
    let oauth = builder(&served, &store).user_agent(idle).build().unwrap();
    let begun = Instant::now();
    let error = oauth.login_with(ann().limit(SHORT)).unwrap_err();
    assert!(matches!(error, Error::UserAgent(UserAgentError::TimedOut { .. })), "{error:?}");
    assert!((SHORT..PATIENCE).contains(&begun.elapsed()), "{:?}", begun.elapsed());

    // A longer one, too.
    let (agent, user) = SlowUser::new();
    let slow = builder(&served, &store).wait(Duration::ZERO).user_agent(agent).build().unwrap();
    thread::scope(|scope| {
        let held = store.try_lock(&key(&served), Lock::Login).unwrap();
        assert!(held.is_some());
        let login = scope.spawn(|| slow.login_with(ann().limit(PATIENCE)));
        thread::sleep(SHORT);
        drop(held);
        user.at_page();
        user.decide(true);
        login.join().unwrap().unwrap();
    });
}

#[test]
fn the_limit_is_for_all_that_a_login_waits_for() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let oauth = client(&served, &store);
    let begun = Instant::now();
    let held = store.try_lock(&key(&served), Lock::Login).unwrap();
    let error = oauth.login_with(ann().limit(SHORT)).unwrap_err();
    assert!(matches!(error, Error::UserAgent(UserAgentError::Elsewhere { .. })), "{error:?}");
    drop(held);

    // Another caller's page.
    let (agent, user) = SlowUser::new();
    let slow = builder(&served, &store).user_agent(agent).build().unwrap();
    thread::scope(|scope| {
        let user = user;
        let page = scope.spawn(|| slow.login());
        user.at_page();
        let error = slow.login_with(ann().limit(SHORT)).unwrap_err();
        assert!(matches!(error, Error::UserAgent(UserAgentError::TimedOut { .. })), "{error:?}");
        user.decide(false);
        page.join().unwrap().unwrap_err();
    });

    // An answer that does not come.
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    served.rewrite(move |request, _| {
        if request.uri().path() != "/mcp" {
            // Until the client has given up.
            let _ = wait.lock().unwrap().recv_timeout(2 * PATIENCE);
        }
    });
    let error = oauth.login_with(ann().limit(SHORT)).unwrap_err();
    drop(go);
    assert_eq!((error.code(), error.is_retryable()), ("unreachable", true));
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    assert_eq!(logins(&served), 0);
}

/// What was handed out can be finished until the limit is over, and asks for what was wanted.
#[test]
fn a_login_that_is_handed_out_has_its_wish_and_its_limit() {
    let served = serve(Knobs::default());
    let oauth = headless(&served, &MemoryTokenStorage::new());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let limit = Duration::from_secs(1_000);
    let login = handed_out(oauth.login_with(ann().limit(limit)));
    let expires_at = login.pending.expires_at().as_secs();
    assert!((990..=1_010).contains(&(expires_at - now.as_secs())), "{expires_at}");
    oauth.resume(login.pending, &redirect(&login.connect_url)).unwrap();
    assert_eq!(said(&served, "prompt"), [["select_account"]]);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
}

#[test]
fn a_hint_that_is_none_is_refused_at_once() {
    let error = LoginOptions::new().login_hint("a\nb").unwrap_err();
    assert!(matches!(error, E::Misuse(_)) && error.code() == "login_hint", "{error:?}");
    assert_eq!(LoginOptions::new().scope("a\tb").unwrap_err().code(), "scope_characters");
}
