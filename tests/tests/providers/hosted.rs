//! Servers that others run on the same ground: Cloudflare's workers-oauth-provider, Sentry, Notion, Linear.
//!
//! Sources: the source of cloudflare/workers-oauth-provider, in versions of 2025 and 2026 (metadata,
//! registration, revocation at the token endpoint, the origin as resource); getsentry/sentry-mcp 743 (where
//! its resource metadata lies); the issue onyx-dot-app/onyx 12874 (Notion: one way of client
//! authentication only) and Notion's document "Create a token" (its answer); the issue linear/linear 251
//! (ten years, no refresh token) and Linear's document "OAuth 2.0 authentication". Not verified: that
//! Notion's MCP server answers as its API does, and lists as scopes for Linear, which are known from Twitch
//! (sergiodxa/remix-auth-oauth2 124); `expires_at` of Sentry's own API, written from memory.

use std::time::Duration;

use oauth_core::flow::Settings;
use oauth_core::wire::{Provenance, RegistrationKind};
use oauth_core::{Error, Policy, Tolerance};
use serde_json::{Value, json};

use crate::drive::{Later, assert_needs, come_back, log_in};
use crate::provider::{Answer, Provider, TokenRequest};

const SERVER_URL: &str = "https://mcp.worker.example/mcp";

fn server_metadata() -> Value {
    json!({
        "issuer": "https://mcp.worker.example",
        "authorization_endpoint": "https://mcp.worker.example/authorize",
        "token_endpoint": "https://mcp.worker.example/token",
        "registration_endpoint": "https://mcp.worker.example/register",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported":
            ["client_secret_basic", "client_secret_post", "none"],
        "revocation_endpoint": "https://mcp.worker.example/token",
        "code_challenge_methods_supported": ["plain", "S256"],
        "client_id_metadata_document_supported": false,
    })
}

fn worker(challenge: &'static str) -> Provider {
    Provider::new(SERVER_URL, challenge)
        .document(
            "https://mcp.worker.example/.well-known/oauth-authorization-server",
            server_metadata(),
        )
        .register(|client| {
            let mut registered = client.clone();
            registered["client_id"] = json!("Qx7");
            registered["registration_client_uri"] =
                json!("https://mcp.worker.example/register/Qx7");
            registered["client_id_issued_at"] = json!(1_900_000_000);
            Answer::json(201, registered)
        })
        .token(worker_tokens)
}

fn worker_tokens(request: &TokenRequest) -> Answer {
    let again = request.is_refresh();
    let tokens = json!({
        "access_token": if again { "u:g:second" } else { "u:g:first" },
        "token_type": "bearer",
        "expires_in": 3600,
        "refresh_token": if again { "u:g:r2" } else { "u:g:r1" },
        "scope": "",
    });
    Answer::json(200, tokens)
}

fn nothing(policy: Policy) -> Result<Settings, Error> {
    Settings::with_policy(SERVER_URL, policy)
}

const AT_THE_ROOT: &str = "Bearer realm=\"OAuth\", resource_metadata=\"https://mcp.worker.example/\
                           .well-known/oauth-protected-resource\", error=\"invalid_token\"";

fn with_resource_at(provider: Provider, place: &'static str, resource: &str) -> Provider {
    let servers = ["https://mcp.worker.example"];
    provider.document(place, json!({ "resource": resource, "authorization_servers": servers }))
}

fn whole_origin() -> Provider {
    let place = "https://mcp.worker.example/.well-known/oauth-protected-resource";
    with_resource_at(worker(AT_THE_ROOT), place, "https://mcp.worker.example")
}

#[test]
fn a_worker_is_a_resource_as_a_whole() {
    let walk = assert_needs(&whole_origin(), &nothing, &[Tolerance::PartialResource]);
    let binding = &walk.grant().binding;
    assert_eq!(binding.client().kind(), RegistrationKind::Dynamic);
    assert_eq!(binding.resource(), "https://mcp.worker.example");
    assert_eq!(binding.server().revocation_endpoint(), Some(binding.server().token_endpoint()));
    let settings = nothing(Policy::default()).unwrap();
    let (later, form) = come_back(&whole_origin(), &settings, Duration::from_secs(4000));
    assert_eq!(later, Later::Token("u:g:second".into()));
    assert_eq!(form["resource"], "https://mcp.worker.example");
}

