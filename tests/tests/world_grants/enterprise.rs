//! Enterprise-managed authorization: the identity provider, and what it exchanged at the authorization server.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Response;
use oauth_tests::world::{
    AuthMethod, Damage, Fault, Grant, IDP_CLIENT_ID, IDP_CLIENT_SECRET, IdpForm, Key, Knobs,
    PRE_CLIENT_ID, PRE_CLIENT_SECRET, Party, What,
};
use serde_json::{Value, json};

use crate::client::{Changes, Machine, NONE, bearing, json_of, text};

const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const REFRESH_TOKEN: &str = "urn:ietf:params:oauth:token-type:refresh_token";
const PRE: Option<(&str, &str)> = Some((PRE_CLIENT_ID, PRE_CLIENT_SECRET));

fn machine() -> Machine {
    Machine::new(Knobs::machines(&[Grant::JwtBearer]))
}

impl Machine {
    fn exchange(&mut self, changes: Changes<'_>) -> Response<Vec<u8>> {
        let id_token = self.world.id_token();
        self.exchange_at_idp(&id_token, changes, None)
    }

    fn exchange_at_idp(
        &mut self,
        subject: &str,
        changes: Changes<'_>,
        basic: Option<(&str, &str)>,
    ) -> Response<Vec<u8>> {
        let (url, issuer) = (self.world.idp_token_endpoint(), self.world.issuer());
        let resource = self.world.resource();
        let pairs = [
            ("grant_type", Grant::Exchange.as_str()),
            ("requested_token_type", ID_JAG),
            ("audience", &issuer),
            ("resource", &resource),
            ("scope", "mcp:basic"),
            ("subject_token", subject),
            ("subject_token_type", ID_TOKEN),
            ("client_id", IDP_CLIENT_ID),
        ];
        self.post(&url, &pairs, changes, basic)
    }

    fn id_jag(&mut self) -> String {
        text(&self.exchange(&[]), "access_token")
    }
}

#[test]
fn both_legs_are_walked_without_violations() {
    let mut machine = machine();
    let answer = machine.exchange(&[]);
    assert_eq!(json_of(&answer)["issued_token_type"], ID_JAG);
    assert_eq!(json_of(&answer)["token_type"], "N_A");
    let id_jag = text(&answer, "access_token");
    let answer = machine.token(&bearing(&id_jag), &[("scope", "mcp:basic")], PRE);
    assert_eq!(machine.mcp(&text(&answer, "access_token")).status(), 200);
    assert_eq!(machine.world.violations, NONE);
    assert_eq!(machine.world.count(What::Token(Grant::Exchange)), 1);
    assert_eq!(machine.world.count_at(Party::IdentityProvider), 1);
    assert_eq!(machine.world.token_requests(), 2);
}

#[test]
fn the_metadata_of_the_provider_is_at_its_one_place() {
    let mut machine = machine();
    let url = |name: &str| format!("https://idp.example.com/.well-known/{name}");
    assert_eq!(machine.get(&url("oauth-authorization-server")).status(), 404);
    let document = json_of(&machine.get(&url("openid-configuration")));
    assert_eq!(document["issuer"], machine.world.idp_issuer());
    assert_eq!(document["token_endpoint"], machine.world.idp_token_endpoint());
    assert_eq!(machine.world.violations, NONE);
}

#[test]
fn every_fault_of_an_exchange_is_refused_and_recorded() {
    for (name, value, error) in [
        ("grant_type", "client_credentials", "unsupported_grant_type"),
        ("requested_token_type", "", "invalid_request"),
        (
            "requested_token_type",
            "urn:ietf:params:oauth:token-type:access_token",
            "invalid_request",
        ),
        ("audience", "", "invalid_target"),
        ("audience", "https://auth.example.com/", "invalid_target"),
        ("audience", "https://auth.example.com/token", "invalid_target"),
        ("audience", "https://mcp.example.com/mcp", "invalid_target"),
        ("resource", "", "invalid_target"),
        ("resource", "https://mcp.example.com", "invalid_target"),
        ("scope", "offline_access", "invalid_scope"),
        ("subject_token", "", "invalid_request"),
        ("subject_token_type", "", "invalid_request"),
        ("subject_token_type", REFRESH_TOKEN, "invalid_grant"),
        ("client_id", "", "invalid_client"),
        ("client_id", PRE_CLIENT_ID, "invalid_client"),
    ] {
        let mut machine = machine();
        // Even where a login may ask for it.
        machine.world.knobs.offline_access = true;
        let answer = machine.exchange(&[(name, value)]);
        assert_eq!(machine.outcome(&answer), (error.into(), 1), "{name}={value}");
    }
}

