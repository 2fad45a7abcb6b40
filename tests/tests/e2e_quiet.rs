//! Calls that ask nobody, by threads: what can be had without a person, and else an error at once, whoever is at a
//! page.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use common::{
    CALL, Events, HOUR, LIST, age, assert_sound, builder, call, client, expire, key, logged_in,
    logins, post, redirect, refreshes, serve, statuses, visitor_who,
};
use http::StatusCode;
use oauth_blocking::{
    Error, MemoryTokenStorage, OAuth, UserAgent, UserAgentError, with_oauth_retry,
};
use oauth_core::Scopes;
use oauth_tests::drive::head;
use oauth_tests::serve::Served;
use oauth_tests::world::{Knobs, RefreshTokens, ScopePolicy};

/// More than a call takes that waits for nobody, and less than whoever waits for a login here.
const AT_ONCE: Duration = Duration::from_secs(5);

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

/// A call on a thread of its own: one that waits for ever fails the test, and does not hold it up.
fn begin<T: Send + 'static>(
    oauth: &OAuth,
    call: impl FnOnce(&OAuth) -> T + Send + 'static,
) -> Receiver<T> {
    let (say, said) = channel();
    let oauth = oauth.clone();
    thread::spawn(move || say.send(call(&oauth)));
    said
}

fn at_once<T>(said: &Receiver<T>) -> T {
    said.recv_timeout(AT_ONCE).expect("a quiet call waits for nobody")
}

/// A call of the MCP server.
fn calls(served: &Served, method: &'static str) -> impl FnOnce(&OAuth) -> Called + Send + 'static {
    let url = served.server_url();
    move |oauth| post(oauth, &url, method).map(|(status, _)| status)
}

type Called = Result<u16, Error>;

fn call_at_once(oauth: &OAuth, served: &Served, method: &'static str) -> Called {
    at_once(&begin(oauth, calls(served, method)))
}

/// What the protocol says, and that it was said at once.
fn refused<T: std::fmt::Debug + Send + 'static>(
    oauth: &OAuth,
    call: impl FnOnce(&OAuth) -> Result<T, Error> + Send + 'static,
) -> oauth_core::Error {
    core_error(at_once(&begin(oauth, call)))
}

fn core_error<T: std::fmt::Debug>(outcome: Result<T, Error>) -> oauth_core::Error {
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
    assert_eq!(refused(quiet, OAuth::authenticate), needed);
    assert_eq!(refused(quiet, calls(served, LIST)), needed);
    assert_eq!(refused(quiet, OAuth::token), needed);
    assert_eq!(refused(quiet, |quiet| with_oauth_retry(quiet, || quiet.token())), needed);
    assert!(matches!(at_once(&begin(quiet, OAuth::initialize)), Ok(None)));
    assert!(matches!(at_once(&begin(quiet, OAuth::refresh_token)), Ok(None)));
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
        let waits = begin(&oauth.quiet(), OAuth::authenticate);
        user.at_page();
        assert_eq!(core_error(at_once(&waits)), oauth_core::Error::LoginRequired);
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
                assert_eq!(call_at_once(&quiet, &served, LIST).unwrap(), 200);
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
        assert_eq!(refused(&quiet, calls(&served, CALL)), missing("mcp:write"));
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
        assert_eq!(refused(&oauth.quiet(), calls(served, CALL)), missing("mcp:write"));
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
    assert_eq!(refused(&oauth.quiet(), calls(&served, CALL)), missing("mcp:write"));
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
    let url = served.server_url();
    let error = refused(&quiet, move |quiet| {
        with_oauth_retry(quiet, || post(quiet, &url, CALL).map(|(status, _)| status))
    });
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
    let next = quiet.refused(&token, 401, &head(&[])).unwrap().unwrap();
    assert!(next != token && refreshes(&served) == 1);

    let served = serve(Knobs::default());
    let oauth = logged_in(&served, &MemoryTokenStorage::new());
    let (quiet, token) = (oauth.quiet(), oauth.token().unwrap());
    served.world().end_grants();
    let needed = oauth_core::Error::LoginRequired;
    let challenge = "Bearer error=\"invalid_token\"".to_owned();
    let error = refused(&quiet, move |quiet| quiet.refused(&token, 401, &head(&[&challenge])));
    assert_eq!(error, needed);
    assert_eq!(refused(&quiet, calls(&served, LIST)), needed);
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
    let oauth = builder(&served, &store).user_agent(agent).build().unwrap();
    thread::scope(|scope| {
        // If something fails, the user is gone, and the page with them.
        let user = user;
        let page = scope.spawn(|| call(&oauth, &served, CALL));
        user.at_page();
        served.advance(HOUR);
        let quiet = oauth.quiet();
        let all: Vec<_> = (0..16).map(|_| begin(&quiet, calls(&served, LIST))).collect();
        for call in all {
            assert_eq!(at_once(&call).unwrap(), 200);
        }
        assert_eq!(refreshes(&served), 1);
        user.decide(true);
        assert_eq!(page.join().unwrap().unwrap(), 200);
    });
    assert_sound(&served);
}

