//! A grant that no login was needed for.

use oauth_core::flow::Settings;
use oauth_core::session::Record;
use oauth_core::{ServerOAuthMetadata, UnixTime};
use serde_json::{Value, json};

/// A record with tokens of this name (`access-secret-NAME`, `refresh-secret-NAME`), for no record before it.
///
/// # Panics
///
/// Never.
#[must_use]
pub fn record(name: &str) -> Record {
    let tokens = json!({
        "access_token": format!("access-secret-{name}"),
        "refresh_token": format!("refresh-secret-{name}"),
        "token_type": "Bearer",
        "scope": "mcp:basic",
    });
    record_of(tokens, 1_900_000_000)
}

/// The same with these tokens, which were issued so many seconds after 1970.
///
/// # Panics
///
/// If they are no tokens.
#[must_use]
pub fn record_of(tokens: Value, issued_at: u64) -> Record {
    let settings = Settings::new("https://mcp.example/mcp").expect("it is a URL");
    let issuer: ServerOAuthMetadata = serde_json::from_value(json!({
        "issuer": "https://as.example",
        "authorization_endpoint": "https://as.example/authorize",
        "token_endpoint": "https://as.example/token",
        "code_challenge_methods_supported": ["S256"],
    }))
    .expect("it is metadata");
    let client = serde_json::from_value(json!({"client_id": "client-1"})).expect("it is a client");
    let tokens = serde_json::from_value(tokens).expect("they are tokens");
    let now = UnixTime::from_secs(issued_at);
    Record::brought(&settings, &issuer, &client, tokens, now).expect("it is a grant")
}