#[test]
fn a_subject_token_must_be_the_providers_own() {
    for changes in [
        json!({ "iss": "https://idp2.example.com" }),
        json!({ "aud": PRE_CLIENT_ID }),
        json!({ "aud": null }),
    ] {
        let mut machine = machine();
        let subject = machine.world.id_token_with(&changes);
        let answer = machine.exchange_at_idp(&subject, &[], None);
        assert_eq!(machine.outcome(&answer), ("invalid_grant".into(), 1), "{changes}");
    }
    let mut machine = machine();
    let claims = json!({
        "iss": "https://idp.example.com",
        "aud": IDP_CLIENT_ID,
        "exp": machine.world.now + 60,
    });
    let forged = Key::p256(7).jwt(&json!({}), &claims);
    let answer = machine.exchange_at_idp(&forged, &[], None);
    assert_eq!(machine.outcome(&answer), ("invalid_grant".into(), 1));
}

#[test]
fn an_expired_id_token_is_nobodys_fault() {
    let mut machine = machine();
    let subject = machine.world.id_token();
    machine.world.advance(3600);
    let answer = machine.exchange_at_idp(&subject, &[], None);
    assert_eq!(machine.outcome(&answer), ("invalid_grant".into(), 0));
}

#[test]
fn a_refresh_token_is_exchanged_where_the_provider_does_that() {
    let kind = [("subject_token_type", REFRESH_TOKEN)];
    let mut machine = machine();
    let subject = machine.world.idp_refresh_token();
    assert_eq!(machine.exchange_at_idp(&subject, &kind, None).status(), 200);
    machine.world.knobs.idp_takes_refresh_tokens = false;
    let answer = machine.exchange_at_idp(&subject, &kind, None);
    assert_eq!(machine.outcome(&answer), ("invalid_request".into(), 0));
}

#[test]
fn the_client_of_the_provider_authenticates_as_it_is_set_up() {
    let secret = [("client_secret", IDP_CLIENT_SECRET)];
    let basic = Some((IDP_CLIENT_ID, IDP_CLIENT_SECRET));
    for (method, changes, basic, error) in [
        (AuthMethod::Basic, [("client_id", "")], basic, ""),
        (AuthMethod::Post, secret, None, ""),
        (AuthMethod::None, secret, None, "invalid_client"),
        (AuthMethod::Basic, [("client_id", "")], PRE, "invalid_client"),
    ] {
        let mut machine = machine();
        machine.world.knobs.idp_method = method;
        let subject = machine.world.id_token();
        let answer = machine.exchange_at_idp(&subject, &changes, basic);
        let (got, faults) = machine.outcome(&answer);
        assert_eq!((got.as_str(), faults > 0), (error, !error.is_empty()), "{method:?}");
    }
    let mut machine = machine();
    machine.world.knobs.idp_method = AuthMethod::PrivateKeyJwt;
    for (audience, error) in
        [("https://idp.example.com", ""), ("https://auth.example.com", "invalid_client")]
    {
        let id = json!({ "iss": IDP_CLIENT_ID, "sub": IDP_CLIENT_ID, "aud": audience });
        let assertion = machine.assertion(&Key::p256(1), &id);
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let changes = [("client_assertion_type", kind), ("client_assertion", assertion.as_str())];
        let answer = machine.exchange(&changes);
        assert_eq!(machine.outcome(&answer).0, error, "{audience}");
    }
}

#[test]
fn an_id_jag_is_good_once() {
    let mut machine = machine();
    let id_jag = machine.id_jag();
    assert_eq!(machine.token(&bearing(&id_jag), &[], PRE).status(), 200);
    let answer = machine.token(&bearing(&id_jag), &[], PRE);
    assert_eq!(machine.outcome(&answer), ("invalid_grant".into(), 1));
}

#[test]
fn every_fault_of_the_second_leg_is_refused_and_recorded() {
    for (name, value, error) in [
        ("resource", "", "invalid_target"),
        ("resource", "https://mcp.example.com", "invalid_target"),
        ("scope", "offline_access", "invalid_scope"),
        ("refresh_token", "rt", "invalid_request"),
        ("client_id", IDP_CLIENT_ID, "invalid_client"),
    ] {
        let mut machine = machine();
        let id_jag = machine.id_jag();
        let answer = machine.token(&bearing(&id_jag), &[(name, value)], PRE);
        assert_eq!(machine.outcome(&answer), (error.into(), 1), "{name}={value}");
    }
}

#[test]
fn the_second_leg_is_for_confidential_clients() {
    let mut machine = machine();
    machine.world.knobs.pre_method = AuthMethod::None;
    let id_jag = machine.id_jag();
    let answer = machine.token(&bearing(&id_jag), &[("client_id", PRE_CLIENT_ID)], None);
    assert_eq!(machine.outcome(&answer), ("unauthorized_client".into(), 1));
}

#[test]
fn an_id_jag_for_somebody_else_is_noticed() {
    for form in [
        IdpForm::ForeignAudience,
        IdpForm::ForeignClient,
        IdpForm::Claims(json!({ "iss": "https://idp2.example.com" })),
        IdpForm::Claims(json!({ "aud": ["https://auth.example.com"] })),
        IdpForm::Claims(json!({ "client_id": null })),
        IdpForm::Claims(json!({ "resource": "https://mcp.example.com" })),
        IdpForm::Claims(json!({ "exp": null })),
    ] {
        let mut machine = machine();
        machine.world.knobs.idp_form = Damage::always(form.clone());
        let id_jag = machine.id_jag();
        let answer = machine.token(&bearing(&id_jag), &[], PRE);
        assert_eq!(machine.outcome(&answer), ("invalid_grant".into(), 1), "{form:?}");
    }
}

