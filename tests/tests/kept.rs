//! Tokens that the store does not take are used while they live, and stored before anything else is done. Each
//! scenario also restarts before every turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use core::time::Duration;

use oauth_core::session::{Attempt, Record, Verdict};
use oauth_tests::drive::{Broken, Event, Stage, assert_sound, play, play_later, settings};
use oauth_tests::world::{Knobs, Rotation};

const LIST: &str = "tools/list";

/// Longer than an access token lives.
const HOUR: u64 = 3600;

const FULL: Broken = Broken { load: false, lock: false, reserve: false, save: true };

fn strict() -> Knobs {
    Knobs { rotation: Rotation::Rotate, ..Knobs::default() }
}

/// A session that has refreshed, while the store has taken nothing.
fn kept(scenario: impl Fn(&mut Stage)) -> Stage {
    play_later(&strict(), &settings(), |stage| {
        stage.world.advance(HOUR);
        stage.session_mut(0).access();
        while stage.refreshes() == 0 {
            assert_eq!(stage.step(0), Ok(Event::Progress));
        }
        stage.store.broken = FULL;
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_ne!(at_hand(stage), token(stage.record().as_ref()));
        scenario(stage);
        assert_eq!(stage.logins(), 0);
        assert_sound(&stage.world);
    })
}

fn at_hand(stage: &Stage) -> Option<String> {
    token(stage.session(0).record())
}

fn token(record: Option<&Record>) -> Option<String> {
    Some(record?.tokens()?.access_token.token().to_owned())
}

#[test]
fn a_refreshed_token_is_used_although_it_is_not_stored_and_stored_some_seconds_later() {
    let stage = kept(|stage| {
        let token_at_hand = at_hand(stage);
        assert_eq!(stage.call(LIST), Ok(200));
        let now = stage.now();
        assert!(stage.session(0).authorization(now).is_some());
        assert!(stage.session(0).authorization(now + Duration::from_secs(5)).is_none());
        // The store still fails, and is left alone for some seconds more.
        stage.world.advance(6);
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(at_hand(stage), token_at_hand);
        stage.store.broken = Broken::default();
        stage.world.advance(6);
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(token(stage.record().as_ref()), token_at_hand);
    });
    assert_eq!(stage.refreshes(), 1);
}

#[test]
fn a_login_whose_tokens_are_not_stored_is_not_in_vain() {
    let stage = play(&strict(), &settings(), |stage| {
        stage.session_mut(0).access();
        assert_eq!(stage.run(0), Ok(Event::Login));
        stage.begin(0);
        while stage.logins() == 0 {
            assert_eq!(stage.step(0), Ok(Event::Progress));
        }
        stage.store.broken = FULL;
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_eq!(token(stage.record().as_ref()), None);
        assert_eq!(stage.call(LIST), Ok(200));
        stage.store.broken = Broken::default();
        stage.world.advance(6);
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(token(stage.record().as_ref()), at_hand(stage));
        assert!(at_hand(stage).is_some());
    });
    assert_eq!((stage.logins(), stage.refreshes()), (1, 0));
}

/// Nothing is refreshed while the last refresh is not stored: also what was refused, or has expired.
#[test]
fn a_token_that_is_not_stored_is_not_refreshed_before_it_is() {
    let stage = kept(|stage| {
        stage.session_mut(0).renew();
        assert_eq!(stage.run(0), Ok(Event::Broken));
        stage.world.advance(HOUR);
        stage.session_mut(0).access();
        assert_eq!(stage.run(0), Ok(Event::Broken));
        assert_eq!(stage.refreshes(), 1);
        stage.stop(0);
        stage.store.broken = Broken::default();
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(token(stage.record().as_ref()), at_hand(stage));
    });
    assert_eq!(stage.refreshes(), 2);
}

/// A token that was refused while it was not stored stays refused when it is.
#[test]
fn a_refused_token_that_was_not_stored_is_replaced() {
    let stage = kept(|stage| {
        let refused = at_hand(stage);
        stage.session_mut(0).renew();
        stage.store.broken = Broken::default();
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_ne!(at_hand(stage), refused);
        assert_eq!(token(stage.record().as_ref()), at_hand(stage));
    });
    assert_eq!(stage.refreshes(), 2);
}

/// The server refuses it: whoever asks next does not get it either, and it is replaced once it is stored.
#[test]
fn a_token_that_was_refused_before_it_was_stored_is_not_used_again() {
    let stage = kept(|stage| {
        stage.world.revoke_access_tokens();
        let (now, refused) = (stage.now(), at_hand(stage));
        let session = stage.session_mut(0);
        let mut attempt = Attempt::new();
        attempt.sent_with(session.authorization(now).as_ref());
        // It was issued a moment ago, so it is sent once more.
        for expected in [Verdict::Wait(Duration::from_secs(2)), Verdict::Retry] {
            assert_eq!(
                session.answered(&mut attempt, 401, [("www-authenticate", "Bearer")], now),
                Ok(expected)
            );
        }
        for _ in 0..2 {
            assert_eq!(stage.run(0), Ok(Event::Broken));
            stage.stop(0);
            stage.session_mut(0).access();
        }
        stage.store.broken = Broken::default();
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_ne!(at_hand(stage), refused);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.refreshes(), 2);
}

/// What lacks a scope for one request is as good as ever for the others.
#[test]
fn a_token_that_is_not_stored_and_lacks_a_scope_is_used_for_what_it_is_good_for() {
    kept(|stage| {
        let (now, token) = (stage.now(), at_hand(stage));
        let session = stage.session_mut(0);
        let mut attempt = Attempt::new();
        attempt.sent_with(session.authorization(now).as_ref());
        let challenge = r#"Bearer error="insufficient_scope", scope="mcp:basic mcp:write""#;
        let verdict = session.answered(&mut attempt, 403, [("www-authenticate", challenge)], now);
        assert!(matches!(verdict, Ok(Verdict::Retry)), "{verdict:?}");
        assert_eq!(stage.run(0), Ok(Event::Broken));
        stage.session_mut(0).access();
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_eq!(at_hand(stage), token);
    });
}

#[test]
fn what_is_not_stored_is_logged_out_as_well() {
    kept(|stage| {
        stage.store.broken = Broken::default();
        stage.session_mut(0).logout();
        assert!(matches!(stage.run(0), Ok(Event::LoggedOut(outcome)) if outcome.is_complete()));
        let revoked = stage.world.requests(oauth_tests::world::What::Revoke);
        assert_eq!(revoked[0].parameter("token"), Some("rt-2-auth"));
    });
}
