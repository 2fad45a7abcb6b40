//! What tokens are bound to, and the outcome of a login.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::scope::Scopes;
use crate::wire::{Issuer, Registration, ServerMetadata, TokenData};

/// What tokens are bound to: the authorization server that issued them, the client and the resource
/// they are for, and the scopes that were asked for.
///
/// It holds all that a refresh or a wider login needs, so that neither has to discover anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    pub(crate) server: ServerMetadata,
    pub(crate) client: Registration,
    pub(crate) resource: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) requested: Option<Scopes>,
}

impl Binding {
    /// The authorization server.
    #[must_use]
    pub fn server(&self) -> &ServerMetadata {
        &self.server
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> &Registration {
        &self.client
    }

    /// The resource, as `resource` names it in each request (RFC 8707); byte for byte.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// The scopes that were asked for; which were granted is in the tokens.
    #[must_use]
    pub fn requested(&self) -> Option<&Scopes> {
        self.requested.as_ref()
    }
}

/// What the client is to an authorization server of an earlier login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownClient {
    pub(crate) issuer: Issuer,
    pub(crate) client: Registration,
}

/// What a login brings: tokens, and what they are bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// What the tokens are bound to.
    pub binding: Binding,
    /// The tokens.
    pub tokens: TokenData,
}
