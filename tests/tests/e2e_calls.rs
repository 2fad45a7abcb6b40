//! What the calls of an application lead to, by threads: as few logins as can be.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Duration;

use common::{
    Events, LIST, age, assert_sound, browser, builder, call, client, expire, key, logged_in,
    logins, redirect, refreshes, registrations, serve, statuses, visitor_who,
};
use oauth_blocking::with_oauth_retry;
use oauth_blocking::{
    AuthConfig, Error, Event, Key, Lease, Loaded, Lock, LoopbackBrowser, MemoryTokenStorage,
    OAuthBuilder,
};
use oauth_blocking::{
    GrantPage, GrantQuery, Leases, Record, Records, Spend, StorageError, TokenStorage,
    UserAgent as _, Written,
};
use oauth_core::error::{Obstacle, PeerIncompatible};
use oauth_tests::drive::head;
use oauth_tests::serve::Served;
use oauth_tests::world::{AuthMethod, Damage, Fault, Knobs, RefreshTokens, TokenForm};

const THREADS: usize = 30;

/// What as many threads get, which call all at once with one client.
fn calls_at_once(served: &Served, store: &MemoryTokenStorage) -> Vec<Result<u16, Error>> {
    let (oauth, start) = (client(served, store), Barrier::new(THREADS));
    thread::scope(|scope| {
        let call = || {
            start.wait();
            call(&oauth, served, LIST)
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(call)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn in_vain<T: std::fmt::Debug>(outcome: Result<T, Error>) -> u8 {
    match outcome.unwrap_err() {
        Error::OAuth {
            error: oauth_core::Error::PeerIncompatible(PeerIncompatible::LoginInVain { logins, .. }),
            ..
        } => logins,
        error => panic!("{error:?}"),
    }
}

#[test]
fn threads_with_a_token_that_is_issued_expired_log_in_once() {
    let token_form = Damage::always(TokenForm::ExpiresInZero);
    let refresh_tokens = RefreshTokens::Never;
    let served = serve(Knobs { token_form, refresh_tokens, ..Knobs::default() });
    let store = MemoryTokenStorage::new();
    for _ in 0..2 {
        for outcome in calls_at_once(&served, &store) {
            assert_eq!(outcome.unwrap(), 200);
        }
    }
    assert_eq!(logins(&served), 1);
    assert_sound(&served);
}

/// However often they call.
#[test]
fn threads_at_a_server_that_takes_no_token_log_in_once() {
    for refresh_tokens in [RefreshTokens::Never, RefreshTokens::Always] {
        let mcp_damage = Damage::always(Fault::Status(401));
        let served = serve(Knobs { mcp_damage, refresh_tokens, ..Knobs::default() });
        let store = MemoryTokenStorage::new();
        for _ in 0..2 {
            for outcome in calls_at_once(&served, &store) {
                assert_eq!(in_vain(outcome), 1);
            }
        }
        // One of each client, of which there were two: what the other one saw, neither knows.
        assert_eq!(logins(&served), 2);
        // And the second one found a token that it could refresh.
        assert!(refreshes(&served) <= 3, "{}", refreshes(&served));
        let oauth = client(&served, &store);
        for made in [1, 2] {
            oauth.login().unwrap();
            assert_eq!(in_vain(call(&oauth, &served, LIST)), made);
        }
        assert_eq!(logins(&served), 4);
        assert_sound(&served);
    }
}

/// An hour is long past, but the server took the token: nobody has to wait.
#[test]
fn a_token_that_was_taken_and_is_refused_later_costs_a_login_at_once() {
    let served = serve(Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() });
    let store = MemoryTokenStorage::new();
    let oauth = logged_in(&served, &store);
    for logins_so_far in 1..4 {
        served.world().end_grants();
        assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
        assert_eq!(logins(&served), logins_so_far);
    }
}

/// The same for hosts that send requests in their own way, and tell of the answers.
#[test]
fn whoever_tells_that_a_token_was_taken_gets_a_login_at_once() {
    let served = serve(Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() });
    let oauth = client(&served, &MemoryTokenStorage::new());
    let token = oauth.authenticate().unwrap();
    assert_eq!(oauth.refused(&token, 200, &head(&[])).unwrap(), None);
    assert!(oauth.refused(&token, 401, &head(&[])).unwrap().is_some_and(|new| new != token));
    assert_eq!(logins(&served), 2);
}

/// But not if that login did not help a request before: what others get says nothing about that one.
#[test]
fn a_success_that_is_told_of_does_not_undo_a_pause() {
    let served = serve(Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() });
    let oauth = client(&served, &MemoryTokenStorage::new());
    let token = oauth.authenticate().unwrap();
    let same = oauth.refused(&token, 401, &head(&[])).unwrap();
    assert_eq!(same.as_ref(), Some(&token), "it was issued just now");
    for _ in 0..3 {
        assert_eq!(in_vain(oauth.refused(&token, 401, &head(&[]))), 1);
        assert_eq!(oauth.refused(&token, 200, &head(&[])).unwrap(), None);
    }
    assert_eq!(logins(&served), 1);
}

#[test]
fn a_retry_in_vain_is_not_made_again() {
    let served = serve(Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() });
    let oauth = client(&served, &MemoryTokenStorage::new());
    // The host's own server refuses whatever it is sent.
    let call = || -> Result<(), Error> {
        oauth.token()?;
        Err(oauth_core::Error::LoginRequired.into())
    };
    with_oauth_retry(&oauth, call).unwrap_err();
    for _ in 0..3 {
        assert_eq!(in_vain(with_oauth_retry(&oauth, call)), 1);
    }
    assert_eq!(logins(&served), 1);
}

