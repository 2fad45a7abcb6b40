//! Atlassian's MCP server, at both of its endpoints.
//!
//! Sources: the issues atlassian/atlassian-mcp-server 148 and 205 (both issuers in July 2026). Not verified:
//! what else the metadata says, and the token answers, which are plain ones here.

use oauth_core::flow::Settings;
use oauth_core::{Error, Policy, Tolerance};
use serde_json::{Value, json};

use crate::drive::{assert_needs, known, log_in};
use crate::provider::{Answer, Provider};

const FIRST_URL: &str = "https://mcp.atlassian.example/v1/mcp";
const SECOND_URL: &str = "https://mcp.atlassian.example/v1/mcp/authv2";

fn metadata(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/v1/authorize"),
        "token_endpoint": format!("{issuer}/v1/token"),
        "registration_endpoint": format!("{issuer}/v1/register"),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
        "code_challenge_methods_supported": ["plain", "S256"],
    })
}

fn atlassian(server_url: &'static str, challenge: &'static str) -> Provider {
    Provider::new(server_url, challenge)
        .register(|client| {
            let registered = json!({ "client_id": "c1", "redirect_uris": client["redirect_uris"] });
            Answer::json(201, registered)
        })
        .token(|_| {
            Answer::json(
                200,
                json!({ "access_token": "a", "token_type": "bearer", "expires_in": 60 }),
            )
        })
}

/// No resource metadata, and server metadata that speaks for another host.
#[test]
fn the_first_endpoint_needs_a_provider() {
    let first = atlassian(FIRST_URL, "Bearer realm=\"OAuth\"").document(
        "https://mcp.atlassian.example/.well-known/oauth-authorization-server",
        metadata("https://cf.mcp.atlassian.example"),
    );
    let nothing = |policy| Settings::with_policy(FIRST_URL, policy);
    let walk = log_in(&first, Policy::default(), &nothing);
    walk.error("no_resource_metadata", "`provider`");
    let legacy = Policy::default().tolerate(Tolerance::Legacy20250326);
    log_in(&first, legacy, &nothing).error("issuer_mismatch", "`provider`");
    let _ = assert_needs(&first, &|policy| provided(FIRST_URL, policy), &[]);
}

/// The resource names an issuer whose metadata says another one, without the path.
#[test]
fn the_second_endpoint_needs_a_provider() {
    let challenge = "Bearer resource_metadata=\"https://mcp.atlassian.example/.well-known/\
                     oauth-protected-resource/v1/mcp/authv2\"";
    let second = atlassian(SECOND_URL, challenge)
        .document(
            "https://mcp.atlassian.example/.well-known/oauth-protected-resource/v1/mcp/authv2",
            json!({
                "resource": SECOND_URL,
                "authorization_servers": ["https://auth.atlassian.example/VCe"],
            }),
        )
        .document(
            "https://auth.atlassian.example/.well-known/oauth-authorization-server/VCe",
            metadata("https://auth.atlassian.example"),
        );
    let nothing = |policy| Settings::with_policy(SECOND_URL, policy);
    let walk = log_in(&second, Policy::default(), &nothing);
    walk.error("issuer_mismatch", "do not log in, unless you know");
    let _ = assert_needs(&second, &|policy| provided(SECOND_URL, policy), &[]);
}

fn provided(server_url: &str, policy: Policy) -> Result<Settings, Error> {
    let provider = known(metadata("https://auth.atlassian.example"));
    Settings::with_policy(server_url, policy)?.provider(&provider)
}
