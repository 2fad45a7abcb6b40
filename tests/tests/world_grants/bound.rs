//! DPoP at the authorization server and at the resource.

use http::Request;
use oauth_tests::world::{
    AuthMethod, Challenge, Damage, Dpop, Fault, Key, Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET,
    ResourceDpop,
};
use serde_json::{Value, json};

use crate::client::{Machine, NONE, error_of, json_of, text};
use crate::person::{CALLBACK, Person, challenge_of};

#[test]
fn a_sound_client_gets_in_with_proofs_and_without_violations() {
    for key in [Key::p256(5), Key::ed25519(5)] {
        let mut person = Person::new(Knobs::bound());
        person.key = key;
        let (access, refresh) = person.login();
        for _ in 0..2 {
            let proof = person.proof_of(&access, &json!({}));
            assert_eq!(person.mcp("DPoP", &access, &[&proof]).status(), 200);
        }
        let proof = person.proof();
        let answer = person.refresh(&refresh, Some(&proof));
        assert_eq!(json_of(&answer)["token_type"], "DPoP");
        assert_eq!(person.world().violations, NONE);
    }
}

#[test]
fn a_server_that_wants_proofs_says_so() {
    let mut person = Person::new(Knobs::bound());
    let answer = person.machine.get("https://mcp.example.com/mcp");
    let prm = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp";
    let wanted =
        format!("DPoP scope=\"mcp:basic\", resource_metadata=\"{prm}\", algs=\"ES256 EdDSA\"");
    assert_eq!(challenge_of(&answer), [wanted]);
    assert_eq!(json_of(&person.machine.get(prm))["dpop_bound_access_tokens_required"], true);
    let url = "https://auth.example.com/.well-known/oauth-authorization-server";
    let algs = &json_of(&person.machine.get(url))["dpop_signing_alg_values_supported"];
    assert_eq!(*algs, json!(["ES256", "EdDSA"]));
}

fn faults(now: u64) -> Vec<Value> {
    vec![
        json!({ "jti": null }),
        json!({ "jti": "short" }),
        json!({ "htm": null }),
        json!({ "htm": "post" }),
        json!({ "htm": "GET" }),
        json!({ "htu": null }),
        json!({ "htu": "https://auth.example.com/token?x=1" }),
        json!({ "htu": "https://auth.example.com" }),
        json!({ "htu": "http://auth.example.com/token" }),
        json!({ "iat": null }),
        json!({ "iat": now.to_string() }),
        json!({ "nonce": "nonce-of-nobody" }),
        json!({ "header": { "typ": "JWT" } }),
        json!({ "header": { "typ": null } }),
        json!({ "header": { "alg": "none" } }),
        json!({ "header": { "alg": "HS256" } }),
        json!({ "header": { "alg": "EdDSA" } }),
        json!({ "header": { "jwk": null } }),
        json!({ "header": { "jwk": Key::p256(6).jwk() } }),
        json!({ "header": { "jwk": { "kty": "oct", "k": "AQ" } } }),
    ]
}

#[test]
fn every_fault_of_a_proof_at_the_authorization_server_is_refused_and_recorded() {
    for changes in faults(Machine::new(Knobs::bound()).world.now) {
        let mut person = Person::new(Knobs::bound());
        let (code, url) = (person.code(&[]), person.world().token_endpoint());
        let proof = person.proof_for("POST", &url, None, &changes);
        let answer = person.redeem(&code, Some(&proof));
        assert_eq!(error_of(&answer), "invalid_dpop_proof", "{changes}");
        assert_eq!(person.blamed(), 1, "{changes}: {:?}", person.world().violations);
        // The code has not been looked at.
        let proof = person.proof();
        assert_eq!(person.redeem(&code, Some(&proof)).status(), 200, "{changes}");
    }
}

