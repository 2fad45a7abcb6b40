//! Logins that bring no token: the user says no, or nobody comes, or the host does not want it any more.

use oauth_core::Error;
use oauth_core::error::Actor;
use oauth_tests::drive::{Event, MAX_STEPS, User, play, play_later};
use oauth_tests::world::{Damage, DeviceForm};

use super::*;

#[test]
fn the_users_no_ends_it_at_once() {
    let knobs = Knobs { device_user: DeviceUser::DeniesAfter(7), ..Knobs::devices() };
    let stage = play(&knobs, &on_device(), |stage| {
        let no = stage.call("tools/list").expect_err("the user says no");
        assert_eq!(no.code(), "refused_device_authorization_access_denied");
        assert_eq!(no.actor(), Actor::User);
    });
    assert_eq!(asked(&stage), (1, 2));
}

#[test]
fn a_code_that_nobody_uses_runs_out_and_no_other_is_asked_for() {
    for interval in [None, Some(7), Some(1_000)] {
        let lifetime = 120;
        let knobs =
            Knobs { device_interval: interval, device_lifetime: lifetime, ..Knobs::devices() };
        let stage = play(&knobs, &on_device(), |stage| {
            let begun = stage.now();
            let late = stage.call("tools/list").expect_err("nobody comes");
            let expired_at = UnixTime::from_secs(begun.as_secs() + lifetime);
            assert_eq!(late, Error::LoginExpired { expired_at });
            assert_eq!(late.actor(), Actor::User);
            assert_eq!(stage.now(), expired_at);
        });
        let polls = (lifetime - 1) / interval.unwrap_or(5);
        assert_eq!(asked(&stage), (1, usize::try_from(polls).unwrap()), "{interval:?}");
    }
}

#[test]
fn nobody_is_waited_for_longer_than_an_hour() {
    let (year, day) = (365 * 24 * 3600, 24 * 3600);
    let knobs = Knobs { device_interval: Some(180), device_lifetime: year, ..consents_after(day) };
    let stage = play(&knobs, &on_device(), |stage| {
        let begun = stage.now().as_secs();
        assert_eq!(stage.call("tools/list").expect_err("nobody comes").code(), "login_expired");
        assert_eq!(stage.now().as_secs() - begun, 3600);
    });
    assert_eq!(asked(&stage), (1, 19));
}

#[test]
fn a_login_can_be_cancelled_at_each_of_its_turns() {
    cancel_at_each_turn(&on_device(), |_| ());
}

/// Cancels a login after each number of turns, until it is over by then; the next one goes on with the same client.
pub(super) fn cancel_at_each_turn(settings: &Settings, prepare: impl Fn(&mut Stage)) {
    let length = (0..MAX_STEPS).find(|turns| {
        let is_over = Cell::new(false);
        let stage = play(&consents_after(12), settings, |stage| {
            prepare(stage);
            stage.session_mut(0).log_in();
            assert_eq!(stage.run(0), Ok(Event::Login));
            stage.begin(0);
            for _ in 0..*turns {
                if stage.step(0) == Ok(Event::Ready) {
                    return is_over.set(true);
                }
            }
            while !stage.session_mut(0).cancel_login() {
                // A record that is being written is written first; a token that is there stays.
                if stage.step(0) == Ok(Event::Ready) {
                    return is_over.set(true);
                }
            }
            assert_eq!(stage.run(0), Err(Error::Cancelled), "{turns} turns");
            assert_eq!(stage.call("tools/list"), Ok(200), "{turns} turns");
        });
        assert_eq!(stage.world.count(What::Register), 1, "{turns} turns");
        is_over.get()
    });
    assert!(length > Some(10), "{length:?}");
}

#[test]
fn who_gives_up_at_the_page_can_try_again() {
    let stage = play(&consents_after(1), &on_device(), |stage| {
        stage.user = User::GivesUp;
        assert_eq!(stage.call("tools/list"), Err(Error::Cancelled));
        stage.user = User::Consents;
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!(asked(&stage), (2, 1));
    assert_eq!(stage.world.count(What::Register), 1);
}

/// The client was given a code, so the server knows it, however the login ends.
#[test]
fn logins_in_vain_cast_no_doubt_on_the_client() {
    for user in [DeviceUser::Waits, DeviceUser::DeniesAfter(1)] {
        let knobs = Knobs { device_interval: Some(30), ..consents_after(1) };
        let stage = play_later(&knobs, &on_device(), |stage| {
            stage.world.knobs.device_user = user;
            stage.session_mut(0).log_in();
            assert_eq!(stage.run(0), Ok(Event::Login));
            stage.begin(0);
            stage.run(0).expect_err("nobody consents");
            stage.world.advance(24 * 3600);
            stage.world.end_grants();
            stage.restart();
            stage.world.knobs.device_user = DeviceUser::ApprovesAfter(1);
            assert_eq!(stage.call("tools/list"), Ok(200));
        });
        assert_eq!(stage.world.count(What::Register), 0, "{user:?}");
        assert_eq!(stage.pages.len(), 3, "each login has its code");
    }
}

#[test]
fn a_server_without_codes_is_said_to_have_none() {
    let stage = play(&Knobs::default(), &on_device(), |stage| {
        let error = stage.call("tools/list").expect_err("there are no codes");
        assert_eq!(error.code(), "device_codes_not_offered");
        assert!(error.advice().contains("device_code"), "{}", error.advice());
        assert_eq!(error.actor(), Actor::Developer);
    });
    assert_eq!((asked(&stage), stage.world.count(What::Register)), ((0, 0), 0));
}

#[test]
fn what_must_not_be_shown_is_not() {
    for (form, code) in [
        (DeviceForm::HttpPage, "unsafe_url"),
        (DeviceForm::ScriptPage, "unsafe_url"),
        (DeviceForm::ControlCharacters, "malformed"),
        (DeviceForm::NoUserCode, "malformed"),
        (DeviceForm::NoDeviceCode, "malformed"),
        (DeviceForm::NoExpiresIn, "malformed"),
        (
            DeviceForm::Refuse("unauthorized_client".into()),
            "refused_device_authorization_unauthorized_client",
        ),
    ] {
        let knobs = Knobs { device_form: Damage::always(form), ..Knobs::devices() };
        let stage = play(&knobs, &on_device(), |stage| {
            assert_eq!(stage.call("tools/list").expect_err(code).code(), code);
        });
        assert_eq!((asked(&stage), stage.pages.len()), ((1, 0), 0));
    }
    let knobs =
        Knobs { device_form: Damage::always(DeviceForm::ScriptComplete), ..consents_after(1) };
    let stage = play(&knobs, &on_device(), |stage| {
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!(stage.pages[0].verification_uri_complete, None);
}
