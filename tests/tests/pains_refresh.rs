//! What users of OAuth clients suffer from when tokens are renewed and shared: one test for each pain that
//! no other file is about. The README of the tests has the whole list. Scenarios that are played also
//! restart before every turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::io::{Cursor, Read};
use std::sync::mpsc;
use std::thread;

use common::{PATIENCE, assert_sound, client, logged_in, refreshes, serve, statuses};
use oauth_blocking::ureq::{SendBody, http};
use oauth_blocking::{MemoryTokenStorage, OAuth};
use oauth_core::flow::Settings;
use oauth_core::session::Lock;
use oauth_tests::drive::{Event, SERVER_URL, Stage, play_later, settings};
use oauth_tests::world::{
    Damage, Grant, Knobs, PrmLocation, PrmResource, ScopePolicy, TokenForm, What,
};

const LIST: &str = "tools/list";
const CALL: &str = "tools/call";

/// Longer than an access token lives.
const HOUR: u64 = 3600;

const YEAR: u64 = 365 * 24 * HOUR;

/// A scenario after a first login, whose requests are not counted.
fn later(knobs: &Knobs, scenario: impl Fn(&mut Stage)) -> Stage {
    play_later(knobs, &settings(), scenario)
}

/// Two sessions with one store and an expired token, both about to look what is stored.
fn two_hosts(scenario: impl Fn(&mut Stage, usize)) -> Stage {
    later(&Knobs::default(), |stage| {
        let second = stage.add_host();
        assert_eq!(stage.call_from(second, LIST), Ok(200));
        stage.forget_log();
        stage.world.advance(HOUR);
        for host in [0, second] {
            stage.session_mut(host).access();
        }
        scenario(stage, second);
        for host in [0, second] {
            assert_eq!(stage.call_from(host, LIST), Ok(200));
        }
    })
}

/// Drives a host until its refresh was answered.
fn spend(stage: &mut Stage, host: usize) {
    let before = stage.refreshes();
    while stage.refreshes() == before {
        assert_eq!(stage.step(host), Ok(Event::Progress));
    }
}

/// Both have seen that the token has expired. The second one waits before it asks, and then need not ask.
#[test]
fn a_lock_is_taken_before_the_decision_not_before_the_write() {
    let stage = two_hosts(|stage, second| {
        for host in [0, second] {
            assert_eq!(stage.step(host), Ok(Event::Progress), "the first look");
        }
        while stage.refresh_token().as_deref() == Some("rt-1-auth") {
            assert_eq!(stage.step(0), Ok(Event::Progress));
            assert_eq!(stage.store.held_by(0), [Lock::Refresh]);
            assert_eq!(stage.step(second), Ok(Event::Blocked(Lock::Refresh)));
        }
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_eq!(stage.run(second), Ok(Event::Ready));
    });
    assert_eq!(stage.world.oauth_requests(), 1);
    assert_eq!(stage.refresh_token().as_deref(), Some("rt-2-auth"));
}

/// The locks of the store do not work. The loser hears `invalid_grant`, and the winner stores its tokens
/// before the loser looks again, or between that look and what the loser writes then.
#[test]
fn a_loser_of_the_race_does_not_clear_the_winners_tokens() {
    for looks_first in [false, true] {
        let stage = two_hosts(|stage, winner| {
            stage.store.lockless = true;
            spend(stage, winner);
            let refuse = TokenForm::Refuse("invalid_grant".into());
            stage.world.knobs.token_form = Damage::times(refuse, 1);
            spend(stage, 0);
            if looks_first {
                assert_eq!(stage.step(0), Ok(Event::Progress));
            }
            assert_eq!(stage.run(winner), Ok(Event::Ready));
            assert_eq!(stage.run(0), Ok(Event::Ready));
            assert_eq!(stage.session(0).record(), stage.record().as_ref());
        });
        assert_eq!(stage.world.oauth_requests(), 2, "one each, and no login");
        assert_eq!(stage.refresh_token().as_deref(), Some("rt-2-auth"));
    }
}

