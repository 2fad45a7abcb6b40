//! Clients that authenticate with a signed JWT.

use http::Request;
use oauth_tests::world::{
    AssertionAudience, AuthMethod, Damage, Fault, Grant, Key, Knobs, Registration,
};
use serde_json::{Value, json};

use crate::client::{Machine, NONE, error_of, with};

fn knobs() -> Knobs {
    Knobs {
        pre_method: AuthMethod::PrivateKeyJwt,
        token_auth_methods: Some(vec![AuthMethod::PrivateKeyJwt]),
        ..Knobs::machines(&[Grant::ClientCredentials])
    }
}

#[test]
fn both_algorithms_are_verified() {
    for key in [Key::p256(1), Key::ed25519(1)] {
        let keys = vec![key.public().named("key-1")];
        let mut machine = Machine::new(Knobs { client_keys: keys, ..knobs() });
        assert_eq!(machine.signed(&key, &json!({})).status(), 200);
        assert_eq!(machine.signed(&key, &json!({})).status(), 200);
        assert_eq!(machine.world.violations, NONE);
        assert_eq!(machine.world.presented().len(), 2);
    }
}

#[test]
fn every_fault_of_an_assertion_is_refused_and_recorded() {
    let now = Machine::new(knobs()).world.now;
    for changes in [
        json!({ "iss": "another" }),
        json!({ "iss": null }),
        json!({ "aud": "https://auth.example.com/" }),
        json!({ "aud": "https://auth.example.com/token" }),
        json!({ "aud": ["https://auth.example.com"] }),
        json!({ "aud": "https://auth2.example.com" }),
        json!({ "exp": null }),
        json!({ "exp": now }),
        json!({ "exp": now + 3600 }),
        json!({ "exp": (now + 60).to_string() }),
        json!({ "iat": null }),
        json!({ "iat": now - 3600 }),
        json!({ "iat": now + 3600 }),
        json!({ "nbf": now + 3600 }),
        json!({ "jti": null }),
        json!({ "jti": "1" }),
        json!({ "header": { "typ": "JWT" } }),
        json!({ "header": { "typ": null } }),
        json!({ "header": { "alg": "none" } }),
        json!({ "header": { "alg": "HS256" } }),
        json!({ "header": { "alg": "EdDSA" } }),
        json!({ "header": { "kid": "key-2" } }),
        json!({ "header": { "kid": null } }),
    ] {
        let mut machine = Machine::new(knobs());
        let answer = machine.signed(&Key::p256(1), &changes);
        assert_eq!(machine.outcome(&answer), ("invalid_client".into(), 1), "{changes}");
    }
}

#[test]
fn a_key_of_somebody_else_signs_in_vain() {
    for key in [Key::p256(2), Key::ed25519(1)] {
        let mut machine = Machine::new(knobs());
        let answer = machine.signed(&key, &json!({}));
        assert_eq!(machine.outcome(&answer), ("invalid_client".into(), 1));
    }
}

#[test]
fn a_signature_in_another_form_is_none() {
    let mut machine = Machine::new(knobs());
    let assertion = machine.assertion(&Key::p256(1), &json!({}));
    let (start, _) = assertion.rsplit_once('.').unwrap();
    for wrong in [format!("{start}."), format!("{assertion}="), start.into(), "x".into()] {
        let mut machine = Machine::new(knobs());
        let answer = machine.token(&with(&wrong), &[], None);
        assert_eq!(machine.outcome(&answer), ("invalid_client".into(), 1), "{wrong}");
    }
}

#[test]
fn an_algorithm_that_is_not_listed_is_not_taken() {
    let knobs = Knobs { signing_algs: vec!["EdDSA".into()], ..knobs() };
    let mut machine = Machine::new(knobs);
    let answer = machine.signed(&Key::p256(1), &json!({}));
    assert_eq!(machine.outcome(&answer), ("invalid_client".into(), 1));
}

#[test]
fn an_assertion_is_good_once_also_after_a_fault() {
    let mut machine = Machine::new(knobs());
    let assertion = machine.assertion(&Key::p256(1), &json!({}));
    assert_eq!(machine.token(&with(&assertion), &[], None).status(), 200);
    let answer = machine.token(&with(&assertion), &[], None);
    // It is noticed when it comes, and refused when it is judged.
    assert_eq!(machine.outcome(&answer), ("invalid_client".into(), 2));

    let damage = Damage::times(Fault::Status(503), 1);
    let mut machine = Machine::new(Knobs { token_damage: damage, ..knobs() });
    let assertion = machine.assertion(&Key::p256(1), &json!({}));
    assert_eq!(machine.token(&with(&assertion), &[], None).status(), 503);
    assert_eq!(machine.world.violations, NONE);
    let answer = machine.token(&with(&assertion), &[], None);
    assert_eq!(machine.outcome(&answer), ("invalid_client".into(), 2));
}

