//! Sessions that come late: with tokens that were stored unnoticed or not at all, or behind what others
//! have done meanwhile.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_core::session::{Attempt, Lock, Turn, Verdict};
use oauth_tests::drive::{Event, Stage, User, assert_sound, play_later, settings};
use oauth_tests::world::{Knobs, What};

const LIST: &str = "tools/list";

/// Longer than an access token lives.
const HOUR: u64 = 3600;

/// A scenario after a first login, whose requests are not counted.
fn later(knobs: &Knobs, scenario: impl Fn(&mut Stage)) -> Stage {
    play_later(knobs, &settings(), scenario)
}

/// The store fails after it has written. Others make something of what is there; who wrote it comes back
/// with what has become old.
#[test]
fn a_login_that_was_stored_unnoticed_undoes_no_refresh() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    let second = stage.add_host();
    stage_unsaved_login(&mut stage);
    store_unnoticed(&mut stage);
    stage.world.advance(HOUR);
    assert_eq!(stage.call_from(second, LIST), Ok(200));
    assert_eq!(stage.call(LIST), Ok(200));
    assert_eq!(stage.refresh_token().as_deref(), Some("rt-2-auth"));
    assert_eq!((stage.refreshes(), stage.logins()), (1, 1));
    assert_sound(&stage.world);
}

/// Nothing has become of it: it is stored at the next opportunity.
#[test]
fn a_login_that_was_not_stored_is_stored_later() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    stage_unsaved_login(&mut stage);
    assert_eq!(stage.call(LIST), Ok(200));
    assert_eq!(stage.refresh_token().as_deref(), Some("rt-1-auth"));
    assert_eq!(stage.logins(), 1);
}

/// A user has changed the account, and the store was away. Meanwhile the account before was refreshed.
#[test]
fn a_login_that_is_stored_late_replaces_what_became_of_the_grant_before() {
    let stage = later(&Knobs::default(), |stage| {
        let second = stage.add_host();
        assert_eq!(stage.call_from(second, LIST), Ok(200));
        stage.session_mut(0).log_in();
        stage_unsaved_login(stage);
        stage.session_mut(second).renew();
        assert_eq!(stage.run(second), Ok(Event::Ready));
        assert_eq!(stage.refresh_token().as_deref(), Some("rt-3-auth"));
        stage.session_mut(0).access();
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.refresh_token().as_deref(), Some("rt-2-auth"), "that of the login");
    assert_eq!((stage.refreshes(), stage.logins()), (1, 1));
}

/// Tokens that wait for the store for long are looked at again before they are used.
#[test]
fn a_token_that_expires_before_it_is_stored_is_refreshed() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    stage_unsaved_login(&mut stage);
    stage.world.advance(HOUR);
    assert_eq!(stage.call(LIST), Ok(200));
    assert_eq!((stage.refreshes(), stage.logins()), (1, 1));
    assert_eq!(stage.world.count(What::Mcp(LIST.into())), 1);
}

/// Its answer was on the way for longer than it lives: that it is refused says nothing about the next one.
#[test]
fn a_refreshed_token_that_has_expired_when_it_is_refused_is_refreshed_once_more() {
    let stage = later(&Knobs::default(), |stage| {
        let mut attempt = Attempt::new();
        // A token that was issued a moment ago would be sent once more.
        stage.world.advance(20);
        for _ in 0..2 {
            let now = stage.now();
            attempt.sent_with(stage.session(0).snapshot().token().as_ref());
            let verdict = stage.session_mut(0).answered(&mut attempt, 401, [], now);
            assert_eq!(verdict, Ok(Verdict::Retry));
            assert_eq!(stage.run(0), Ok(Event::Ready));
            stage.world.advance(HOUR);
        }
    });
    assert_eq!((stage.refreshes(), stage.logins()), (2, 0));
}

/// Logs in at the first host, whose store fails when the tokens are to be written.
fn stage_unsaved_login(stage: &mut Stage) {
    assert_eq!(stage.run(0), Ok(Event::Login));
    stage.begin(0);
    while stage.world.token_requests() == 0 {
        assert_eq!(stage.step(0), Ok(Event::Progress));
    }
    let key = stage.key();
    stage.store.unlock(&key, Lock::Login, 0);
}

/// Writes what the first host wants to write, and does not tell it.
fn store_unnoticed(stage: &mut Stage) {
    let key = stage.key();
    let Ok(Turn::Save(reply)) = stage.session_mut(0).turn() else { panic!("nothing to save") };
    let text = reply.record().to_json();
    stage.store.put(&key, &text);
}

/// The session has found out that a login is needed, so its requests go out without a token; meanwhile
/// somebody else has logged in.
#[test]
fn a_session_that_waits_for_a_login_refreshes_what_others_have_stored() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    let second = stage.add_host();
    assert_eq!(stage.run(0), Ok(Event::Login));
    assert_eq!(stage.call_from(second, LIST), Ok(200));
    stage.world.advance(HOUR);
    let (mut attempt, now) = (Attempt::new(), stage.now());
    assert!(matches!(stage.session_mut(0).turn(), Ok(Turn::Login(_))));
    attempt.sent_with(None);
    let verdict = stage.session_mut(0).answered(&mut attempt, 401, [], now);
    assert_eq!(verdict, Ok(Verdict::Retry));
    assert_eq!(stage.run(0), Ok(Event::Ready));
    assert_eq!((stage.refreshes(), stage.logins()), (1, 1));
}

/// What was found in the store instead of a refresh is no better than what was refused.
#[test]
fn a_token_of_others_that_is_refused_as_well_is_refreshed() {
    let stage = later(&Knobs::default(), |stage| {
        let second = stage.add_host();
        assert_eq!(stage.call_from(second, LIST), Ok(200));
        stage.session_mut(second).renew();
        assert_eq!(stage.run(second), Ok(Event::Ready));
        stage.world.revoke_access_tokens();
        stage.user = User::Absent;
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.refreshes(), 2);
}