#[test]
fn every_fault_of_a_proof_at_the_resource_is_refused_and_recorded() {
    let ath = json!({ "ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo" });
    let url = json!({ "htu": "https://auth.example.com/token" });
    let now = Machine::new(Knobs::bound()).world.now;
    for changes in faults(now).into_iter().chain([json!({ "ath": null }), ath, url]) {
        let mut person = Person::new(Knobs::bound());
        let (access, _) = person.login();
        let proof = person.proof_of(&access, &changes);
        let answer = person.mcp("DPoP", &access, &[&proof]);
        assert_eq!(answer.status(), 401);
        let start = "DPoP error=\"invalid_dpop_proof\"";
        assert!(challenge_of(&answer)[0].starts_with(start), "{:?}", challenge_of(&answer));
        assert_eq!(person.blamed(), 1, "{changes}: {:?}", person.world().violations);
    }
}

#[test]
fn a_proof_is_good_once_everywhere_also_after_a_fault() {
    let mut person = Person::new(Knobs::bound());
    let (access, _) = person.login();
    let proof = person.proof_of(&access, &json!({}));
    assert_eq!(person.mcp("DPoP", &access, &[&proof]).status(), 200);
    assert_eq!(person.mcp("DPoP", &access, &[&proof]).status(), 401);
    assert_eq!(person.blamed(), 1, "{:?}", person.world().violations);
    // The same number in another proof, at the other server.
    let (code, url) = (person.code(&[]), person.world().token_endpoint());
    let jti = person.machine.jti();
    let proof = person.proof_of(&access, &json!({ "jti": jti }));
    assert_eq!(person.mcp("DPoP", &access, &[&proof]).status(), 200);
    let proof = person.proof_for("POST", &url, None, &json!({ "jti": jti }));
    assert_eq!(error_of(&person.redeem(&code, Some(&proof))), "invalid_dpop_proof");
    assert_eq!(person.blamed(), 2, "{:?}", person.world().violations);
    person.world().knobs.token_damage = Damage::times(Fault::Status(503), 1);
    let proof = person.proof();
    assert_eq!(person.redeem(&code, Some(&proof)).status(), 503);
    assert_eq!(error_of(&person.redeem(&code, Some(&proof))), "invalid_dpop_proof");
    assert_eq!(person.blamed(), 3, "{:?}", person.world().violations);
}

#[test]
fn one_proof_comes_with_a_request() {
    let mut person = Person::new(Knobs::bound());
    let (access, _) = person.login();
    let (one, two) = (person.proof_of(&access, &json!({})), person.proof_of(&access, &json!({})));
    assert_eq!(person.mcp("DPoP", &access, &[&one, &two]).status(), 401);
    assert_eq!(person.mcp("DPoP", &access, &[]).status(), 401);
    assert_eq!(person.blamed(), 2, "{:?}", person.world().violations);
}

#[test]
fn a_clock_that_is_wrong_is_nobodys_fault_and_the_answer_tells_the_time() {
    let mut person = Person::new(Knobs::bound());
    let (access, _) = person.login();
    let now = person.world().now;
    for (iat, status) in [(now - 300, 200), (now + 300, 200), (now - 301, 401), (now + 301, 401)] {
        let proof = person.proof_of(&access, &json!({ "iat": iat }));
        let answer = person.mcp("DPoP", &access, &[&proof]);
        assert_eq!(answer.status(), status, "{iat}");
        assert_eq!(answer.headers().contains_key("date"), status == 401);
    }
    let (code, url) = (person.code(&[]), person.world().token_endpoint());
    let proof = person.proof_for("POST", &url, None, &json!({ "iat": now - 3600 }));
    let answer = person.redeem(&code, Some(&proof));
    assert_eq!(error_of(&answer), "invalid_dpop_proof");
    assert_eq!(answer.headers()["date"], "Sun, 17 Mar 2030 17:46:40 GMT");
    assert_eq!(person.world().violations, NONE);
}

