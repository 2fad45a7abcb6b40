//! Refreshes over sockets, and threads that share a client: one refresh, one login, and nobody waits
//! who need not.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::sync::mpsc;
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::{
    CALL, HOUR, LIST, PATIENCE, age, assert_sound, builder, call, client, expire, key, logged_in,
    logins, redirect, refreshes, registrations, serve, statuses, stored, stored_token, visitor_who,
};
use oauth_blocking::{Error, MemoryTokenStorage, OAuth};
use oauth_core::error::Actor;
use oauth_tests::drive::head;
use oauth_tests::serve::Served;
use oauth_tests::world::{Damage, Fault, Knobs, RefreshTokens, Rotation, ScopePolicy};

#[test]
fn a_refresh_gives_a_new_token_before_the_old_one_expires() {
    for rotation in [Rotation::Rotate, Rotation::Keep] {
        let served = serve(Knobs { rotation, ..Knobs::default() });
        let store = MemoryTokenStorage::new();
        let oauth = logged_in(&served, &store);
        let old = oauth.authenticate().unwrap();
        for count in 1..=2 {
            let new = oauth.refresh_token().unwrap().unwrap();
            assert_ne!(new, old);
            assert_eq!(stored_token(&store, &key(&served)).as_deref(), Some(new.token()));
            assert_eq!(oauth.authenticate().unwrap(), new);
            assert_eq!(refreshes(&served), count);
        }
        assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
        assert_eq!(served.world().oauth_requests(), 2);
        assert_sound(&served);
    }
}

#[test]
fn there_is_nothing_to_refresh_before_a_login() {
    let served = serve(Knobs::default());
    let oauth = client(&served, &MemoryTokenStorage::new());
    assert_eq!(oauth.refresh_token().unwrap(), None);
    assert_eq!(served.world().log.len(), 0);
}

#[test]
fn there_is_nothing_to_refresh_without_a_refresh_token() {
    let served = serve(Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() });
    let oauth = logged_in(&served, &MemoryTokenStorage::new());
    assert_eq!(oauth.refresh_token().unwrap(), None);
    assert_eq!(served.world().oauth_requests(), 0);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_sound(&served);
}

#[test]
fn a_refused_refresh_gives_no_token_and_the_next_call_logs_in() {
    let served = serve(Knobs::default());
    let oauth = logged_in(&served, &MemoryTokenStorage::new());
    served.world().end_grants();
    assert_eq!(oauth.refresh_token().unwrap(), None);
    assert_eq!(refreshes(&served), 1);
    assert_eq!(oauth.refresh_token().unwrap(), None);
    assert_eq!(refreshes(&served), 1, "a refused token is not sent again");
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!((logins(&served), registrations(&served)), (1, 0));
    assert_sound(&served);
}

#[test]
fn a_refresh_that_cannot_be_made_now_can_be_tried_again_and_the_old_token_still_works() {
    let served = serve(Knobs::default());
    let oauth = logged_in(&served, &MemoryTokenStorage::new());
    let old = oauth.authenticate().unwrap();
    let fault = Fault::Unavailable { retry_after: 1 };
    served.world().knobs.token_damage = Damage::times(fault, 1);
    match oauth.refresh_token().unwrap_err() {
        Error::OAuth { error: error @ oauth_core::Error::Unreachable(_), .. } => {
            assert!(error.is_retryable());
            assert_eq!(error.actor(), Actor::Nobody);
        }
        error => panic!("{error:?}"),
    }
    assert_eq!(oauth.authenticate().unwrap(), old);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(statuses(&served, LIST), [200]);
    assert_eq!(refreshes(&served), 1);
    thread::sleep(Duration::from_secs(1));
    let new = oauth.refresh_token().unwrap().unwrap();
    assert_ne!(new, old);
    assert_sound(&served);
}

/// The process was stopped meanwhile, or its machine suspended: a token lives from when it was issued, and not from when
/// it was read. Refused, it says nothing about the grant.
#[test]
fn a_token_that_was_on_its_way_for_longer_than_it_lives_is_refreshed_once_more() {
    let served = serve(Knobs { access_lifetime: 3, ..Knobs::default() });
    let oauth = logged_in(&served, &MemoryTokenStorage::new());
    served.world().revoke_access_tokens();
    served.delay_tokens(Duration::from_secs(4));
    thread::scope(|scope| {
        let called = scope.spawn(|| call(&oauth, &served, LIST));
        let begun = Instant::now();
        while refreshes(&served) == 0 {
            assert!(begun.elapsed() < PATIENCE);
            thread::sleep(Duration::from_millis(10));
        }
        served.delay_tokens(Duration::ZERO);
        assert_eq!(called.join().unwrap().unwrap(), 200);
    });
    assert_eq!((refreshes(&served), logins(&served)), (2, 0));
    assert_eq!(statuses(&served, LIST), [401, 401, 200]);
    assert_sound(&served);
}

