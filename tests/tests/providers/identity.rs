//! Identity servers that others put in front of their MCP servers: Okta, Auth0, Keycloak.
//!
//! Sources: for Okta the issue modelcontextprotocol 695 (registration wants an API key); for Auth0 the
//! issues danny-avila/LibreChat 13401 and modelcontextprotocol/inspector 566 (`audience`) and
//! anomalyco/opencode 50036 and vercel/ai 20236 (the slash), and Auth0's document "Dynamic client
//! registration" (the answer); for Keycloak the issues keycloak 43654 and opensearch-mcp-server-py 227 (the
//! refusals), stacklok/toolhive 5377 (what a registration brings), and metadata as published in a blog post.
//! Not verified: Okta's refusal, which is written from memory as are the other members of its metadata and
//! of Auth0's, and of Keycloak the members of a token answer, the redirect's `iss`, and the version.

use std::time::Duration;

use oauth_core::flow::Settings;
use oauth_core::wire::RegistrationKind;
use oauth_core::{Error, Policy, Tolerance};
use serde_json::{Value, json};

use crate::drive::{Later, SetUp, assert_needs, assert_needs_profile, come_back, log_in};
use crate::provider::{Answer, Provider};

const SERVER_URL: &str = "https://tools.acme.example/mcp";

fn behind(issuer: &str) -> Provider {
    let challenge = "Bearer resource_metadata=\"https://tools.acme.example/.well-known/\
                     oauth-protected-resource/mcp\"";
    Provider::new(SERVER_URL, challenge).document(
        "https://tools.acme.example/.well-known/oauth-protected-resource/mcp",
        json!({
            "resource": SERVER_URL,
            "authorization_servers": [issuer],
            "scopes_supported": ["tools"],
        }),
    )
}

fn nothing(policy: Policy) -> Result<Settings, Error> {
    Settings::with_policy(SERVER_URL, policy)
}

fn client(policy: Policy) -> Result<Settings, Error> {
    nothing(policy)?.client_id("0oa1", None)
}

fn okta() -> Provider {
    let base = "https://acme.okta.com/oauth2/default";
    behind(base)
        .document(
            "https://acme.okta.com/oauth2/default/.well-known/openid-configuration",
            json!({
                "issuer": base,
                "authorization_endpoint": format!("{base}/v1/authorize"),
                "token_endpoint": format!("{base}/v1/token"),
                "registration_endpoint": "https://acme.okta.com/oauth2/v1/clients",
                "revocation_endpoint": format!("{base}/v1/revoke"),
                "scopes_supported": ["openid", "offline_access"],
                "token_endpoint_auth_methods_supported":
                    ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
                "code_challenge_methods_supported": ["S256"],
            }),
        )
        .register(|_| {
            let refusal = json!({
                "errorCode": "E0000005",
                "errorSummary": "Invalid session",
                "errorLink": "E0000005",
                "errorId": "oae1",
                "errorCauses": [],
            });
            Answer::json(403, refusal)
        })
        .token(|request| {
            let again = request.is_refresh();
            let tokens = json!({
                "token_type": "Bearer",
                "expires_in": 3600,
                "access_token": if again { "eyJ.second" } else { "eyJ.first" },
                "scope": "tools offline_access",
                "refresh_token": if again { "r2" } else { "r1" },
            });
            Answer::json(200, tokens)
        })
}

#[test]
fn okta_registers_nobody_without_a_key_and_works_with_a_client_id() {
    let walk = log_in(&okta(), Policy::default(), &nothing);
    walk.error("registration_closed", "`client_id`");
    let walk = assert_needs(&okta(), &client, &[]);
    assert_eq!(walk.consented["scope"], "tools offline_access");
    let settings = client(Policy::default()).unwrap();
    let (later, _) = come_back(&okta(), &settings, Duration::from_secs(5000));
    assert_eq!(later, Later::Token("eyJ.second".into()));
}