/// What the token endpoint says to refreshes from now on.
fn refuse_refreshes(served: &Served, status: StatusCode) {
    served.rewrite(move |request, response| {
        if String::from_utf8_lossy(request.body()).contains("grant_type=refresh_token") {
            *response.status_mut() = status;
            *response.body_mut() = br#"{"error":"other"}"#.to_vec();
            let length = response.body().len().into();
            response.headers_mut().insert("content-length", length);
        }
    });
}

/// A call whose refresh is under way, and answered in some seconds.
fn begin_refresh<T: Send + 'static>(
    served: &Served,
    oauth: &OAuth,
    call: impl FnOnce(&OAuth) -> T + Send + 'static,
) -> Receiver<T> {
    served.delay_tokens(Duration::from_secs(2));
    let said = begin(oauth, call);
    while refreshes(served) == 0 {
        thread::sleep(Duration::from_millis(5));
    }
    served.delay_tokens(Duration::ZERO);
    said
}

/// Its refresh is answered when the login has brought another token already.
#[test]
fn a_quiet_call_that_ends_after_a_login_brings_no_old_token_back() {
    let (served, store) = (serve(Knobs::default()), MemoryTokenStorage::new());
    drop(logged_in(&served, &store));
    age(&store, &key(&served), Duration::from_secs(1_200));
    let (agent, user) = SlowUser::new();
    let oauth = builder(&served, &store).user_agent(agent).build().unwrap();
    refuse_refreshes(&served, StatusCode::BAD_REQUEST);
    let login = begin(&oauth, |oauth| oauth.login().unwrap());
    user.at_page();
    let quiet =
        begin_refresh(&served, &oauth, |oauth| oauth.quiet().token_for(Duration::from_secs(1_800)));
    user.decide(true);
    let token = login.recv_timeout(common::PATIENCE).unwrap();
    assert!(quiet.try_recv().is_err(), "it waits for its answer");
    assert_eq!(at_once(&quiet).unwrap_err().code(), "token_too_short");
    assert_eq!(oauth.token().unwrap(), token);
}

/// Whoever wants to log in wants no refresh.
#[test]
fn a_login_does_not_fail_with_a_refresh_that_it_waited_for() {
    let (served, store) = (serve(Knobs::default()), MemoryTokenStorage::new());
    drop(logged_in(&served, &store));
    expire(&store, &key(&served));
    refuse_refreshes(&served, StatusCode::SERVICE_UNAVAILABLE);
    let oauth = client(&served, &store);
    let quiet = begin_refresh(&served, &oauth, |oauth| oauth.quiet().token());
    let login = begin(&oauth, OAuth::login);
    assert_eq!(at_once(&quiet).unwrap_err().code(), "unreachable");
    login.recv_timeout(common::PATIENCE).unwrap().unwrap();
    assert_eq!((refreshes(&served), logins(&served)), (1, 1));
}
