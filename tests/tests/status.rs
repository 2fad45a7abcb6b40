//! How it stands, said by both adapters without a request: each status, and who knows what.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;

use oauth_blocking::{GrantSummary, Leases, LoginPlace, MemoryTokenStorage, Status, TokenStorage};
use oauth_core::{BearerAuth, Scopes};
use oauth_tests::serve::Served;
use oauth_tests::world::{Knobs, RefreshTokens};
use oauth_tokio::SharedStorage;
use tokio_common::common::{self, LIST, expire, key, redirect, serve, stored, visitor_who};
use tokio_common::{Directory, SlowUser};

/// What has happened before somebody asks.
#[derive(Clone, Copy)]
struct Case {
    knobs: fn() -> Knobs,
    /// By another client.
    is_logged_in: bool,
    then: fn(&Served, &MemoryTokenStorage),
    /// A call that asks nobody.
    calls: bool,
    expected: &'static str,
}

const NOTHING: fn(&Served, &MemoryTokenStorage) = |_, _| {};

fn no_refresh_tokens() -> Knobs {
    Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() }
}

const CASES: [Case; 8] = [
    Case {
        knobs: Knobs::default,
        is_logged_in: false,
        then: NOTHING,
        calls: false,
        expected: "not needed",
    },
    Case {
        knobs: || Knobs { open_initialize: true, ..Knobs::default() },
        is_logged_in: false,
        then: NOTHING,
        calls: true,
        expected: "login needed",
    },
    Case {
        knobs: Knobs::default,
        is_logged_in: true,
        then: NOTHING,
        calls: false,
        expected: "logged in",
    },
    Case {
        knobs: Knobs::default,
        is_logged_in: true,
        then: |served, store| expire(store, &key(served)),
        calls: false,
        expected: "logged in",
    },
    Case {
        knobs: no_refresh_tokens,
        is_logged_in: true,
        then: |served, store| expire(store, &key(served)),
        calls: false,
        expected: "login needed",
    },
    Case {
        knobs: Knobs::default,
        is_logged_in: true,
        then: |served, store| drop(common::client(served, store).logout().unwrap()),
        calls: false,
        expected: "login needed",
    },
    Case {
        knobs: no_refresh_tokens,
        is_logged_in: true,
        then: |served, store| {
            common::age(store, &key(served), std::time::Duration::from_secs(1800));
            served.world().revoke_access_tokens();
        },
        calls: true,
        expected: "refused",
    },
    Case {
        knobs: no_refresh_tokens,
        is_logged_in: true,
        then: NOTHING,
        calls: true,
        expected: "logged in",
    },
];

fn name(status: &Status) -> &'static str {
    match status {
        Status::Bearer => "bearer",
        Status::NotNeeded => "not needed",
        Status::LoggedIn(_) => "logged in",
        Status::Refused(_) => "refused",
        Status::LoginNeeded => "login needed",
        Status::LoginUnderWay { place: LoginPlace::Here, .. } => "under way here",
        Status::LoginUnderWay { place: LoginPlace::Elsewhere, .. } => "under way elsewhere",
    }
}

/// A status that is added has to have a name here, and with that a test of both adapters.
#[test]
fn every_status_is_in_the_tests_of_both_adapters() {
    let arms = include_str!("status.rs").lines().filter_map(|line| {
        let (_, name) = line.trim().strip_prefix("Status::")?.split_once(" => \"")?;
        name.strip_suffix("\",")
    });
    let tested = CASES.iter().map(|case| case.expected).chain(AT_A_PAGE).chain(["bearer"]);
    assert_eq!(tested.collect::<BTreeSet<_>>(), arms.collect());
}

