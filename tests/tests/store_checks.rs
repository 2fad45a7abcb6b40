//! A store that is looked at every minute, because other processes log out and in. Each scenario also
//! restarts before every turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use core::time::Duration;

use oauth_core::Error;
use oauth_core::session::Turn;
use oauth_tests::drive::{Event, Stage, User, play_later, settings};
use oauth_tests::world::Knobs;

const LIST: &str = "tools/list";

/// A session with a token in memory, and another host.
fn two_hosts(seconds: Option<u64>, scenario: impl Fn(&mut Stage, usize)) -> Stage {
    let interval = |seconds| settings().store_check_interval(Duration::from_secs(seconds));
    // Else the server would say that the user has logged out.
    let knobs = Knobs { revocation: false, ..Knobs::default() };
    play_later(&knobs, &seconds.map_or_else(settings, interval), |stage| {
        let second = stage.add_host();
        scenario(stage, second);
    })
}

fn needs_a_thought(stage: &Stage) -> bool {
    stage.session(0).authorization(stage.now()).is_none()
}

fn log_out(stage: &mut Stage, host: usize) {
    stage.session_mut(host).logout();
    assert!(matches!(stage.run(host), Ok(Event::LoggedOut(_))));
}

#[test]
fn a_logout_elsewhere_is_seen_within_the_interval() {
    let stage = two_hosts(Some(60), |stage, second| {
        log_out(stage, second);
        stage.world.advance(59);
        assert_eq!((needs_a_thought(stage), stage.call(LIST)), (false, Ok(200)));
        stage.world.advance(1);
        stage.user = User::Absent;
        assert_eq!((needs_a_thought(stage), stage.call(LIST)), (true, Err(Error::LoginRequired)));
    });
    assert_eq!(stage.world.oauth_requests(), 0);
}

#[test]
fn a_look_is_one_load_and_takes_no_lock() {
    two_hosts(Some(60), |stage, _| {
        for _ in 0..3 {
            stage.world.advance(60);
            stage.session_mut(0).access();
            assert!(matches!(stage.session_mut(0).turn(), Ok(Turn::Load(_))));
            assert_eq!(stage.step(0), Ok(Event::Progress));
            assert_eq!((stage.step(0), needs_a_thought(stage)), (Ok(Event::Ready), false));
        }
    });
}

#[test]
fn another_login_elsewhere_is_used_within_the_interval() {
    let stage = two_hosts(Some(60), |stage, second| {
        stage.session_mut(second).log_in();
        assert_eq!(stage.obtain(second), Ok(()));
        stage.world.advance(60);
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(stage.session(0).record(), stage.record().as_ref());
    });
    assert_eq!((stage.logins(), stage.refreshes()), (1, 0));
}

/// Whoever hears that another one refreshes has looked before that: what they bring is found no later.
#[test]
fn a_refresh_elsewhere_puts_no_look_off() {
    two_hosts(Some(5), |stage, _| {
        stage.world.advance(3600 - 30);
        stage.session_mut(0).access();
        assert_eq!(stage.step(0), Ok(Event::Progress));
        stage.world.advance(4);
        let now = stage.now();
        let Ok(Turn::Lock(_, mut reply)) = stage.session_mut(0).turn() else {
            panic!("nothing is to be refreshed");
        };
        assert!(reply.held_elsewhere(now));
        assert!(matches!(stage.session_mut(0).turn(), Ok(Turn::Ready(_))));
        assert!(!needs_a_thought(stage));
        stage.world.advance(1);
        assert!(needs_a_thought(stage));
    });
}

/// A token that is fresh is not refreshed because nobody can say whether it still counts.
#[test]
fn a_look_that_fails_costs_nothing() {
    let stage = two_hosts(Some(60), |stage, second| {
        stage.store.broken.load = true;
        for _ in 0..3 {
            stage.world.advance(60);
            assert_eq!((stage.call(LIST), needs_a_thought(stage)), (Ok(200), false));
        }
        stage.store.broken.load = false;
        stage.world.advance(60);
        assert_eq!(stage.call(LIST), Ok(200));
        log_out(stage, second);
        stage.world.advance(60);
        assert!(needs_a_thought(stage));
    });
    assert_eq!(stage.world.oauth_requests(), 0);
}

/// Nor does a clock that was set back put the look off.
#[test]
fn a_clock_that_was_set_back_does_not_make_it_longer() {
    two_hosts(Some(60), |stage, _| {
        stage.world.now -= 1;
        assert!(needs_a_thought(stage));
    });
}

#[test]
fn without_an_interval_a_token_is_used_to_its_end() {
    let stage = two_hosts(None, |stage, second| {
        log_out(stage, second);
        stage.world.advance(3000);
        assert_eq!((needs_a_thought(stage), stage.call(LIST)), (false, Ok(200)));
    });
    assert_eq!(stage.world.oauth_requests(), 0);
}
