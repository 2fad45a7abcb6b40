//! What goes wrong on this side of the sockets: users who stay away, ports, settings and stores.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::{Barrier, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use common::{
    Brittle, Events, HOUR, LIST, PATIENCE, assert_sound, browser, builder, call, client, key,
    logged_in, logins, redirect, refreshes, registrations, serve, silent_port, stored_token,
    visitor_who,
};
use oauth_blocking::{
    BearerAuth, Error, Event, LoopbackBrowser, MemoryTokenStorage, OAuth, Prepared, RedirectUri,
    StorageError, UserAgent, UserAgentError,
};
use oauth_core::error::Misuse;
use oauth_tests::serve::Served;
use oauth_tests::world::Knobs;

#[test]
fn nobody_comes_back_and_the_next_login_is_another_one() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let wait = Duration::from_millis(200);
    let events = Events::default();
    let oauth = events
        .watch(builder(&served, &store))
        .user_agent(LoopbackBrowser::new().open_with(|_| false))
        .wait(wait)
        .build()
        .unwrap();
    let error = call(&oauth, &served, LIST).unwrap_err();
    assert!(error.advice().contains("browser"));
    match error {
        Error::UserAgent(UserAgentError::TimedOut { waited }) => {
            assert!(waited > wait / 2 && waited < PATIENCE, "{waited:?}");
        }
        error => panic!("{error:?}"),
    }
    let names = events.names();
    let at = |name: &str| names.iter().position(|found| found == name).unwrap();
    assert!(at("no browser") < at("waiting NotOpened"), "at once, and not with the end");
    assert_eq!(names.iter().filter(|name| *name == "no browser").count(), 1);
    assert_eq!(logins(&served), 0);
    let oauth = client(&served, &store);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(registrations(&served), 1);
}

#[test]
fn a_user_who_gives_up_can_log_in_later() {
    let served = serve(Knobs::default());
    let oauth = builder(&served, &MemoryTokenStorage::new())
        .user_agent(visitor_who(|_| Err(UserAgentError::Cancelled)))
        .build()
        .unwrap();
    for _ in 0..2 {
        let error = call(&oauth, &served, LIST).unwrap_err();
        let cancelled = matches!(error, Error::UserAgent(UserAgentError::Cancelled));
        assert!(cancelled, "{error:?}");
    }
    assert_eq!(registrations(&served), 1);
    assert_eq!(logins(&served), 0);
}

/// A client that may only use a port which is taken.
fn without_port(served: &Served) -> (TcpListener, u16, Error) {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let user_agent = LoopbackBrowser::new().port(port).open_with(browser);
    let oauth = builder(served, &MemoryTokenStorage::new()).user_agent(user_agent).build().unwrap();
    let error = call(&oauth, served, LIST).unwrap_err();
    (taken, port, error)
}

#[test]
fn a_port_in_use_is_named_before_anything_is_asked() {
    let served = serve(Knobs::default());
    let (_taken, port, error) = without_port(&served);
    assert!(error.to_string().contains(&port.to_string()), "{error}");
    assert!(error.to_string().contains("callback_port"), "{error}");
    let named = matches!(error, Error::UserAgent(UserAgentError::PortInUse { port: found }) if found == port);
    assert!(named, "{error:?}");
    assert_eq!(served.world().oauth_requests(), 0);
}

#[test]
fn the_advice_for_a_port_in_use_names_the_setting() {
    let served = serve(Knobs::default());
    let (_taken, _, error) = without_port(&served);
    let advice = error.advice();
    assert!(advice.contains("callback_port"), "{advice}");
}

/// Two servers, each with a store of its own, and one port that is registered with both.
#[test]
fn two_logins_that_need_one_port_wait_for_each_other() {
    let (first, second) = (serve(Knobs::default()), serve(Knobs::default()));
    let port = silent_port();
    let (go, may_go) = mpsc::channel();
    let may_go = Mutex::new(may_go);
    let slow = LoopbackBrowser::new().port(port).open_with(move |url| {
        may_go.lock().unwrap().recv().unwrap();
        browser(url)
    });
    let slow = builder(&first, &MemoryTokenStorage::new()).user_agent(slow).build().unwrap();
    let go = Mutex::new(Some(go));
    let other = builder(&second, &MemoryTokenStorage::new())
        .user_agent(LoopbackBrowser::new().port(port).open_with(browser))
        .on_event(move |event| {
            if let Event::PortBusy { port: named } = event {
                assert_eq!(*named, port);
                // Only now the first one's user comes back.
                go.lock().unwrap().take().unwrap().send(()).unwrap();
            }
        })
        .build()
        .unwrap();
    thread::scope(|scope| {
        let slow = scope.spawn(|| slow.authenticate().unwrap());
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            thread::yield_now();
        }
        other.authenticate().unwrap();
        slow.join().unwrap();
    });
    for served in [first, second] {
        assert_eq!(logins(&served), 1);
        assert_sound(&served);
    }
}

