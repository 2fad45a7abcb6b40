//! The JWT of a workload, exchanged for an access token.

use oauth_tests::world::{
    AssertionAudience, Damage, Fault, Grant, Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET, TokenForm,
    What,
};
use serde_json::json;

use crate::client::{Machine, NONE, bearing, json_of, text};

fn knobs() -> Knobs {
    Knobs::machines(&[Grant::JwtBearer])
}

fn machine() -> (Machine, String) {
    let mut machine = Machine::new(knobs());
    let issuer = machine.world.issuer();
    let jwt = machine.world.workload_jwt(&issuer);
    (machine, jwt)
}

#[test]
fn a_sound_workload_gets_in_without_violations() {
    let (mut machine, jwt) = machine();
    let answer = machine.workload(&jwt, &[("scope", "mcp:basic")]);
    assert_eq!(json_of(&answer)["scope"], "mcp:basic");
    assert_eq!(machine.mcp(&text(&answer, "access_token")).status(), 200);
    assert_eq!(machine.world.violations, NONE);
    assert_eq!(machine.world.count(What::Token(Grant::JwtBearer)), 1);
    assert!(machine.world.secrets().contains(&jwt) && machine.world.presented() == [jwt]);
}

#[test]
fn an_assertion_must_be_the_workloads_and_for_this_server() {
    for changes in [
        json!({ "iss": "https://platform2.example.com" }),
        json!({ "sub": "system:serviceaccount:tools:other" }),
        json!({ "aud": "https://auth.example.com/" }),
        json!({ "aud": "https://auth.example.com/token" }),
        json!({ "aud": null }),
        json!({ "exp": null }),
    ] {
        let (mut machine, _) = machine();
        let issuer = machine.world.issuer();
        let jwt = machine.world.workload_jwt_with(&issuer, &changes);
        let answer = machine.workload(&jwt, &[]);
        assert_eq!(machine.outcome(&answer), ("invalid_grant".into(), 1), "{changes}");
    }
}

#[test]
fn an_assertion_that_somebody_else_signed_is_refused() {
    let (mut machine, jwt) = machine();
    let (start, signature) = jwt.rsplit_once('.').unwrap();
    let answer = machine.workload(&format!("{start}.{}", signature.replace('A', "B")), &[]);
    assert_eq!(machine.outcome(&answer), ("invalid_grant".into(), 1));
}

#[test]
fn the_audience_is_what_the_knob_says() {
    let (mut machine, jwt) = machine();
    machine.world.knobs.assertion_audience = AssertionAudience::TokenEndpoint;
    let answer = machine.workload(&jwt, &[]);
    assert_eq!(machine.outcome(&answer), ("invalid_grant".into(), 1));
    let endpoint = machine.world.token_endpoint();
    let jwt = machine.world.workload_jwt(&endpoint);
    assert_eq!(machine.workload(&jwt, &[]).status(), 200);
}

#[test]
fn an_assertion_is_good_once_also_after_a_fault() {
    let (mut machine, jwt) = machine();
    assert_eq!(machine.workload(&jwt, &[]).status(), 200);
    let answer = machine.workload(&jwt, &[]);
    assert_eq!(machine.outcome(&answer), ("invalid_grant".into(), 1));

    let (mut machine, jwt) = self::machine();
    machine.world.knobs.token_damage = Damage::times(Fault::Status(502), 1);
    assert_eq!(machine.workload(&jwt, &[]).status(), 502);
    let answer = machine.workload(&jwt, &[]);
    assert_eq!(machine.outcome(&answer), ("invalid_grant".into(), 1));
}

#[test]
fn a_refused_assertion_may_not_come_again() {
    let (mut machine, jwt) = machine();
    machine.world.knobs.token_form = Damage::times(TokenForm::Refuse("invalid_grant".into()), 1);
    let answer = machine.workload(&jwt, &[]);
    assert_eq!(machine.outcome(&answer), ("invalid_grant".into(), 0));
    let answer = machine.workload(&jwt, &[]);
    assert_eq!(machine.outcome(&answer), ("invalid_grant".into(), 1));
}

#[test]
fn an_expired_assertion_is_nobodys_fault() {
    let (mut machine, jwt) = machine();
    machine.world.advance(600);
    let answer = machine.workload(&jwt, &[]);
    assert_eq!(machine.outcome(&answer), ("invalid_grant".into(), 0));
}

#[test]
fn a_workload_is_no_client() {
    for changes in [
        [("client_id", PRE_CLIENT_ID)],
        [("client_secret", PRE_CLIENT_SECRET)],
        [("resource", "https://mcp.example.com/")],
        [("scope", "offline_access")],
        [("assertion", "")],
    ] {
        let (mut machine, jwt) = machine();
        let answer = machine.workload(&jwt, &changes);
        assert!(answer.status() == 400 && machine.world.violations.len() == 1, "{changes:?}");
    }
    let (mut machine, jwt) = machine();
    let answer = machine.token(&bearing(&jwt), &[], Some((PRE_CLIENT_ID, PRE_CLIENT_SECRET)));
    assert_eq!(machine.outcome(&answer), ("invalid_request".into(), 1));
}

#[test]
fn a_workload_has_a_client_id_where_the_knob_gives_one() {
    let (mut machine, jwt) = machine();
    machine.world.knobs.workload_client_id = Some("workload-1".into());
    assert_eq!(machine.workload(&jwt, &[("client_id", "workload-1")]).status(), 200);
    assert_eq!(machine.world.violations, NONE);
}

#[test]
fn a_grant_that_is_not_offered_is_not_tried() {
    let (mut machine, jwt) = machine();
    machine.world.knobs.grant_types = Some(vec!["client_credentials".into()]);
    let answer = machine.workload(&jwt, &[]);
    assert_eq!(machine.outcome(&answer), ("unsupported_grant_type".into(), 1));
    let (mut machine, jwt) = self::machine();
    machine.world.knobs.grant_types = None;
    assert_eq!(machine.workload(&jwt, &[]).status(), 200);
}

#[test]
fn an_assertion_goes_to_its_server_only() {
    let (mut machine, jwt) = machine();
    let resource = machine.world.resource();
    let pairs = [bearing(&jwt).as_slice(), &[("resource", resource.as_str())]].concat();
    for (n, url) in ["https://auth2.example.com/token", "https://elsewhere.example.com/token"]
        .into_iter()
        .enumerate()
    {
        machine.post(url, &pairs, &[], None);
        assert!(machine.world.violations.len() > n, "{:?}", machine.world.violations);
    }
    machine.mcp(&jwt);
    let last = machine.world.violations.join("\n");
    assert!(last.contains("in the header of a request to McpServer"), "{last}");
}
