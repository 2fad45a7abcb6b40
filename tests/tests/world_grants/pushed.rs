//! Pushed authorization requests.

use http::Response;
use oauth_tests::world::{
    AuthMethod, Damage, Fault, Key, Knobs, Nonces, PRE_CLIENT_ID, PRE_CLIENT_SECRET, Par, ParForm,
    RegisteredScopes, What,
};
use serde_json::json;

use crate::client::{Changes, Machine, NONE, error_of, form, json_of, text};
use crate::person::{Person, nonce_of};

const URL: &str = "https://auth.example.com/par";

fn knobs() -> Knobs {
    Knobs { par: Par::Required, ..Knobs::default() }
}

fn person() -> Person {
    Person::new(knobs())
}

impl Person {
    fn push(&mut self, changes: Changes<'_>) -> Response<Vec<u8>> {
        let asked = self.asked(changes);
        self.post(URL, &asked, None)
    }

    fn pushed(&mut self) -> String {
        let answer = self.push(&[]);
        assert_eq!(answer.status(), 201, "{:?}", self.world().violations);
        text(&answer, "request_uri")
    }

    fn visit_pushed(&mut self, uri: &str, changes: Changes<'_>) -> String {
        let id = self.id.clone();
        self.visit(&form(&[("client_id", &id), ("request_uri", uri)], changes))
    }
}

#[test]
fn a_sound_client_gets_in_without_violations() {
    let mut person = person();
    let url = "https://auth.example.com/.well-known/oauth-authorization-server";
    let document = json_of(&person.machine.get(url));
    assert_eq!(document["pushed_authorization_request_endpoint"], URL);
    assert_eq!(document["require_pushed_authorization_requests"], true);
    let answer = person.push(&[]);
    assert_eq!(
        (answer.status().as_u16(), json_of(&answer)["expires_in"].as_u64()),
        (201, Some(60))
    );
    let code = person.visit_pushed(&text(&answer, "request_uri"), &[]);
    assert_eq!(person.redeem(&code, None).status(), 200);
    assert_eq!(person.world().violations, NONE);
    assert_eq!(person.world().count(What::Push), 1);
}