#[test]
fn a_refresh_names_the_resource_of_the_login() {
    for (prm_location, prm_resource, resource) in [
        (PrmLocation::Path, PrmResource::Exact, SERVER_URL),
        (PrmLocation::Root, PrmResource::Origin, "https://mcp.example.com"),
        (PrmLocation::Path, PrmResource::TrailingSlash, "https://mcp.example.com/mcp/"),
    ] {
        for url in [SERVER_URL, "https://mcp.example.com/mcp?tenant=7"] {
            let knobs = Knobs { prm_location, prm_resource, ..Knobs::default() };
            let stage = play_later(&knobs, &Settings::new(url).unwrap(), |stage| {
                stage.world.knobs.metadata_off = true;
                stage.world.advance(HOUR);
                stage.restart();
                assert_eq!(stage.call(LIST), Ok(200), "{resource}");
            });
            assert_eq!(stage.world.oauth_requests(), 1);
            let refresh = stage.world.requests(What::Token(Grant::Refresh))[0];
            assert_eq!(refresh.parameter("resource"), Some(resource));
        }
    }
}

/// Without a word on scopes the new token has all of the old one (RFC 6749 §6).
#[test]
fn a_refresh_asks_for_no_scope_and_loses_none() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() };
    let stage = later(&knobs, |stage| {
        assert_eq!(stage.call(CALL), Ok(200), "after a login for more");
        stage.forget_log();
        stage.world.advance(HOUR);
        assert_eq!(stage.call(CALL), Ok(200));
    });
    assert_eq!((stage.refreshes(), stage.logins()), (1, 0));
    let refresh = stage.world.requests(What::Token(Grant::Refresh))[0];
    assert_eq!(refresh.parameter("scope"), None);
}

/// The clock of this machine is a year wrong, and put right again; the server goes by its own clock.
#[test]
fn a_clock_that_jumps_costs_a_refresh_and_no_login() {
    for forward in [false, true] {
        let stage = later(&Knobs::default(), |stage| {
            let right = stage.world.now;
            let wrong = if forward { right + YEAR } else { right - YEAR };
            for now in [wrong, right] {
                stage.world.now = now;
                stage.world.revoke_access_tokens();
                assert_eq!(stage.call(LIST), Ok(200));
                assert_eq!(stage.call(LIST), Ok(200));
            }
        });
        assert_eq!((stage.refreshes(), stage.logins()), (2, 0), "forward: {forward}");
        assert_eq!(stage.world.oauth_requests(), 2);
    }
}

/// The lid is closed before any turn of a refresh, and the night goes by.
#[test]
fn a_machine_that_sleeps_during_a_refresh_needs_no_login() {
    for turns in 0.. {
        let mut ended = false;
        let mut stage = Stage::new(&Knobs::default(), &settings(), false);
        assert_eq!(stage.call(LIST), Ok(200));
        stage.forget_log();
        stage.world.advance(HOUR);
        stage.session_mut(0).access();
        for _ in 0..turns {
            ended |= stage.step(0) == Ok(Event::Ready);
        }
        stage.world.advance(10 * HOUR);
        assert_eq!(stage.run(0), Ok(Event::Ready), "{turns}");
        assert_eq!(stage.call(LIST), Ok(200), "{turns}");
        assert_eq!((stage.logins(), stage.world.reuses), (0, 0), "{turns}");
        assert!(stage.refreshes() <= 2, "one before the night, one after it");
        if ended {
            return assert!(turns > 4);
        }
    }
}

/// Does something when it is read, and is empty: the request is on its way by then.
struct Meanwhile<F>(Option<F>);

impl<F: FnOnce()> Read for Meanwhile<F> {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        if let Some(act) = self.0.take() {
            act();
        }
        Ok(0)
    }
}

/// Renews the token in a thread of its own, and waits for that, but not for ever.
fn renewed(oauth: OAuth) {
    let (done, outcome) = mpsc::channel();
    thread::spawn(move || done.send(oauth.refresh_token()));
    let outcome = outcome.recv_timeout(PATIENCE).expect("nobody waits for a request");
    assert!(outcome.unwrap().is_some());
}

/// A request may take as long as an event stream does; others renew the token while its body is sent.
#[test]
fn no_lock_is_held_while_a_request_is_under_way() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let oauth = logged_in(&served, &store);
    let others = [oauth.clone(), client(&served, &store)];
    let json = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let answer = oauth.send(|| {
        let others = others.clone();
        let meanwhile = Meanwhile(Some(move || others.into_iter().for_each(renewed)));
        http::Request::post(served.server_url())
            .header("content-type", "application/json")
            .header("content-length", json.len())
            .body(SendBody::from_owned_reader(meanwhile.chain(Cursor::new(json))))
    });
    assert_eq!(answer.unwrap().status(), 200);
    assert_eq!(statuses(&served, LIST), [200]);
    assert_eq!(refreshes(&served), 2);
    assert_sound(&served);
}