#[test]
fn an_old_server_wants_what_was_usual() {
    let knobs = Knobs {
        assertion_audience: AssertionAudience::TokenEndpoint,
        assertion_typ: "JWT".into(),
        client_id_with_assertion: true,
        ..knobs()
    };
    let mut machine = Machine::new(knobs);
    let old = json!({ "aud": machine.world.token_endpoint(), "header": { "typ": "JWT" } });
    let assertion = machine.assertion(&Key::p256(1), &old);
    let answer = machine.token(&with(&assertion), &[], None);
    assert_eq!(machine.outcome(&answer), ("invalid_request".into(), 0));
    for (id, error, faults) in [("another", "invalid_client", 1), ("pre-client", "", 1)] {
        let assertion = machine.assertion(&Key::p256(1), &old);
        let answer = machine.token(&with(&assertion), &[("client_id", id)], None);
        assert_eq!(machine.outcome(&answer), (error.into(), faults), "{id}");
    }
}

#[test]
fn an_assertion_needs_its_type_and_no_second_method() {
    let kind = "client_assertion_type";
    for (changes, error) in [
        ([(kind, "")], "invalid_client"),
        ([(kind, "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")], "invalid_client"),
        ([("client_assertion", "")], "invalid_client"),
        ([("client_secret", "pre-secret")], "invalid_request"),
    ] {
        let mut machine = Machine::new(knobs());
        let assertion = machine.assertion(&Key::p256(1), &json!({}));
        let answer = machine.token(&with(&assertion), &changes, None);
        assert_eq!(machine.outcome(&answer), (error.into(), 1), "{changes:?}");
    }
}

#[test]
fn a_jwt_is_noticed_where_none_belongs() {
    let mut machine = Machine::new(knobs());
    let jwt = machine.assertion(&Key::p256(1), &json!({}));
    for (n, request) in [
        Request::get(format!("https://auth.example.com/x?client_assertion={jwt}")).body(Vec::new()),
        Request::get(format!("https://elsewhere.example.com/{jwt}")).body(Vec::new()),
        Request::post("https://elsewhere.example.com/").body(format!("a={jwt}").into_bytes()),
        Request::post("https://mcp.example.com/mcp").body(json!([jwt]).to_string().into_bytes()),
        Request::get("https://idp.example.com/").header("x-jwt", &jwt).body(Vec::new()),
    ]
    .into_iter()
    .enumerate()
    {
        machine.world.handle(&request.unwrap());
        assert_eq!(machine.world.violations.len(), n + 1, "{:?}", machine.world.violations);
    }
}

fn document(key: &Key) -> Value {
    json!({
        "client_id": URL,
        "client_name": "test",
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": { "keys": [key.jwk()] },
    })
}

const URL: &str = "https://host.example.com/client.json";

#[test]
fn a_published_key_is_the_client_s() {
    let knobs = Knobs { registration: Registration::CimdOnly, ..knobs() };
    let mut machine = Machine::new(knobs);
    let key = Key::ed25519(9);
    machine.world.publish(URL, &document(&key));
    let changes = json!({ "iss": URL, "sub": URL });
    assert_eq!(machine.signed(&key, &changes).status(), 200);
    assert_eq!(machine.world.violations, NONE);
    assert_eq!(error_of(&machine.signed(&Key::ed25519(8), &changes)), "invalid_client");
    let answer =
        machine.token(&[("grant_type", "client_credentials"), ("client_id", URL)], &[], None);
    assert_eq!(machine.outcome(&answer), ("invalid_client".into(), 2));
}

#[test]
fn a_document_needs_the_keys_of_its_method_and_no_private_one() {
    for (name, value) in [("keys", json!([])), ("keys", json!([{ "kty": "EC", "d": "AA" }]))] {
        let mut machine = Machine::new(knobs());
        let mut document = document(&Key::p256(1));
        document["jwks"][name] = value;
        machine.world.publish(URL, &document);
        assert_eq!(machine.world.violations.len(), 1, "{document}");
    }
}

#[test]
fn a_registration_for_signed_assertions_brings_its_key() {
    for (jwks, status) in [(json!({ "keys": [Key::p256(3).jwk()] }), 201), (Value::Null, 400)] {
        let methods = Some(vec![AuthMethod::PrivateKeyJwt]);
        let knobs = Knobs { token_auth_methods: methods, ..Knobs::default() };
        let mut machine = Machine::new(knobs);
        let body = json!({
            "client_name": "test",
            "application_type": "native",
            "redirect_uris": ["http://127.0.0.1:7777/cb"],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": jwks,
        });
        let request = Request::post("https://auth.example.com/register")
            .header("content-type", "application/json")
            .body(body.to_string().into_bytes());
        assert_eq!(machine.world.handle(&request.unwrap()).status(), status);
        assert_eq!(machine.world.violations.is_empty(), status == 201);
    }
}
