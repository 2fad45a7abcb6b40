//! Nonces: what a server wants to see in the next proof (RFC 9449 §8, §9).

use super::*;

const MINUTE: Nonces = Nonces::Needed { seconds: 60 };

/// How many token requests were refused.
fn refused(stage: &Stage, grant: Grant) -> usize {
    let requests = stage.world.requests(What::Token(grant));
    requests.iter().filter(|it| it.status == 400).count()
}

#[test]
fn a_nonce_is_asked_for_once_at_each_server() {
    let stage = play(&nonces(MINUTE, MINUTE), &settings(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((asked(&stage), refused(&stage, Grant::Code)), ([1, 2, 0], 1));
    // Without a token, without a nonce, with both, and with both.
    assert_eq!(calls(&stage, LIST), 4);
}

#[test]
fn a_refresh_brings_the_nonce_after_one_refusal_and_spends_nothing() {
    let knobs = nonces(MINUTE, Nonces::None);
    let stage = play_later(&knobs, &settings(), |stage| {
        for _ in 0..2 {
            stage.world.advance(knobs.access_lifetime);
            assert_eq!(stage.call(LIST), Ok(200));
        }
        stage.restart();
        stage.world.advance(knobs.access_lifetime);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((asked(&stage), refused(&stage, Grant::Refresh)), ([0, 0, 6], 3));
}

#[test]
fn a_nonce_that_still_lives_is_used_at_the_next_refresh() {
    let (knobs, seconds) = (Knobs::bound(), 100_000);
    let knobs = Knobs { server_nonces: Nonces::Needed { seconds }, ..knobs };
    let stage = play_later(&knobs, &settings(), |stage| {
        for _ in 0..3 {
            stage.world.advance(knobs.access_lifetime);
            assert_eq!(stage.call(LIST), Ok(200));
        }
    });
    assert_eq!((asked(&stage), refused(&stage, Grant::Refresh)), ([0, 0, 3], 0));
}

#[test]
fn a_nonce_that_has_run_out_at_the_mcp_server_costs_no_refresh_and_no_login() {
    let stage = play_later(&nonces(Nonces::None, MINUTE), &settings(), |stage| {
        for _ in 0..5 {
            stage.world.advance(61);
            assert_eq!(stage.call(LIST), Ok(200));
        }
    });
    assert_eq!((asked(&stage), calls(&stage, LIST)), ([0, 0, 0], 10));
}

/// Also a good one: whoever takes no notice pays with a request each time.
#[test]
fn the_newest_nonce_counts_whatever_it_came_with() {
    let each = Nonces::EachAnswer;
    let knobs = nonces(each, each);
    let stage = play(&knobs, &settings(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        stage.forget_log();
        for _ in 0..3 {
            assert_eq!(stage.call(LIST), Ok(200));
        }
        stage.world.advance(knobs.access_lifetime);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((asked(&stage), calls(&stage, LIST)), ([0, 0, 1], 4));
}

#[test]
fn a_server_whose_nonces_are_never_good_is_an_error_and_no_loop() {
    for form in [Nonces::NeverGood, Nonces::Twice] {
        let stage = play(&nonces(form, Nonces::None), &settings(), |stage| {
            let error = stage.call(LIST).expect_err("no nonce is good");
            assert_eq!(error.code(), "refused_token_use_dpop_nonce", "{error}");
        });
        let requests = if form == Nonces::Twice { 1 } else { 2 };
        assert_eq!(asked(&stage), [1, requests, 0], "{form:?}");
        let stage = play(&nonces(Nonces::None, form), &settings(), |stage| {
            let error = stage.call(LIST).expect_err("no nonce is good");
            assert_eq!(error.code(), "proof_refused", "{error}");
        });
        assert_eq!((asked(&stage), calls(&stage, LIST)), ([1, 1, 0], 3), "{form:?}");
        assert_eq!(kind(&stage), Some(TokenType::Dpop), "the token is as good as it was");
    }
}

#[test]
fn nonces_that_are_never_good_at_a_refresh_end_no_grant() {
    let knobs = nonces(MINUTE, Nonces::None);
    let stage = play_later(&knobs, &settings(), |stage| {
        stage.world.advance(knobs.access_lifetime);
        stage.world.knobs.server_nonces = Nonces::NeverGood;
        let error = stage.call(LIST).expect_err("no nonce is good");
        assert_eq!(error.code(), "refused_token_use_dpop_nonce", "{error}");
        stage.world.knobs.server_nonces = MINUTE;
        stage.world.advance(60 * 60);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(asked(&stage)[0], 0);
}

/// Each is good at its server only: the world knows none of the other's.
#[test]
fn the_nonces_of_the_two_servers_are_kept_apart() {
    let seconds = 100_000;
    let knobs = nonces(Nonces::Needed { seconds }, Nonces::Needed { seconds });
    let stage = play_later(&knobs, &settings(), |stage| {
        for _ in 0..2 {
            stage.world.advance(knobs.access_lifetime);
            assert_eq!(stage.call(LIST), Ok(200));
        }
    });
    assert_eq!((asked(&stage), calls(&stage, LIST)), ([0, 0, 2], 2));
}

#[test]
fn a_server_that_moves_is_not_shown_the_nonce_of_the_one_before() {
    let seconds = 1_000_000;
    let knobs = nonces(Nonces::Needed { seconds }, Nonces::Needed { seconds });
    let knobs = Knobs { migrate_after: Some(1), ..knobs };
    let stage = play(&knobs, &settings(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(60);
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(stage.call(LIST), Ok(200));
    });
    // A refresh at the old one, which does not help; then each hears of its own.
    assert_eq!((asked(&stage), refused(&stage, Grant::Code)), ([2, 4, 1], 2));
}
