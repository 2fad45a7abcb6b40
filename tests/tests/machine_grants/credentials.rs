//! The client's own credentials: a secret or a key.

use oauth_core::AuthMethod::PrivateKeyJwt;
use oauth_core::flow::GrantKind;
use oauth_core::session::{Session, Turn};
use oauth_tests::drive::{Event, User};
use oauth_tests::world::{Key, ScopePolicy};

use super::*;

const GRANT: Grant = Grant::ClientCredentials;

#[test]
fn the_first_call_takes_one_token_request() {
    for (knobs, settings, signatures) in
        [(machines(GRANT), with_secret(), 0), (of_keys(), with_key(SigningAlgorithm::Es256), 1)]
    {
        let stage = play(&knobs, &settings, |stage| {
            assert_eq!(stage.call("tools/list"), Ok(200));
            assert_eq!(stage.call("tools/list"), Ok(200));
        });
        assert_eq!(asked(&stage, GRANT), [1, 1, 1]);
        assert_eq!(stage.gifts.signatures, signatures);
        let record = stage.record().expect("it is stored");
        assert_eq!(record.binding().grant(), GrantKind::ClientCredentials);
    }
}

#[test]
fn a_key_is_used_where_a_secret_is_set_up_too() {
    let (key_id, algorithms) = (Some("key-1".into()), SigningAlgorithm::Es256.into());
    let settings = with_secret().signing_key(KeyDescription { key_id, algorithms });
    let stage = play(&of_keys(), &settings, |stage| {
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!(stage.gifts.signatures, 1);
}

#[test]
fn the_secret_goes_where_the_server_wants_it() {
    for method in [AuthMethod::Basic, AuthMethod::Post] {
        let mut knobs = machines(GRANT);
        (knobs.pre_method, knobs.token_auth_methods) = (method, Some(vec![method]));
        let stage = play(&knobs, &with_secret(), |stage| {
            assert_eq!(stage.call("tools/list"), Ok(200));
        });
        assert_eq!(asked(&stage, GRANT), [1, 1, 1]);
    }
}

#[test]
fn a_token_that_has_run_out_costs_one_request_and_a_restart_none_while_it_lives() {
    for (knobs, settings) in
        [(machines(GRANT), with_secret()), (of_keys(), with_key(SigningAlgorithm::Es256))]
    {
        let stage = play(&knobs, &settings, |stage| {
            assert_eq!(stage.call("tools/list"), Ok(200));
            let other = stage.add_host();
            assert_eq!(stage.call_from(other, "tools/list"), Ok(200));
            stage.world.advance(knobs.access_lifetime);
            assert_eq!(stage.call("tools/list"), Ok(200));
            assert_eq!(stage.call_from(other, "tools/list"), Ok(200));
        });
        assert_eq!(asked(&stage, GRANT), [1, 1, 2]);
    }
}

#[test]
fn it_is_asked_for_again_a_little_before_it_runs_out() {
    let knobs = machines(GRANT);
    let stage = play(&knobs, &with_secret(), |stage| {
        assert_eq!(stage.call("tools/list"), Ok(200));
        stage.world.advance(knobs.access_lifetime - 30);
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!(asked(&stage, GRANT), [1, 1, 2]);
}

#[test]
fn each_request_is_signed_anew() {
    let mut knobs = of_keys();
    knobs.client_keys = vec![Key::ed25519(7).public().named("key-1")];
    let stage = play(&knobs, &with_key(SigningAlgorithm::EdDsa), |stage| {
        stage.gifts.key = Key::ed25519(7);
        for _ in 0..3 {
            assert_eq!(stage.call("tools/list"), Ok(200));
            stage.world.advance(knobs.access_lifetime);
        }
    });
    // The world sees to it that no `jti` comes twice.
    assert_eq!((asked(&stage, GRANT), stage.gifts.signatures), ([1, 1, 3], 3));
    for sent in stage.world.presented() {
        assert!(stage.store.written.iter().all(|record| !record.contains(&sent)), "{sent}");
    }
}

#[test]
fn a_refused_token_is_asked_for_once_more_and_no_oftener() {
    let stage = play(&machines(GRANT), &with_secret(), |stage| {
        assert_eq!(stage.call("tools/list"), Ok(200));
        stage.world.advance(60);
        stage.world.revoke_access_tokens();
        assert_eq!(stage.call("tools/list"), Ok(200));
        stage.world.advance(60);
        stage.world.knobs.refuses_calls = true;
        let refused = stage.call("tools/call").expect_err("it is refused again and again");
        assert_eq!(refused.code(), "still_refused", "{refused}");
    });
    assert_eq!(asked(&stage, GRANT)[2], 3);
}

#[test]
fn a_token_of_somebody_else_that_is_refused_as_well_is_no_reason_to_give_up() {
    let stage = play(&machines(GRANT), &with_secret(), |stage| {
        assert_eq!(stage.call("tools/list"), Ok(200));
        let other = stage.add_host();
        assert_eq!(stage.call_from(other, "tools/list"), Ok(200));
        stage.session_mut(other).renew();
        assert_eq!(stage.run(other), Ok(Event::Ready));
        stage.world.advance(60);
        stage.world.revoke_access_tokens();
        assert_eq!(stage.call("tools/list"), Ok(200));
        assert_eq!(stage.call_from(other, "tools/list"), Ok(200));
    });
    assert_eq!(asked(&stage, GRANT)[2], 3);
}

#[test]
fn a_server_that_moves_is_followed_by_the_call_after_the_refused_one() {
    let knobs = Knobs { migrate_after: Some(1), ..machines(GRANT) };
    let settings = with_secret();
    let mut stage = Stage::new(&knobs, &settings, false);
    assert_eq!(stage.call("tools/list"), Ok(200));
    stage.world.advance(60);
    assert_eq!(stage.call("tools/list").expect_err("its server is gone").code(), "still_refused");
    stage.world.advance(60);
    // The client is the first server's, and nothing of it goes to the second.
    assert_eq!(stage.call("tools/list").expect_err("another server").code(), "foreign_client");
    assert_eq!(asked(&stage, GRANT), [2, 2, 2]);
    assert_eq!(stage.world.violations, [""; 0]);
}

#[test]
fn a_program_that_gets_tokens_in_both_ways_keeps_both() {
    let grants = ["authorization_code", "refresh_token", "client_credentials"];
    let knobs = Knobs { grant_types: Some(grants.map(Into::into).into()), ..Knobs::default() };
    let stage = play(&knobs, &settings(), |stage| {
        assert_eq!(stage.call("tools/list"), Ok(200));
        let refresh_token = stage.refresh_token();
        stage.restart_with(with_secret());
        assert_eq!(stage.call("tools/list"), Ok(200));
        stage.restart_with(settings());
        stage.user = User::Absent;
        assert_eq!(stage.call("tools/list"), Ok(200));
        assert_eq!(stage.refresh_token(), refresh_token);
        stage.restart_with(with_secret());
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!(stage.world.count(What::Token(GRANT)), 1);
    assert_eq!((stage.logins(), stage.world.count(What::Register)), (1, 1));
}

/// Whatever a host with a store of its own looks it up by.
#[test]
fn what_was_got_by_another_grant_is_nobodys() {
    let stage = play(&machines(GRANT), &with_secret(), |stage| {
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    let mut user = Session::new(settings().into());
    let Ok(Turn::Load(reply)) = user.turn() else { panic!("it looks first") };
    reply.loaded(stage.record(), stage.now());
    assert!(matches!(user.turn(), Ok(Turn::Login(_))), "{user:?}");
}

#[test]
fn nor_is_what_was_got_by_another_client() {
    for restart in [false, true] {
        let mut stage = Stage::new(&machines(GRANT), &with_secret(), restart);
        assert_eq!(stage.call("tools/list"), Ok(200));
        let other = settings().client_id("another-client", Some(Secret::from("s")));
        stage.restart_with(other.expect("a client").client_issuer(ISSUER).client_credentials());
        let refused = stage.call("tools/list").expect_err("nobody knows it");
        assert_eq!(refused.code(), "refused_token_invalid_client", "{refused}");
        assert_eq!(stage.world.count(What::Token(GRANT)), 2);
    }
}

#[test]
fn a_step_up_asks_for_the_union_once() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..machines(GRANT) };
    let stage = play(&knobs, &with_secret(), |stage| {
        assert_eq!(stage.call("tools/list"), Ok(200));
        assert_eq!(stage.call("tools/call"), Ok(200));
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!(asked(&stage, GRANT)[2], 2);
    let knobs = Knobs { scopes: ScopePolicy::AlwaysInsufficient, ..machines(GRANT) };
    let stage = play(&knobs, &with_secret(), |stage| {
        assert_eq!(stage.call("tools/call"), Ok(403));
    });
    assert_eq!(asked(&stage, GRANT)[2], 2);
}

#[test]
fn a_renewal_elsewhere_is_no_answer_to_who_lacks_a_scope() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..machines(GRANT) };
    let stage = play(&knobs, &with_secret(), |stage| {
        assert_eq!(stage.call("tools/list"), Ok(200));
        let other = stage.add_host();
        assert_eq!(stage.call_from(other, "tools/list"), Ok(200));
        stage.session_mut(other).renew();
        assert_eq!(stage.run(other), Ok(Event::Ready));
        assert_eq!(stage.call("tools/call"), Ok(200));
    });
    assert_eq!(asked(&stage, GRANT)[2], 3);
}

#[test]
fn settings_that_cannot_work_are_said_before_anything_is_sent() {
    for (settings, code) in [
        (settings().client_credentials(), "no_client"),
        (with_secret().token_endpoint_auth_method(PrivateKeyJwt), "method_needs_key"),
        (settings().client_id("c", None).expect("a client").client_credentials(), "no_credential"),
    ] {
        let stage = play(&machines(GRANT), &settings, |stage| {
            let refused = stage.call("tools/list").expect_err(code);
            assert_eq!(refused.code(), code, "{refused}");
        });
        assert_eq!(stage.world.token_requests(), 0);
    }
}
