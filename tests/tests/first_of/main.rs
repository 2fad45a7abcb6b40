//! Two user agents in one login: each wins once, and the other leaves nothing behind; both adapters.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "../tokio_common.rs"]
mod tokio_common;

mod either_way;
mod terminal;

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use oauth_blocking::{AboutToAuthorize, LoopbackBrowser, MemoryTokenStorage, UserAgentError};
use oauth_tests::serve::Served;
use oauth_tests::world::Knobs;
use oauth_tokio::Blocking;
use tokio_common::common::{
    self, PATIENCE, assert_sound, browser, logins, registrations, serve, silent_port, visitor_who,
};

use terminal::{LetGo, Terminal, Typing};

/// Two ways, and which of them brings the user back.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    /// Whether the user is where the browser opens.
    is_at_browser: bool,
    typing: Typing,
}

const CASES: [Case; 3] = [
    Case { name: "the browser wins", is_at_browser: true, typing: Typing::Nothing },
    Case { name: "the paste wins", is_at_browser: false, typing: Typing::Address },
    Case { name: "nobody can paste", is_at_browser: true, typing: Typing::Closed },
];

/// Opens pages for somebody, or for nobody.
fn opens(port: u16, is_at_browser: bool) -> LoopbackBrowser {
    LoopbackBrowser::new().port(port).open_with(move |url| !is_at_browser || browser(url))
}

/// After a login: its port is nobody's, and the user was sent once.
fn assert_left_nothing(case: &Case, served: &Served, port: u16, number: usize) {
    drop(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect(case.name));
    assert_eq!((logins(served), registrations(served)), (number, 1), "{}", case.name);
    assert_sound(served);
}

