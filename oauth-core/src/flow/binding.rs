//! What tokens are bound to, and the outcome of a login.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::scope::Scopes;
use crate::tolerance::Tolerances;
use crate::wire::{Dialect, Issuer, Registration, ServerMetadata, TokenData, TokenParties};

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) requested_by: Option<ScopeSource>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dialect: Option<Box<Dialect>>,
}

/// Who wanted the scopes that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ScopeSource {
    /// The host, with `scope`.
    Settings,
    /// The server, when it refused a request.
    Challenge,
    /// The resource metadata, with `scopes_supported`.
    ResourceMetadata,
    /// An earlier login; nobody wants others.
    EarlierLogin,
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

    /// Who wanted them. Those of earlier logins are asked for again with them, and `offline_access` if the
    /// server offers it.
    #[must_use]
    pub fn requested_by(&self) -> Option<ScopeSource> {
        self.requested_by
    }

    /// What had to be tolerated to find the authorization server and to register with it; what the tokens
    /// needed is with them.
    #[must_use]
    pub fn tolerated(&self) -> Tolerances {
        let mut all = self.server.tolerated;
        all.extend(self.client.tolerated);
        all
    }

    /// Forgets which scopes were asked for.
    pub(crate) fn forget_requested(&mut self) {
        (self.requested, self.requested_by) = (None, None);
    }

    pub(crate) fn parties(&self) -> TokenParties<'_> {
        let Self { server, client, resource, dialect, .. } = self;
        TokenParties { server, client, resource, dialect: dialect.as_deref() }
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