/// Where its metadata lists no scopes, and where nobody asks for any.
#[test]
fn okta_and_auth0_are_asked_for_a_refresh_token() {
    for (provider, set_up, place, scope) in [
        (okta(), &client as SetUp<'_>, 1, "tools offline_access"),
        (auth0("https://acme.eu.auth0.com/"), &nothing, 1, "tools offline_access"),
    ] {
        for without in [None, Some("tools")] {
            let mut provider = provider.clone();
            let strip = |answer: &mut Answer| answer.without_member("scopes_supported");
            strip(&mut provider.documents[place].1);
            if without.is_some() {
                strip(&mut provider.documents[0].1);
            }
            let walk = assert_needs_profile(&provider, set_up, &[]);
            let expected = if without.is_some() { "openid offline_access" } else { scope };
            assert_eq!(walk.consented["scope"], expected);
            let refusing = Policy::default().refuse(Tolerance::ProviderProfile);
            let walk = log_in(&provider, refusing, set_up);
            let asked = walk.consented.get("scope").map(String::as_str);
            assert_eq!(asked, without.is_none().then_some("tools"));
            // What the host asks for is all that it wants.
            let own = |policy| set_up(policy)?.scope("tools");
            let walk = log_in(&provider, Policy::default(), &own);
            assert_eq!(walk.consented["scope"], "tools");
        }
    }
}

fn auth0(named: &str) -> Provider {
    behind(named)
        .document(
            "https://acme.eu.auth0.com/.well-known/oauth-authorization-server",
            json!({
                "issuer": "https://acme.eu.auth0.com/",
                "authorization_endpoint": "https://acme.eu.auth0.com/authorize",
                "token_endpoint": "https://acme.eu.auth0.com/oauth/token",
                "registration_endpoint": "https://acme.eu.auth0.com/oidc/register",
                "revocation_endpoint": "https://acme.eu.auth0.com/oauth/revoke",
                "scopes_supported": ["openid", "profile", "offline_access"],
                "token_endpoint_auth_methods_supported":
                    ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
                "code_challenge_methods_supported": ["S256", "plain"],
            }),
        )
        .register(|client| {
            let registered = json!({
                "client_name": client["client_name"],
                "client_id": "8SX",
                "redirect_uris": client["redirect_uris"],
                "token_endpoint_auth_method": client["token_endpoint_auth_method"],
                "client_secret_expires_at": 0,
            });
            Answer::json(201, registered)
        })
        .token(|request| {
            let is_for_us = request.consented.get("audience").is_some_and(|it| it == SERVER_URL);
            let tokens = json!({
                "access_token": if is_for_us { "eyJ.ours" } else { "opaque" },
                "refresh_token": "v1.r",
                "scope": "tools offline_access",
                "expires_in": 86_400,
                "token_type": "Bearer",
            });
            Answer::json(200, tokens)
        })
}

#[test]
fn auth0_registers_a_client_and_has_a_slash_that_stays() {
    let walk = assert_needs(&auth0("https://acme.eu.auth0.com/"), &nothing, &[]);
    let binding = &walk.grant().binding;
    assert_eq!(binding.client().kind(), RegistrationKind::Dynamic);
    assert_eq!(binding.server().issuer().as_str(), "https://acme.eu.auth0.com/");
}

#[test]
fn auth0_is_the_same_server_if_the_resource_leaves_the_slash_out() {
    let auth0 = auth0("https://acme.eu.auth0.com");
    let _ = assert_needs(&auth0, &nothing, &[Tolerance::RootIssuerSlash]);
}

/// Without it the login succeeds all the same, with a token that the MCP server does not take.
#[test]
fn auth0_may_want_the_audience_in_its_own_parameter() {
    let set_up = |policy| nothing(policy)?.authorization_parameter("audience", SERVER_URL);
    let walk = assert_needs(&auth0("https://acme.eu.auth0.com/"), &set_up, &[]);
    assert_eq!(walk.grant().tokens.access_token.token(), "eyJ.ours");
    let walk = log_in(&auth0("https://acme.eu.auth0.com/"), Policy::default(), &nothing);
    assert_eq!(walk.grant().tokens.access_token.token(), "opaque");
}

fn keycloak() -> Provider {
    let base = "https://sso.acme.example/realms/acme";
    behind(base)
        .document(
            "https://sso.acme.example/realms/acme/.well-known/openid-configuration",
            json!({
                "issuer": base,
                "authorization_endpoint": format!("{base}/protocol/openid-connect/auth"),
                "token_endpoint": format!("{base}/protocol/openid-connect/token"),
                "registration_endpoint": format!("{base}/clients-registrations/openid-connect"),
                "revocation_endpoint": format!("{base}/protocol/openid-connect/revoke"),
                "scopes_supported": ["openid", "tools", "offline_access"],
                "token_endpoint_auth_methods_supported": [
                    "private_key_jwt", "client_secret_basic", "client_secret_post",
                    "tls_client_auth", "client_secret_jwt",
                ],
                "code_challenge_methods_supported": ["plain", "S256"],
                "authorization_response_iss_parameter_supported": true,
            }),
        )
        .register(keycloak_client)
        .authorize(
            |_| "session_state=5&iss=https%3A%2F%2Fsso.acme.example%2Frealms%2Facme&code=6.5.7",
        )
        .token(|request| {
            // It takes the secret either way, whatever was registered.
            let basic = request.headers.get("authorization").map_or("", String::as_str);
            let posted = request.form.get("client_secret").map_or("", String::as_str);
            assert!(basic.starts_with("Basic ") || posted == "a-secret");
            let tokens = json!({
                "access_token": "eyJ.kc",
                "expires_in": 300,
                "refresh_expires_in": 0,
                "refresh_token": "eyJ.offline",
                "token_type": "Bearer",
                "not-before-policy": 0,
                "session_state": "5",
                "scope": "tools offline_access",
            });
            Answer::json(200, tokens)
        })
}

fn keycloak_client(client: &Value) -> Answer {
    assert_eq!(client["token_endpoint_auth_method"], "client_secret_post");
    let registered = json!({
        "redirect_uris": client["redirect_uris"],
        "token_endpoint_auth_method": client["token_endpoint_auth_method"],
        "grant_types": client["grant_types"],
        "response_types": ["code", "none"],
        "client_id": "88888888-aaaa",
        "client_secret": "a-secret",
        "client_secret_expires_at": 0,
        "client_id_issued_at": 1_900_000_000,
        "registration_client_uri": "https://sso.acme.example/realms/acme/clients-registrations/openid-connect/88888888-aaaa",
        "registration_access_token": "eyJ.reg",
        "subject_type": "public",
        "require_auth_time": false,
    });
    Answer::json(201, registered)
}

#[test]
fn keycloak_works_with_nothing_set_up_where_it_registers_clients() {
    let walk = assert_needs(&keycloak(), &nothing, &[]);
    assert_eq!(walk.places().len(), 3, "before version 26.4 its metadata lies in the last place");
}

#[test]
fn keycloak_trusts_no_host_by_default_and_works_with_a_client_id() {
    let closed = keycloak().register(|_| {
        let words = "Policy 'Trusted Hosts' rejected request to client-registration service. \
                     Details: Host not trusted.";
        Answer::json(403, json!({ "error": "insufficient_scope", "error_description": words }))
    });
    let walk = log_in(&closed, Policy::default(), &nothing);
    walk.error("refused_registration_insufficient_scope", "`client_id`");
    assert!(walk.explanation.contains("Trusted Hosts"), "{}", walk.explanation);
    let client = |policy| {
        let settings = nothing(policy)?.client_id("tools", Some("a-secret".into()))?;
        Ok(settings.client_issuer("https://sso.acme.example/realms/acme"))
    };
    let _ = assert_needs(&closed, &client, &[]);
}
