//! Servers, hosts and stores in trouble: what lives is used, nothing is asked in vain, and no page is opened.

use oauth_core::Error;
use oauth_core::error::HostGift;
use oauth_tests::world::{Damage, Fault};

use super::*;

const GRANT: Grant = Grant::ClientCredentials;

#[test]
fn a_refusal_is_said_and_is_not_asked_again_by_the_same_call() {
    for code in ["invalid_client", "unauthorized_client", "invalid_scope"] {
        let knobs = Knobs {
            token_form: Damage::always(oauth_tests::world::TokenForm::Refuse(code.into())),
            ..machines(GRANT)
        };
        let stage = play(&knobs, &with_secret(), |stage| {
            let refused = stage.call("tools/list").expect_err(code);
            assert_eq!(refused.code(), format!("refused_token_{code}"), "{refused}");
        });
        assert_eq!(asked(&stage, GRANT)[2], 1);
    }
}

#[test]
fn an_old_token_is_used_while_the_server_is_down() {
    let knobs = machines(GRANT);
    let stage = play(&knobs, &with_secret(), |stage| {
        assert_eq!(stage.call("tools/list"), Ok(200));
        stage.world.advance(knobs.access_lifetime - 30);
        stage.world.knobs.token_damage = Damage::always(Fault::Status(503));
        assert_eq!(stage.call("tools/list"), Ok(200));
        assert_eq!(stage.call("tools/list"), Ok(200));
        stage.world.advance(30);
        let down = stage.call("tools/list").expect_err("there is no token any more");
        assert!(down.is_retryable(), "{down}");
        stage.world.knobs.token_damage = Damage::none();
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!(asked(&stage, GRANT), [1, 1, 4]);
}

#[test]
fn a_server_that_names_a_time_is_left_alone_until_then() {
    for (fault, asks_at) in [
        (Fault::TooMany { retry_after: 120 }, 120),
        (Fault::Unavailable { retry_after: 120 }, 120),
        (Fault::TooMany { retry_after: 1_000_000 }, 3_600),
    ] {
        let knobs = machines(GRANT);
        let stage = play(&knobs, &with_secret(), |stage| {
            stage.world.knobs.token_damage = Damage::times(fault.clone(), 1);
            for _ in 0..3 {
                assert!(stage.call("tools/list").expect_err("not now").is_retryable());
                stage.world.advance(asks_at / 4);
            }
            stage.world.advance(asks_at / 4);
            assert_eq!(stage.call("tools/list"), Ok(200));
        });
        assert_eq!(asked(&stage, GRANT)[2], 2, "{fault:?}");
    }
}

#[test]
fn a_host_that_cannot_sign_is_told_what_is_missing_and_nothing_is_sent() {
    let knobs = of_keys();
    let stage = play(&knobs, &with_key(SigningAlgorithm::Es256), |stage| {
        stage.gifts.failures.push_back("the key service\n is down");
        let error = stage.call("tools/list").expect_err("there is no signature");
        let Error::Unavailable(why) = &error else { panic!("{error}") };
        assert_eq!((why.what, &*why.reason), (HostGift::Signature, "the key service is down"));
        assert!(error.is_retryable());
        assert_eq!(stage.call("tools/list"), Ok(200));
        // Later it does not matter as long as the token lives.
        stage.world.advance(knobs.access_lifetime - 30);
        stage.gifts.failures.push_back("down again");
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!(asked(&stage, GRANT)[2], 1);
}

#[test]
fn a_source_that_has_nothing_is_told_and_asked_again_by_the_next_call() {
    let stage = play(
        &machines(Grant::JwtBearer),
        &settings().client_issuer(ISSUER).workload_identity(),
        |stage| {
            stage.gifts.failures.push_back("no such file");
            let error = stage.call("tools/list").expect_err("there is no assertion");
            assert_eq!(error.code(), "no_assertion");
            assert_eq!(stage.call("tools/list"), Ok(200));
        },
    );
    assert_eq!(asked(&stage, Grant::JwtBearer)[2], 1);
}
