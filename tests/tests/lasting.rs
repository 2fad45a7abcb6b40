//! Tokens that have to live for some time yet: how long they do, and what comes of a refresh for more. Each scenario also
//! restarts before every turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use core::time::Duration;

use oauth_core::{BearerAuth, Endpoint, Error};
use oauth_tests::drive::{Event, Stage, play_later, settings};
use oauth_tests::world::{Damage, Fault, Knobs, RefreshTokens, TokenForm, What};

const LIST: &str = "tools/list";

/// As long as an access token lives, in seconds.
const HOUR: u64 = 3600;

/// More than is left after half of it.
const MORE: u64 = HOUR / 2 + 1;

/// What a token for so many seconds comes to.
fn token_for(stage: &mut Stage, seconds: u64) -> Result<(), Error> {
    let wanted = Duration::from_secs(seconds);
    stage.session_mut(0).access_for(wanted);
    let _ = stage.run(0)?;
    let now = stage.now();
    stage.session_mut(0).lives_for(wanted, now)
}

fn too_short(lives_for: u64, wanted: u64) -> Error {
    let [lives_for, wanted] = [lives_for, wanted].map(Duration::from_secs);
    Error::TokenTooShort { lives_for, wanted }
}

/// A scenario in the middle of the life of a token.
fn later(knobs: &Knobs, scenario: impl Fn(&mut Stage)) -> Stage {
    play_later(knobs, &settings(), |stage| {
        stage.world.advance(HOUR / 2);
        scenario(stage);
        // Whoever wants less has it.
        assert_eq!(token_for(stage, HOUR / 2), Ok(()));
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(stage.logins(), 0);
    })
}

#[test]
fn a_token_is_refreshed_for_more_time_and_once() {
    let stage = later(&Knobs::default(), |stage| {
        assert_eq!(token_for(stage, MORE), Ok(()));
        assert_eq!(token_for(stage, HOUR), Ok(()));
        assert_eq!(token_for(stage, HOUR + 1), Err(too_short(HOUR, HOUR + 1)));
        // Others live no longer as long as it is new.
        stage.world.advance(59);
        assert_eq!(token_for(stage, HOUR), Err(too_short(HOUR - 59, HOUR)));
    });
    assert_eq!(stage.refreshes(), 1);
}

#[test]
fn a_refresh_for_more_time_that_is_refused_leaves_the_token_in_use() {
    let stage = later(&Knobs::default(), |stage| {
        let refuse = TokenForm::Refuse("invalid_grant".into());
        stage.world.knobs.token_form = Damage::times(refuse, 1);
        for _ in 0..2 {
            assert_eq!(token_for(stage, MORE), Err(too_short(HOUR / 2, MORE)));
        }
    });
    assert_eq!(stage.refreshes(), 1, "it is not asked for again");
}

/// The refresh token may be good yet, and is kept; a login would be needed to find out.
#[test]
fn a_refresh_for_more_time_that_is_refused_for_another_reason_is_made_once() {
    for code in
        ["unauthorized_client", "invalid_client", "invalid_request", "invalid_scope", "other"]
    {
        let stage = play_later(&Knobs::default(), &settings(), |stage| {
            stage.world.advance(HOUR / 2);
            let refuse = TokenForm::Refuse(code.into());
            stage.world.knobs.token_form = Damage::always(refuse);
            assert_eq!(token_for(stage, MORE), Err(too_short(HOUR / 2, MORE)), "{code}");
            // Whoever wants less has the token until it would be refreshed anyway.
            stage.world.advance(HOUR / 4);
            assert_eq!(token_for(stage, HOUR / 4), Ok(()), "{code}");
            assert_eq!(stage.call(LIST), Ok(200), "{code}");
        });
        assert_eq!((stage.refreshes(), stage.logins()), (1, 0), "{code}");
    }
}

