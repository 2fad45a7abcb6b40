//! Calls that ask nobody, by threads: what can be had without a person, and else an error at once, whoever is at a
//! page.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::{
    CALL, Events, HOUR, LIST, assert_sound, builder, call, client, expire, key, logged_in, logins,
    redirect, refreshes, serve, statuses, visitor_who,
};
use oauth_blocking::{
    Error, MemoryTokenStorage, OAuth, UserAgent, UserAgentError, with_oauth_retry,
};
use oauth_core::Scopes;
use oauth_tests::serve::Served;
use oauth_tests::world::{Knobs, RefreshTokens, ScopePolicy};

/// More than a call takes that waits for nobody, and less than a person.
const AT_ONCE: Duration = Duration::from_secs(1);

/// A user who stays at the page until told to consent.
struct SlowUser {
    arrivals: Receiver<()>,
    consents: Sender<bool>,
}

impl SlowUser {
    fn new() -> (impl UserAgent, Self) {
        let (at_page, arrivals) = channel();
        let (consents, decision) = channel();
        let doors = Mutex::new((at_page, decision));
        let agent = visitor_who(move |url| {
            let doors = doors.lock().unwrap();
            doors.0.send(()).unwrap();
            match doors.1.recv() {
                Ok(true) => Ok(redirect(url)),
                _ => Err(UserAgentError::Cancelled),
            }
        });
        (agent, Self { arrivals, consents })
    }

    fn at_page(&self) {
        self.arrivals.recv_timeout(common::PATIENCE).unwrap();
    }

    fn decide(&self, consents: bool) {
        self.consents.send(consents).unwrap();
    }
}

/// What the protocol says, and that it was said at once.
fn refused<T: std::fmt::Debug>(call: impl FnOnce() -> Result<T, Error>) -> oauth_core::Error {
    let begun = Instant::now();
    let outcome = call();
    assert!(begun.elapsed() < AT_ONCE, "{outcome:?} after {:?}", begun.elapsed());
    match outcome.unwrap_err() {
        Error::OAuth { error, .. } => error,
        error => panic!("{error:?}"),
    }
}

fn missing(scopes: &str) -> oauth_core::Error {
    oauth_core::Error::ScopeRequired { missing: Scopes::parse(scopes).unwrap() }
}

fn steps_up() -> Knobs {
    Knobs { scopes: ScopePolicy::StepUp, prm_scopes: None, ..Knobs::default() }
}

/// Everything that asks for a token without a person.
fn assert_all_need_a_login(quiet: &OAuth, served: &Served) {
    let needed = oauth_core::Error::LoginRequired;
    assert_eq!(refused(|| quiet.authenticate()), needed);
    assert_eq!(refused(|| call(quiet, served, LIST)), needed);
    assert_eq!(refused(|| quiet.token()), needed);
    assert_eq!(refused(|| with_oauth_retry(quiet, || quiet.token())), needed);
    let begun = Instant::now();
    assert!(matches!(quiet.initialize(), Ok(None)));
    assert!(matches!(quiet.refresh_token(), Ok(None)));
    assert!(begun.elapsed() < AT_ONCE);
}

#[test]
fn a_first_start_asks_nobody_and_sends_nothing_for_a_login() {
    let served = serve(Knobs::default());
    let quiet = client(&served, &MemoryTokenStorage::new()).quiet();
    assert_all_need_a_login(&quiet, &served);
    assert_eq!(served.world().oauth_requests(), 0);
    // Only the call itself went out, without a token.
    assert_eq!(served.world().log.len(), 1);
}

#[test]
fn a_dead_token_is_told_while_another_process_is_at_its_page() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    logged_in(&served, &store);
    served.world().end_grants();
    expire(&store, &key(&served));
    let (agent, user) = SlowUser::new();
    let other = builder(&served, &store).user_agent(agent).build().unwrap();
    let events = Events::default();
    let quiet = events.watch(builder(&served, &store)).build().unwrap().quiet();
    thread::scope(|scope| {
        // If something fails, the user is gone, and the page with them.
        let user = user;
        let page = scope.spawn(|| other.authenticate());
        user.at_page();
        served.world().log.clear();
        assert_all_need_a_login(&quiet, &served);
        assert_eq!((logins(&served), served.world().oauth_requests()), (0, 0));
        assert!(!events.names().iter().any(|name| name.contains("Elsewhere")), "{events:?}");
        user.decide(true);
        page.join().unwrap().unwrap();
    });
    assert_eq!(call(&quiet, &served, LIST).unwrap(), 200);
    assert_sound(&served);
}

