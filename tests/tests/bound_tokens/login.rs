//! A user's login, and what comes after it.

use oauth_tests::drive::Event;
use oauth_tests::world::ScopePolicy;

use super::*;

#[test]
fn a_resource_that_wants_bound_tokens_gets_them() {
    let said_in_metadata = Knobs::bound();
    // Only the challenge says it.
    let said_by_challenge = Knobs { prm_dpop_required: false, ..Knobs::bound() };
    let only_the_challenge =
        Knobs { challenge: Challenge::Dpop, prm_dpop_required: false, ..offered() };
    for knobs in [said_in_metadata, said_by_challenge, only_the_challenge] {
        let stage = play(&knobs, &settings(), |stage| {
            assert_eq!(stage.call(LIST), Ok(200));
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!((kind(&stage), asked(&stage)), (Some(TokenType::Dpop), [1, 1, 0]));
        assert_eq!((stage.gifts.keys, calls(&stage, LIST)), (1, 3));
        // The code is bound as well (RFC 9449 §10).
        let page = stage.world.requests(What::Authorize)[0];
        assert_eq!(page.parameter("dpop_jkt"), thumbprint(&stage).as_deref());
    }
}

#[test]
fn a_refresh_after_a_restart_shows_the_key_of_the_login() {
    let knobs = Knobs::bound();
    let stage = play_later(&knobs, &settings(), |stage| {
        let key = thumbprint(stage);
        for _ in 0..2 {
            stage.restart();
            stage.world.advance(knobs.access_lifetime);
            assert_eq!(stage.call(LIST), Ok(200));
        }
        assert_eq!(thumbprint(stage), key);
    });
    assert_eq!((asked(&stage), stage.gifts.keys), ([0, 0, 2], 1));
    assert_eq!(stage.world.oauth_requests(), 2);
}

#[test]
fn a_restart_with_a_living_token_costs_nothing() {
    let stage = play_later(&Knobs::bound(), &settings(), |stage| {
        stage.restart();
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((stage.world.oauth_requests(), calls(&stage, LIST)), (0, 1));
}

#[test]
fn a_refused_token_is_refreshed_whatever_stands_beside_its_challenge() {
    let both = Knobs { challenge: Challenge::BearerAndDpop, ..offered() };
    for (knobs, settings) in
        [(Knobs::bound(), settings()), (both, settings().dpop(Wish::Preferred))]
    {
        let stage = play_later(&knobs, &settings, |stage| {
            stage.world.advance(60);
            stage.world.revoke_access_tokens();
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!((asked(&stage), calls(&stage, LIST)), ([0, 0, 1], 2));
        assert_eq!(kind(&stage), Some(TokenType::Dpop));
    }
}

#[test]
fn a_step_up_keeps_the_key() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..Knobs::bound() };
    let stage = play_later(&knobs, &settings(), |stage| {
        let key = thumbprint(stage);
        assert_eq!(stage.call("tools/call"), Ok(200));
        assert_eq!(thumbprint(stage), key);
        stage.restart();
        stage.world.advance(knobs.access_lifetime);
        assert_eq!(stage.call("tools/call"), Ok(200));
    });
    assert_eq!((asked(&stage), stage.gifts.keys), ([1, 1, 1], 1));
    let page = stage.world.requests(What::Authorize)[0];
    assert_eq!(page.parameter("dpop_jkt"), thumbprint(&stage).as_deref());
}

#[test]
fn two_hosts_share_the_grant_and_its_key() {
    let knobs = nonces(Nonces::Needed { seconds: 60 }, Nonces::EachAnswer);
    let stage = play_later(&knobs, &settings(), |stage| {
        let other = stage.add_host();
        assert_eq!(stage.call_from(other, LIST), Ok(200));
        for host in [other, 0, other] {
            stage.world.advance(knobs.access_lifetime);
            assert_eq!(stage.call_from(host, LIST), Ok(200));
            assert_eq!(stage.call_from(other - host, LIST), Ok(200));
        }
    });
    let [logins, codes, _] = asked(&stage);
    assert_eq!((logins, codes, stage.gifts.keys), (0, 0, 1));
}

#[test]
fn another_login_has_another_key_and_the_old_one_is_gone() {
    let stage = play_later(&Knobs::bound(), &settings(), |stage| {
        let key = thumbprint(stage);
        stage.session_mut(0).log_in();
        stage.obtain(0).expect("a login");
        assert_ne!(thumbprint(stage), key);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((asked(&stage), stage.gifts.keys), ([1, 1, 0], 2));
}

#[test]
fn a_logout_ends_both_tokens_and_leaves_no_key() {
    let stage = play_later(&Knobs::bound(), &settings(), |stage| {
        stage.session_mut(0).logout();
        let Ok(Event::LoggedOut(outcome)) = stage.run(0) else { panic!("it is done") };
        assert!(outcome.is_complete(), "{outcome}");
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((asked(&stage), stage.gifts.keys), ([1, 1, 0], 2));
    assert_eq!(stage.world.count(What::Revoke), 2);
    let left = stage.store.written.iter().rev().find(|record| !record.contains("access_token"));
    let left = left.expect("the client stays");
    assert!(!left.contains("\"secret\":\"101\""), "{left}");
}