/// As before it had resource metadata.
#[test]
fn an_old_worker_needs_the_old_specification() {
    let old = worker("Bearer realm=\"OAuth\", error=\"invalid_token\"");
    let walk = log_in(&old, Policy::default(), &nothing);
    walk.error("no_resource_metadata", "`Tolerance::Legacy20250326`");
    let walk = assert_needs(&old, &nothing, &[Tolerance::Legacy20250326]);
    assert_eq!(walk.grant().binding.server().provenance(), Provenance::Discovered);
}

#[test]
fn sentry_works_with_nothing_set_up() {
    let challenge = "Bearer resource_metadata=\"https://mcp.worker.example/.well-known/\
                     oauth-protected-resource/mcp\"";
    let place = "https://mcp.worker.example/.well-known/oauth-protected-resource/mcp";
    let _ = assert_needs(&with_resource_at(worker(challenge), place, SERVER_URL), &nothing, &[]);
}

/// Stored tokens have a member of the same name: the one of an answer must not become it.
#[test]
fn a_date_of_expiry_beside_the_lifetime_is_not_read() {
    let sentry = whole_origin().token(|_| {
        let tokens = json!({
            "access_token": "s1",
            "refresh_token": "s2",
            "expires_in": 2_591_999,
            "expires_at": "2030-04-16T17:46:39.999999Z",
            "token_type": "bearer",
            "scope": "org:read project:read",
            "user": { "id": "1", "name": "N", "email": "n@acme.example" },
        });
        Answer::json(200, tokens)
    });
    let walk = assert_needs(&sentry, &nothing, &[Tolerance::PartialResource]);
    assert_eq!(walk.grant().tokens.expires_at.unwrap().as_secs(), 1_902_591_999);
}

/// Without `expires_in`, but with the workspace that the token is for.
#[test]
fn notion_takes_one_client_authentication_and_says_more_than_it_must() {
    let notion = whole_origin().token(|request| {
        let twice = request.headers.contains_key("authorization")
            && request.form.keys().any(|name| name.starts_with("client_"));
        if twice {
            let words = "Client must not use multiple authentication methods";
            let refusal = json!({ "error": "invalid_request", "error_description": words });
            return Answer::json(400, refusal);
        }
        let tokens = json!({
            "access_token": "ntn_1",
            "token_type": "bearer",
            "refresh_token": "nrt_1",
            "bot_id": "b1",
            "workspace_id": "w1",
            "workspace_name": "W",
            "workspace_icon": null,
            "owner": { "type": "user", "user": { "object": "user", "id": "u1" } },
            "duplicated_template_id": null,
            "request_id": "q1",
        });
        Answer::json(200, tokens)
    });
    let needed = [Tolerance::PartialResource];
    let walk = assert_needs(&notion, &nothing, &needed);
    assert_eq!(walk.grant().tokens.other.text("workspace_id"), Some("w1"));
    assert!(walk.grant().tokens.expires_at.is_none());
    let secret = |policy| nothing(policy)?.client_id("own", Some("a-secret".into()));
    let _ = assert_needs(&notion, &secret, &needed);
    let untyped =
        notion.token(|_| Answer::json(200, json!({ "access_token": "old", "bot_id": "b1" })));
    let _ =
        assert_needs(&untyped, &nothing, &[Tolerance::PartialResource, Tolerance::UntypedToken]);
}

#[test]
fn linear_gives_ten_years_and_lists() {
    let linear = whole_origin().token(|_| {
        let tokens = json!({
            "access_token": "lin_1",
            "token_type": "Bearer",
            "expires_in": 315_705_599,
            "scope": ["read", "write"],
        });
        Answer::json(200, tokens)
    });
    let walk = assert_needs(&linear, &nothing, &[Tolerance::PartialResource, Tolerance::ScopeList]);
    assert_eq!(walk.granted(), Some("read write"));
    assert_eq!(walk.grant().tokens.expires_at.unwrap().as_secs(), 2_215_705_599);
}
