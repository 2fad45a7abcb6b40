use alloc::format;
use alloc::string::{String, ToString as _};

use super::*;
use crate::address_policy::AddressPolicy;
use crate::form::owned_pairs;
use crate::json::Defect;
use crate::url::HttpAllowance;

const NOW: UnixTime = UnixTime::from_secs(1_900_000_000);

fn endpoint() -> HttpUrl {
    HttpUrl::parse("https://idp.example/token", HttpAllowance::Forbidden)
        .unwrap_or_else(|e| panic!("{e}"))
}

fn read(status: u16, body: &str) -> Result<IdJag, Error> {
    read_id_jag(&Response::new(status, body.into()), &endpoint(), NOW)
}

#[test]
fn the_request_says_for_whom_and_what_the_grant_is() {
    let audience = Issuer::parse("https://AS.example:443/", AddressPolicy::PUBLIC);
    let audience = audience.unwrap_or_else(|e| panic!("{e}"));
    for (kind, name, scopes) in [
        (SubjectTokenKind::IdToken, "id_token", Some("mcp:read offline_access")),
        (SubjectTokenKind::RefreshToken, "refresh_token", None),
        (SubjectTokenKind::Saml2, "saml2", None),
    ] {
        let asked = scopes.and_then(Scopes::parse);
        let exchange = Exchange {
            endpoint: &endpoint(),
            client: Authentication::Public { client_id: "sso 1" },
            audience: &audience,
            resource: "https://MCP.example/mcp/",
            scopes: asked.as_ref(),
        };
        let request = exchange_request(&exchange, &SubjectToken { token: "h.c.s".into(), kind });
        let body = core::str::from_utf8(request.body()).unwrap_or_default();
        let found: Vec<(String, String)> = owned_pairs(body);
        let kind = format!("urn:ietf:params:oauth:token-type:{name}");
        let mut expected = Vec::from([
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:id-jag"),
            ("audience", "https://AS.example:443/"),
            ("resource", "https://MCP.example/mcp/"),
            ("subject_token", "h.c.s"),
            ("subject_token_type", &kind),
        ]);
        expected.extend(scopes.map(|_| ("scope", "mcp:read")));
        expected.push(("client_id", "sso 1"));
        let expected = expected.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        assert!(found.into_iter().eq(expected), "{kind}");
        assert_eq!(request.url().as_str(), "https://idp.example/token");
        assert_eq!(request.endpoint().name(), "identity_provider");
    }
}

#[test]
fn a_grant_is_read_and_shows_nothing() {
    let body = r#"{"issued_token_type":"urn:ietf:params:oauth:token-type:id-jag",
        "access_token":"planted","token_type":"n_a","expires_in":300,"scope":"a b","x":1}"#;
    let grant = read(200, body).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(grant.assertion.expose(), "planted");
    assert_eq!(grant.expires_at, Some(NOW + Duration::from_secs(300)));
    assert_eq!(grant.scope, Scopes::parse("a b"));
    assert!(!format!("{grant:?}").contains("planted"));
    let stored = serde_json::to_string(&grant).unwrap_or_default();
    assert_eq!(serde_json::from_str(&stored).ok(), Some(grant));
}

#[test]
fn what_is_not_needed_may_be_left_out_or_wrong() {
    for more in ["", r#","scope":"","expires_in":"soon""#, r#","scope":7,"refresh_token":"rt""#] {
        let body = format!(
            r#"{{"issued_token_type":"urn:ietf:params:oauth:token-type:id-jag",
            "access_token":"j","token_type":"N_A"{more}}}"#
        );
        let grant = read(200, &body).unwrap_or_else(|e| panic!("{more}: {e}"));
        let bare = IdJag { assertion: "j".into(), expires_at: None, scope: None };
        assert_eq!(grant, bare, "{more}");
    }
}

/// What is good at a resource must not be taken for a grant, nor the other way round.
#[test]
fn another_kind_of_token_is_not_used() {
    let access_token = "urn:ietf:params:oauth:token-type:access_token";
    let wrong = |member: &str, found: &str| {
        PeerMisbehaved::NotAnIdJag { member: member.into(), found: found.into() }.into()
    };
    for (issued, token_type, error) in [
        (access_token, "Bearer", wrong("issued_token_type", access_token)),
        (access_token, "N_A", wrong("issued_token_type", access_token)),
        ("URN:IETF:params:oauth:token-type:id-jag", "N_A", {
            wrong("issued_token_type", "URN:IETF:params:oauth:token-type:id-jag")
        }),
        (ID_JAG, "Bearer", wrong("token_type", "Bearer")),
        (ID_JAG, "\\u001b[2JDPoP", wrong("token_type", "[2JDPoP")),
    ] {
        let body = format!(
            r#"{{"issued_token_type":"{issued}","token_type":"{token_type}","access_token":"t"}}"#
        );
        assert_eq!(read(200, &body), Err(error), "{body}");
    }
}

