//! Amazon Cognito.
//!
//! Sources: Amazon's documents "The token issuer endpoint" (the answers; a refresh brings no refresh token
//! unless they rotate); the issues anthropics/claude-code 13275 and 67258 (the metadata: no PKCE
//! methods, no registration).

use std::time::Duration;

use oauth_core::flow::Settings;
use oauth_core::{Error, Policy, Tolerance};
use serde_json::json;

use crate::drive::{Later, assert_needs, come_back, log_in};
use crate::provider::{Answer, Provider};

const SERVER_URL: &str = "https://gateway.acme.example/mcp";

fn cognito() -> Provider {
    let challenge = "Bearer resource_metadata=\"https://gateway.acme.example/.well-known/\
                     oauth-protected-resource\"";
    let base = "https://acme.auth.eu-west-1.amazoncognito.com/oauth2";
    Provider::new(SERVER_URL, challenge)
        .document(
            "https://gateway.acme.example/.well-known/oauth-protected-resource",
            json!({
                "resource": SERVER_URL,
                "authorization_servers":
                    ["https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Abc"],
            }),
        )
        .document(
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Abc/.well-known/\
             openid-configuration",
            json!({
                "authorization_endpoint": format!("{base}/authorize"),
                "issuer": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Abc",
                "response_types_supported": ["code", "token"],
                "revocation_endpoint": format!("{base}/revoke"),
                "scopes_supported": ["openid", "email", "phone", "profile"],
                "token_endpoint": format!("{base}/token"),
                "token_endpoint_auth_methods_supported":
                    ["client_secret_basic", "client_secret_post"],
            }),
        )
        .token(|request| {
            let tokens = match request.form.get("refresh_token").map(String::as_str) {
                None => json!({
                    "access_token": "eyJ.first",
                    "id_token": "eyJ.who",
                    "refresh_token": "eyJ.r",
                    "token_type": "Bearer",
                    "expires_in": 3600,
                }),
                Some("eyJ.r") => json!({
                    "access_token": "eyJ.second",
                    "id_token": "eyJ.who",
                    "token_type": "Bearer",
                    "expires_in": 3600,
                }),
                Some(_) => json!({ "error": "invalid_grant" }),
            };
            Answer::json(200, tokens)
        })
}

fn client(policy: Policy) -> Result<Settings, Error> {
    let settings = Settings::with_policy(SERVER_URL, policy)?;
    let settings = settings.client_id("1abc", Some("a-secret".into()))?;
    Ok(settings.client_issuer("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Abc"))
}

#[test]
fn it_needs_a_client_id() {
    let nothing = |policy| Settings::with_policy(SERVER_URL, policy);
    log_in(&cognito(), Policy::default(), &nothing).error("no_way_to_register", "`client_id`");
}

#[test]
fn it_is_known_to_support_s256_without_saying_so() {
    let walk = assert_needs(&cognito(), &client, &[Tolerance::KnownS256]);
    assert_eq!(walk.granted(), None);
    let walk = log_in(&cognito(), Policy::strict(), &client);
    walk.error("no_s256", "`Tolerance::UnlistedS256`");
}

/// A user pool may have a domain of its owner's own for the endpoints, and anybody may own a pool.
#[test]
fn a_secret_goes_to_its_endpoints_only_if_the_host_says_so() {
    let own = |policy| {
        Settings::with_policy(SERVER_URL, policy)?.client_id("1abc", Some("a-secret".into()))
    };
    let walk = log_in(&cognito(), Policy::default(), &own);
    assert!(walk.grant().binding.tolerated().contains(Tolerance::UnconfirmedIssuer));
    let refusing = Policy::default().refuse(Tolerance::UnconfirmedIssuer);
    log_in(&cognito(), refusing, &own).error("unconfirmed_issuer", "`client_issuer`");
    let _ = assert_needs(&cognito(), &client, &[Tolerance::KnownS256]);
}

/// As of who publishes a copy of Cognito's metadata under an issuer of his own.
#[test]
fn another_issuer_has_to_be_tolerated_by_name() {
    let mut copied = cognito();
    copied.documents.clear();
    let copied = copied
        .document(
            "https://gateway.acme.example/.well-known/oauth-protected-resource",
            json!({ "resource": SERVER_URL, "authorization_servers": ["https://gateway.acme.example"] }),
        )
        .document(
            "https://gateway.acme.example/.well-known/oauth-authorization-server",
            json!({
                "issuer": "https://gateway.acme.example",
                "authorization_endpoint":
                    "https://acme.auth.eu-west-1.amazoncognito.com/oauth2/authorize",
                "token_endpoint": "https://acme.auth.eu-west-1.amazoncognito.com/oauth2/token",
            }),
        );
    let own = |policy| Ok(client(policy)?.client_issuer("https://gateway.acme.example"));
    let walk = log_in(&copied, Policy::default(), &own);
    walk.error("no_s256", "`Tolerance::UnlistedS256`");
    let _ = assert_needs(&copied, &own, &[Tolerance::UnlistedS256]);
}

#[test]
fn a_refresh_token_that_is_not_sent_again_stays_in_use() {
    let settings = client(Policy::default()).unwrap();
    let (later, form) = come_back(&cognito(), &settings, Duration::from_secs(4000));
    assert_eq!(later, Later::Token("eyJ.second".into()));
    assert_eq!(form["refresh_token"], "eyJ.r");
}
