//! A page, and a code beside it: whoever comes back first wins, and the other way is ended.

use oauth_core::error::Actor;
use oauth_core::flow::Dpop;
use oauth_core::session::Turn;
use oauth_core::{Endpoint, Error};
use oauth_tests::drive::{Event, User, play, play_later};
use oauth_tests::world::{
    AuthMethod, Damage, DeviceForm, Fault, PRE_CLIENT_ID, PRE_CLIENT_SECRET, Par, ScopePolicy,
    TokenForm,
};

use super::ends::cancel_at_each_turn;
use super::*;

/// A host that leaves it to the user.
fn either_way() -> Settings {
    settings().or_device_code()
}

/// How often the user was at the page, a code of theirs was redeemed, and a client registered.
fn visits(stage: &Stage) -> (usize, usize, usize) {
    let count = |what| stage.world.count(what);
    (count(What::Authorize), count(What::Token(Grant::Code)), count(What::Register))
}

/// The user is back in the browser after so many seconds, and never if there are none.
fn returns_after(stage: &mut Stage, seconds: Option<u64>) {
    stage.user = User::ReturnsAt(seconds.map_or(u64::MAX, |late| stage.now().as_secs() + late));
}

#[test]
fn whoever_comes_back_first_wins() {
    for (in_browser, on_device, polls, wins) in [
        (Some(0), None, 0, GrantKind::AuthorizationCode),
        (Some(12), None, 2, GrantKind::AuthorizationCode),
        // The user has been faster there, and nobody has heard of it yet.
        (Some(13), Some(11), 2, GrantKind::AuthorizationCode),
        (Some(17), Some(11), 3, GrantKind::DeviceCode),
        (None, Some(12), 3, GrantKind::DeviceCode),
    ] {
        let device_user = on_device.map_or(DeviceUser::Waits, DeviceUser::ApprovesAfter);
        let knobs = Knobs { device_user, ..Knobs::devices() };
        for settings in [either_way(), either_way().client_records()] {
            let stage = play(&knobs, &settings, |stage| {
                returns_after(stage, in_browser);
                assert_eq!(stage.call("tools/list"), Ok(200));
                // What has lost is left alone.
                stage.world.advance(100);
                assert_eq!(stage.call("tools/list"), Ok(200));
                stage.world.advance(stage.world.knobs.access_lifetime);
                assert_eq!(stage.call("tools/list"), Ok(200));
            });
            let case = (in_browser, on_device);
            let by_code = usize::from(wins == GrantKind::AuthorizationCode);
            assert_eq!(asked(&stage), (1, polls), "{case:?}");
            assert_eq!(visits(&stage), (by_code, by_code, 1), "{case:?}");
            assert_eq!(stage.record().expect("tokens").binding().grant(), wins, "{case:?}");
            assert_eq!(stage.refreshes(), 1);
        }
    }
}

