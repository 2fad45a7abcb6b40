//! Proofs that are refused.

use http::{HeaderMap, Response};
use oauth_core::session::{Attempt, Verdict};
use oauth_core::{Endpoint, Error, UnixTime};
use oauth_tests::drive::User;
use oauth_tests::world::{Damage, TokenForm};

use super::*;

fn refuses(times: u32) -> Damage<TokenForm> {
    Damage::times(TokenForm::Refuse("invalid_dpop_proof".into()), times)
}

#[test]
fn a_proof_that_is_refused_is_made_anew_once() {
    let knobs = Knobs { token_form: refuses(1), ..Knobs::bound() };
    let stage = play(&knobs, &settings(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(knobs.access_lifetime);
        stage.world.knobs.token_form = refuses(1);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(asked(&stage), [1, 2, 2]);
}

#[test]
fn a_second_refusal_is_an_error_and_ends_no_grant() {
    let knobs = Knobs { token_form: refuses(2), ..Knobs::bound() };
    let stage = play(&knobs, &settings(), |stage| {
        let error = stage.call(LIST).expect_err("it is refused twice");
        assert_eq!(error.code(), "refused_token_invalid_dpop_proof", "{error}");
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(knobs.access_lifetime);
        stage.world.knobs.token_form = refuses(2);
        let error = stage.call(LIST).expect_err("it is refused twice");
        assert_eq!(error.code(), "refused_token_invalid_dpop_proof", "{error}");
        stage.world.advance(60 * 60);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(asked(&stage), [2, 3, 3]);
}

/// The answer of an MCP server to a request with a bound token; what the session makes of each.
fn answers(stage: &mut Stage, heads: &[HeaderMap], now: UnixTime) -> Vec<Result<Verdict, Error>> {
    let mut attempt = Attempt::new();
    let mut answers = Vec::new();
    for head in heads {
        attempt.sent_with(stage.session(0).authorization(stage.now()).as_ref());
        answers.push(stage.session_mut(0).answered(&mut attempt, 401, head, now));
    }
    answers
}

fn head(challenge: &'static str, date: Option<&'static str>) -> HeaderMap {
    let mut head = HeaderMap::new();
    head.insert("www-authenticate", challenge.parse().expect("a value"));
    if let Some(date) = date {
        head.insert("date", date.parse().expect("a value"));
    }
    head
}

#[test]
fn a_proof_that_the_mcp_server_refuses_is_made_anew_once_and_the_token_stays() {
    let stage = play_later(&Knobs::bound(), &settings(), |stage| {
        let refused = head("DPoP error=\"invalid_dpop_proof\"", None);
        let now = stage.now();
        let answers = answers(stage, &[refused.clone(), refused], now);
        let [Ok(Verdict::Retry), Err(error)] = &answers[..] else { panic!("{answers:?}") };
        assert_eq!(error.code(), "proof_refused", "{error}");
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((asked(&stage), kind(&stage)), ([0, 0, 0], Some(TokenType::Dpop)));
}

#[test]
fn a_clock_that_is_wrong_is_named() {
    let stage = play_later(&Knobs::bound(), &settings(), |stage| {
        // An hour before it is at the servers.
        let date = Some("Sun, 17 Mar 2030 18:46:40 GMT");
        let refused = head("DPoP error=\"invalid_dpop_proof\"", date);
        let now = stage.now();
        let answers = answers(stage, &[refused.clone(), refused], now);
        let [Ok(Verdict::Retry), Err(error)] = &answers[..] else { panic!("{answers:?}") };
        assert_eq!(error.code(), "clocks_differ", "{error}");
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(asked(&stage), [0, 0, 0]);
}

#[test]
fn so_it_is_where_tokens_are_asked_for() {
    fn an_hour_before(endpoint: Endpoint, response: &mut Response<Vec<u8>>) {
        if endpoint == Endpoint::Token {
            let date = "Sun, 17 Mar 2030 16:46:40 GMT".parse().expect("a value");
            response.headers_mut().insert("date", date);
        }
    }
    let knobs = Knobs { token_form: refuses(2), ..Knobs::bound() };
    let stage = play(&knobs, &settings(), |stage| {
        stage.network.tamper = Some(an_hour_before);
        let error = stage.call(LIST).expect_err("the proof is refused");
        assert_eq!(error.code(), "clocks_differ", "{error}");
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(knobs.access_lifetime);
        stage.world.knobs.token_form = refuses(2);
        stage.user = User::Absent;
        let error = stage.call(LIST).expect_err("the proof is refused");
        assert_eq!(error.code(), "clocks_differ", "{error}");
    });
    assert_eq!(asked(&stage), [2, 3, 2]);
}

/// A challenge for bearer tokens, with an error of its own, says nothing about a bound one.
#[test]
fn only_the_challenge_of_its_own_scheme_counts_for_a_bound_token() {
    let stage = play_later(&Knobs::bound(), &settings(), |stage| {
        let both = "Bearer error=\"invalid_token\", DPoP error=\"use_dpop_nonce\"";
        let mut both = head(both, None);
        both.insert("dpop-nonce", "n-1".parse().expect("a value"));
        let now = stage.now();
        let answers = answers(stage, &[both], now);
        assert!(matches!(&answers[..], [Ok(Verdict::Retry)]), "{answers:?}");
        assert!(stage.session(0).authorization(now).is_some(), "nothing is to be done");
    });
    assert_eq!(stage.world.oauth_requests(), 0);
}

/// Of two challenges, which a server may send whatever the request came with.
#[test]
fn a_scope_that_a_bound_token_lacks_is_found_behind_the_challenge_for_bearer_tokens() {
    let stage = play_later(&Knobs::bound(), &settings(), |stage| {
        let now = stage.now();
        let mut attempt = Attempt::new();
        attempt.sent_with(stage.session(0).authorization(now).as_ref());
        let both = "Bearer, DPoP error=\"insufficient_scope\", scope=\"mcp:write\"";
        let verdict = stage.session_mut(0).answered(&mut attempt, 403, &head(both, None), now);
        assert_eq!(verdict, Ok(Verdict::Retry));
        stage.obtain(0).expect("a login");
    });
    assert_eq!(stage.world.scopes_asked(), [Some("mcp:basic mcp:write")]);
}

/// For a request without a bound token those words mean nothing.
#[test]
fn a_bearer_token_is_refreshed_whatever_is_said_about_proofs() {
    let stage = play_later(&Knobs::default(), &settings(), |stage| {
        stage.world.advance(60);
        let mut attempt = Attempt::new();
        let now = stage.now();
        attempt.sent_with(stage.session(0).authorization(now).as_ref());
        let refused = head("DPoP error=\"use_dpop_nonce\", Bearer error=\"invalid_token\"", None);
        let verdict = stage.session_mut(0).answered(&mut attempt, 401, &refused, now);
        assert_eq!(verdict, Ok(Verdict::Retry));
        stage.obtain(0).expect("a refresh");
    });
    assert_eq!(asked(&stage), [0, 0, 1]);
}
