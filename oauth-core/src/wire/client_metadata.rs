//! What a client says of itself (RFC 7591 §2).

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// What a client says of itself when it registers, beyond its name (RFC 7591 §2). All of it is optional, and
/// none of it changes what the client may do: people see it where they consent, operators in their lists.
///
/// It is sent as it is: the authorization server judges it, and may refuse members that it does not know.
/// Redirect URIs, grants, scopes and methods are not here; each login knows its own.
///
/// ```
/// # use oauth_core::ClientMetadata;
/// let client = ClientMetadata::new()
///     .client_uri("https://editor.example.com")
///     .logo_uri("https://editor.example.com/logo.png")
///     .contact("support@editor.example.com")
///     .software("my-editor", "1.4.0");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientMetadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    client_uri: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logo_uri: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tos_uri: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_uri: Option<Box<str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contacts: Vec<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    software_id: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    software_version: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    software_statement: Option<Secret>,
}

impl ClientMetadata {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A page about the client.
    #[must_use]
    pub fn client_uri(mut self, uri: &str) -> Self {
        self.client_uri = Some(uri.into());
        self
    }

    /// An image that stands for the client.
    #[must_use]
    pub fn logo_uri(mut self, uri: &str) -> Self {
        self.logo_uri = Some(uri.into());
        self
    }

    /// The client's terms of service.
    #[must_use]
    pub fn tos_uri(mut self, uri: &str) -> Self {
        self.tos_uri = Some(uri.into());
        self
    }

    /// What the client does with what it learns about people.
    #[must_use]
    pub fn policy_uri(mut self, uri: &str) -> Self {
        self.policy_uri = Some(uri.into());
        self
    }

    /// Somebody who answers for the client, most often an e-mail address. It may be called several times.
    #[must_use]
    pub fn contact(mut self, contact: &str) -> Self {
        self.contacts.push(contact.into());
        self
    }

    /// The software: an id that all of its installations and versions share, and its version.
    #[must_use]
    pub fn software(mut self, id: &str, version: &str) -> Self {
        (self.software_id, self.software_version) = (Some(id.into()), Some(version.into()));
        self
    }

    /// A signed statement about the software (RFC 7591 §2.3), for servers that register only what somebody
    /// they trust vouches for.
    #[must_use]
    pub fn software_statement(mut self, jwt: impl Into<Secret>) -> Self {
        self.software_statement = Some(jwt.into());
        self
    }
}
