//! Logins that the host cancels, at each of their turns: the next one begins at once, and costs no registration.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::cell::Cell;

use oauth_core::Error;
use oauth_core::flow::Settings;
use oauth_tests::drive::{Broken, Event, MAX_STEPS, Stage, User, play, play_later, settings};
use oauth_tests::world::{Grant, Knobs, ScopePolicy, What};

const LIST: &str = "tools/list";
const CALL: &str = "tools/call";
const HOUR: u64 = 3600;

/// Longer than a login with a client of an earlier one may take until the client is doubted.
const LONG: u64 = 3 * HOUR;

/// Drives a host that logs in up to its page.
fn to_the_page(stage: &mut Stage, host: usize) {
    stage.user = User::Waits;
    stage.session_mut(host).log_in();
    assert_eq!(stage.run(host), Ok(Event::Login));
    stage.begin(host);
    assert_eq!(stage.run(host), Ok(Event::Page));
}

/// Cancels the login of a host, and drives it to its end.
fn cancel(stage: &mut Stage, host: usize) {
    assert!(stage.session_mut(host).cancel_login());
    assert_eq!(stage.run(host), Err(Error::Cancelled));
    assert!(!stage.session_mut(host).cancel_login(), "it is over");
    stage.user = User::Consents;
}

fn registrations(stage: &Stage) -> usize {
    stage.world.count(What::Register)
}

/// Settings under which all profiles share the client, or each has its own.
fn both() -> [Settings; 2] {
    [settings(), settings().client_records()]
}

#[test]
fn a_login_can_be_cancelled_at_each_of_its_turns() {
    for settings in both() {
        let at_page = (0..MAX_STEPS).find(|turns| {
            let at_page = Cell::new(false);
            let stage = play(&Knobs::default(), &settings, |stage| {
                stage.user = User::Waits;
                stage.session_mut(0).log_in();
                assert_eq!(stage.run(0), Ok(Event::Login));
                assert!(!stage.session_mut(0).cancel_login(), "none is begun");
                stage.begin(0);
                for _ in 0..*turns {
                    at_page.set(stage.step(0) == Ok(Event::Page));
                }
                // A record that is being written is written first.
                while !stage.session_mut(0).cancel_login() {
                    assert_eq!(stage.step(0), Ok(Event::Progress), "{turns} turns");
                }
                assert_eq!(stage.run(0), Err(Error::Cancelled), "{turns} turns");
                stage.user = User::Consents;
                assert_eq!(stage.call(LIST), Ok(200), "{turns} turns");
            });
            assert_eq!((stage.logins(), registrations(&stage)), (1, 1), "{turns} turns");
            at_page.get()
        });
        assert!(at_page > Some(6), "{at_page:?}");
    }
}

/// A login with a client of an earlier one: that is written down before its user is sent off.
#[test]
fn a_page_that_was_cancelled_casts_no_doubt_on_the_client() {
    for settings in both() {
        for restarts in [false, true] {
            let stage = play_later(&Knobs::default(), &settings, |stage| {
                to_the_page(stage, 0);
                cancel(stage, 0);
                if restarts {
                    stage.restart();
                    stage.world.advance(LONG);
                }
                stage.session_mut(0).log_in();
                assert_eq!(stage.obtain(0), Ok(()));
            });
            assert_eq!((stage.logins(), registrations(&stage)), (1, 0), "restarts: {restarts}");
        }
    }
}

/// The client is another profile's.
#[test]
fn a_client_of_all_profiles_is_not_doubted_because_one_login_was_cancelled() {
    let stage = play_later(&Knobs::default(), &settings().client_records(), |stage| {
        stage.profiles = vec!["", "one", "other"];
        let (one, other) = (stage.add_host(), stage.add_host());
        to_the_page(stage, one);
        cancel(stage, one);
        stage.world.advance(LONG);
        for host in [one, other] {
            assert_eq!(stage.call_from(host, LIST), Ok(200));
        }
    });
    assert_eq!((stage.logins(), registrations(&stage)), (2, 0));
}

/// What an earlier login says of the client is not this one's to take back.
#[test]
fn a_page_from_which_nobody_came_back_before_is_still_a_reason_to_register() {
    let stage = play_later(&Knobs::default(), &settings(), |stage| {
        to_the_page(stage, 0);
        stage.restart();
        to_the_page(stage, 0);
        cancel(stage, 0);
        stage.restart();
        stage.world.advance(LONG);
        stage.session_mut(0).log_in();
        assert_eq!(stage.obtain(0), Ok(()));
    });
    assert_eq!((stage.logins(), registrations(&stage)), (1, 1));
}

#[test]
fn what_was_logged_in_before_is_still_used() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() };
    let stage = play_later(&knobs, &settings(), |stage| {
        to_the_page(stage, 0);
        cancel(stage, 0);
        assert_eq!(stage.call(LIST), Ok(200), "without a page");
        assert_eq!((stage.logins(), stage.refreshes()), (0, 0));
        stage.restart();
        stage.world.advance(HOUR);
        assert_eq!(stage.call(LIST), Ok(200), "after a refresh");
        assert_eq!(stage.call(CALL), Ok(200), "with more scopes");
    });
    assert_eq!((stage.logins(), stage.refreshes(), registrations(&stage)), (1, 1, 0));
}

#[test]
fn a_login_whose_user_has_come_back_is_finished() {
    for settings in both() {
        let stage = play(&Knobs::default(), &settings, |stage| {
            to_the_page(stage, 0);
            stage.user = User::Consents;
            assert_eq!(stage.step(0), Ok(Event::Progress));
            while stage.step(0) == Ok(Event::Progress) {
                assert!(!stage.session_mut(0).cancel_login());
            }
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!(stage.world.count(What::Token(Grant::Code)), 1);
    }
}

/// The store fails at the worst moment: the login is over all the same, and the client doubted.
#[test]
fn a_login_is_cancelled_although_that_cannot_be_written_down() {
    for settings in both() {
        let stage = play_later(&Knobs::default(), &settings, |stage| {
            to_the_page(stage, 0);
            stage.store.broken.save = true;
            stage.store.broken.load = true;
            cancel(stage, 0);
            stage.store.broken = Broken::default();
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!((stage.logins(), registrations(&stage)), (0, 0));
    }
}

/// The wait for the login of somebody else.
#[test]
fn whoever_waits_for_another_login_can_stop_waiting() {
    let stage = play(&Knobs::default(), &settings(), |stage| {
        let other = stage.add_host();
        to_the_page(stage, 0);
        stage.session_mut(other).log_in();
        assert_eq!(stage.run(other), Ok(Event::Login));
        stage.begin(other);
        assert!(matches!(stage.step(other), Ok(Event::Blocked(_))));
        cancel(stage, other);
        assert_eq!(stage.step(0), Ok(Event::Progress), "the other goes on");
        assert_eq!(stage.obtain(0), Ok(()));
    });
    assert_eq!((stage.logins(), registrations(&stage)), (1, 1));
}