#[test]
fn an_expired_token_that_cannot_be_renewed_now_is_an_error_that_loses_nothing() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    drop(logged_in(&served, &store));
    expire(&store, &key(&served));
    let tokens = || stored(&store, &key(&served)).and_then(|record| record.tokens().cloned());
    let before = tokens();
    let fault = Fault::Unavailable { retry_after: 2 };
    served.world().knobs.token_damage = Damage::times(fault, 1);
    let (oauth, another) = (client(&served, &store), client(&served, &store));
    for oauth in [&oauth, &oauth, &another] {
        match call(oauth, &served, LIST).unwrap_err() {
            Error::OAuth { error, .. } => assert!(error.is_retryable()),
            error => panic!("{error:?}"),
        }
    }
    assert_eq!((tokens(), refreshes(&served)), (before, 1));
    thread::sleep(Duration::from_secs(2));
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!((refreshes(&served), logins(&served)), (2, 0));
    assert_sound(&served);
}

#[test]
fn a_token_that_others_renewed_is_used_and_not_renewed_again() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let one = logged_in(&served, &store);
    let two = client(&served, &store);
    assert_eq!(call(&two, &served, LIST).unwrap(), 200);
    served.advance(HOUR);
    assert_eq!(call(&one, &served, LIST).unwrap(), 200);
    assert_eq!(call(&two, &served, LIST).unwrap(), 200);
    assert_eq!(served.world().oauth_requests(), 1);
    assert_eq!(one.initialize().unwrap(), two.initialize().unwrap());
    assert_sound(&served);
}

/// Calls from as many threads as there are clients, all at once, and gives the answers.
fn at_once(served: &Served, clients: &[OAuth]) -> Vec<u16> {
    let start = Barrier::new(clients.len());
    let answers = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for oauth in clients {
            scope.spawn(|| {
                start.wait();
                let answer = call(oauth, served, LIST).unwrap();
                answers.lock().unwrap().push(answer);
            });
        }
    });
    answers.into_inner().unwrap()
}

const THREADS: usize = 8;
const SLOWLY: Duration = Duration::from_millis(50);

#[test]
fn threads_with_a_token_that_the_server_calls_expired_refresh_once() {
    let served = serve(Knobs::default());
    let oauth = logged_in(&served, &MemoryTokenStorage::new());
    served.advance(HOUR);
    served.delay_tokens(SLOWLY);
    assert_eq!(at_once(&served, &vec![oauth; THREADS]), [200; THREADS]);
    assert_eq!(served.world().oauth_requests(), 1);
    assert_sound(&served);
}

#[test]
fn threads_with_a_token_that_is_known_to_have_expired_refresh_once() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    drop(logged_in(&served, &store));
    expire(&store, &key(&served));
    served.delay_tokens(SLOWLY);
    let oauth = client(&served, &store);
    assert_eq!(at_once(&served, &vec![oauth; THREADS]), [200; THREADS]);
    assert_eq!(statuses(&served, LIST), [200; THREADS]);
    assert_eq!(served.world().oauth_requests(), 1);
    assert_sound(&served);
}

#[test]
fn clients_that_share_a_store_refresh_once() {
    for known in [false, true] {
        let served = serve(Knobs::default());
        let store = MemoryTokenStorage::new();
        drop(logged_in(&served, &store));
        match known {
            true => expire(&store, &key(&served)),
            false => served.advance(HOUR),
        }
        served.delay_tokens(SLOWLY);
        let clients: Vec<_> = (0..THREADS).map(|_| client(&served, &store)).collect();
        assert_eq!(at_once(&served, &clients), [200; THREADS]);
        assert_eq!(served.world().oauth_requests(), 1);
        assert_sound(&served);
    }
}

#[test]
fn threads_without_a_token_share_one_login() {
    let served = serve(Knobs::default());
    served.delay_tokens(SLOWLY);
    let oauth = client(&served, &MemoryTokenStorage::new());
    assert_eq!(at_once(&served, &vec![oauth; THREADS]), [200; THREADS]);
    assert_eq!(logins(&served), 1);
    assert_eq!(served.world().oauth_requests(), 5);
    assert_sound(&served);
}

