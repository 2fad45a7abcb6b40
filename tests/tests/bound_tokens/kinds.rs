//! Which kind of token is asked for, and which one comes.

use oauth_core::Error;
use oauth_core::session::Attach;
use oauth_tests::drive::SERVER_URL;

use super::*;

/// What each wish comes to, at servers of each kind: the kind of token, or the error.
#[test]
fn a_wish_meets_what_servers_can_do() {
    let (dpop, bearer) = (Ok(TokenType::Dpop), Ok(TokenType::Bearer));
    let unable = Knobs { dpop: Dpop::Unknown, ..Knobs::default() };
    let cannot = Knobs { dpop: Dpop::Unknown, ..Knobs::bound() };
    for (knobs, wish, outcome) in [
        (&offered(), Wish::IfRequired, bearer),
        (&offered(), Wish::Off, bearer),
        (&offered(), Wish::Preferred, dpop),
        (&offered(), Wish::Required, dpop),
        (&unable, Wish::IfRequired, bearer),
        (&unable, Wish::Preferred, bearer),
        (&unable, Wish::Required, Err("dpop_not_offered")),
        (&cannot, Wish::IfRequired, Err("dpop_not_offered")),
        (&cannot, Wish::Preferred, Err("dpop_not_offered")),
        (&Knobs::bound(), Wish::Off, Err("dpop_required")),
        (&Knobs::bound(), Wish::Preferred, dpop),
        (&Knobs::bound(), Wish::Required, dpop),
    ] {
        let stage = play(knobs, &settings().dpop(wish), |stage| {
            let called = stage.call(LIST).map_err(|error| error.code().to_owned());
            let wanted = outcome.map(|_| 200).map_err(str::to_owned);
            assert_eq!(called, wanted, "{wish:?} {:?}", knobs.dpop);
        });
        assert_eq!(kind(&stage), outcome.ok(), "{wish:?} {:?}", knobs.dpop);
        // Nobody is sent to a page in vain.
        assert_eq!(stage.logins(), usize::from(outcome.is_ok()));
    }
}

#[test]
fn algorithms_that_nobody_has_are_an_error_before_the_page() {
    let knobs = Knobs { dpop_algs: vec!["EdDSA".into()], ..Knobs::bound() };
    let stage = play(&knobs, &settings(), |stage| {
        let error = stage.call(LIST).expect_err("the key signs with ES256");
        assert_eq!(error.code(), "no_dpop_algorithm", "{error}");
    });
    assert_eq!(stage.logins(), 0);
}

#[test]
fn a_bearer_token_instead_of_a_bound_one_is_discarded_where_bound_ones_are_required() {
    let in_vain = Knobs { dpop: Dpop::InVain, ..Knobs::bound() };
    let taken = Knobs { dpop: Dpop::InVain, ..offered() };
    for (knobs, settings) in [(in_vain, settings()), (taken, settings().dpop(Wish::Required))] {
        let stage = play(&knobs, &settings, |stage| {
            let error = stage.call(LIST).expect_err("it is not bound");
            assert_eq!(error.code(), "token_not_bound", "{error}");
        });
        assert_eq!((kind(&stage), asked(&stage)), (None, [1, 1, 0]));
    }
}

#[test]
fn where_bound_tokens_are_only_wished_for_a_bearer_token_is_used_and_refreshes_carry_proofs() {
    let knobs = Knobs { dpop: Dpop::InVain, ..offered() };
    let stage = play_later(&knobs, &settings().dpop(Wish::Preferred), |stage| {
        assert_eq!(kind(stage), Some(TokenType::Bearer));
        for _ in 0..2 {
            stage.restart();
            stage.world.advance(knobs.access_lifetime);
            // The world takes no refresh token of a public client without the proof.
            assert_eq!(stage.call(LIST), Ok(200));
        }
        assert_eq!(kind(stage), Some(TokenType::Bearer));
    });
    assert_eq!(asked(&stage), [0, 0, 2]);
}

#[test]
fn a_refresh_that_brings_a_bearer_token_where_bound_ones_are_required_is_not_used() {
    let knobs = Knobs::bound();
    let stage = play_later(&knobs, &settings(), |stage| {
        stage.world.advance(knobs.access_lifetime);
        stage.world.knobs.dpop = Dpop::InVain;
        let error = stage.call(LIST).expect_err("it is not bound");
        assert_eq!(error.code(), "token_not_bound", "{error}");
        assert_eq!(kind(stage), Some(TokenType::Dpop));
        // The refresh token that came with it is the one that is good.
        stage.world.knobs.dpop = Dpop::Required;
        stage.world.advance(60 * 60);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(asked(&stage)[0], 0);
}

#[test]
fn a_server_that_begins_to_require_bound_tokens_costs_one_login() {
    let stage = play_later(&offered(), &settings(), |stage| {
        assert_eq!(kind(stage), Some(TokenType::Bearer));
        stage.world.advance(60);
        let Knobs { dpop, resource_dpop, prm_dpop_required, .. } = Knobs::bound();
        let knobs = &mut stage.world.knobs;
        (knobs.resource_dpop, knobs.prm_dpop_required) = (resource_dpop, prm_dpop_required);
        knobs.dpop = dpop;
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(kind(stage), Some(TokenType::Dpop));
    });
    assert_eq!((asked(&stage), calls(&stage, LIST)), ([1, 1, 0], 3));
    // The client is the one that was registered.
    assert_eq!(stage.world.count(What::Register), 0);
}

#[test]
fn a_server_that_ceases_to_require_them_costs_nothing() {
    let knobs = Knobs::bound();
    let stage = play_later(&knobs, &settings(), |stage| {
        stage.world.knobs.resource_dpop = ResourceDpop::Taken;
        stage.world.knobs.prm_dpop_required = false;
        stage.world.knobs.dpop = Dpop::Offered;
        stage.world.advance(knobs.access_lifetime);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((asked(&stage), kind(&stage)), ([0, 0, 1], Some(TokenType::Dpop)));
}

#[test]
fn a_bound_token_is_not_to_be_had_as_a_bearer_token() {
    let stage = play_later(&Knobs::bound(), &settings(), |_| ());
    let authorization = stage.session(0).authorization(stage.now()).expect("a token");
    assert_eq!(authorization.bearer(), None);
    assert!(matches!(authorization.attach("POST", SERVER_URL), Ok(Attach::Dpop(_))));
    let foreign = authorization.attach("POST", "https://evil.example.com/mcp");
    assert_eq!(foreign.map(|_| ()).map_err(|it| Error::from(it).code()), Err("foreign_request"));
}

/// RFC 9449 §7.2 would allow it; who steals the token there could use it.
#[test]
fn a_resource_that_knows_no_proofs_does_not_get_a_bound_token_as_bearer() {
    let knobs = Knobs { resource_dpop: ResourceDpop::Unknown, ..offered() };
    let stage = play(&knobs, &settings().dpop(Wish::Preferred), |stage| {
        stage.call(LIST).expect_err("it does not take the scheme");
    });
    assert!(stage.logins() <= 2, "{}", stage.logins());
}