#[test]
fn every_fault_of_a_pushed_request_is_refused_and_recorded() {
    for (name, value, error) in [
        ("client_id", "", "invalid_client"),
        ("client_id", "client-9", "invalid_client"),
        ("client_secret", "something", "invalid_client"),
        ("redirect_uri", "", "invalid_request"),
        ("redirect_uri", "http://127.0.0.1:7777/other", "invalid_request"),
        ("response_type", "", "unsupported_response_type"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("state", "", "invalid_request"),
        ("resource", "", "invalid_target"),
        ("resource", "https://mcp.example.com", "invalid_target"),
        ("scope", "mcp:basic offline_access", "invalid_scope"),
        ("request_uri", "urn:ietf:params:oauth:request_uri:par-1-auth", "invalid_request"),
        ("request", "eyJ", "invalid_request"),
    ] {
        let mut person = person();
        let answer = person.push(&[(name, value)]);
        assert_eq!(error_of(&answer), error, "{name}={value}");
        assert_eq!(person.blamed(), 1, "{name}={value}: {:?}", person.world().violations);
    }
}

#[test]
fn a_request_that_was_not_pushed_is_noticed_where_it_has_to_be() {
    for (par, faults) in [(Par::Required, 1), (Par::Offered, 0), (Par::Unknown, 0)] {
        let mut person = Person::new(Knobs { par, ..Knobs::default() });
        person.code(&[]);
        assert_eq!(person.blamed(), faults, "{par:?}");
        let pushed = person.push(&[]).status().as_u16();
        assert_eq!(pushed, if par == Par::Unknown { 404 } else { 201 });
    }
}

#[test]
fn a_visit_has_two_parameters_and_is_the_clients_own() {
    for (name, value) in [
        ("state", "state-1"),
        ("scope", "mcp:write"),
        ("redirect_uri", "http://127.0.0.1:7777/cb"),
        ("client_id", ""),
        ("client_id", PRE_CLIENT_ID),
        ("request_uri", "urn:ietf:params:oauth:request_uri:par-9-auth"),
    ] {
        let mut person = person();
        let uri = person.pushed();
        person.visit_pushed(&uri, &[(name, value)]);
        assert_eq!(person.blamed(), 1, "{name}={value}: {:?}", person.world().violations);
    }
}

#[test]
fn the_endpoints_own_query_stays() {
    let mut person = Person::new(Knobs { authorize_query: true, ..knobs() });
    let uri = person.pushed();
    person.visit_pushed(&uri, &[]);
    assert_eq!(person.blamed(), 1);
    assert!(person.visit_pushed(&uri, &[("policy", "p1")]).starts_with("code-"));
    assert_eq!(person.blamed(), 1);
}

#[test]
fn a_request_uri_is_good_for_one_visit() {
    let mut person = person();
    let uri = person.pushed();
    person.visit_pushed(&uri, &[]);
    person.visit_pushed(&uri, &[]);
    assert_eq!(person.blamed(), 1, "{:?}", person.world().violations);
}

#[test]
fn a_login_that_is_shown_again_is_pushed_again() {
    let mut person = person();
    let asked = person.asked(&[]);
    let uris = [(); 2].map(|()| text(&person.post(URL, &asked, None), "request_uri"));
    assert_ne!(uris[0], uris[1]);
    for uri in &uris {
        assert!(person.visit_pushed(uri, &[]).starts_with("code-"));
    }
    assert_eq!(person.world().violations, NONE);
    // But another request has another state.
    person.post(URL, &asked.replace("mcp%3Abasic", "mcp%3Awrite"), None);
    assert_eq!(person.blamed(), 2, "{:?}", person.world().violations);
}

#[test]
fn a_user_who_comes_late_is_nobodys_fault() {
    let mut person = person();
    let uri = person.pushed();
    person.world().advance(60);
    assert_eq!(person.visit_pushed(&uri, &[]), "the request is expired");
    assert_eq!(person.world().violations, NONE);
}

#[test]
fn clients_authenticate_as_at_the_token_endpoint() {
    let knobs = Knobs { pre_method: AuthMethod::Post, ..knobs() };
    let mut person = Person::known(Machine::new(knobs), PRE_CLIENT_ID);
    assert_eq!(person.push(&[("client_secret", PRE_CLIENT_SECRET)]).status(), 201);
    assert_eq!(person.world().violations, NONE);
    assert_eq!(error_of(&person.push(&[])), "invalid_client");
    assert_eq!(person.blamed(), 1);

    let knobs = Knobs { pre_method: AuthMethod::PrivateKeyJwt, ..self::knobs() };
    let mut person = Person::known(Machine::new(knobs), PRE_CLIENT_ID);
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    for (changes, status) in [
        (json!({}), 201),
        (json!({ "aud": URL }), 401),
        (json!({ "aud": "https://auth.example.com/token" }), 401),
    ] {
        let assertion = person.machine.assertion(&Key::p256(1), &changes);
        let signed = [("client_assertion_type", kind), ("client_assertion", assertion.as_str())];
        assert_eq!(person.push(&signed).status(), status, "{changes}");
        assert_eq!(person.blamed() > 0, status == 401);
    }
}

#[test]
fn the_client_stands_in_the_body_whatever_else_says_who_it_is() {
    let knobs = Knobs { pre_method: AuthMethod::PrivateKeyJwt, ..knobs() };
    let mut person = Person::known(Machine::new(knobs), PRE_CLIENT_ID);
    let assertion = person.machine.assertion(&Key::p256(1), &json!({}));
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let signed = [
        ("client_assertion_type", kind),
        ("client_assertion", assertion.as_str()),
        ("client_id", ""),
    ];
    assert_eq!(error_of(&person.push(&signed)), "invalid_request");
    assert_eq!(person.blamed(), 1);
}

#[test]
fn a_scope_that_the_client_may_not_have_is_refused_without_blame() {
    let registered_scopes = RegisteredScopes::Named;
    let mut person = Person::new(Knobs { registered_scopes, ..knobs() });
    assert_eq!(error_of(&person.push(&[])), "invalid_scope");
    assert_eq!(person.world().violations, NONE);
}

#[test]
fn a_proof_and_a_named_key_agree_and_bind_the_code() {
    let thumbprint = Key::p256(5).public().thumbprint();
    let bound = || Person::new(Knobs { par: Par::Required, ..Knobs::bound() });
    for (jkt, proves, status) in [
        ("", true, 201),
        (thumbprint.as_str(), true, 201),
        (thumbprint.as_str(), false, 201),
        ("another", true, 400),
    ] {
        let mut person = bound();
        let asked = person.asked(&[("dpop_jkt", jkt)]);
        let proof = person.proof_for("POST", URL, None, &json!({}));
        let answer = person.post(URL, &asked, proves.then_some(&*proof));
        assert_eq!(answer.status(), status, "{jkt} {proves}");
        assert_eq!(person.blamed(), usize::from(status == 400));
        if status == 201 {
            let code = person.visit_pushed(&text(&answer, "request_uri"), &[]);
            person.key = Key::p256(6);
            let proof = person.proof();
            assert_eq!(error_of(&person.redeem(&code, Some(&proof))), "invalid_grant");
            assert_eq!(person.blamed(), 1);
        }
    }
}

#[test]
fn a_push_with_a_proof_meets_the_nonces_too() {
    let server_nonces = Nonces::Needed { seconds: 60 };
    let mut person = Person::new(Knobs { server_nonces, par: Par::Required, ..Knobs::bound() });
    let asked = person.asked(&[]);
    let proof = person.proof_for("POST", URL, None, &json!({}));
    let answer = person.post(URL, &asked, Some(&proof));
    assert_eq!(error_of(&answer), "use_dpop_nonce");
    person.nonce = nonce_of(&answer);
    let proof = person.proof_for("POST", URL, None, &json!({}));
    assert_eq!(person.post(URL, &asked, Some(&proof)).status(), 201);
    assert_eq!(person.world().violations, NONE);
}

#[test]
fn the_endpoint_answers_as_the_knob_says() {
    for (form, status, name, value) in [
        (ParForm::Status200, 200, "expires_in", json!(60)),
        (ParForm::NoRequestUri, 201, "request_uri", json!(null)),
        (ParForm::EmptyRequestUri, 201, "request_uri", json!("")),
        (ParForm::NoExpiresIn, 201, "expires_in", json!(null)),
        (ParForm::ExpiresInText, 201, "expires_in", json!("60")),
        (ParForm::ExpiresInZero, 201, "expires_in", json!(0)),
        (ParForm::Refuse("invalid_scope".into()), 400, "error", json!("invalid_scope")),
        (ParForm::Refuse("invalid_client".into()), 401, "error", json!("invalid_client")),
    ] {
        let mut person = person();
        person.world().knobs.par_form = Damage::always(form.clone());
        let answer = person.push(&[]);
        assert_eq!(
            (answer.status().as_u16(), &json_of(&answer)[name]),
            (status, &value),
            "{form:?}"
        );
    }
    for form in [ParForm::OddRequestUri, ParForm::LongRequestUri] {
        let mut person = person();
        person.world().knobs.par_form = Damage::always(form);
        let uri = person.pushed();
        assert!(uri.contains("&state=another#+%20é") || uri.len() > 4096);
        assert!(person.visit_pushed(&uri, &[]).starts_with("code-"));
        assert_eq!(person.world().violations, NONE);
    }
    let mut person = person();
    person.world().knobs.par_damage = Damage::times(Fault::TooMany { retry_after: 3 }, 1);
    assert_eq!(person.push(&[]).status(), 429);
}