#[test]
fn a_port_of_another_login_is_not_waited_for_longer_than_a_login_may_take() {
    let served = serve(Knobs::default());
    let port = silent_port();
    let user_agent = || LoopbackBrowser::new().port(port).open_with(browser);
    let held = user_agent().prepare(None).unwrap();
    let client = |wait| {
        let oauth = builder(&served, &MemoryTokenStorage::new()).user_agent(user_agent());
        oauth.wait(wait).build().unwrap()
    };
    let wait = Duration::from_millis(300);
    let error = client(wait).authenticate().unwrap_err();
    assert!(error.advice().contains("finish the other login first"), "{}", error.advice());
    match error {
        Error::UserAgent(UserAgentError::PortBusy { port: found, waited }) => {
            assert_eq!(found, port);
            assert!(waited >= wait && waited < PATIENCE, "{waited:?}");
        }
        error => panic!("{error:?}"),
    }
    drop(held);
    client(PATIENCE).authenticate().unwrap();
    assert_sound(&served);
}

/// As several windows of one program do that are opened together.
#[test]
fn clients_that_share_a_store_and_a_port_share_one_login() {
    let served = serve(Knobs::default());
    served.delay_tokens(Duration::from_millis(50));
    let store = MemoryTokenStorage::new();
    let port = silent_port();
    let user_agent = || LoopbackBrowser::new().port(port).open_with(browser);
    let start = Barrier::new(2);
    let log_in = || {
        let oauth = builder(&served, &store).user_agent(user_agent()).build().unwrap();
        start.wait();
        call(&oauth, &served, LIST)
    };
    let answers = thread::scope(|scope| {
        [scope.spawn(log_in), scope.spawn(log_in)].map(|thread| thread.join().unwrap())
    });
    for answer in answers {
        assert_eq!(answer.unwrap(), 200);
    }
    assert_eq!(logins(&served), 1);
    assert_sound(&served);
}

#[test]
fn a_redirect_uri_of_a_user_agent_that_cannot_be_used_is_typed() {
    struct Foreign;
    impl UserAgent for Foreign {
        fn prepare(&self, _: Option<&str>) -> Result<Prepared, UserAgentError> {
            RedirectUri::parse("http://app.example.com/callback")?;
            Err(UserAgentError::Cancelled)
        }
    }
    let served = serve(Knobs::default());
    let oauth = builder(&served, &MemoryTokenStorage::new()).user_agent(Foreign).build().unwrap();
    match oauth.authenticate().unwrap_err() {
        Error::UserAgent(UserAgentError::RedirectUri(oauth_core::Error::Misuse(
            Misuse::RedirectUri { .. },
        ))) => {}
        error => panic!("{error:?}"),
    }
}

#[test]
fn settings_that_cannot_be_used_are_named_before_anything_is_sent() {
    let misuse = |error: Error| match error {
        Error::OAuth { error: oauth_core::Error::Misuse(misuse), .. } => misuse,
        error => panic!("{error:?}"),
    };
    let url = "https://mcp.example.com/mcp";
    let store = MemoryTokenStorage::new;
    let built = OAuth::new("http://mcp.example.com/mcp");
    assert!(matches!(misuse(built.unwrap_err()), Misuse::ServerUrl { .. }));
    let built = OAuth::new(url).unwrap().token_storage(store()).client_id("").build();
    assert_eq!(misuse(built.unwrap_err()), Misuse::EmptyClientId);
    let built = OAuth::new(url).unwrap().token_storage(store()).client_metadata_url("x").build();
    assert!(matches!(misuse(built.unwrap_err()), Misuse::ClientMetadataUrl { .. }));
    assert!(BearerAuth::new("a b").is_err());
}

