//! A token endpoint that answers without tokens: how long it is left alone, and when a login is offered.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_core::error::Actor;
use oauth_core::{Endpoint, Error};
use oauth_tests::drive::{Broken, Stage, User, play, play_later, settings};
use oauth_tests::world::{Damage, Fault, Knobs, TokenForm};

const LIST: &str = "tools/list";

/// Longer than an access token lives.
const HOUR: u64 = 3600;

/// Later, with a token that has expired and a token endpoint that answers with this each time.
fn expired(fault: &Fault, scenario: impl Fn(&mut Stage)) -> Stage {
    play_later(&Knobs::default(), &settings(), |stage| {
        stage.world.advance(HOUR);
        stage.world.knobs.token_damage = Damage::always(fault.clone());
        scenario(stage);
        if stage.calls.last() != Some(&Ok(200)) {
            stage.world.knobs.token_damage = Damage::none();
            stage.world.knobs.token_form = Damage::none();
            stage.world.advance(HOUR);
            assert_eq!(stage.call(LIST), Ok(200), "once the server is mended");
        }
    })
}

/// The pause that a call names, in seconds.
fn pause(outcome: Result<u16, Error>) -> Option<u64> {
    match outcome {
        Err(error @ Error::Unreachable(_)) => {
            assert!(error.is_retryable());
            assert_eq!(error.actor(), Actor::Nobody);
            let Error::Unreachable(unreachable) = error else { unreachable!() };
            assert_eq!(unreachable.endpoint, Endpoint::Token);
            unreachable.retry_after.map(|pause| pause.as_secs())
        }
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn a_server_that_names_a_time_is_left_alone_until_then_by_all() {
    // The world's clock says 2030-03-17T18:46:40Z by then.
    let date = |text: &str| Fault::TooManyUntil(text.into());
    for fault in [
        Fault::TooMany { retry_after: 120 },
        Fault::Unavailable { retry_after: 120 },
        date("Sun, 17 Mar 2030 18:48:40 GMT"),
        date("Sunday, 17-Mar-30 18:48:40 GMT"),
        date("Sun Mar 17 18:48:40 2030"),
    ] {
        expired(&fault, |stage| {
            for _ in 0..8 {
                assert_eq!(pause(stage.call(LIST)), Some(120), "{fault:?}");
            }
            let another = stage.add_host();
            stage.world.advance(119);
            assert_eq!(pause(stage.call(LIST)), Some(1), "{fault:?}");
            assert_eq!(pause(stage.call_from(another, LIST)), Some(1), "{fault:?}");
            assert_eq!(stage.refreshes(), 1, "{fault:?}");
            stage.world.knobs.token_damage = Damage::none();
            stage.world.advance(1);
            assert_eq!(stage.call(LIST), Ok(200), "{fault:?}");
            assert_eq!(stage.call_from(another, LIST), Ok(200), "{fault:?}");
            assert_eq!((stage.refreshes(), stage.logins()), (2, 0), "{fault:?}");
        });
    }
}

#[test]
fn a_server_that_names_no_time_is_asked_less_and_less_often() {
    expired(&Fault::Status(503), |stage| {
        for _ in 0..HOUR {
            drop(stage.call(LIST));
            stage.world.advance(1);
        }
        // After 5, 15, 45, 135 and 405 seconds, then each ten minutes, all of them up to a quarter later.
        assert!((9..=11).contains(&stage.refreshes()), "{}", stage.refreshes());
        assert_eq!(stage.logins(), 0);
    });
}

/// It says that it may be asked at once, which is no reason to do so at every call.
#[test]
fn a_server_that_names_a_time_which_is_over_is_asked_less_and_less_often() {
    for fault in [
        Fault::TooMany { retry_after: 0 },
        Fault::Unavailable { retry_after: 0 },
        Fault::TooManyUntil("Sun, 17 Mar 2030 18:46:39 GMT".into()),
    ] {
        expired(&fault, |stage| {
            for _ in 0..100 {
                drop(stage.call(LIST));
            }
            assert_eq!(stage.refreshes(), 1, "{fault:?}");
        });
        // Nor are calls held up by it whose token lives.
        play_later(&Knobs::default(), &settings(), |stage| {
            stage.world.advance(HOUR - 30);
            stage.world.knobs.token_damage = Damage::always(fault.clone());
            for _ in 0..100 {
                assert_eq!(stage.call(LIST), Ok(200));
            }
            assert_eq!(stage.refreshes(), 1, "{fault:?}");
        });
    }
}

#[test]
fn a_pause_blocks_nobody_whose_token_lives() {
    play_later(&Knobs::default(), &settings(), |stage| {
        stage.world.advance(HOUR - 30);
        stage.world.knobs.token_damage = Damage::always(Fault::TooMany { retry_after: 120 });
        let another = stage.add_host();
        for _ in 0..4 {
            assert_eq!(stage.call(LIST), Ok(200));
            assert_eq!(stage.call_from(another, LIST), Ok(200));
        }
        assert_eq!(stage.refreshes(), 1);
        // And if it is refused, nothing can be done about it in the pause.
        stage.world.revoke_access_tokens();
        assert_eq!(pause(stage.call(LIST)), Some(120));
        assert_eq!((stage.refreshes(), stage.logins()), (1, 0));
        stage.world.knobs.token_damage = Damage::none();
        stage.world.advance(120);
        assert_eq!(stage.call(LIST), Ok(200));
    });
}

#[test]
fn an_outage_opens_no_pages_however_long_it_is() {
    for fault in [
        Fault::Status(429),
        Fault::Status(502),
        Fault::Status(503),
        Fault::Status(504),
        Fault::Unavailable { retry_after: 1 },
        Fault::TooMany { retry_after: 86_400 },
        Fault::TooManyUntil("soon".into()),
    ] {
        expired(&fault, |stage| {
            for _ in 0..24 * 6 {
                pause(stage.call(LIST));
                stage.world.advance(600);
            }
            assert_eq!(stage.logins(), 0, "{fault:?}");
        });
    }
}

/// What servers say of a refresh token that they will never take again, in their own ways.
fn dead_ends() -> Vec<Knobs> {
    let damage = |fault| Knobs { token_damage: Damage::always(fault), ..Knobs::default() };
    let form = |form| Knobs { token_form: Damage::always(form), ..Knobs::default() };
    vec![
        damage(Fault::Status(500)),
        damage(Fault::Status(501)),
        damage(Fault::Html),
        damage(Fault::Empty),
        form(TokenForm::Refuse("server_error".into())),
        form(TokenForm::ErrorWith200("server_error".into())),
    ]
}

/// Breaks the token endpoint in this way.
fn break_tokens(stage: &mut Stage, knobs: &Knobs) {
    stage.world.knobs.token_damage = knobs.token_damage.clone();
    stage.world.knobs.token_form = knobs.token_form.clone();
}

#[test]
fn a_grant_that_cannot_be_renewed_leads_to_a_login_after_a_while() {
    for knobs in dead_ends() {
        play_later(&Knobs::default(), &settings(), |stage| {
            stage.world.advance(HOUR);
            break_tokens(stage, &knobs);
            stage.user = User::Absent;
            let refresh_token = stage.refresh_token();
            for _ in 0..59 {
                let outcome = stage.call(LIST).unwrap_err();
                assert_ne!(outcome, Error::LoginRequired, "{outcome:?}");
                assert!(outcome.advice().contains("login"), "{}", outcome.advice());
                stage.world.advance(10);
            }
            assert_eq!(stage.refresh_token(), refresh_token, "{knobs:?}");
            stage.world.advance(10);
            assert_eq!(stage.call(LIST), Err(Error::LoginRequired));
            assert!((4..=6).contains(&stage.refreshes()), "{}", stage.refreshes());
            // Kept until the login has brought a new one, which a page that is closed does not.
            stage.user = User::GivesUp;
            assert_eq!(stage.call(LIST), Err(Error::Cancelled));
            assert_eq!(stage.refresh_token(), refresh_token, "{knobs:?}");
            stage.user = User::Consents;
            break_tokens(stage, &Knobs::default());
            assert_eq!(stage.call(LIST), Ok(200));
            assert_ne!(stage.refresh_token(), refresh_token);
            assert_eq!(stage.logins(), 1, "and the one that was given up went nowhere");
        });
    }
}

#[test]
fn a_server_that_is_mended_is_asked_again_before_a_page_opens() {
    for knobs in dead_ends() {
        play_later(&Knobs::default(), &settings(), |stage| {
            stage.world.advance(HOUR);
            break_tokens(stage, &knobs);
            stage.user = User::Absent;
            for _ in 0..120 {
                drop(stage.call(LIST));
                stage.world.advance(10);
            }
            assert_eq!(stage.call(LIST), Err(Error::LoginRequired));
            break_tokens(stage, &Knobs::default());
            stage.world.advance(750);
            assert_eq!(stage.call(LIST), Ok(200));
            assert_eq!(stage.logins(), 0);
            // All is forgotten: the next trouble begins anew.
            stage.world.advance(HOUR);
            break_tokens(stage, &knobs);
            let outcome = stage.call(LIST).unwrap_err();
            assert_ne!(outcome, Error::LoginRequired, "{outcome:?}");
        });
    }
}

/// A token endpoint that says no to the request, and not to the grant, sends its users to the page as before.
#[test]
fn a_refusal_that_would_be_the_same_again_leads_to_a_login() {
    play_later(&Knobs::default(), &settings(), |stage| {
        stage.world.advance(HOUR);
        stage.user = User::Absent;
        stage.world.knobs.token_form = Damage::always(TokenForm::Refuse("invalid_request".into()));
        assert_eq!(stage.call(LIST), Err(Error::LoginRequired));
        assert_eq!(stage.refreshes(), 1);
    });
}

/// The token of a login is refused before any was taken, and its refresh brings no other: nothing was tried by then that
/// could not help the next time, neither by whoever has logged in nor by others.
#[test]
fn a_refresh_that_brings_a_refresh_token_alone_is_made_again_after_its_pause() {
    for is_own in [false, true] {
        let stage = play(&Knobs::default(), &settings(), |stage| {
            assert_eq!(stage.authenticate(0), Ok(()));
            let host = if is_own { 0 } else { stage.add_host() };
            stage.user = User::Absent;
            stage.world.revoke_access_tokens();
            stage.world.knobs.token_form = Damage::times(TokenForm::NoAccessToken, 1);
            assert!(matches!(stage.call_from(host, LIST), Err(Error::Malformed(_))));
            let pause = pause(stage.call_from(host, LIST)).unwrap();
            stage.world.advance(pause);
            assert_eq!(stage.call_from(host, LIST), Ok(200));
        });
        assert_eq!((stage.refreshes(), stage.logins()), (2, 1));
    }
}

/// The same while the refresh token that came alone cannot be stored.
#[test]
fn a_refresh_that_brings_a_refresh_token_alone_is_made_again_also_if_that_is_stored_late() {
    let knobs = Knobs { access_lifetime: 40, ..Knobs::default() };
    let stage = play(&knobs, &settings(), |stage| {
        assert_eq!(stage.authenticate(0), Ok(()));
        stage.user = User::Absent;
        stage.world.knobs.mcp_damage = Damage::always(Fault::Status(401));
        stage.world.knobs.token_damage = Damage::times(Fault::TooMany { retry_after: 5 }, 1);
        assert_eq!(pause(stage.call(LIST)), Some(5), "it is refused, and not refreshed");
        // It lives for some seconds yet, and is to be refreshed.
        stage.world.advance(32);
        stage.world.knobs.token_form = Damage::times(TokenForm::NoAccessToken, 1);
        stage.store.broken = Broken { save: true, ..Broken::default() };
        assert_eq!(stage.authenticate(0), Ok(()));
        stage.store.broken = Broken::default();
        let pause = pause(stage.call(LIST)).unwrap();
        stage.world.knobs.mcp_damage = Damage::none();
        stage.world.advance(pause);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((stage.refreshes(), stage.logins()), (3, 1));
}

/// In memory and in the store alike: whoever starts anew finds the pause, and whoever cannot read it is not harmed.
#[test]
fn a_record_carries_its_trouble_and_loses_it_with_the_next_tokens() {
    expired(&Fault::TooMany { retry_after: 120 }, |stage| {
        drop(stage.call(LIST));
        let json = stage.record().unwrap().to_json();
        assert!(json.contains("\"trouble\""), "{json}");
        stage.restart();
        assert_eq!(pause(stage.call(LIST)), Some(120));
        stage.world.knobs.token_damage = Damage::none();
        stage.world.advance(120);
        assert_eq!(stage.call(LIST), Ok(200));
        assert!(!stage.record().unwrap().to_json().contains("trouble"));
    });
}