#[test]
fn clients_that_share_a_store_share_one_login() {
    let served = serve(Knobs::default());
    served.delay_tokens(SLOWLY);
    let store = MemoryTokenStorage::new();
    let clients: Vec<_> = (0..THREADS).map(|_| client(&served, &store)).collect();
    assert_eq!(at_once(&served, &clients), [200; THREADS]);
    assert_eq!(logins(&served), 1);
    assert_sound(&served);
}

#[test]
fn a_thread_whose_token_still_lives_sends_while_another_renews_it() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    drop(logged_in(&served, &store));
    age(&store, &key(&served), Duration::from_secs(30));
    // A refresh that fails once leaves the token in memory, old as it is.
    let fault = Fault::Unavailable { retry_after: 1 };
    served.world().knobs.token_damage = Damage::times(fault, 1);
    let oauth = client(&served, &store);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(refreshes(&served), 1);
    let begun = Instant::now();
    while oauth.authorization().is_some() {
        assert!(begun.elapsed() < PATIENCE, "the pause ends");
        thread::sleep(Duration::from_millis(10));
    }

    served.delay_tokens(Duration::from_secs(1));
    thread::scope(|scope| {
        let renewing = scope.spawn(|| call(&oauth, &served, LIST));
        let begun = Instant::now();
        while refreshes(&served) == 1 {
            assert!(begun.elapsed() < PATIENCE, "the token is renewed");
            thread::yield_now();
        }
        assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
        assert!(!renewing.is_finished(), "nobody waited");
        assert_eq!(renewing.join().unwrap().unwrap(), 200);
    });
    assert_eq!(refreshes(&served), 2);
    assert_sound(&served);
}

/// A server that knows new tokens only after a second or two.
#[test]
fn a_new_token_that_is_refused_is_sent_again_in_a_moment() {
    let served = serve(Knobs { young_for: 2, ..Knobs::default() });
    let oauth = client(&served, &MemoryTokenStorage::new());
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(statuses(&served, LIST), [401, 401, 200]);
    assert_eq!((logins(&served), refreshes(&served)), (1, 0));
    // So it is for hosts that send requests in their own way.
    let token = oauth.refresh_token().unwrap().unwrap();
    let same = oauth.refused(&token, 401, &head(&["Bearer"])).unwrap();
    assert_eq!(same.as_ref(), Some(&token));
    let other = oauth.refused(&token, 401, &head(&["Bearer"])).unwrap();
    assert!(other.is_some_and(|other| other != token), "a moment is given once");
    assert_eq!((logins(&served), refreshes(&served)), (1, 2));
    assert_sound(&served);
}

/// Holds a step-up at the consent page while `meanwhile` runs.
fn during_a_step_up(meanwhile: impl FnOnce(&OAuth, &Served) + Send + 'static) {
    let served = serve(Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() });
    let store = MemoryTokenStorage::new();
    drop(logged_in(&served, &store));
    let (at_page, arrived) = mpsc::channel();
    let (consents, consent) = mpsc::channel();
    let consent = Mutex::new(consent);
    let user_agent = visitor_who(move |url| {
        at_page.send(()).unwrap();
        let consent = consent.lock().unwrap();
        consent.recv_timeout(PATIENCE).expect("the user was told to consent");
        Ok(redirect(url))
    });
    let oauth = builder(&served, &store).user_agent(user_agent).build().unwrap();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    let served = std::sync::Arc::new(served);
    thread::scope(|scope| {
        let stepping = scope.spawn(|| call(&oauth, &served, CALL));
        arrived.recv_timeout(PATIENCE).unwrap();
        let (done, finished) = mpsc::channel();
        let (other, there) = (oauth.clone(), std::sync::Arc::clone(&served));
        thread::spawn(move || {
            meanwhile(&other, &there);
            done.send(()).unwrap();
        });
        let outcome = finished.recv_timeout(PATIENCE / 5);
        consents.send(()).unwrap();
        assert_eq!(stepping.join().unwrap().unwrap(), 200);
        outcome.expect("nobody whose token is good waits for a login");
    });
    assert_sound(&served);
}

#[test]
fn a_thread_whose_token_is_good_sends_while_another_logs_in() {
    during_a_step_up(|oauth, served| {
        assert_eq!(call(oauth, served, LIST).unwrap(), 200);
        assert_eq!(call(oauth, served, LIST).unwrap(), 200);
    });
}

#[test]
fn a_thread_whose_token_is_good_gets_it_while_another_logs_in() {
    during_a_step_up(|oauth, _| {
        assert!(oauth.initialize().unwrap().is_some());
        oauth.authenticate().unwrap();
        oauth.token().unwrap();
    });
}

#[test]
fn what_is_stored_can_be_looked_at_while_another_logs_in() {
    during_a_step_up(|oauth, _| assert!(oauth.record().is_some()));
}