#[test]
fn a_token_request_without_a_proof_is_blamed_where_the_resource_has_said_so() {
    for (knobs, faults) in [
        (Knobs::bound(), 1),
        (Knobs { dpop: Dpop::Required, ..Knobs::default() }, 0),
        (Knobs { dpop: Dpop::Required, challenge: Challenge::Dpop, ..Knobs::default() }, 1),
    ] {
        let mut person = Person::new(knobs);
        let code = person.code(&[]);
        assert_eq!(error_of(&person.redeem(&code, None)), "invalid_dpop_proof");
        assert_eq!(person.blamed(), faults, "{:?}", person.world().violations);
    }
}

#[test]
fn a_client_that_registered_for_bound_tokens_always_proves() {
    let knobs = Knobs { dpop: Dpop::Offered, ..Knobs::default() };
    let mut person = Person::registered(knobs, &json!({ "dpop_bound_access_tokens": true }));
    let code = person.code(&[]);
    assert_eq!(error_of(&person.redeem(&code, None)), "invalid_dpop_proof");
    assert_eq!(person.blamed(), 1, "{:?}", person.world().violations);
}

#[test]
fn where_it_is_offered_the_client_chooses() {
    for (dpop, proves, kind) in [
        (Dpop::Offered, true, "DPoP"),
        (Dpop::Offered, false, "Bearer"),
        (Dpop::InVain, true, "Bearer"),
        (Dpop::Unknown, true, "Bearer"),
    ] {
        let resource_dpop = ResourceDpop::Taken;
        let mut person = Person::new(Knobs { dpop, resource_dpop, ..Knobs::default() });
        let (code, proof) = (person.code(&[]), person.proof());
        let answer = person.redeem(&code, proves.then_some(&*proof));
        assert_eq!(json_of(&answer)["token_type"], kind, "{dpop:?}");
        let access = text(&answer, "access_token");
        let proof = person.proof_of(&access, &json!({}));
        let proofs: &[&str] = if kind == "DPoP" { &[&proof] } else { &[] };
        assert_eq!(person.mcp(kind, &access, proofs).status(), 200, "{dpop:?}");
        assert_eq!(person.world().violations, NONE);
        // And not with the other scheme.
        let other = if kind == "DPoP" { "Bearer" } else { "DPoP" };
        let proof = person.proof_of(&access, &json!({}));
        assert_eq!(person.mcp(other, &access, &[&proof]).status(), 401, "{dpop:?}");
        assert_eq!(person.blamed(), 1, "{:?}", person.world().violations);
    }
}

#[test]
fn a_resource_that_wants_bound_tokens_takes_no_others() {
    let mut person = Person::new(Knobs { dpop: Dpop::Unknown, ..Knobs::bound() });
    let code = person.code(&[]);
    let access = text(&person.redeem(&code, None), "access_token");
    let answer = person.mcp("Bearer", &access, &[]);
    assert!(challenge_of(&answer)[0].starts_with("DPoP error=\"invalid_token\""));
    assert_eq!(person.world().violations, NONE);
}

#[test]
fn a_resource_that_knows_no_proofs_says_bearer_and_takes_bound_tokens_so() {
    let mut person = Person::new(Knobs { dpop: Dpop::Offered, ..Knobs::default() });
    let (access, _) = person.login();
    let proof = person.proof_of(&access, &json!({}));
    let answer = person.mcp("DPoP", &access, &[&proof]);
    assert!(challenge_of(&answer)[0].starts_with("Bearer scope="));
    assert_eq!(person.mcp("Bearer", &access, &[]).status(), 200);
    assert_eq!(person.world().violations, NONE);
}