#[test]
fn an_id_jag_that_somebody_else_signed_is_refused() {
    let mut machine = machine();
    let claims = json!({
        "iss": machine.world.idp_issuer(),
        "aud": machine.world.issuer(),
        "client_id": PRE_CLIENT_ID,
        "jti": "forged",
        "exp": machine.world.now + 60,
    });
    let forged = Key::p256(7).jwt(&json!({ "typ": "oauth-id-jag+jwt" }), &claims);
    let answer = machine.token(&bearing(&forged), &[], PRE);
    assert_eq!(machine.outcome(&answer), ("invalid_grant".into(), 1));
}

#[test]
fn an_id_jag_with_less_to_see_is_as_good() {
    for form in [IdpForm::NoResourceClaim, IdpForm::Opaque, IdpForm::NoScope, IdpForm::NoExpiresIn]
    {
        let mut machine = machine();
        machine.world.knobs.idp_form = Damage::always(form.clone());
        let id_jag = machine.id_jag();
        let claims = id_jag.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let claims = claims.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        assert_eq!(claims.is_none(), form == IdpForm::Opaque);
        let has_none = claims.is_some_and(|claims| claims["resource"].is_null());
        assert_eq!(has_none, form == IdpForm::NoResourceClaim);
        assert_eq!(machine.token(&bearing(&id_jag), &[], PRE).status(), 200, "{form:?}");
        assert_eq!(machine.world.violations, NONE);
        let answer = machine.token(&bearing(&id_jag), &[], PRE);
        assert_eq!(machine.outcome(&answer), ("invalid_grant".into(), 1), "{form:?}");
    }
}

#[test]
fn an_expired_id_jag_is_nobodys_fault() {
    let mut machine = machine();
    let id_jag = machine.id_jag();
    machine.world.advance(300);
    let answer = machine.token(&bearing(&id_jag), &[], PRE);
    assert_eq!(machine.outcome(&answer), ("invalid_grant".into(), 0));
}

#[test]
fn the_provider_refuses_as_the_knob_says() {
    let step_up = IdpForm::StepUp("insufficient_user_authentication".into());
    for (form, error) in [
        (IdpForm::Refuse("invalid_grant".into()), "invalid_grant"),
        (IdpForm::Refuse("invalid_client".into()), "invalid_client"),
        (step_up, "insufficient_user_authentication"),
    ] {
        let mut machine = machine();
        machine.world.knobs.idp_form = Damage::always(form);
        let answer = machine.exchange(&[]);
        assert_eq!(machine.outcome(&answer), (error.into(), 0));
        let max_age = &json_of(&answer)["max_age"];
        assert_eq!(max_age.is_u64(), error == "insufficient_user_authentication");
    }
    let mut machine = machine();
    machine.world.knobs.idp_damage = Damage::times(Fault::Status(500), 1);
    assert_eq!(machine.exchange(&[]).status(), 500);
    assert_eq!(machine.exchange(&[]).status(), 200);
}

#[test]
fn the_answer_of_the_provider_is_odd_as_the_knob_says() {
    for (form, name, value) in [
        (
            IdpForm::OtherIssuedType,
            "issued_token_type",
            "urn:ietf:params:oauth:token-type:access_token",
        ),
        (IdpForm::NoIssuedType, "issued_token_type", ""),
        (IdpForm::BearerType, "token_type", "Bearer"),
        (IdpForm::LowerCaseType, "token_type", "n_a"),
    ] {
        let mut machine = machine();
        machine.world.knobs.idp_form = Damage::always(form);
        assert_eq!(text(&machine.exchange(&[]), name), value);
    }
}

#[test]
fn nothing_of_the_provider_goes_elsewhere() {
    let mut machine = machine();
    let id_token = machine.world.id_token();
    let refresh = machine.world.idp_refresh_token();
    let id_jag = machine.id_jag();
    for (n, (url, value)) in [
        ("https://auth.example.com/token", &id_token),
        ("https://auth.example.com/token", &refresh),
        ("https://idp.example.com/token", &id_jag),
        ("https://auth2.example.com/token", &id_jag),
    ]
    .into_iter()
    .enumerate()
    {
        machine.post(url, &[("token", value.as_str())], &[], None);
        let said = machine.world.violations.iter().filter(|text| text.starts_with("Brought"));
        assert_eq!(said.count(), n + 1, "{:?}", machine.world.violations);
    }
    machine.mcp(&id_jag);
    let said = machine.world.violations.iter().filter(|text| text.starts_with("Brought"));
    assert_eq!(said.count(), 5, "{:?}", machine.world.violations);
}
