//! Client credentials with a secret, and what all grants without a user have in common.

use http::Request;
use oauth_tests::world::{
    AuthMethod, Damage, Fault, Grant, Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET, Par, TokenForm, What,
};

use crate::client::{Machine, NONE, error_of, json_of, text};
use crate::person::Person;

fn knobs() -> Knobs {
    Knobs::machines(&[Grant::ClientCredentials])
}

#[test]
fn a_sound_machine_gets_in_without_violations() {
    let mut machine = Machine::new(knobs());
    let answer = machine.credentials(&[("scope", "mcp:basic mcp:write")]);
    assert_eq!(json_of(&answer)["scope"], "mcp:basic mcp:write");
    assert!(json_of(&answer)["refresh_token"].is_null());
    assert_eq!(machine.mcp(&text(&answer, "access_token")).status(), 200);
    assert_eq!(machine.credentials(&[]).status(), 200);
    assert_eq!(machine.world.violations, NONE);
    assert_eq!(machine.world.count(What::Token(Grant::ClientCredentials)), 2);
}

#[test]
fn the_metadata_of_a_world_without_users_has_no_authorization_endpoint() {
    let mut machine = Machine::new(knobs());
    let url = format!("{}/.well-known/oauth-authorization-server", machine.world.issuer());
    let document = json_of(&machine.get(&url));
    for name in ["authorization_endpoint", "code_challenge_methods_supported"] {
        assert!(document[name].is_null(), "{name}");
    }
    assert_eq!(document["grant_types_supported"], serde_json::json!(["client_credentials"]));
    assert!(document["registration_endpoint"].is_string());
}

#[test]
fn every_fault_of_a_machine_is_refused_and_recorded() {
    for (name, value, error) in [
        ("resource", "", "invalid_target"),
        ("resource", "https://mcp.example.com/mcp/", "invalid_target"),
        ("resource", "https://mcp.example.com", "invalid_target"),
        ("scope", "mcp:basic offline_access", "invalid_scope"),
        ("scope", "mcp:basic  mcp:write", "invalid_scope"),
        ("scope", "as:decoy", "invalid_scope"),
        ("prompt", "consent", "invalid_request"),
        ("redirect_uri", "http://127.0.0.1:7777/cb", "invalid_request"),
        ("client_id", "client-9", "invalid_client"),
        ("client_secret", PRE_CLIENT_SECRET, "invalid_request"),
        ("grant_type", "password", "unsupported_grant_type"),
        ("grant_type", Grant::Exchange.as_str(), "unsupported_grant_type"),
    ] {
        // Even where a login may ask for it.
        let mut machine = Machine::new(Knobs { offline_access: true, ..knobs() });
        let answer = machine.credentials(&[(name, value)]);
        assert_eq!(machine.outcome(&answer), (error.into(), 1), "{name}={value}");
    }
}

#[test]
fn a_secret_goes_by_the_method_of_the_client() {
    for (method, basic, error, faults) in [
        (AuthMethod::Basic, true, "", 0),
        (AuthMethod::Post, false, "", 0),
        (AuthMethod::Post, true, "invalid_client", 0),
        (AuthMethod::Basic, false, "invalid_client", 0),
        (AuthMethod::None, true, "invalid_client", 1),
        (AuthMethod::PrivateKeyJwt, true, "invalid_client", 1),
    ] {
        // What the metadata lists may be tried; what it does not list may not.
        let listed = [AuthMethod::Basic, AuthMethod::Post].contains(&method);
        let listed = listed.then(|| vec![AuthMethod::Basic, AuthMethod::Post]);
        let knobs = Knobs { pre_method: method, token_auth_methods: listed, ..knobs() };
        let mut machine = Machine::new(knobs);
        let answer = if basic {
            machine.credentials(&[])
        } else {
            let pairs = [("client_id", PRE_CLIENT_ID), ("client_secret", PRE_CLIENT_SECRET)];
            machine.token(
                &[pairs.as_slice(), &[("grant_type", "client_credentials")]].concat(),
                &[],
                None,
            )
        };
        assert_eq!(machine.outcome(&answer), (error.into(), faults), "{method:?} {basic}");
    }
}

#[test]
fn a_public_client_has_no_credentials_to_use() {
    let mut machine = Machine::new(Knobs { pre_method: AuthMethod::None, ..knobs() });
    let pairs = [("grant_type", "client_credentials"), ("client_id", PRE_CLIENT_ID)];
    let answer = machine.token(&pairs, &[], None);
    assert_eq!(machine.outcome(&answer), ("unauthorized_client".into(), 1));
}