#[test]
fn a_token_is_bound_to_its_key() {
    let mut person = Person::new(Knobs::bound());
    let (access, refresh) = person.login();
    person.key = Key::p256(6);
    let proof = person.proof_of(&access, &json!({}));
    assert_eq!(person.mcp("DPoP", &access, &[&proof]).status(), 401);
    assert_eq!(person.blamed(), 1);
    let proof = person.proof();
    assert_eq!(error_of(&person.refresh(&refresh, Some(&proof))), "invalid_grant");
    assert_eq!(person.blamed(), 2);
    person.key = Key::p256(5);
    let proof = person.proof();
    let refresh = text(&person.refresh(&refresh, Some(&proof)), "refresh_token");
    // The next one is bound as well.
    person.key = Key::p256(6);
    let proof = person.proof();
    assert_eq!(error_of(&person.refresh(&refresh, Some(&proof))), "invalid_grant");
    assert_eq!(person.blamed(), 3);
}

#[test]
fn a_refresh_token_of_a_public_client_is_bound_though_the_access_token_is_not() {
    let mut person = Person::new(Knobs { dpop: Dpop::InVain, ..Knobs::default() });
    let (code, proof) = (person.code(&[]), person.proof());
    let refresh = text(&person.redeem(&code, Some(&proof)), "refresh_token");
    assert_eq!(error_of(&person.refresh(&refresh, None)), "invalid_grant");
    assert_eq!(person.blamed(), 1);
}

#[test]
fn a_confidential_client_may_change_its_key() {
    let knobs = Knobs { pre_method: AuthMethod::Post, ..Knobs::bound() };
    let mut person = Person::known(Machine::new(knobs), PRE_CLIENT_ID);
    let code = person.code(&[]);
    let verifier = person.verifier();
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("code_verifier", &verifier),
        ("redirect_uri", CALLBACK),
        ("client_secret", PRE_CLIENT_SECRET),
    ];
    let proof = person.proof();
    let refresh = text(&person.token(&pairs, Some(&proof)), "refresh_token");
    person.key = Key::ed25519(6);
    let proof = person.proof();
    let pairs = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh.as_str()),
        ("client_secret", PRE_CLIENT_SECRET),
    ];
    assert_eq!(person.token(&pairs, Some(&proof)).status(), 200);
    assert_eq!(person.world().violations, NONE);
}

#[test]
fn a_code_is_bound_to_the_key_that_the_request_named() {
    let thumbprint = Key::p256(5).public().thumbprint();
    for (jkt, status) in [(thumbprint.as_str(), 200), ("another", 400)] {
        let mut person = Person::new(Knobs::bound());
        let (code, proof) = (person.code(&[("dpop_jkt", jkt)]), person.proof());
        assert_eq!(person.redeem(&code, Some(&proof)).status(), status);
        assert_eq!(person.blamed(), usize::from(status == 400));
    }
}

#[test]
fn an_error_stands_in_the_challenge_of_the_scheme_that_was_used() {
    let challenge = Challenge::BearerAndDpop;
    let dpop = Dpop::Offered;
    let resource_dpop = ResourceDpop::Taken;
    let mut person = Person::new(Knobs { challenge, dpop, resource_dpop, ..Knobs::default() });
    let (access, _) = person.login();
    person.world().revoke_access_tokens();
    let proof = person.proof_of(&access, &json!({}));
    let answer = person.mcp("DPoP", &access, &[&proof]);
    let [bearer, dpop] = challenge_of(&answer)[..] else { panic!("two challenges") };
    assert!(bearer.starts_with("Bearer scope=") && !bearer.contains("error"), "{bearer}");
    assert!(dpop.starts_with("DPoP error=\"invalid_token\""), "{dpop}");
    assert_eq!(person.world().violations, NONE);
}

#[test]
fn other_methods_need_proofs_of_their_own() {
    let mut person = Person::new(Knobs::bound());
    let (access, _) = person.login();
    let url = person.world().server_url();
    for (method, status) in [("GET", 405), ("POST", 401)] {
        let proof = person.proof_for(method, &url, Some(&access), &json!({}));
        let request = Request::get(&url)
            .header("authorization", format!("DPoP {access}"))
            .header("dpop", proof)
            .body(Vec::new());
        assert_eq!(person.world().handle(&request.unwrap()).status(), status);
    }
    assert_eq!(person.blamed(), 1);
}
