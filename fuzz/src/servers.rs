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
        Endpoint::PushedAuthorization => json!({
            "request_uri": format!("urn:ietf:params:oauth:request_uri:planted-{number}"),
            "expires_in": 60,
        }),
        Endpoint::DeviceAuthorization => json!({
            "device_code": format!("planted-dc-{number}"),
            "user_code": format!("planted-uc-{number}"),
            "verification_uri": format!("{}/device", crate::ISSUER),
            "verification_uri_complete": format!("{}/device?c=planted-uc", crate::ISSUER),
            "expires_in": 900,
            "interval": 5,
        }),
        Endpoint::IdentityProvider => json!({
            "access_token": format!("planted.jag.{number}"),
            "issued_token_type": "urn:ietf:params:oauth:token-type:id-jag",
            "token_type": "N_A",
            "expires_in": 300,
        }),
        Endpoint::Token => json!({
            "access_token": format!("planted-at-{number}"),
            "token_type": if is_bound(request) { "DPoP" } else { "Bearer" },
            "expires_in": 3600,
            "refresh_token": format!("planted-rt-{number}"),
            "id_token": "planted-id",
            "scope": "a b",
        }),
        _ => json!({}),
    }
}

/// Whether the request shows a key, so that the token is bound to that.
fn is_bound(request: &Request) -> bool {
    request.headers().any(|(name, _)| name == "dpop")
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
        "pushed_authorization_request_endpoint": at("/par"),
        "device_authorization_endpoint": at("/device"),
        "scopes_supported": ["a", "offline_access"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported":
            ["client_secret_post", "client_secret_basic", "private_key_jwt"],
        "dpop_signing_alg_values_supported": ["ES256"],
        "authorization_response_iss_parameter_supported": true,
    })
}
