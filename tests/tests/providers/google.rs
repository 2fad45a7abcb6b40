//! Google's own MCP servers.
//!
//! Sources: the issues github/copilot-cli 4606 and modelcontextprotocol/python-sdk 1919 (the issuer without the
//! slash that the resource metadata has), can1357/oh-my-pi 12438 and nicobailon/pi-mcp-adapter 238 (no
//! refresh token without `access_type`; a login that names the resource succeeds), open-webui 28319
//! (`expires_in` 3599). Not verified: the words of the refusal without a secret.

use std::time::Duration;

use oauth_core::flow::Settings;
use oauth_core::wire::PromptMode;
use oauth_core::{Error, Policy, Tolerance};
use serde_json::json;

use crate::drive::{Later, SetUp, assert_needs_profile, come_back, log_in};
use crate::provider::{Answer, Provider};

fn google() -> Provider {
    let challenge = "Bearer resource_metadata=\"https://calendar.google.example/.well-known/\
                     oauth-protected-resource/mcp/v1\"";
    Provider::new("https://calendar.google.example/mcp/v1", challenge)
        .document(
            "https://calendar.google.example/.well-known/oauth-protected-resource/mcp/v1",
            json!({
                "resource": "https://calendar.google.example/mcp/v1",
                "authorization_servers": ["https://accounts.google.com/"],
                "scopes_supported": ["https://www.google.example/auth/calendar"],
            }),
        )
        .document(
            "https://accounts.google.com/.well-known/oauth-authorization-server",
            json!({
                "issuer": "https://accounts.google.com",
                "authorization_endpoint": "https://accounts.google.com/o/oauth2/v2/auth",
                "token_endpoint": "https://oauth2.googleapis.com/token",
                "revocation_endpoint": "https://oauth2.googleapis.com/revoke",
                "scopes_supported": ["openid", "email", "profile"],
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                "code_challenge_methods_supported": ["plain", "S256"],
            }),
        )
        .token(|request| {
            if !request.headers.contains_key("authorization") {
                let words = "client_secret is missing.";
                let refusal = json!({ "error": "invalid_request", "error_description": words });
                return Answer::json(400, refusal);
            }
            let mut tokens = json!({
                "access_token": if request.is_refresh() { "ya29.second" } else { "ya29.first" },
                "expires_in": 3599,
                "scope": "https://www.google.example/auth/calendar",
                "token_type": "Bearer",
            });
            let is_offline = request.consented.get("access_type").is_some_and(|it| it == "offline");
            if is_offline && !request.is_refresh() {
                tokens["refresh_token"] = json!("1//first");
                tokens["refresh_token_expires_in"] = json!(604_799);
            }
            Answer::json(200, tokens)
        })
}

fn nothing(policy: Policy) -> Result<Settings, Error> {
    Settings::with_policy(google().server_url, policy)
}

fn client(policy: Policy) -> Result<Settings, Error> {
    // Nobody has to say whose the secret is: the provider is known.
    nothing(policy)?.client_id("123.apps.google.example", Some("GOCSPX-x".into()))
}

#[test]
fn the_error_names_the_client_id() {
    log_in(&google(), Policy::default(), &nothing).error("no_way_to_register", "`client_id`");
    let public = |policy| nothing(policy)?.client_id("123.apps.google.example", None);
    let walk = log_in(&google(), Policy::default(), &public);
    walk.error("refused_token_invalid_request", "`description`");
    assert!(walk.explanation.contains("\"client_secret is missing.\""), "{}", walk.explanation);
}

#[test]
fn there_is_a_refresh_token_with_nothing_but_the_client_set_up() {
    let walk = assert_needs_profile(&google(), &client, &[Tolerance::RootIssuerSlash]);
    assert!(walk.has_refresh_token());
    assert_eq!(walk.consented["access_type"], "offline");
    assert_eq!(walk.consented["prompt"], "consent");
    assert_eq!(walk.consented["resource"], google().server_url);
    let other = &walk.grant().tokens.other;
    assert_eq!(other.json("refresh_token_expires_in").as_deref(), Some("604799"));

    let settings = client(Policy::default()).unwrap();
    let (later, form) = come_back(&google(), &settings, Duration::from_secs(4000));
    assert_eq!(later, Later::Token("ya29.second".into()));
    assert_eq!(form["refresh_token"], "1//first");
    assert!(!form.contains_key("access_type"));
}

/// An hour later the user has to log in again, and the timeline says for want of what.
#[test]
fn there_is_none_if_the_profile_is_refused_or_the_host_wants_none() {
    let refusing = Policy::default().refuse(Tolerance::ProviderProfile);
    // Without the profile, somebody has to say whose the secret is.
    let known = |policy| Ok(client(policy)?.client_issuer("https://accounts.google.com"));
    let online = |policy| client(policy)?.authorization_parameter("access_type", "online");
    let strict = Policy::strict().tolerate(Tolerance::RootIssuerSlash);
    for (policy, set_up, lacks) in [
        (refusing, &known as SetUp<'_>, Some("which takes access_type=offline")),
        (strict, &known, Some("which takes access_type=offline")),
        (Policy::default(), &online, None),
    ] {
        let walk = log_in(&google(), policy, set_up);
        assert!(!walk.has_refresh_token());
        let is_told = walk.timeline.contains(lacks.unwrap_or("which takes"));
        assert_eq!(is_told, lacks.is_some(), "{}", walk.timeline);
        let settings = set_up(policy).unwrap();
        let (later, _) = come_back(&google(), &settings, Duration::from_secs(4000));
        assert_eq!(later, Later::Login);
    }
}

/// What the host sets wins, and no parameter is there twice.
#[test]
fn the_page_may_be_another_one() {
    let set_up = |policy| client(policy)?.authorization_parameter("prompt", "select_account");
    let walk = log_in(&google(), Policy::default(), &set_up);
    assert_eq!(walk.consented["prompt"], "select_account");
    assert_eq!(walk.consented["access_type"], "offline");
    let set_up = |policy| Ok(client(policy)?.prompt_mode(PromptMode::Omit));
    let walk = log_in(&google(), Policy::default(), &set_up);
    assert!(!walk.consented.contains_key("prompt"));
}

/// Google refuses the scope (punkpeye/mcp-remote 258), and its metadata does not list it.
#[test]
fn offline_access_is_not_asked_for() {
    let walk = log_in(&google(), Policy::default(), &client);
    assert_eq!(walk.consented["scope"], "https://www.google.example/auth/calendar");
}
