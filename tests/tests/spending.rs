//! A refresh token is spent only where what it brings can be kept. Each scenario also restarts before
//! every turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_core::Error;
use oauth_core::session::{Lock, Turn};
use oauth_tests::drive::{Broken, Event, Stage, play, play_later, settings};
use oauth_tests::world::{Knobs, Rotation};

const LIST: &str = "tools/list";

/// Longer than an access token lives.
const HOUR: u64 = 3600;

/// Servers that rotate refresh tokens and end the grant of who sends one twice.
fn strict() -> Knobs {
    Knobs { rotation: Rotation::Rotate, ..Knobs::default() }
}

/// A session whose token is stale in so many seconds after its end; before it if negative.
fn later(after: i64, scenario: impl Fn(&mut Stage)) -> Stage {
    play_later(&strict(), &settings(), |stage| {
        stage.world.advance(HOUR.saturating_add_signed(after));
        scenario(stage);
    })
}

const NO_ROOM: Broken = Broken { load: false, lock: false, reserve: true, save: false };

#[test]
fn a_store_without_room_costs_no_refresh_token() {
    let stage = later(0, |stage| {
        stage.store.broken = NO_ROOM;
        for _ in 0..3 {
            stage.session_mut(0).access();
            assert_eq!(stage.run(0), Ok(Event::Broken));
        }
        assert_eq!(stage.refreshes(), 0);
        stage.store.broken = Broken::default();
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((stage.refreshes(), stage.logins()), (1, 0));
}

/// Whatever of the store fails before anything is spent, a call has the token that still lives, and the
/// store is left alone for some seconds.
#[test]
fn a_living_token_is_used_while_the_store_fails() {
    for broken in [
        Broken { load: true, ..Broken::default() },
        Broken { lock: true, ..Broken::default() },
        NO_ROOM,
    ] {
        let stage = later(-30, |stage| {
            stage.store.broken = broken;
            assert_eq!(stage.call(LIST), Ok(200), "{broken:?}");
            let now = stage.now();
            assert!(stage.session(0).authorization(now).is_some());
            assert!(
                stage.session(0).authorization(now + core::time::Duration::from_secs(5)).is_none()
            );
            stage.store.broken = Broken::default();
            stage.world.advance(6);
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!((stage.refreshes(), stage.logins()), (1, 0), "{broken:?}");
    }
}

#[test]
fn an_expired_or_refused_token_is_not_used_because_the_store_fails() {
    for broken in [
        Broken { load: true, ..Broken::default() },
        Broken { lock: true, ..Broken::default() },
        NO_ROOM,
    ] {
        later(0, |stage| {
            stage.store.broken = broken;
            stage.session_mut(0).access();
            assert_eq!(stage.run(0), Ok(Event::Broken), "{broken:?}");
            stage.stop(0);
        });
        later(-600, |stage| {
            stage.store.broken = broken;
            stage.session_mut(0).renew();
            assert_eq!(stage.run(0), Ok(Event::Broken), "{broken:?}");
            stage.stop(0);
        });
    }
}

/// A process that was stopped while it held the lock finds out before it spends anything.
#[test]
fn whoever_has_lost_the_lock_looks_again_and_spends_nothing() {
    let stage = later(0, |stage| {
        let second = stage.add_host();
        stage.session_mut(0).access();
        while !matches!(stage.session_mut(0).turn(), Ok(Turn::Reserve(_))) {
            assert_eq!(stage.step(0), Ok(Event::Progress));
        }
        stage.store.release_all(0);
        assert_eq!(stage.call_from(second, LIST), Ok(200));
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_eq!(stage.session(0).record(), stage.record().as_ref());
    });
    assert_eq!((stage.refreshes(), stage.logins()), (1, 0));
}

#[test]
fn a_lock_that_is_lost_each_time_is_an_error_that_passes() {
    let stage = later(0, |stage| {
        stage.session_mut(0).access();
        let contended = loop {
            if matches!(stage.session_mut(0).turn(), Ok(Turn::Reserve(_))) {
                stage.store.release_all(0);
            }
            match stage.step(0) {
                Ok(event) => assert_eq!(event, Event::Progress),
                Err(error) => break error,
            }
        };
        assert_eq!(contended, Error::Contended);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((stage.refreshes(), stage.logins()), (1, 0));
}

/// The room is for a record like the one that is stored, whose tokens may have grown.
#[test]
fn the_room_is_that_of_the_record_and_a_margin() {
    later(0, |stage| {
        stage.session_mut(0).access();
        let (generation, length) = {
            let record = stage.record().unwrap();
            (record.generation(), record.to_json().len())
        };
        let key = stage.key();
        let spend = loop {
            if let Ok(Turn::Reserve(reply)) = stage.session_mut(0).turn() {
                assert_eq!(reply.key(""), key);
                let spend = reply.spend();
                break (spend.generation, spend.room());
            }
            assert_eq!(stage.step(0), Ok(Event::Progress));
        };
        assert_eq!(spend, (generation, length + 16 * 1024));
        assert_eq!(stage.run(0), Ok(Event::Ready));
    });
}

/// What is only good to know about a client that all profiles share holds nobody up.
#[test]
fn a_login_does_not_fail_because_nobody_can_say_that_its_client_is_known() {
    let stage = play(&Knobs::default(), &settings().client_records(), |stage| {
        stage.session_mut(0).access();
        let mut failures = 0;
        let end = loop {
            let is_logged_in = stage.record().is_some_and(|record| record.tokens().is_some());
            let is_about_client = match stage.session_mut(0).turn() {
                Ok(Turn::Load(reply)) => !reply.key("").kind.is_grant(),
                _ => false,
            };
            stage.store.broken.load = is_logged_in && is_about_client;
            failures += u32::from(stage.store.broken.load);
            match stage.step(0) {
                Ok(Event::Progress) => {}
                Ok(Event::Login) => stage.begin(0),
                end => break end,
            }
        };
        assert_eq!((end, failures), (Ok(Event::Ready), 1));
    });
    assert_eq!(stage.logins(), 1);
}

/// Whether what is written is all that is left of a spent token.
#[test]
fn only_what_was_spent_for_has_to_be_stored() {
    later(0, |stage| {
        let mut spent = Vec::new();
        stage.session_mut(0).access();
        loop {
            if let Ok(Turn::Save(reply)) = stage.session_mut(0).turn() {
                spent.push(reply.is_spent());
            }
            if stage.step(0) == Ok(Event::Ready) {
                break;
            }
        }
        assert_eq!(spent, [true]);
        assert_eq!(stage.store.held_by(0), [] as [Lock; 0]);
    });
}
