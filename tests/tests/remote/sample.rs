//! What the tests of all stores put into them.

use oauth_core::session::{Key, PendingLogin};
pub(crate) use oauth_tests::brought::record;
use serde_json::json;

/// What must not be in any text: the password of the server, and the tokens.
pub(crate) const SECRETS: [&str; 3] = ["correct-horse-battery", "access-secret", "refresh-secret"];

pub(crate) const APPLICATION: &str = "Store test";

pub(crate) fn key(profile: &str) -> Key {
    Key::grant(APPLICATION, profile, "https://mcp.example/mcp")
}

/// That an error says nothing secret, in any way of saying it.
#[track_caller]
pub(crate) fn assert_quiet(error: &oauth_tokio::StorageError) {
    let said = format!("{error} {error:?} {}", error.advice());
    for secret in SECRETS {
        assert!(!said.contains(secret), "{said}");
        let digits: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!said.contains(&digits), "{said}");
    }
}

/// One that was handed out.
pub(crate) fn login() -> PendingLogin {
    serde_json::from_value(json!({
        "profile": "alice",
        "expires_at": 4_000_000_000_u64,
        "consent": {
            "binding": {
                "server": {
                    "issuer": "https://as.example",
                    "authorization_endpoint": "https://as.example/authorize",
                    "token_endpoint": "https://as.example/token",
                    "registration_endpoint": null,
                    "revocation_endpoint": null,
                    "provenance": "discovered",
                    "auth_methods": ["none"],
                    "promises_iss": true,
                    "metadata_documents": false,
                    "offline_access": false,
                },
                "client": {
                    "client_id": "client-1",
                    "auth_method": "none",
                    "redirect_uri": "http://127.0.0.1:49152/callback",
                    "kind": "dynamic",
                },
                "resource": "https://mcp.example/mcp",
            },
            "verifier": VERIFIER,
            "state": "nSgWQN-Jae49oaYdELsc0C2QOxJdTaIWgPe7jg_oYJc",
            "tried": {"asked": "none", "once": 0},
        },
    }))
    .unwrap()
}

pub(crate) const VERIFIER: &str = "Rvp_BYJ8SgL3gEOy6tMO3Uk0AFHWDH4DteFTykOBwJg";