/// One registration, whichever way it will be.
#[test]
fn a_client_registers_for_both() {
    let stage = play(&consents_after(1), &either_way(), |stage| {
        returns_after(stage, None);
        assert_eq!(stage.call("tools/list"), Ok(200));
        stage.user = User::Consents;
        stage.session_mut(0).log_in();
        assert_eq!(stage.obtain(0), Ok(()));
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    let [registration] = *stage.world.requests(What::Register) else { panic!("one") };
    let grants = registration.json["grant_types"].as_array().unwrap();
    for grant in [Grant::Code, Grant::Refresh, Grant::Device] {
        assert!(grants.iter().any(|it| it == grant.as_str()), "{grants:?}");
    }
    assert_eq!(visits(&stage), (1, 1, 1), "the client of the one is that of the other");
}

/// Nothing is asked that would be refused, and a login is what it is without the setting.
#[test]
fn a_server_that_does_not_offer_it_is_asked_for_none() {
    for knobs in [
        Knobs::default(),
        Knobs { device: false, ..Knobs::devices() },
        Knobs { grant_types: None, ..Knobs::devices() },
        Knobs { grant_types: Some(vec![Grant::Code.as_str().into()]), ..Knobs::devices() },
    ] {
        let stage = play(&knobs, &either_way(), |stage| {
            assert_eq!(stage.call("tools/list"), Ok(200));
        });
        assert_eq!((asked(&stage), visits(&stage)), ((0, 0), (1, 1, 1)), "{knobs:?}");
        assert_eq!(stage.pages.len(), 0);
        let [registration] = *stage.world.requests(What::Register) else { panic!("one") };
        assert!(!registration.json["grant_types"].to_string().contains("device_code"));
    }
}

/// It costs nobody the page.
#[test]
fn what_does_not_work_on_another_device_is_left_to_the_browser() {
    let damage = |damage| Knobs { device_damage: Damage::always(damage), ..consents_after(1) };
    let form = |form| Knobs { device_form: Damage::always(form), ..consents_after(1) };
    for knobs in [
        damage(Fault::Status(503)),
        damage(Fault::Html),
        form(DeviceForm::HttpPage),
        form(DeviceForm::NoUserCode),
        form(DeviceForm::Refuse("unauthorized_client".into())),
        form(DeviceForm::Refuse("access_denied".into())),
        form(DeviceForm::Refuse("server_error".into())),
    ] {
        let stage = play(&knobs, &either_way(), |stage| {
            returns_after(stage, Some(30));
            assert_eq!(stage.call("tools/list"), Ok(200));
        });
        assert_eq!((asked(&stage), visits(&stage)), ((1, 0), (1, 1, 1)), "{knobs:?}");
        assert_eq!(stage.pages.len(), 0, "nobody saw a code");
    }
}

#[test]
fn a_network_that_is_gone_for_codes_leaves_the_login_to_the_browser() {
    let stage = play(&consents_after(1), &either_way(), |stage| {
        stage.network.silent = Some(Endpoint::DeviceAuthorization);
        returns_after(stage, Some(30));
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!((asked(&stage), visits(&stage)), ((0, 0), (1, 1, 1)));
}

#[test]
fn a_poll_that_is_refused_ends_the_polls_and_not_the_login() {
    let token_form = Damage::times(TokenForm::Refuse("invalid_grant".into()), 1);
    let knobs = Knobs { token_form, ..consents_after(1) };
    let stage = play(&knobs, &either_way(), |stage| {
        returns_after(stage, Some(30));
        assert_eq!(stage.call("tools/list"), Ok(200));
        let words = stage.session(0).timeline().to_string();
        assert!(words.contains("invalid_grant"), "{words}");
    });
    assert_eq!((asked(&stage), visits(&stage)), ((1, 1), (1, 1, 1)));
}

#[test]
fn a_code_that_runs_out_is_replaced_by_no_other_and_the_page_stays() {
    let knobs = Knobs { device_lifetime: 20, ..Knobs::devices() };
    let stage = play(&knobs, &either_way(), |stage| {
        returns_after(stage, Some(100));
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!((asked(&stage), visits(&stage)), ((1, 3), (1, 1, 1)));
}

/// It is one user, who has been asked.
#[test]
fn a_no_is_meant_for_both() {
    let knobs = Knobs { device_user: DeviceUser::DeniesAfter(7), ..Knobs::devices() };
    let stage = play(&knobs, &either_way(), |stage| {
        returns_after(stage, Some(30));
        let no = stage.call("tools/list").expect_err("the user says no");
        assert_eq!(no.code(), "refused_device_authorization_access_denied");
        assert_eq!(no.actor(), Actor::User);
    });
    assert_eq!((asked(&stage), visits(&stage)), ((1, 2), (0, 0, 1)));
}

#[test]
fn the_redirect_of_another_login_ends_nothing() {
    let stage = play(&consents_after(7), &either_way(), |stage| {
        stage.user = User::ConsentsAfter(vec!["code=planted&state=planted".into()]);
        stage.session_mut(0).log_in();
        assert_eq!(stage.run(0), Ok(Event::Login));
        stage.begin(0);
        while stage.refused_redirects.is_empty() {
            assert_eq!(stage.step(0), Ok(Event::Progress));
        }
        returns_after(stage, None);
        assert_eq!(stage.run(0), Ok(Event::Ready));
    });
    assert_eq!((asked(&stage), visits(&stage)), ((1, 2), (0, 0, 1)));
}

/// The server says so before anybody is at a dead page.
#[test]
fn a_client_that_the_server_has_forgotten_costs_its_user_nothing() {
    let stage = play_later(&consents_after(1), &either_way(), |stage| {
        stage.world.forget_clients();
        returns_after(stage, Some(30));
        stage.session_mut(0).log_in();
        assert_eq!(stage.obtain(0), Ok(()));
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!((asked(&stage), visits(&stage)), ((2, 1), (0, 0, 1)));
    assert_eq!(stage.pages.len(), 1);
}

/// With a secret, with bound tokens, and where requests are pushed.
#[test]
fn both_ways_are_open_to_every_client() {
    let listed = || Some(vec![AuthMethod::Post]);
    let secret =
        Knobs { token_auth_methods: listed(), pre_method: AuthMethod::Post, ..consents_after(12) };
    let brought = either_way().client_id(PRE_CLIENT_ID, Some(PRE_CLIENT_SECRET.into())).unwrap();
    let bound = Knobs {
        device: true,
        device_user: DeviceUser::ApprovesAfter(12),
        grant_types: Knobs::devices().grant_types,
        ..Knobs::bound()
    };
    let pushed = Knobs { par: Par::Required, ..consents_after(12) };
    for (knobs, settings, registrations) in [
        (&secret, brought.clone(), 0),
        (&secret, brought.client_records(), 0),
        (&bound, either_way().dpop(Dpop::Required), 1),
        (&pushed, either_way(), 1),
    ] {
        for in_browser in [Some(7), None] {
            let stage = play(knobs, &settings, |stage| {
                returns_after(stage, in_browser);
                assert_eq!(stage.call("tools/list"), Ok(200));
                stage.world.advance(stage.world.knobs.access_lifetime);
                assert_eq!(stage.call("tools/list"), Ok(200));
            });
            let polls = if in_browser.is_some() { 1 } else { 3 };
            assert_eq!(asked(&stage), (1, polls));
            assert_eq!((visits(&stage).2, stage.refreshes()), (registrations, 1));
        }
    }
}

/// A step-up, and a login with what the other ways have left.
#[test]
fn later_logins_go_either_way_as_well() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..consents_after(1) };
    for in_browser in [Some(0), None] {
        let stage = play(&knobs, &either_way(), |stage| {
            returns_after(stage, in_browser);
            assert_eq!(stage.call("tools/list"), Ok(200));
            stage.forget_log();
            returns_after(stage, in_browser);
            assert_eq!(stage.call("tools/call"), Ok(200));
        });
        assert_eq!((asked(&stage).0, visits(&stage).2), (1, 0));
        assert_eq!(stage.world.count(What::ServerMetadata), 0, "nothing is found anew");
    }
    // What was found for devices alone has no page.
    let stage = play_later(&knobs, &on_device(), |stage| {
        stage.restart_with(either_way());
        returns_after(stage, Some(0));
        assert_eq!(stage.call("tools/call"), Ok(200));
    });
    assert_eq!((visits(&stage).0, stage.world.count(What::ServerMetadata)), (1, 1));
    for first in [settings(), on_device()] {
        let stage = play_later(&consents_after(1), &first, |stage| {
            stage.restart_with(either_way());
            assert_eq!(stage.call("tools/list"), Ok(200), "its tokens do");
            stage.session_mut(0).log_in();
            returns_after(stage, Some(3));
            assert_eq!(stage.obtain(0), Ok(()));
            assert_eq!(stage.call("tools/list"), Ok(200));
        });
        assert_eq!((asked(&stage), visits(&stage).0), ((1, 0), 1));
    }
}

#[test]
fn it_can_be_cancelled_at_each_of_its_turns() {
    cancel_at_each_turn(&either_way(), |stage| returns_after(stage, None));
}

/// The server has given the client a code, so it knows it.
#[test]
fn who_gives_up_at_the_page_casts_no_doubt_on_the_client() {
    let stage = play_later(&Knobs::devices(), &either_way(), |stage| {
        stage.user = User::GivesUp;
        stage.session_mut(0).log_in();
        assert_eq!(stage.obtain(0), Err(Error::Cancelled));
        stage.world.advance(24 * 3600);
        stage.world.end_grants();
        stage.restart();
        stage.user = User::Consents;
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!((asked(&stage), visits(&stage)), ((2, 0), (1, 1, 0)));
}

/// Whoever it is handed to has no place for a code, so none is asked for.
#[test]
fn a_login_that_is_handed_out_has_no_code() {
    for asks in [false, true] {
        let stage = play(&consents_after(1), &either_way(), |stage| {
            stage.user = User::Waits;
            stage.session_mut(0).log_in();
            assert_eq!(stage.run(0), Ok(Event::Login));
            stage.begin(0);
            let at_page = |stage: &mut Stage| {
                let turn = stage.session_mut(0).turn();
                matches!(turn, Ok(Turn::Browser(_, reply)) if !asks || !reply.offers_code())
            };
            while !at_page(stage) {
                assert_eq!(stage.step(0), Ok(Event::Progress));
            }
            let pending = stage.suspend(0);
            stage.run(0).expect_err("it is handed out");
            stage.user = User::Consents;
            let other = stage.resume(pending).unwrap();
            assert_eq!(stage.run(other), Ok(Event::Ready));
        });
        assert_eq!((asked(&stage), visits(&stage)), ((usize::from(asks), 0), (1, 1, 1)));
    }
}
