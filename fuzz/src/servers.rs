//! Servers that answer every request well. Scripts damage what they say.

use oauth_core::{Endpoint, Request};
use serde_json::{Value, json};

/// The answer's document for a request; `server` is the MCP server's URL, and tokens have the number.
pub(crate) fn good(request: &Request, server: &str, number: usize) -> Value {
    let url = request.url();
    match request.endpoint() {
        Endpoint::ResourceMetadata => json!({
            "resource": server,
            "authorization_servers": [crate::ISSUER],
            "scopes_supported": ["a", "b"],
        }),
        Endpoint::ServerMetadata => {
            let path = &url.as_str()[url.origin().len()..];
            let path =
                ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]
                    .iter()
                    .fold(path.to_owned(), |path, known| path.replacen(known, "", 1));
            server_document(&format!("{}{path}", url.origin()))
        }
        Endpoint::Registration => json!({
            "client_id": format!("client-{number}"),
            "client_secret": "planted-secret",
            "client_secret_expires_at": 0,
            "token_endpoint_auth_method": "client_secret_post",
            "redirect_uris": [crate::CALLBACK],
        }),
        Endpoint::Token => json!({
            "access_token": format!("planted-at-{number}"),
            "token_type": "Bearer",
            "expires_in": 3600,
            "refresh_token": format!("planted-rt-{number}"),
            "id_token": "planted-id",
            "scope": "a b",
        }),
        _ => json!({}),
    }
}

/// The metadata of an authorization server that speaks for itself.
pub(crate) fn server_document(issuer: &str) -> Value {
    let at = |path: &str| format!("{}{path}", issuer.trim_end_matches('/'));
    json!({
        "issuer": issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "registration_endpoint": at("/register"),
        "revocation_endpoint": at("/revoke"),
        "scopes_supported": ["a", "offline_access"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "authorization_response_iss_parameter_supported": true,
    })
}
