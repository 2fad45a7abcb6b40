//! A refresh that was refused, in a store that others change meanwhile: only the grant that was refused
//! ends. Each scenario also restarts before every turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_core::Error;
use oauth_core::session::{Session, Turn};
use oauth_tests::drive::{Event, Stage, play_later, settings};
use oauth_tests::world::{Damage, Knobs, TokenForm};
use serde_json::Value;

const LIST: &str = "tools/list";

/// Longer than an access token lives.
const HOUR: u64 = 3600;

/// How often a session starts over.
const RACES: usize = 3;

/// A session whose token has expired, beside another whose locks keep nobody out.
fn two_hosts(scenario: impl Fn(&mut Stage, usize)) -> Stage {
    play_later(&Knobs::default(), &settings(), |stage| {
        let second = stage.add_host();
        assert_eq!(stage.call_from(second, LIST), Ok(200));
        stage.forget_log();
        stage.store.lockless = true;
        stage.world.advance(HOUR);
        scenario(stage, second);
    })
}

/// Takes turns until the session asks for this.
fn run_to(stage: &mut Stage, host: usize, is_it: impl Fn(&Turn<'_>) -> bool) {
    for _ in 0..100 {
        if stage.session_mut(host).turn().is_ok_and(|turn| is_it(&turn)) {
            return;
        }
        assert_eq!(stage.step(host), Ok(Event::Progress));
    }
    panic!("it never comes to that");
}

/// Somebody writes what is stored once more, under the next number.
fn rewrite(stage: &mut Stage) {
    let key = stage.key();
    let record = stage.record().unwrap();
    let mut document: Value = serde_json::from_str(&record.to_json()).unwrap();
    document["generation"] = (record.generation() + 1).into();
    stage.store.put(&key, &document.to_string());
}

/// The refresh of the first host, which has lost all its races, is refused; the store holds what the second
/// has refreshed by then.
fn refused_after_all_races(stage: &mut Stage, second: usize, age: u64) {
    let refuse = TokenForm::Refuse("invalid_grant".into());
    lose_races(stage);
    stage.world.knobs.token_form = Damage::times(refuse, 1);
    assert_eq!(stage.step(0), Ok(Event::Progress));
    assert_eq!(stage.call_from(second, LIST), Ok(200));
    stage.world.advance(age);
}

/// The first host is about to send its refresh, and others were faster as often as it starts over.
fn lose_races(stage: &mut Stage) {
    stage.session_mut(0).access();
    for _ in 0..RACES {
        run_to(stage, 0, |turn| matches!(turn, Turn::Reserve(_)));
        let now = stage.now();
        if let Ok(Turn::Reserve(reply)) = stage.session_mut(0).turn() {
            reply.lost(now);
        }
    }
    run_to(stage, 0, |turn| matches!(turn, Turn::Http(..)));
}

#[test]
fn a_grant_that_nobody_refused_keeps_its_refresh_token_when_all_races_are_lost() {
    let stage = two_hosts(|stage, second| {
        // What the second has refreshed has expired as well.
        refused_after_all_races(stage, second, HOUR);
        let newer = stage.record();
        assert_eq!(stage.run(0), Err(Error::Contended));
        assert_eq!(stage.record(), newer);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((stage.logins(), stage.world.reuses), (0, 0));
}

/// The newer grant is that of a login, which has a lock of its own.
#[test]
fn a_login_is_not_undone_by_the_refusal_of_what_it_replaced() {
    let stage = two_hosts(|stage, second| {
        lose_races(stage);
        stage.world.end_grants();
        assert_eq!(stage.step(0), Ok(Event::Progress));
        assert_eq!(stage.call_from(second, LIST), Ok(200));
        stage.world.advance(HOUR);
        let newer = stage.record();
        assert_eq!(stage.run(0), Err(Error::Contended));
        assert_eq!(stage.record(), newer);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.logins(), 1);
}

#[test]
fn a_newer_token_that_lives_is_used_when_all_races_are_lost() {
    let stage = two_hosts(|stage, second| {
        refused_after_all_races(stage, second, HOUR - 30);
        let newer = stage.record();
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_eq!(stage.record(), newer);
    });
    assert_eq!(stage.logins(), 0);
}

/// Another number is not another grant: the token that was refused is not sent again.
#[test]
fn a_refused_token_that_was_only_written_anew_is_not_sent_again() {
    let stage = two_hosts(|stage, _| {
        let refuse = TokenForm::Refuse("invalid_grant".into());
        stage.world.knobs.token_form = Damage::times(refuse, 2);
        stage.session_mut(0).access();
        while stage.refreshes() == 0 {
            assert_eq!(stage.step(0), Ok(Event::Progress));
        }
        rewrite(stage);
        assert_eq!(stage.run(0), Ok(Event::Login));
    });
    assert_eq!((stage.refreshes(), stage.refresh_token()), (1, None));
}

/// A session that wanted another token, was refused, and could not store that the grant has ended; what its
/// next caller asks for.
fn ended_and_not_stored(ask: impl Fn(&mut Session), then: impl Fn(&mut Stage)) {
    play_later(&Knobs::default(), &settings(), |stage| {
        stage.world.knobs.token_form = Damage::times(TokenForm::Refuse("invalid_grant".into()), 1);
        stage.session_mut(0).renew();
        run_to(stage, 0, |turn| matches!(turn, Turn::Save(_)));
        stage.store.broken.save = true;
        assert_eq!(stage.step(0), Ok(Event::Broken));
        stage.stop(0);
        ask(stage.session_mut(0));
        then(stage);
    });
}

/// Who refreshes next finds out the same; the token that is there lives, and this caller takes any.
#[test]
fn a_living_token_is_used_although_the_end_of_its_grant_cannot_be_stored() {
    ended_and_not_stored(Session::access, |stage| assert_eq!(stage.run(0), Ok(Event::Ready)));
}

/// The end of the grant is written down first, and is no answer to who asked for another account.
#[test]
fn a_login_that_is_asked_for_comes_after_the_end_of_a_grant_is_stored() {
    ended_and_not_stored(Session::log_in, |stage| {
        assert_eq!(stage.step(0), Ok(Event::Broken));
        stage.stop(0);
        stage.store.broken.save = false;
        stage.session_mut(0).log_in();
        assert_eq!(stage.run(0), Ok(Event::Login));
        assert_eq!(stage.refresh_token(), None);
    });
}