/// A login that somebody asks for is one, whatever is stored; but those who ask at the same time share it.
#[test]
fn a_login_that_is_asked_for_is_made_once() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let oauth = logged_in(&served, &store);
    let before = oauth.token().unwrap();
    let start = Barrier::new(THREADS);
    let tokens: Vec<_> = thread::scope(|scope| {
        let ask = || {
            start.wait();
            oauth.login().unwrap()
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(tokens.iter().all(|token| *token == tokens[0] && *token != before));
    assert_eq!((logins(&served), refreshes(&served)), (1, 0));
    // Another process has refreshed meanwhile: that is no login.
    let other = client(&served, &store);
    other.refresh_token().unwrap();
    oauth.login().unwrap();
    assert_eq!(logins(&served), 2);
    assert_sound(&served);
}

/// It takes longer to write the token down than it lives.
#[test]
fn the_token_of_a_login_is_sent_even_if_it_expires_meanwhile() {
    let refresh_tokens = RefreshTokens::Never;
    let served = serve(Knobs { refresh_tokens, ..Knobs::default() });
    served.rewrite(|request, answer| {
        if request.uri().path().ends_with("/token") {
            let text = String::from_utf8(answer.body().clone()).unwrap();
            *answer.body_mut() = text.replace("\"expires_in\":3600", "\"expires_in\":1").into();
        }
    });
    let oauth = builder(&served, &Slow::default()).build().unwrap();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!((logins(&served), statuses(&served, LIST)), (1, vec![401, 200]));
}

/// A process that was stopped in the middle of a refresh holds its lock for as long as it likes.
#[test]
fn a_lock_that_is_never_released_is_not_waited_for_without_end() {
    let (served, store, events) =
        (serve(Knobs::default()), MemoryTokenStorage::new(), Events::default());
    drop(logged_in(&served, &store));
    let watched = || {
        let builder = builder(&served, &store).wait(Duration::from_millis(300));
        events.watch(builder).build().unwrap()
    };
    let held = store.try_lock(&key(&served), Lock::Refresh).unwrap().unwrap();
    // A living token goes on, and nobody waits.
    age(&store, &key(&served), Duration::from_secs(30));
    let oauth = watched();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert!(!events.names().contains(&"RefreshElsewhere".to_owned()));
    expire(&store, &key(&served));
    let oauth = watched();
    thread::scope(|scope| {
        let calls: Vec<_> =
            (0..THREADS).map(|_| scope.spawn(|| call(&oauth, &served, LIST))).collect();
        for outcome in calls {
            let error = outcome.join().unwrap().unwrap_err();
            assert!(matches!(error, Error::Busy { .. }) && error.is_retryable(), "{error:?}");
        }
    });
    assert!(events.names().contains(&"RefreshElsewhere".to_owned()));
    assert_eq!(refreshes(&served), 0);
    drop(held);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!((refreshes(&served), logins(&served)), (1, 0));
    assert_sound(&served);
}

/// Each answer comes too late. What is not asked for any more is told as well. The limit is set in code, and in a
/// configuration file.
#[test]
fn discovery_ends_when_its_time_is_over() {
    let config: AuthConfig = serde_json::from_str(r#"{"discovery_limit": 1}"#).unwrap();
    assert!(serde_json::from_str::<AuthConfig>(r#"{"discovery_limit": 0}"#).is_err());
    ends_in_time(|builder| builder.discovery_limit(Duration::from_millis(600)));
    ends_in_time(|builder| builder.config(config).unwrap());
}

fn ends_in_time(set: impl FnOnce(OAuthBuilder) -> OAuthBuilder) {
    let served = serve(Knobs::default());
    served.rewrite(|_, _| thread::sleep(Duration::from_millis(400)));
    let builder = builder(&served, &MemoryTokenStorage::new());
    let oauth = set(builder).build().unwrap();
    let Err(Error::OAuth { error, timeline }) = oauth.authenticate() else { panic!("in time") };
    assert_eq!((error.code(), error.is_retryable()), ("unreachable", true));
    let last = timeline.entries().last().and_then(|entry| entry.silence.as_ref()).unwrap();
    assert_eq!(last.obstacle(), Some(Obstacle::Time), "{timeline}");
    assert!(timeline.entries().iter().any(|entry| entry.status == Some(401)), "{timeline}");
    assert_eq!((logins(&served), registrations(&served)), (0, 0));
}

/// Also where the client is refused after that, and another one is registered.
#[test]
fn the_time_that_a_user_takes_is_none_of_discovery() {
    for refused_methods in [vec![], vec![AuthMethod::None]] {
        let served = serve(Knobs { refused_methods, ..Knobs::default() });
        let slow = visitor_who(|url| {
            thread::sleep(Duration::from_millis(1_200));
            Ok(redirect(url))
        });
        let builder = builder(&served, &MemoryTokenStorage::new()).user_agent(slow);
        let oauth = builder.discovery_limit(Duration::from_secs(1)).build().unwrap();
        oauth.authenticate().unwrap();
    }
}

/// Another login has the port for longer than discovery may take.
#[test]
fn the_wait_for_a_port_is_none_of_discovery() {
    let served = serve(Knobs::default());
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let user_agent = || LoopbackBrowser::new().port(port).open_with(browser);
    let held = Mutex::new(Some(user_agent().prepare(None).unwrap()));
    let builder = builder(&served, &MemoryTokenStorage::new()).user_agent(user_agent());
    let oauth = builder.discovery_limit(Duration::from_secs(1)).on_event(move |event| {
        if let Event::PortBusy { .. } = event {
            thread::sleep(Duration::from_millis(1_200));
            drop(held.lock().unwrap().take());
        }
    });
    oauth.build().unwrap().authenticate().unwrap();
}

/// A store that takes its time to write.
#[derive(Clone, Debug, Default)]
struct Slow(MemoryTokenStorage);

impl Records for Slow {
    fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        self.0.load(key)
    }

    fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Written, StorageError> {
        let saved = self.0.save(key, record, expected);
        thread::sleep(Duration::from_millis(1_100));
        saved
    }

    fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        self.0.delete(key, expected)
    }

    fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        self.0.list(query)
    }
}

impl Leases for Slow {
    fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError> {
        self.0.try_lock(key, lock)
    }

    fn extend(&self, key: &Key, lease: &mut Lease) -> Result<bool, StorageError> {
        self.0.extend(key, lease)
    }
}

impl TokenStorage for Slow {
    fn reserve(&self, _: &Key, _: &mut Lease, _: Spend<'_>) -> Result<bool, StorageError> {
        Ok(true)
    }
}

/// All who want it share one refresh; how long the server gives is said without another, and nobody logs in for it.
#[test]
fn a_token_for_some_time_is_refreshed_early_and_once() {
    let (served, store) = (serve(Knobs::default()), MemoryTokenStorage::new());
    let first = logged_in(&served, &store).authenticate().unwrap();
    age(&store, &key(&served), Duration::from_secs(1_200));
    let oauth = client(&served, &store);
    let (less, more) = (Duration::from_secs(900), Duration::from_secs(1_800));
    assert_eq!(oauth.token_for(less).unwrap(), first);
    assert_eq!(refreshes(&served), 0);

    let start = Barrier::new(THREADS);
    let long = || {
        start.wait();
        oauth.token_for(more).unwrap()
    };
    let tokens: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(long)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(tokens.iter().all(|token| *token == tokens[0] && *token != first));
    assert_eq!(refreshes(&served), 1);

    let wanted = Duration::from_secs(7_200);
    match oauth.token_for(wanted).unwrap_err() {
        Error::OAuth {
            error: oauth_core::Error::TokenTooShort { lives_for, wanted: asked },
            ..
        } => assert!(asked == wanted && lives_for > more, "{lives_for:?}"),
        error => panic!("{error:?}"),
    }
    assert_eq!((refreshes(&served), logins(&served)), (1, 0));
    assert_eq!(oauth.authenticate().unwrap(), tokens[0]);
    assert_sound(&served);
}
