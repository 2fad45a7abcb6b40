//! The nonces of proofs, which each server gives for itself.

use oauth_tests::world::{Damage, Knobs, Nonces, TokenForm};
use serde_json::json;

use crate::client::{NONE, error_of, text};
use crate::person::{Person, challenge_of, nonce_of};

const NEEDED: Nonces = Nonces::Needed { seconds: 60 };

fn server(nonces: Nonces) -> Person {
    Person::new(Knobs { server_nonces: nonces, ..Knobs::bound() })
}

/// A client that has a token, and its resource is like this.
fn resource(nonces: Nonces) -> (Person, String) {
    let mut person = Person::new(Knobs { resource_nonces: nonces, ..Knobs::bound() });
    let (access, _) = person.login();
    (person, access)
}

#[test]
fn a_code_is_redeemed_when_the_nonce_is_there_and_not_spent_before() {
    let mut person = server(NEEDED);
    let (code, proof) = (person.code(&[]), person.proof());
    let answer = person.redeem(&code, Some(&proof));
    assert_eq!((answer.status().as_u16(), error_of(&answer).as_str()), (400, "use_dpop_nonce"));
    person.nonce = nonce_of(&answer);
    let proof = person.proof();
    let answer = person.redeem(&code, Some(&proof));
    assert_eq!((answer.status().as_u16(), nonce_of(&answer)), (200, None));
    let refresh = text(&answer, "refresh_token");
    // And the same with a refresh, when the nonce is too old.
    person.world().advance(60);
    let proof = person.proof();
    let answer = person.refresh(&refresh, Some(&proof));
    assert_eq!(error_of(&answer), "use_dpop_nonce");
    person.nonce = nonce_of(&answer);
    let proof = person.proof();
    assert_eq!(person.refresh(&refresh, Some(&proof)).status(), 200);
    assert_eq!(person.world().violations, NONE);
}

#[test]
fn the_resource_challenges_with_a_nonce() {
    let (mut person, access) = resource(NEEDED);
    let proof = person.proof_of(&access, &json!({}));
    let answer = person.mcp("DPoP", &access, &[&proof]);
    assert_eq!(answer.status(), 401);
    assert!(challenge_of(&answer)[0].starts_with("DPoP error=\"use_dpop_nonce\""));
    person.nonce = nonce_of(&answer);
    for seconds in [0, 59] {
        person.world().advance(seconds);
        let proof = person.proof_of(&access, &json!({}));
        assert_eq!(person.mcp("DPoP", &access, &[&proof]).status(), 200);
    }
    assert_eq!(person.world().violations, NONE);
}

#[test]
fn a_challenged_proof_may_not_come_again() {
    let (mut person, access) = resource(NEEDED);
    let proof = person.proof_of(&access, &json!({}));
    person.mcp("DPoP", &access, &[&proof]);
    person.mcp("DPoP", &access, &[&proof]);
    assert_eq!(person.blamed(), 1, "{:?}", person.world().violations);
}

#[test]
fn a_nonce_is_its_servers() {
    let (mut person, access) = resource(NEEDED);
    let proof = person.proof_of(&access, &json!({}));
    person.nonce = nonce_of(&person.mcp("DPoP", &access, &[&proof]));
    let (code, proof) = (person.code(&[]), person.proof());
    assert_eq!(error_of(&person.redeem(&code, Some(&proof))), "invalid_dpop_proof");
    assert_eq!(person.blamed(), 1, "{:?}", person.world().violations);
}

#[test]
fn the_newest_nonce_comes_with_each_answer() {
    let (mut person, access) = resource(Nonces::EachAnswer);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let proof = person.proof_of(&access, &json!({}));
        let answer = person.mcp("DPoP", &access, &[&proof]);
        statuses.push(answer.status().as_u16());
        person.nonce = nonce_of(&answer);
        assert!(person.nonce.is_some());
    }
    assert_eq!(statuses, [401, 200, 200]);
    let proof = person.proof_of(&access, &json!({ "nonce": "nonce-1" }));
    assert_eq!(person.mcp("DPoP", &access, &[&proof]).status(), 401);
    assert_eq!(person.world().violations, NONE);

    let mut person = server(Nonces::EachAnswer);
    person.world().knobs.token_form = Damage::times(TokenForm::Refuse("server_error".into()), 1);
    let (code, proof) = (person.code(&[]), person.proof());
    person.nonce = nonce_of(&person.redeem(&code, Some(&proof)));
    let proof = person.proof();
    let answer = person.redeem(&code, Some(&proof));
    assert_eq!(answer.status(), 200);
    assert!(nonce_of(&answer).is_some_and(|nonce| Some(nonce) != person.nonce));
}

#[test]
fn some_nonces_are_never_good() {
    for (nonces, fields) in [(Nonces::NeverGood, 1), (Nonces::Twice, 2)] {
        let (mut person, access) = resource(nonces);
        for _ in 0..2 {
            let proof = person.proof_of(&access, &json!({}));
            let answer = person.mcp("DPoP", &access, &[&proof]);
            assert!(challenge_of(&answer)[0].starts_with("DPoP error=\"use_dpop_nonce\""));
            assert_eq!(answer.headers().get_all("dpop-nonce").iter().count(), fields);
            person.nonce = nonce_of(&answer);
        }
        assert_eq!(person.world().violations, NONE);
    }
}