#[test]
fn a_dead_token_is_told_while_another_thread_is_at_its_page() {
    let served = serve(Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() });
    let (agent, user) = SlowUser::new();
    let oauth = builder(&served, &MemoryTokenStorage::new()).user_agent(agent).build().unwrap();
    thread::scope(|scope| {
        // If something fails, the user is gone, and the page with them.
        let user = user;
        let page = scope.spawn(|| oauth.authenticate());
        user.at_page();
        let (before, quiet) = (served.world().oauth_requests(), oauth.quiet());
        assert_all_need_a_login(&quiet, &served);
        assert_all_need_a_login(&oauth.interactive().quiet().clone(), &served);
        assert_eq!(served.world().oauth_requests(), before);
        user.decide(true);
        page.join().unwrap().unwrap();
    });
    assert_eq!(call(&oauth.quiet(), &served, LIST).unwrap(), 200);
    assert_eq!(logins(&served), 1);
}

/// Whoever waited for a refresh that ends in a login does not wait on.
#[test]
fn a_call_that_waits_for_a_refresh_hears_when_a_login_begins_instead() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let (agent, user) = SlowUser::new();
    logged_in(&served, &store);
    let oauth = builder(&served, &store).user_agent(agent).build().unwrap();
    served.world().end_grants();
    expire(&store, &key(&served));
    let delay = Duration::from_millis(300);
    served.delay_tokens(delay);
    thread::scope(|scope| {
        // If something fails, the user is gone, and the page with them.
        let user = user;
        let page = scope.spawn(|| oauth.authenticate());
        let waits = scope.spawn(|| oauth.quiet().authenticate());
        user.at_page();
        let error = refused(|| waits.join().unwrap());
        assert_eq!(error, oauth_core::Error::LoginRequired);
        user.decide(false);
        page.join().unwrap().unwrap_err();
    });
}

#[test]
fn a_refresh_is_made_while_a_page_is_open() {
    for consents in [true, false] {
        let served = serve(steps_up());
        let store = MemoryTokenStorage::new();
        logged_in(&served, &store);
        let (agent, user) = SlowUser::new();
        let oauth = builder(&served, &store).user_agent(agent).build().unwrap();
        let quiet = oauth.quiet();
        thread::scope(|scope| {
            // If something fails, the user is gone, and the page with them.
            let user = user;
            let page = scope.spawn(|| call(&oauth, &served, CALL));
            user.at_page();
            // A token that lives is used, and one that was refused is refreshed.
            for refreshed in 0..2 {
                assert_eq!(call(&quiet, &served, LIST).unwrap(), 200);
                assert_eq!(refreshes(&served), refreshed);
                if refreshed == 0 {
                    served.advance(HOUR);
                }
            }
            user.decide(consents);
            assert_eq!(page.join().unwrap().is_ok(), consents);
        });
        assert_eq!(call(&quiet, &served, LIST).unwrap(), 200);
        assert_eq!(logins(&served), usize::from(consents));
        assert_sound(&served);
    }
}

#[test]
fn what_was_refused_quietly_is_asked_for_by_the_next_login() {
    let served = serve(steps_up());
    let oauth = logged_in(&served, &MemoryTokenStorage::new());
    let quiet = oauth.quiet();
    for _ in 0..2 {
        assert_eq!(refused(|| call(&quiet, &served, CALL)), missing("mcp:write"));
        assert_eq!(call(&quiet, &served, LIST).unwrap(), 200, "the token is good for this");
    }
    assert_eq!(served.world().oauth_requests(), 0);
    // A login is the host's own word, on a quiet handle, too.
    quiet.login().unwrap();
    assert_eq!(served.world().scopes_asked(), [Some("mcp:basic mcp:write")]);
    assert_eq!(call(&quiet, &served, CALL).unwrap(), 200);
    assert_sound(&served);
}

/// A call lacks a scope while a login that does not ask for it is at its page.
fn refused_beside_a_login(served: &Served, store: &MemoryTokenStorage) -> (OAuth, SlowUser) {
    let (agent, user) = SlowUser::new();
    let oauth = builder(served, store).user_agent(agent).build().unwrap();
    let user = thread::scope(|scope| {
        // If something fails, the user is gone, and the page with them.
        let user = user;
        let page = scope.spawn(|| oauth.login());
        user.at_page();
        assert_eq!(refused(|| call(&oauth.quiet(), served, CALL)), missing("mcp:write"));
        user.decide(true);
        page.join().unwrap().unwrap();
        user
    });
    (oauth, user)
}