#[test]
fn threads_say_how_it_stands_without_a_request() {
    for (number, case) in CASES.into_iter().enumerate() {
        let (served, store) = (serve((case.knobs)()), MemoryTokenStorage::new());
        if case.is_logged_in {
            common::logged_in(&served, &store);
        }
        (case.then)(&served, &store);
        let oauth = common::client(&served, &store);
        if case.calls {
            drop(common::call(&oauth.quiet(), &served, LIST));
        }
        let before = served.world().log.len();
        assert_eq!(name(&oauth.status().unwrap()), case.expected, "{number}");
        assert_eq!(served.world().log.len(), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_say_how_it_stands_without_a_request() {
    for (number, case) in CASES.into_iter().enumerate() {
        let (served, store) = (serve((case.knobs)()), MemoryTokenStorage::new());
        if case.is_logged_in {
            Box::pin(tokio_common::logged_in(&served, &store)).await;
        }
        tokio::task::block_in_place(|| (case.then)(&served, &store));
        let oauth = tokio_common::client(&served, &store);
        if case.calls {
            drop(Box::pin(tokio_common::call(&oauth.quiet(), &served, LIST)).await);
        }
        let before = served.world().log.len();
        assert_eq!(name(&oauth.status().await.unwrap()), case.expected, "{number}");
        assert_eq!(served.world().log.len(), before);
    }
}

#[tokio::test]
async fn a_fixed_token_is_told_as_such() {
    let served = serve(Knobs::default());
    let (store, token) = (MemoryTokenStorage::new(), BearerAuth::new("fixed").unwrap());
    let threads = common::builder(&served, &store).bearer(token.clone()).build().unwrap();
    let tasks = tokio_common::builder(&served, &store).bearer(token).build().unwrap();
    assert_eq!(threads.status().unwrap(), Status::Bearer);
    assert_eq!(tasks.status().await.unwrap(), Status::Bearer);
}

/// A server that says who the user is, in the answer to a code and not in that to a refresh token.
fn with_id_token() -> Served {
    let served = serve(Knobs::default());
    served.rewrite(|request, response| {
        let is_code = String::from_utf8_lossy(request.body()).contains("authorization_code");
        if request.uri().path().contains("token") && is_code {
            let text = String::from_utf8(response.body().clone()).unwrap();
            // {"sub":"1","email":"a\u001b[2J@b.example"}
            let claims = "eyJzdWIiOiIxIiwiZW1haWwiOiJhXHUwMDFiWzJKQGIuZXhhbXBsZSJ9";
            let member = format!(r#","id_token":"e30.{claims}.c2ln"}}"#);
            *response.body_mut() = text.trim_end().trim_end_matches('}').to_owned().into_bytes();
            response.body_mut().extend_from_slice(member.as_bytes());
            let length = response.body().len().into();
            response.headers_mut().insert("content-length", length);
        }
    });
    served
}

#[test]
fn a_grant_is_shown_with_its_user_also_after_a_refresh() {
    let (served, store) = (with_id_token(), MemoryTokenStorage::new());
    let oauth = common::client(&served, &store);
    oauth.login().unwrap();
    let seen = |status: Status| match status {
        Status::LoggedIn(GrantSummary {
            issuer, scopes, expires_at, is_refreshable, who, ..
        }) => {
            assert_eq!(&*issuer, served.world().issuer());
            assert!(scopes.is_some_and(|it| it.includes(&Scopes::parse("mcp:basic").unwrap())));
            assert!(expires_at.is_some() && is_refreshable);
            who
        }
        other => panic!("{other:?}"),
    };
    let who = Some(r"a\u{1b}[2J@b.example".into());
    assert_eq!(seen(oauth.status().unwrap()), who);
    oauth.refresh_token().unwrap().unwrap();
    assert_eq!(seen(oauth.status().unwrap()), who);
    assert!(stored(&store, &key(&served)).is_some());
}

/// What a host shows that has no words of its own.
#[test]
fn a_status_is_said_in_one_line() {
    let (served, store) = (with_id_token(), MemoryTokenStorage::new());
    let oauth = common::client(&served, &store);
    assert_eq!(oauth.status().unwrap().to_string(), "no login is needed, as far as is known");
    oauth.login().unwrap();
    let status = oauth.status().unwrap();
    let grant = format!(r"as a\u{{1b}}[2J@b.example at {}", served.world().issuer());
    assert_eq!(status.to_string(), format!("logged in {grant}"));
    let refused = status.clone().refused().to_string();
    assert_eq!(refused, format!("the token is refused, logged in {grant}"));
    let elsewhere = status.under_way(LoginPlace::Elsewhere).to_string();
    assert_eq!(elsewhere, "a login is under way in another program");
}

/// A login that waits for its user, while somebody asks here and elsewhere.
fn while_at_a_page(store: &(impl TokenStorage + Clone + 'static)) -> [&'static str; 3] {
    let served = serve(Knobs::default());
    let (at_page, arrived) = mpsc::channel();
    let (leave, left) = mpsc::channel::<()>();
    let left = std::sync::Mutex::new(left);
    let user = visitor_who(move |url| {
        at_page.send(()).unwrap();
        left.lock().unwrap().recv().unwrap();
        Ok(redirect(url))
    });
    let here = common::builder(&served, store).user_agent(user).build().unwrap();
    let elsewhere = common::client(&served, store);
    thread::scope(|scope| {
        let login = scope.spawn(|| here.login().unwrap());
        arrived.recv_timeout(common::PATIENCE).unwrap();
        let during = [&here, &elsewhere].map(|oauth| name(&oauth.status().unwrap()));
        leave.send(()).unwrap();
        login.join().unwrap();
        [during[0], during[1], name(&elsewhere.status().unwrap())]
    })
}

const AT_A_PAGE: [&str; 3] = ["under way here", "under way elsewhere", "logged in"];

#[test]
fn threads_say_where_a_login_is_under_way() {
    assert_eq!(while_at_a_page(&MemoryTokenStorage::new()), AT_A_PAGE);
    let directory = Directory::new();
    assert_eq!(while_at_a_page(&directory.store()), AT_A_PAGE);
}

async fn while_at_a_page_of_tasks(store: &(impl Into<SharedStorage> + Clone)) -> [&'static str; 3] {
    let served = serve(Knobs::default());
    let (user, mut handle) = SlowUser::new();
    let here = tokio_common::builder(&served, store).user_agent(user).build().unwrap();
    let elsewhere = tokio_common::client(&served, store);
    let login = tokio::spawn({
        let here = here.clone();
        async move { here.login().await.unwrap() }
    });
    handle.at_page().await;
    let during = [name(&here.status().await.unwrap()), name(&elsewhere.status().await.unwrap())];
    handle.consent();
    login.await.unwrap();
    [during[0], during[1], name(&elsewhere.status().await.unwrap())]
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_say_where_a_login_is_under_way() {
    assert_eq!(Box::pin(while_at_a_page_of_tasks(&MemoryTokenStorage::new())).await, AT_A_PAGE);
    let directory = Directory::new();
    assert_eq!(Box::pin(while_at_a_page_of_tasks(&directory.store())).await, AT_A_PAGE);
}

#[test]
fn a_look_writes_nothing_and_takes_no_lock() {
    let served = serve(Knobs::default());
    let directory = Directory::new();
    let (store, other) = (directory.store(), directory.store());
    let oauth = common::client(&served, &store);
    assert_eq!(name(&oauth.status().unwrap()), "not needed");
    assert!(!store.directory().exists(), "nothing was made");
    let (key, login) = (key(&served), oauth_blocking::Lock::Login);
    let held = store.try_lock(&key, login).unwrap().unwrap();
    for _ in 0..3 {
        assert!(other.is_held(&key, login).unwrap());
        assert!(!other.is_held(&key, oauth_blocking::Lock::Refresh).unwrap());
    }
    drop(held);
    assert!(!other.is_held(&key, login).unwrap());
    assert!(store.try_lock(&key, login).unwrap().is_some());
}

/// As a look at a lock's file is: it has no other way.
#[test]
fn a_login_takes_nobody_who_looks_for_one_who_logs_in() {
    let (served, store) = (serve(Knobs::default()), common::Brittle::default());
    let events = common::Events::default();
    let oauth = events.watch(common::builder(&served, &store)).build().unwrap();
    store.is_looked_at.store(true, Ordering::SeqCst);
    oauth.login().unwrap();
    assert!(!store.is_looked_at.load(Ordering::SeqCst));
    let names = events.names();
    assert!(names.iter().all(|name| name != "LoginElsewhere"), "{names:?}");
}
