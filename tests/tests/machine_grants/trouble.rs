//! Servers, hosts and stores in trouble: what lives is used, nothing is asked in vain, and no page is opened.

use core::time::Duration;

use oauth_core::Error;
use oauth_core::error::HostGift;
use oauth_core::session::Turn;
use oauth_tests::drive::Event;
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

/// A host that asks in particular is let through, and what it is told then counts for all.
#[test]
fn the_longest_time_that_was_named_holds_and_the_error_says_what_is_left_of_it() {
    let left = |stage: &mut Stage| match stage.call("tools/list") {
        Err(Error::Unreachable(it)) => it.retry_after.map(|pause| pause.as_secs()),
        other => panic!("not now: {other:?}"),
    };
    let knobs = machines(GRANT);
    let stage = play(&knobs, &with_secret(), |stage| {
        for seconds in [60, 600, 30] {
            let busy = Fault::Unavailable { retry_after: seconds };
            stage.world.knobs.token_damage = Damage::times(busy, 1);
            stage.session_mut(0).log_in();
            stage.run(0).expect_err("not now");
        }
        assert_eq!(left(stage), Some(600));
        stage.world.advance(599);
        assert_eq!(left(stage), Some(1));
        stage.world.advance(1);
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!(asked(&stage, GRANT)[2], 4);
}

#[test]
fn a_key_that_takes_long_puts_no_look_into_the_store_off() {
    let knobs = of_keys();
    let settings = with_key(SigningAlgorithm::Es256).store_check_interval(Duration::from_secs(20));
    play(&knobs, &settings, |stage| {
        assert_eq!(stage.call("tools/list"), Ok(200));
        stage.world.advance(knobs.access_lifetime - 50);
        stage.session_mut(0).access();
        while !matches!(stage.session_mut(0).turn(), Ok(Turn::Sign(_))) {
            assert_eq!(stage.step(0), Ok(Event::Progress));
        }
        stage.world.advance(20);
        stage.gifts.failures.push_back("it is down");
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert!(
            stage.session(0).authorization(stage.now()).is_none(),
            "others may have logged out"
        );
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
}

#[test]
fn a_new_token_is_not_thrown_away_for_the_one_that_it_replaces() {
    let knobs = machines(GRANT);
    let stage = play(&knobs, &with_secret(), |stage| {
        assert_eq!(stage.call("tools/list"), Ok(200));
        stage.world.advance(knobs.access_lifetime);
        stage.session_mut(0).access();
        while !matches!(stage.session_mut(0).turn(), Ok(Turn::Save(_))) {
            assert_eq!(stage.step(0), Ok(Event::Progress));
        }
        // Somebody writes the old one once more.
        let record = stage.record().expect("it is stored");
        let (from, to) = (record.generation(), record.generation() + 1);
        let [from, to] = [from, to].map(|number| format!("\"generation\":{number}"));
        stage.store.put(&stage.key(), &record.to_json().replace(&from, &to));
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!(asked(&stage, GRANT)[2], 2);
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