#[test]
fn a_grant_that_is_not_offered_is_refused_without_blame() {
    let mut machine = Machine::new(Knobs::machines(&[Grant::JwtBearer]));
    let answer = machine.credentials(&[]);
    assert_eq!(machine.outcome(&answer), ("unsupported_grant_type".into(), 0));
    machine.world.knobs.grant_types = None;
    assert_eq!(machine.credentials(&[]).status(), 200);
}

#[test]
fn whoever_has_no_user_does_nothing_that_needs_one() {
    let mut machine = Machine::new(Knobs { par: Par::Offered, ..knobs() });
    let register = Request::post("https://auth.example.com/register").body(Vec::new()).unwrap();
    assert_eq!(machine.world.handle(&register).status(), 400);
    let mut person = Person::known(machine, PRE_CLIENT_ID);
    assert_eq!(person.code(&[]), "somebody was sent to authorize a client without a user");
    assert_eq!(person.blamed(), 2, "{:?}", person.world().violations);
    let asked = person.asked(&[]);
    let answer = person.post("https://auth.example.com/par", &asked, None);
    assert_eq!(error_of(&answer), "unauthorized_client");
    assert_eq!(person.blamed(), 3, "{:?}", person.world().violations);
    let mut machine = person.machine;
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", "")];
    let answer = machine.credentials(&refresh);
    assert_eq!(machine.outcome(&answer), ("unauthorized_client".into(), 4));
}

#[test]
fn a_refresh_token_of_a_machine_is_a_decoy() {
    // Where users are, and refreshing is right for their grants.
    let grants = [Grant::ClientCredentials, Grant::Refresh].map(|grant| grant.as_str().into());
    let knobs = Knobs {
        grant_types: Some(grants.to_vec()),
        decoy_refresh_tokens: true,
        ..Knobs::default()
    };
    let mut machine = Machine::new(knobs);
    let answer = machine.credentials(&[]);
    let token = text(&answer, "refresh_token");
    assert_eq!(machine.world.violations, NONE);
    let changes = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    let answer = machine.credentials(&changes);
    assert_eq!(machine.outcome(&answer), ("invalid_grant".into(), 1));
}

#[test]
fn a_server_refuses_as_the_knob_says() {
    for error in ["invalid_client", "invalid_scope", "unauthorized_client", "invalid_grant"] {
        let form = Damage::times(TokenForm::Refuse(error.into()), 1);
        let mut machine = Machine::new(Knobs { token_form: form, ..knobs() });
        let answer = machine.credentials(&[]);
        assert_eq!(machine.outcome(&answer), (error.into(), 0));
        assert_eq!(machine.credentials(&[]).status(), 200);
    }
    let damage = Damage::times(Fault::Unavailable { retry_after: 3 }, 1);
    let mut machine = Machine::new(Knobs { token_damage: damage, ..knobs() });
    assert_eq!(machine.credentials(&[]).status(), 503);
    assert_eq!(machine.credentials(&[]).status(), 200);
}

#[test]
fn a_token_of_a_machine_expires() {
    let mut machine = Machine::new(Knobs { access_lifetime: 30, ..knobs() });
    let token = text(&machine.credentials(&[]), "access_token");
    machine.world.advance(29);
    assert_eq!(machine.mcp(&token).status(), 200);
    machine.world.advance(1);
    assert_eq!(machine.mcp(&token).status(), 401);
    assert_eq!(machine.world.violations, NONE);
}

#[test]
fn a_wrong_secret_is_noticed() {
    let mut machine = Machine::new(knobs());
    let basic = Some((PRE_CLIENT_ID, "another"));
    let answer = machine.token(&[("grant_type", "client_credentials")], &[], basic);
    assert_eq!(machine.outcome(&answer), ("invalid_client".into(), 1));
}

#[test]
fn a_secret_belongs_to_one_server() {
    let mut machine = Machine::new(knobs());
    let resource = machine.world.resource();
    let url = format!("{}/token", machine.world.issuer2());
    let pairs = [("grant_type", "client_credentials"), ("resource", resource.as_str())];
    let basic = Some((PRE_CLIENT_ID, PRE_CLIENT_SECRET));
    let answer = machine.post(&url, &pairs, &[], basic);
    assert_eq!(error_of(&answer), "invalid_client");
    assert_eq!(machine.world.violations.len(), 2, "{:?}", machine.world.violations);
}