#[test]
fn a_refresh_for_more_time_where_no_token_endpoint_is_any_more_is_made_once() {
    let stage = later(&Knobs::default(), |stage| {
        stage.network.tamper = Some(|endpoint, response| {
            if endpoint == Endpoint::Token {
                *response.status_mut() = http::StatusCode::NOT_FOUND;
                *response.body_mut() = b"<html>not found</html>".to_vec();
            }
        });
        assert_eq!(token_for(stage, MORE), Err(too_short(HOUR / 2, MORE)));
    });
    assert_eq!(stage.refreshes(), 1);
}

#[test]
fn a_refresh_for_more_time_that_is_postponed_is_not_made_again_at_once() {
    let stage = later(&Knobs::default(), |stage| {
        let fault = Fault::Unavailable { retry_after: 90 };
        stage.world.knobs.token_damage = Damage::times(fault, 1);
        for _ in 0..2 {
            let error = token_for(stage, MORE).unwrap_err();
            assert!(matches!(error, Error::Unreachable(_)) && error.is_retryable(), "{error:?}");
        }
        assert_eq!(stage.refreshes(), 1, "the server is left alone");
        assert_eq!(token_for(stage, HOUR / 2), Ok(()));
        stage.world.advance(90);
        assert_eq!(token_for(stage, HOUR / 2), Ok(()));
    });
    assert_eq!(stage.refreshes(), 2);
}

#[test]
fn a_refresh_for_more_time_that_no_answer_comes_to_can_be_tried_again() {
    let stage = later(&Knobs::default(), |stage| {
        stage.network.silent = Some(Endpoint::Token);
        let error = token_for(stage, MORE).unwrap_err();
        assert!(matches!(error, Error::Unreachable(_)) && error.is_retryable(), "{error:?}");
        assert_eq!(token_for(stage, HOUR / 2), Ok(()));
        stage.network.silent = None;
        assert_eq!(token_for(stage, MORE), Ok(()));
    });
    assert_eq!(stage.refreshes(), 1);
}

#[test]
fn a_token_that_cannot_be_refreshed_says_how_long_it_lives() {
    let knobs = Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() };
    let stage = later(&knobs, |stage| {
        assert_eq!(token_for(stage, MORE), Err(too_short(HOUR / 2, MORE)));
    });
    assert_eq!(stage.world.oauth_requests(), 0);
}

#[test]
fn a_token_whose_expiry_is_unknown_will_do() {
    let knobs = Knobs { token_form: Damage::always(TokenForm::NoExpiresIn), ..Knobs::default() };
    let stage = later(&knobs, |stage| assert_eq!(token_for(stage, u64::MAX), Ok(())));
    assert_eq!(stage.world.oauth_requests(), 0);
}

#[test]
fn a_token_that_is_fixed_will_do() {
    let fixed = settings().bearer(BearerAuth::new("fixed").unwrap());
    let mut stage = Stage::new(&Knobs::default(), &fixed, false);
    assert_eq!(token_for(&mut stage, u64::MAX), Ok(()));
    assert_eq!(stage.world.count(What::Authorize), 0);
}

/// Only time is wanted, and no person.
#[test]
fn no_token_at_all_leads_to_no_login() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    assert_eq!(token_for(&mut stage, 1), Err(Error::LoginRequired));
    assert_eq!(stage.run(0), Ok(Event::Login));
    let _ = play_later(&Knobs::default(), &settings(), |stage| {
        stage.world.advance(HOUR);
        let refuse = TokenForm::Refuse("invalid_grant".into());
        stage.world.knobs.token_form = Damage::times(refuse, 1);
        assert_eq!(token_for(stage, 1), Err(Error::LoginRequired));
        assert_eq!(stage.logins(), 0);
    });
}

/// Others logged in while the host asked its user. What that brought is used, however long it lives.
#[test]
fn a_login_of_others_will_do_whatever_time_was_wanted() {
    let knobs = Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() };
    let mut stage = Stage::new(&knobs, &settings(), false);
    let second = stage.add_host();
    stage.session_mut(0).access_for(Duration::from_secs(2 * HOUR));
    assert_eq!(stage.run(0), Ok(Event::Login));
    assert_eq!(stage.authenticate(second), Ok(()));
    stage.world.advance(61);
    stage.begin(0);
    assert_eq!(stage.run(0), Ok(Event::Ready));
    assert_eq!(stage.logins(), 1);
}