#[test]
fn a_grant_for_others_is_not_passed_on() {
    let issuer = Issuer::parse("https://as.example", AddressPolicy::PUBLIC);
    let issuer = issuer.unwrap_or_else(|e| panic!("{e}"));
    let check = |claims: &str| {
        let assertion = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims)).into();
        IdJag { assertion, expires_at: None, scope: None }.check(&issuer, "c 1", Some("jkt-1"))
    };
    for right in [
        r#"{"aud":"https://as.example","client_id":"c 1"}"#,
        r#"{"aud":"https://as.example/","resource":"elsewhere"}"#,
        r#"{"aud":["https://b.example","https://as.example"]}"#,
        r#"{"aud":[],"client_id":""}"#,
        r#"{"aud":7,"client_id":[]}"#,
        r#"{"cnf":{"jkt":"jkt-1"}}"#,
        r#"{"cnf":["jkt-2"]}"#,
        "{}",
        "[]",
        "\u{1}not JSON",
    ] {
        assert_eq!(check(right), Ok(()), "{right}");
    }
    for (wrong, claim, expected, found) in [
        (r#"{"aud":"https://b.example"}"#, "aud", "https://as.example", "https://b.example"),
        (r#"{"aud":["b","c"]}"#, "aud", "https://as.example", "b"),
        (r#"{"client_id":"sso 1"}"#, "client_id", "c 1", "sso 1"),
        (r#"{"cnf":{"jkt":"jkt-2"}}"#, "cnf.jkt", "jkt-1", "jkt-2"),
    ] {
        let (claim, expected, found) = (claim.into(), expected.into(), found.into());
        let refused = PeerMisbehaved::ForeignIdJag { claim, expected, found };
        assert_eq!(check(wrong), Err(refused), "{wrong}");
    }
    for opaque in ["", "opaque", "a.b.c.d.e", "e30.!.c"] {
        let grant = IdJag { assertion: opaque.into(), expires_at: None, scope: None };
        assert_eq!(grant.check(&issuer, "c 1", Some("jkt-1")), Ok(()), "{opaque}");
    }
}

#[test]
fn answers_without_a_grant_say_why() {
    for (body, name) in [
        (r#"{"access_token":"t","token_type":"N_A"}"#, "issued_token_type"),
        (
            r#"{"access_token":"t",
            "issued_token_type":"urn:ietf:params:oauth:token-type:id-jag"}"#,
            "token_type",
        ),
        (
            r#"{"access_token":"","token_type":"N_A",
            "issued_token_type":"urn:ietf:params:oauth:token-type:id-jag"}"#,
            "access_token",
        ),
    ] {
        let Err(Error::Malformed(malformed)) = read(200, body) else { panic!("{body}") };
        assert_eq!(malformed.defect, Defect::missing(name));
        assert_eq!(malformed.endpoint, Endpoint::IdentityProvider);
    }
    for status in [200, 400] {
        let refused = read(status, r#"{"error":"invalid_target"}"#);
        let Err(Error::Refused(refusal)) = refused else { panic!("{status}") };
        assert_eq!(refusal.endpoint, Endpoint::IdentityProvider);
        assert_eq!(Error::from(refusal).code(), "refused_identity_provider_invalid_target");
    }
    assert!(matches!(read(503, ""), Err(Error::Unreachable(_))));
}

#[test]
fn a_provider_that_wants_a_new_sign_in_says_which() {
    let long = "x".repeat(513);
    for (status, more, max_age, acr_values) in [
        (400, r#","max_age":0,"acr_values":"urn:a urn:b""#, Some(0), Some("urn:a urn:b")),
        (401, r#","max_age":"300""#, Some(300), None),
        (200, r#","max_age":{},"acr_values":"a\nb""#, None, None),
        (400, &format!(r#","acr_values":"{long}""#), None, None),
    ] {
        let body = format!(r#"{{"error":"insufficient_user_authentication"{more}}}"#);
        let Err(Error::SignInRequired(wanted)) = read(status, &body) else { panic!("{body}") };
        assert_eq!(wanted.max_age, max_age.map(Duration::from_secs), "{body}");
        assert_eq!(wanted.acr_values.as_deref(), acr_values, "{body}");
        assert_eq!(wanted.refusal.endpoint, Endpoint::IdentityProvider);
    }
}
