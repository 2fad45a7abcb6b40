//! Who the client is: registered or brought, with a secret, a key or nothing, with bound tokens; and what is left for
//! the next login.

use oauth_core::SigningAlgorithm;
use oauth_core::flow::Dpop;
use oauth_core::wire::KeyDescription;
use oauth_tests::drive::{Event, play, play_later};
use oauth_tests::world::{AuthMethod, PRE_CLIENT_ID, PRE_CLIENT_SECRET, PkceSupport, ScopePolicy};

use super::*;

fn registrations(stage: &Stage) -> usize {
    stage.world.count(What::Register)
}

#[test]
fn a_client_that_the_host_brings_authenticates_at_both_endpoints() {
    for (method, secret, signatures) in [
        (AuthMethod::None, None, 0),
        (AuthMethod::Basic, Some(PRE_CLIENT_SECRET), 0),
        (AuthMethod::Post, Some(PRE_CLIENT_SECRET), 0),
        (AuthMethod::PrivateKeyJwt, None, 3),
    ] {
        let knobs = Knobs {
            pre_method: method,
            token_auth_methods: Some(vec![method]),
            ..consents_after(7)
        };
        let mut settings =
            on_device().client_id(PRE_CLIENT_ID, secret.map(Into::into)).expect("a client");
        if method == AuthMethod::PrivateKeyJwt {
            let algorithms = SigningAlgorithm::Es256.into();
            settings =
                settings.signing_key(KeyDescription { key_id: Some("key-1".into()), algorithms });
        }
        for settings in [settings.clone(), settings.client_records()] {
            let stage = play(&knobs, &settings, |stage| {
                assert_eq!(stage.call("tools/list"), Ok(200));
            });
            assert_eq!((asked(&stage), registrations(&stage)), ((1, 2), 0), "{method:?}");
            assert_eq!(stage.gifts.signatures, signatures, "one for each request");
        }
    }
}

/// Each poll has a proof of its own: the world refuses one that it has seen.
#[test]
fn tokens_can_be_bound_to_a_key() {
    for dpop in [Dpop::IfRequired, Dpop::Required] {
        let knobs = Knobs {
            device: true,
            device_user: DeviceUser::ApprovesAfter(12),
            grant_types: Knobs::devices().grant_types,
            ..Knobs::bound()
        };
        let stage = play(&knobs, &on_device().dpop(dpop), |stage| {
            assert_eq!(stage.call("tools/list"), Ok(200));
            stage.world.advance(stage.world.knobs.access_lifetime);
            assert_eq!(stage.call("tools/list"), Ok(200));
        });
        assert_eq!((asked(&stage), stage.refreshes()), ((1, 3), 1));
    }
}

/// A server refuses whoever names a grant that it does not list.
#[test]
fn a_client_registers_for_it_where_the_server_lists_it() {
    let name = Grant::Device.as_str();
    let named = |stage: &Stage| {
        let [registration] = *stage.world.requests(What::Register) else { panic!("one") };
        registration.json["grant_types"].as_array().unwrap().iter().any(|grant| grant == name)
    };
    let stage = play(&consents_after(1), &on_device(), |stage| {
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert!(named(&stage));
    // This world gives codes to nobody who has not named it, and blames them.
    let knobs = Knobs { grant_types: None, ..consents_after(1) };
    let mut stage = Stage::new(&knobs, &on_device(), false);
    let refused = stage.call("tools/list").expect_err("not registered for it");
    assert_eq!(refused.code(), "refused_device_authorization_unauthorized_client");
    assert!(!named(&stage));
    assert_eq!(registrations(&stage), 1, "another one would be refused as well");
}

#[test]
fn a_document_for_machines_without_a_browser_will_do() {
    let knobs =
        Knobs { authorization_endpoint: false, pkce: PkceSupport::Absent, ..consents_after(1) };
    let stage = play(&knobs, &on_device(), |stage| {
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!(asked(&stage), (1, 1));
}

#[test]
fn its_tokens_are_refreshed_and_its_client_is_used_again() {
    for settings in [on_device(), on_device().client_records()] {
        let stage = play_later(&consents_after(1), &settings, |stage| {
            stage.world.advance(stage.world.knobs.access_lifetime);
            assert_eq!(stage.call("tools/list"), Ok(200));
            stage.world.end_grants();
            stage.world.advance(stage.world.knobs.access_lifetime);
            assert_eq!(stage.call("tools/list"), Ok(200));
        });
        assert_eq!((asked(&stage), stage.refreshes(), registrations(&stage)), ((1, 1), 2, 0));
    }
}

/// What a user has consented to in a browser is as good over SSH, and the other way round.
#[test]
fn tokens_of_the_one_way_do_for_the_other() {
    for (first, then) in [(settings(), on_device()), (on_device(), settings())] {
        let stage = play_later(&consents_after(1), &first, |stage| {
            stage.restart_with(then.clone());
            assert_eq!(stage.call("tools/list"), Ok(200));
            stage.world.advance(stage.world.knobs.access_lifetime);
            assert_eq!(stage.call("tools/list"), Ok(200));
        });
        assert_eq!((stage.refreshes(), registrations(&stage)), (1, 0));
    }
}

/// A client of the browser was not registered for codes.
#[test]
fn a_login_by_the_other_way_registers_where_it_has_to() {
    let stage = play_later(&consents_after(1), &settings(), |stage| {
        stage.restart_with(on_device());
        stage.session_mut(0).log_in();
        assert_eq!(stage.obtain(0), Ok(()));
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!((asked(&stage), registrations(&stage)), ((1, 1), 1));
}

/// The server says so before the user is asked for anything.
#[test]
fn a_client_that_the_server_has_forgotten_is_registered_anew() {
    let stage = play_later(&consents_after(1), &on_device(), |stage| {
        stage.world.forget_clients();
        stage.session_mut(0).log_in();
        assert_eq!(stage.obtain(0), Ok(()));
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!((asked(&stage), registrations(&stage)), ((2, 1), 1));
    assert_eq!(stage.pages.len(), 2, "one for each login");
}

#[test]
fn a_missing_scope_is_consented_to_on_another_device_as_well() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..consents_after(1) };
    let stage = play_later(&knobs, &on_device(), |stage| {
        assert_eq!(stage.call("tools/call"), Ok(200));
    });
    assert_eq!((asked(&stage), registrations(&stage)), ((1, 1), 0));
    assert_eq!(stage.world.count(What::ServerMetadata), 0, "nothing is found anew");
}

/// Whose a client is that the host brings is written down before its secret leaves, and it leaves with the first request.
#[test]
fn a_secret_is_claimed_before_codes_are_asked_for() {
    let knobs = Knobs {
        token_auth_methods: Some(vec![AuthMethod::Post]),
        pre_method: AuthMethod::Post,
        ..consents_after(1)
    };
    let settings = on_device()
        .client_id(PRE_CLIENT_ID, Some(PRE_CLIENT_SECRET.into()))
        .expect("a client")
        .client_records();
    let mut stage = Stage::new(&knobs, &settings, false);
    stage.session_mut(0).log_in();
    assert_eq!(stage.run(0), Ok(Event::Login));
    stage.begin(0);
    let is_claimed = |stage: &Stage| {
        let own = stage.record().expect("who the client is, is written down");
        let key = own.client_key(stage.settings()).expect("it is shared");
        stage.store.load(&key).is_some()
    };
    while stage.world.count(What::Device) == 0 {
        assert_eq!(stage.step(0), Ok(Event::Progress));
        if stage.world.count(What::Device) == 1 {
            assert!(is_claimed(&stage));
        }
    }
}