#[test]
fn whoever_comes_back_first_wins_by_threads() {
    for case in CASES {
        let (served, port, terminal) =
            (serve(Knobs::default()), silent_port(), Terminal::default());
        let _let_go = LetGo(terminal.clone());
        let user = oauth_blocking::UserAgent::or(
            opens(port, case.is_at_browser),
            terminal.paste_back(case.typing),
        );
        let builder = common::builder(&served, &MemoryTokenStorage::new());
        let oauth = builder.user_agent(user).build().unwrap();
        for number in 1..3 {
            oauth.login().expect(case.name);
            assert_left_nothing(&case, &served, port, number);
        }
        // Where it is closed, that may be found out before anything is printed.
        assert!(terminal.pages() <= 2, "{}", case.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_first_wins_by_tasks() {
    for case in CASES {
        let (served, port, terminal) =
            (serve(Knobs::default()), silent_port(), Terminal::default());
        let _let_go = LetGo(terminal.clone());
        let user = oauth_tokio::UserAgent::or(
            opens(port, case.is_at_browser),
            terminal.paste_back(case.typing),
        );
        let builder = tokio_common::builder(&served, &MemoryTokenStorage::new());
        let oauth = builder.user_agent(user).build().unwrap();
        for number in 1..3 {
            oauth.login().await.expect(case.name);
            assert_left_nothing(&case, &served, port, number);
        }
    }
}

#[test]
fn a_time_that_is_over_ends_both_by_threads() {
    let (served, port, terminal) = (serve(Knobs::default()), silent_port(), Terminal::default());
    let _let_go = LetGo(terminal.clone());
    let user =
        oauth_blocking::UserAgent::or(opens(port, false), terminal.paste_back(Typing::Nothing));
    let builder = common::builder(&served, &MemoryTokenStorage::new()).user_agent(user);
    let oauth = builder.wait(Duration::from_millis(500)).build().unwrap();
    let begun = Instant::now();
    match oauth.login().unwrap_err() {
        oauth_blocking::Error::UserAgent(UserAgentError::TimedOut { .. }) => {}
        error => panic!("{error:?}"),
    }
    assert!(terminal.pages() == 1 && begun.elapsed() < PATIENCE);
    assert_soon_free(port);
}

fn assert_soon_free(port: u16) {
    let begun = Instant::now();
    while TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(1), "the port stays taken");
    }
}

#[test]
fn a_login_that_nobody_wants_ends_both_by_threads() {
    let (served, port, terminal) = (serve(Knobs::default()), silent_port(), Terminal::default());
    let _let_go = LetGo(terminal.clone());
    let user =
        oauth_blocking::UserAgent::or(opens(port, false), terminal.paste_back(Typing::Nothing));
    let builder = common::builder(&served, &MemoryTokenStorage::new()).user_agent(user);
    let oauth = builder.build().unwrap();
    let login = oauth.login_handle();
    let waits = std::thread::spawn(move || oauth.login());
    let begun = Instant::now();
    while terminal.pages() == 0 {
        assert!(begun.elapsed() < PATIENCE, "no page");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(login.cancel());
    match waits.join().unwrap().unwrap_err() {
        oauth_blocking::Error::UserAgent(UserAgentError::Cancelled) => {}
        error => panic!("{error:?}"),
    }
    assert_soon_free(port);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_nobody_wants_ends_both_by_tasks() {
    let (served, port, terminal) = (serve(Knobs::default()), silent_port(), Terminal::default());
    let _let_go = LetGo(terminal.clone());
    let user = oauth_tokio::UserAgent::or(opens(port, false), terminal.paste_back(Typing::Nothing));
    let builder = tokio_common::builder(&served, &MemoryTokenStorage::new());
    let oauth = builder.user_agent(user).build().unwrap();
    let login = oauth.login_handle();
    let waits = tokio::spawn(async move { oauth.login().await });
    tokio_common::until("the page", || terminal.pages() > 0).await;
    assert!(login.cancel());
    match waits.await.unwrap().unwrap_err() {
        oauth_tokio::Error::UserAgent(UserAgentError::Cancelled) => {}
        error => panic!("{error:?}"),
    }
    drop(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap());
}

/// Whoever gives up where the login began does not want to paste anything either.
#[test]
fn whoever_gives_up_at_the_first_one_gives_up_the_login() {
    let (served, terminal) = (serve(Knobs::default()), Terminal::default());
    let _let_go = LetGo(terminal.clone());
    let gives_up = || visitor_who(|_| Err(UserAgentError::Cancelled));
    let user = oauth_blocking::UserAgent::or(gives_up(), terminal.paste_back(Typing::Nothing));
    let oauth =
        common::builder(&served, &MemoryTokenStorage::new()).user_agent(user).build().unwrap();
    let error = oauth.login().unwrap_err();
    assert!(matches!(error, oauth_blocking::Error::UserAgent(UserAgentError::Cancelled)));
    let user = Blocking::new(gives_up());
    let user = oauth_tokio::UserAgent::or(user, terminal.paste_back(Typing::Nothing));
    let builder = tokio_common::builder(&served, &MemoryTokenStorage::new());
    let oauth = builder.user_agent(user).build().unwrap();
    let error = tokio::runtime::Runtime::new().unwrap().block_on(oauth.login()).unwrap_err();
    assert!(matches!(error, oauth_tokio::Error::UserAgent(UserAgentError::Cancelled)));
}

/// Counts the questions, and refuses the second one.
struct Counts(Arc<AtomicUsize>);

impl oauth_blocking::UserAgent for Counts {
    fn about_to_authorize(&self, _: &AboutToAuthorize) -> Result<(), UserAgentError> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(()),
            _ => Err(UserAgentError::Refused { reason: "asked twice".into() }),
        }
    }

    fn prepare(&self, _: Option<&str>) -> Result<oauth_blocking::Prepared, UserAgentError> {
        panic!("nobody has allowed it")
    }
}

#[test]
fn both_are_asked_before_a_login_begins() {
    let (served, asked) = (serve(Knobs::default()), Arc::<AtomicUsize>::default());
    let counts = || Counts(Arc::clone(&asked));
    let user = oauth_blocking::UserAgent::or(counts(), counts());
    let oauth =
        common::builder(&served, &MemoryTokenStorage::new()).user_agent(user).build().unwrap();
    let error = oauth.login().unwrap_err();
    assert!(matches!(error, oauth_blocking::Error::UserAgent(UserAgentError::Refused { .. })));
    assert_eq!(asked.swap(0, Ordering::SeqCst), 2);
    let user = oauth_tokio::UserAgent::or(Blocking::new(counts()), Blocking::new(counts()));
    let builder = tokio_common::builder(&served, &MemoryTokenStorage::new());
    let oauth = builder.user_agent(user).build().unwrap();
    let error = tokio::runtime::Runtime::new().unwrap().block_on(oauth.login()).unwrap_err();
    assert!(matches!(error, oauth_tokio::Error::UserAgent(UserAgentError::Refused { .. })));
    assert_eq!((asked.load(Ordering::SeqCst), served.world().log.len()), (2, 0));
}
