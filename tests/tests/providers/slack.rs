//! Slack's MCP server.
//!
//! Sources: Slack's API documents, "oauth.v2.access" and "oauth.v2.user.access" (`ok`, `authed_user`, the
//! error codes); the issues CommandCodeAI/command-code 610 (the metadata, without registration),
//! microsoft/vscode 293533 (its issuer in February 2026), anthropics/claude-code 87268 (the resource) and
//! 59725 and coder/coder 26150 (only `authed_user` has the token, refusals have status 200, the
//! parameter `user_scope`), UsefulSoftwareCo/executor 1643 (the token at the top, its scopes in
//! `authed_user`). Not verified: which of the two answers comes when, and whether a client with PKCE needs
//! a secret (openai/codex 13200 says no, others say yes).

use oauth_core::flow::Settings;
use oauth_core::wire::Provenance;
use oauth_core::{Error, Policy, Tolerance};
use serde_json::{Value, json};

use crate::drive::{assert_needs, known, log_in};
use crate::provider::{Answer, Provider};

fn slack() -> Provider {
    let challenge = "Bearer resource_metadata=\"https://mcp.slack.example/.well-known/\
                     oauth-protected-resource\"";
    Provider::new("https://mcp.slack.example/mcp", challenge)
        .document(
            "https://mcp.slack.example/.well-known/oauth-protected-resource",
            json!({
                "resource": "https://mcp.slack.example/",
                "authorization_servers": ["https://mcp.slack.example"],
                "scopes_supported": ["search:read.public", "chat:write"],
            }),
        )
        .document(
            "https://mcp.slack.example/.well-known/oauth-authorization-server",
            metadata("https://mcp.slack.example"),
        )
        .token(|_| {
            let mut tokens = tokens();
            let token = tokens["authed_user"].clone();
            tokens["access_token"] = token["access_token"].clone();
            tokens["token_type"] = token["token_type"].clone();
            tokens["scope"] = json!("");
            Answer::json(200, tokens)
        })
}

fn metadata(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": "https://slack.example/oauth/v2_user/authorize",
        "token_endpoint": "https://slack.example/api/oauth.v2.user.access",
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    })
}

fn tokens() -> Value {
    json!({
        "ok": true,
        "app_id": "A1",
        "authed_user": {
            "id": "U1",
            "scope": "search:read.public,chat:write",
            "access_token": "xoxp-1",
            "token_type": "user",
        },
        "team": { "id": "T1" },
        "enterprise": null,
        "is_enterprise_install": false,
    })
}

fn nothing(policy: Policy) -> Result<Settings, Error> {
    Settings::with_policy(slack().server_url, policy)
}

fn client(policy: Policy) -> Result<Settings, Error> {
    nothing(policy)?.client_id("11.22", Some("a-secret".into()))
}

#[test]
fn it_needs_a_client_id() {
    log_in(&slack(), Policy::default(), &nothing).error("no_way_to_register", "`client_id`");
}

#[test]
fn a_token_of_type_user_is_a_bearer_token() {
    let needed = [Tolerance::PartialResource, Tolerance::MisnamedBearer];
    let walk = assert_needs(&slack(), &client, &needed);
    assert_eq!(walk.grant().tokens.access_token.token(), "xoxp-1");
    assert_eq!(walk.granted(), None, "an empty scope says nothing");
}

#[test]
fn a_token_in_authed_user_is_found() {
    let nested = slack().token(|_| Answer::json(200, tokens()));
    let needed = [
        Tolerance::PartialResource,
        Tolerance::CommaScopes,
        Tolerance::NestedToken,
        Tolerance::MisnamedBearer,
    ];
    let walk = assert_needs(&nested, &client, &needed);
    assert_eq!(walk.grant().tokens.access_token.token(), "xoxp-1");
    assert_eq!(walk.granted(), Some("search:read.public chat:write"));
    let strict = Policy::strict().tolerate(Tolerance::PartialResource);
    log_in(&nested, strict, &client).error("not_tolerated", "`Policy`");
}

#[test]
fn its_errors_come_with_status_200_and_codes_of_its_own() {
    let refusals: [(fn(&_) -> Answer, _, _); 3] = [
        (
            |_| Answer::json(200, json!({ "ok": false, "error": "invalid_code" })),
            "refused_token_other",
            "log in again",
        ),
        (
            |_| Answer::json(200, json!({ "ok": false, "error": "bad_client_secret" })),
            "client_refused",
            "`client_secret`",
        ),
        (
            |_| Answer::json(200, json!({ "ok": false, "error": "bad_redirect_uri" })),
            "refused_token_other",
            "`callback_port`",
        ),
    ];
    for (token, code, advice) in refusals {
        log_in(&slack().token(token), Policy::default(), &client).error(code, advice);
    }
}

#[test]
fn the_scopes_of_a_person_can_be_asked_for_in_its_own_parameter() {
    let set_up =
        |policy| client(policy)?.authorization_parameter("user_scope", "search:read.public");
    let walk = log_in(&slack(), Policy::default(), &set_up);
    assert_eq!(walk.consented["user_scope"], "search:read.public");
    assert!(walk.result.is_ok());
}

/// As it was: the metadata of one host speaks for another.
#[test]
fn metadata_for_another_issuer_needs_a_provider() {
    let mut slack = slack();
    slack.documents.pop();
    let slack = slack.document(
        "https://mcp.slack.example/.well-known/oauth-authorization-server",
        metadata("https://slack.example"),
    );
    log_in(&slack, Policy::default(), &client).error("issuer_mismatch", "`provider`");
    // Which scopes it has, and how it is named, is read all the same.
    let set_up = |policy| client(policy)?.provider(&known(metadata("https://slack.example")));
    let walk = log_in(&slack, Policy::default(), &set_up);
    let tolerated = walk.grant().binding.tolerated();
    assert_eq!(tolerated.iter().collect::<Vec<_>>(), [Tolerance::PartialResource]);
    assert_eq!(walk.consented["resource"], "https://mcp.slack.example/");
    assert_eq!(walk.consented["scope"], "search:read.public chat:write");
    // A policy that does not let the document pass logs in without it.
    let strict = Policy::strict().tolerate(Tolerance::MisnamedBearer);
    let walk = log_in(&slack, strict, &set_up);
    assert_eq!(walk.grant().binding.resource(), slack.server_url);
    assert!(walk.timeline.contains("not used (foreign_resource)"), "{}", walk.timeline);
}

/// As where the metadata of the real one is not to be had.
#[test]
fn its_endpoints_are_known_if_it_publishes_nothing() {
    let mut slack = slack();
    slack.documents.clear();
    let slack = slack.document(
        "https://mcp.slack.example/.well-known/oauth-protected-resource",
        json!({
            "resource": "https://mcp.slack.example/",
            "authorization_servers": ["https://mcp.slack.com"],
        }),
    );
    let walk = log_in(&slack, Policy::default(), &client);
    let server = walk.grant().binding.server();
    assert_eq!(server.provenance(), Provenance::Known);
    assert_eq!(server.token_endpoint().as_str(), "https://slack.com/api/oauth.v2.user.access");
    let refusing = Policy::default().refuse(Tolerance::ProviderProfile);
    log_in(&slack, refusing, &client).error("no_server_metadata", "`provider`");
}
