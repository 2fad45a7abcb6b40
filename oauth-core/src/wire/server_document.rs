//! The authorization server's metadata as a whole document, and providers that are known beforehand.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::json::{Defect, OtherMembers, read_whole};

/// The metadata of an authorization server as it came, RFC 8414 and OpenID Connect Discovery in one,
/// unknown members kept.
///
/// For a user who wants to see the document, or who describes a server by hand
/// ([`OAuthClientProvider`]). The machine reads a document into
/// [`ServerMetadata`](crate::wire::ServerMetadata), which holds only what was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerOAuthMetadata {
    /// The issuer; byte for byte.
    pub issuer: Box<str>,
    /// Where a person consents. Required for logins; a server for grants without a user may have none
    /// (RFC 8414 §2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<Box<str>>,
    /// Where codes and refresh tokens are redeemed.
    pub token_endpoint: Box<str>,
    /// OpenID Connect's claims about the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_endpoint: Option<Box<str>>,
    /// Token revocation (RFC 7009).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<Box<str>>,
    /// Token introspection (RFC 7662).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_endpoint: Option<Box<str>>,
    /// Dynamic client registration (RFC 7591).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_endpoint: Option<Box<str>>,
    /// The server's keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<Box<str>>,
    /// `code` if left out.
    #[serde(default = "code")]
    pub response_types_supported: Vec<Box<str>>,
    /// Informative; `public` if left out.
    #[serde(default = "public")]
    pub subject_types_supported: Vec<Box<str>>,
    /// Informative; `RS256` if left out.
    #[serde(default = "rs256")]
    pub id_token_signing_alg_values_supported: Vec<Box<str>>,
    /// Scopes that the server knows, over all of its resources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes_supported: Option<Vec<Box<str>>>,
    /// Left out, it means `client_secret_basic` (RFC 8414 §2), though few servers mean that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_methods_supported: Option<Vec<Box<str>>>,
    /// OpenID Connect's claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims_supported: Option<Vec<Box<str>>>,
    /// PKCE methods (RFC 8414 §2). Without S256 among them no login is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_challenge_methods_supported: Option<Vec<Box<str>>>,
    /// Whether a client id may be the URL of a client ID metadata document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id_metadata_document_supported: Option<bool>,
    /// Whether redirects carry `iss` (RFC 9207 §3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_response_iss_parameter_supported: Option<bool>,
    /// Everything else.
    #[serde(flatten)]
    pub other: OtherMembers,
}

impl ServerOAuthMetadata {
    /// Reads a whole document. What cannot be read counts as left out, but for the issuer and the token
    /// endpoint.
    ///
    /// # Errors
    ///
    /// A [`Defect`] if it is not one.
    pub fn parse(body: &[u8]) -> Result<Self, Defect> {
        read_whole(body, &["issuer", "token_endpoint"])
    }
}

/// An authorization server that is known beforehand, so that nothing has to be discovered.
///
/// ```
/// let provider: oauth_core::OAuthClientProvider = serde_json::from_str(r#"{
///     "id": "example", "display_name": "Example",
///     "metadata": {
///         "issuer": "https://as.example.com",
///         "authorization_endpoint": "https://as.example.com/authorize",
///         "token_endpoint": "https://as.example.com/token",
///         "code_challenge_methods_supported": ["S256"]
///     }
/// }"#).unwrap();
/// assert_eq!(&*provider.metadata.issuer, "https://as.example.com");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthClientProvider {
    /// A short name for programs.
    pub id: Box<str>,
    /// A name for people.
    pub display_name: Box<str>,
    /// What discovery would have found.
    pub metadata: ServerOAuthMetadata,
}

fn one(text: &str) -> Vec<Box<str>> {
    Vec::from([text.into()])
}

fn code() -> Vec<Box<str>> {
    one("code")
}

fn public() -> Vec<Box<str>> {
    one("public")
}

fn rs256() -> Vec<Box<str>> {
    one("RS256")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_and_unknown_members_survive() {
        let body =
            br#"{"issuer":"https://as.example","authorization_endpoint":"https://as.example/a",
            "token_endpoint":"https://as.example/t","x_vendor":{"deep":[1]}}"#;
        let document = ServerOAuthMetadata::parse(body).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(document.token_endpoint_auth_methods_supported, None);
        assert_eq!(&*document.response_types_supported[0], "code");
        assert_eq!(document.other.json("x_vendor").as_deref(), Some(r#"{"deep":[1]}"#));
        let again = serde_json::to_vec(&document).unwrap_or_default();
        assert_eq!(ServerOAuthMetadata::parse(&again), Ok(document));
    }

    #[test]
    fn what_lacks_a_required_member_is_refused() {
        assert!(ServerOAuthMetadata::parse(br#"{"issuer":"https://as.example"}"#).is_err());
    }
}