#[test]
fn what_was_refused_beside_a_login_is_asked_for_by_the_next_one() {
    let served = serve(steps_up());
    let store = MemoryTokenStorage::new();
    logged_in(&served, &store);
    let (oauth, user) = refused_beside_a_login(&served, &store);
    assert_eq!(refused(|| call(&oauth.quiet(), &served, CALL)), missing("mcp:write"));
    user.decide(true);
    oauth.login().unwrap();
    assert_eq!(served.world().scopes_asked().last(), Some(&Some("mcp:basic mcp:write")));
}

/// Whoever comes next may be somebody else.
#[test]
fn what_was_missing_is_not_asked_for_after_a_logout() {
    for forgets in [false, true] {
        let served = serve(steps_up());
        let store = MemoryTokenStorage::new();
        logged_in(&served, &store);
        let (oauth, user) = refused_beside_a_login(&served, &store);
        match forgets {
            true => drop(oauth.forget().unwrap()),
            false => drop(oauth.logout().unwrap()),
        }
        user.decide(true);
        oauth.login().unwrap();
        assert_eq!(served.world().scopes_asked().last(), Some(&Some("mcp:basic")), "{forgets}");
    }
}

/// The consent is for what the call was refused for.
#[test]
fn a_quiet_call_that_lacks_a_scope_is_made_again_after_a_login_for_it() {
    let served = serve(steps_up());
    let oauth = logged_in(&served, &MemoryTokenStorage::new());
    let quiet = oauth.quiet();
    let error = refused(|| with_oauth_retry(&quiet, || call(&quiet, &served, CALL)));
    assert_eq!((error, refreshes(&served)), (missing("mcp:write"), 0));
    let status = with_oauth_retry(&oauth, || call(&quiet, &served, CALL));
    assert_eq!(status.unwrap(), 200);
    assert_eq!(served.world().scopes_asked(), [Some("mcp:basic mcp:write")]);
}

/// For hosts that send requests in their own way.
#[test]
fn a_refusal_that_is_told_of_is_answered_as_quietly() {
    let served = serve(Knobs::default());
    let oauth = logged_in(&served, &MemoryTokenStorage::new());
    let (quiet, token) = (oauth.quiet(), oauth.token().unwrap());
    served.advance(HOUR);
    let next = quiet.refused(&token, 401, &[]).unwrap().unwrap();
    assert!(next != token && refreshes(&served) == 1);

    let served = serve(Knobs::default());
    let oauth = logged_in(&served, &MemoryTokenStorage::new());
    let (quiet, token) = (oauth.quiet(), oauth.token().unwrap());
    served.world().end_grants();
    let needed = oauth_core::Error::LoginRequired;
    let challenge = "Bearer error=\"invalid_token\"".to_owned();
    assert_eq!(refused(|| quiet.refused(&token, 401, &[challenge])), needed);
    assert_eq!(refused(|| call(&quiet, &served, LIST)), needed);
    assert_eq!(statuses(&served, "initialize"), [0_u16; 0], "nothing is asked for a login");
    assert_eq!(logins(&served), 0);
}

/// As many as there are: none of them waits, and none of them asks.
#[test]
fn many_quiet_calls_beside_a_login_make_one_refresh() {
    let served = serve(steps_up());
    let store = MemoryTokenStorage::new();
    logged_in(&served, &store);
    let (agent, user) = SlowUser::new();
    let oauth = Arc::new(builder(&served, &store).user_agent(agent).build().unwrap());
    thread::scope(|scope| {
        // If something fails, the user is gone, and the page with them.
        let user = user;
        let page = scope.spawn(|| call(&oauth, &served, CALL));
        user.at_page();
        served.advance(HOUR);
        let calls: Vec<_> =
            (0..16).map(|_| scope.spawn(|| call(&oauth.quiet(), &served, LIST))).collect();
        for call in calls {
            assert_eq!(call.join().unwrap().unwrap(), 200);
        }
        assert_eq!(refreshes(&served), 1);
        user.decide(true);
        assert_eq!(page.join().unwrap().unwrap(), 200);
    });
    assert_sound(&served);
}