fn storage_error<T: std::fmt::Debug>(result: Result<T, Error>) -> StorageError {
    match result.unwrap_err() {
        Error::Storage(error) => error,
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_store_that_cannot_be_read_locked_or_written_is_found_before_the_browser_opens() {
    let served = serve(Knobs::default());
    let store = Brittle::default();
    let events = Events::default();
    let oauth = events.watch(builder(&served, &store)).build().unwrap();
    for broken in [&store.no_load, &store.no_lock, &store.no_save] {
        broken.store(true, Ordering::SeqCst);
        let error = storage_error(oauth.authenticate());
        assert_eq!(error, StorageError::refused("out of order"));
        assert_eq!(logins(&served), 0);
        broken.store(false, Ordering::SeqCst);
    }
    assert!(!events.names().contains(&"opening".to_owned()));
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_sound(&served);
}

#[test]
fn tokens_that_could_not_be_stored_are_stored_later_without_another_login() {
    let served = serve(Knobs::default());
    let store = Brittle::default();
    let failing = store.no_save.clone();
    let user_agent = visitor_who(move |url| {
        failing.store(true, Ordering::SeqCst);
        Ok(redirect(url))
    });
    let oauth = builder(&served, &store).user_agent(user_agent).build().unwrap();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(stored_token(&store, &key(&served)), None);
    store.no_save.store(false, Ordering::SeqCst);
    is_stored_soon(&oauth, &served, &store);
    assert_eq!(logins(&served), 1);
    assert_sound(&served);
}

#[test]
fn a_rotated_token_that_could_not_be_stored_is_not_lost() {
    let served = serve(Knobs::default());
    let store = Brittle::default();
    let oauth = logged_in(&served, &store);
    served.advance(HOUR);
    let before = stored_token(&store, &key(&served));
    store.no_save.store(true, Ordering::SeqCst);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(stored_token(&store, &key(&served)), before);
    store.no_save.store(false, Ordering::SeqCst);
    is_stored_soon(&oauth, &served, &store);
    assert_eq!(refreshes(&served), 1);
    assert_eq!(logins(&served), 0);
    served.advance(HOUR);
    let oauth = client(&served, &store);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(logins(&served), 0);
    assert_sound(&served);
}

/// What the client uses is stored by a call of the next seconds.
fn is_stored_soon(oauth: &OAuth, served: &Served, store: &Brittle) {
    let begun = Instant::now();
    let token = oauth.token().unwrap().token().to_owned();
    while stored_token(store, &key(served)).as_ref() != Some(&token) {
        assert!(begun.elapsed() < PATIENCE, "it is not stored");
        thread::sleep(Duration::from_millis(100));
        assert_eq!(call(oauth, served, LIST).unwrap(), 200);
    }
}

/// Two windows of a program, and a user who takes their time in the first.
#[test]
fn a_login_elsewhere_is_waited_for_and_reported() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let (at_page, arrivals) = mpsc::channel();
    let (consent, consents) = mpsc::channel::<()>();
    let consents = Mutex::new(consents);
    let slow = visitor_who(move |url| {
        at_page.send(()).unwrap();
        consents.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        Ok(redirect(url))
    });
    let first = builder(&served, &store).user_agent(slow).build().unwrap();
    let events = Events::default();
    let brief = events.watch(builder(&served, &store)).wait(Duration::from_millis(120));
    let (brief, patient) = (brief.build().unwrap(), client(&served, &store));
    thread::scope(|scope| {
        let logs_in = scope.spawn(|| call(&first, &served, LIST));
        arrivals.recv_timeout(PATIENCE).unwrap();
        let error = call(&brief, &served, LIST).unwrap_err();
        assert!(error.advice().contains("finish the login there"), "{error}");
        match error {
            Error::UserAgent(UserAgentError::Elsewhere { waited }) => {
                assert!(waited >= Duration::from_millis(120));
            }
            error => panic!("{error:?}"),
        }
        let told = events.names().iter().filter(|name| *name == "LoginElsewhere").count();
        assert_eq!(told, 1);
        let waits = scope.spawn(|| call(&patient, &served, LIST));
        consent.send(()).unwrap();
        assert_eq!(logs_in.join().unwrap().unwrap(), 200);
        assert_eq!(waits.join().unwrap().unwrap(), 200);
    });
    assert_eq!(call(&brief, &served, LIST).unwrap(), 200);
    assert_eq!(logins(&served), 1);
    assert_sound(&served);
}
