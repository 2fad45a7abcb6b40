//! What tokens are bound to, and the outcome of a login.

use alloc::boxed::Box;
use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::PeerIncompatible;
use crate::flow::grant_kind::GrantKind;
use crate::flow::possession::Possession;
use crate::flow::settings::Settings;
use crate::keys::DpopKey;
use crate::profile::{Profile, RefreshTokens};
use crate::scope::{OFFLINE_ACCESS, Scopes};
use crate::time::UnixTime;
use crate::timeline::Finding;
use crate::tolerance::Tolerances;
use crate::wire::{
    Dialect, Issuer, Registration, ServerMetadata, TokenData, TokenParties, TokenType,
};

/// What tokens are bound to: the authorization server that issued them, the client and the resource
/// they are for, and the scopes that were asked for.
///
/// It holds all that a refresh or a wider login needs, so that neither has to discover anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// By which grant.
    #[serde(default, skip_serializing_if = "GrantKind::is_usual")]
    pub(crate) grant: GrantKind,
    /// Shared, because a login that waits has its own binding beside that in the record of its client.
    pub(crate) server: Arc<ServerMetadata>,
    pub(crate) client: Arc<Registration>,
    pub(crate) resource: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) requested: Option<Scopes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) requested_by: Option<ScopeSource>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dialect: Option<Box<Dialect>>,
    /// The key that the tokens are bound to. Boxed, because it is rare.
    #[serde(rename = "dpop", default, skip_serializing_if = "Option::is_none")]
    pub(crate) possession: Option<Box<Possession>>,
}

/// What tokens are asked for: for which resource, with which scopes, and bound to which key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Terms {
    pub(crate) resource: Box<str>,
    pub(crate) requested: Option<Scopes>,
    pub(crate) requested_by: Option<ScopeSource>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) possession: Option<Box<Possession>>,
}

/// Who wanted the scopes that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ScopeSource {
    /// The host, with `scope`, or for one login.
    Settings,
    /// The server, when it refused a request.
    Challenge,
    /// The resource metadata, with `scopes_supported`.
    ResourceMetadata,
    /// An earlier login; nobody wants others.
    EarlierLogin,
    /// The authorization server, which is known to give refresh tokens for them only; nobody wants others.
    Provider,
}

impl Binding {
    /// What this client asks this server for, by this grant.
    pub(crate) fn new(
        grant: GrantKind,
        terms: Terms,
        settings: &Settings,
        mut server: Arc<ServerMetadata>,
        client: Arc<Registration>,
    ) -> Self {
        let Terms { resource, requested, requested_by, possession } = terms;
        settings.report_profile(&mut server);
        let dialect = settings.dialect_with(&server, requested.as_ref());
        Self { grant, server, client, resource, requested, requested_by, dialect, possession }
    }

    /// What was asked for.
    pub(crate) fn terms(&self) -> Terms {
        Terms {
            resource: self.resource.clone(),
            requested: self.requested.clone(),
            requested_by: self.requested_by,
            possession: self.possession.clone(),
        }
    }

    /// By which grant the tokens were got.
    #[must_use]
    pub fn grant(&self) -> GrantKind {
        self.grant
    }

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

    /// The key that the tokens are bound to, if they are to one (RFC 9449).
    #[must_use]
    pub fn dpop_key(&self) -> Option<&DpopKey> {
        self.possession.as_ref().map(|possession| &possession.key)
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

    /// Notes what else had to be tolerated of the server.
    pub(crate) fn tolerate(&mut self, tolerated: Tolerances) {
        if !tolerated.is_empty() {
            Arc::make_mut(&mut self.server).tolerated.extend(tolerated);
        }
    }

    /// The provider whose profile is applied, by its name for people.
    #[must_use]
    pub fn profile(&self) -> Option<&'static str> {
        self.dialect.as_ref()?.profile.as_ref()?;
        Profile::of(self.server.issuer.as_str()).map(|profile| profile.display_name)
    }

    /// What an answer with tokens was, and what the login lacked to get a refresh token, if that is known.
    pub(crate) fn granted(&self, tokens: &TokenData, now: UnixTime) -> Finding {
        let mut finding = tokens.finding(now);
        if let Finding::Tokens { lifetime: Some(_), refresh_token: false, lacks, .. } = &mut finding
            && self.grant.has_user()
        {
            *lacks = self.lacks_for_refresh();
        }
        finding
    }

    /// What the authorization server is known to give refresh tokens for, and was not asked with.
    fn lacks_for_refresh(&self) -> Option<Box<str>> {
        let profile = Profile::of(self.server.issuer.as_str());
        let dialect = self.dialect.as_deref();
        let parameters = profile.into_iter().flat_map(|it| it.authorization);
        let unsaid = |name: &str| dialect.is_none_or(|dialect| !dialect.says(name));
        if let Some((name, value)) = parameters.into_iter().find(|(name, _)| unsaid(name)) {
            return Some(alloc::format!("{name}={value}").into());
        }
        let wants = profile.map(|it| it.refresh_tokens) == Some(RefreshTokens::WithOfflineAccess);
        let is_asked = self.requested.as_ref().is_some_and(|it| it.contains(OFFLINE_ACCESS));
        ((self.server.offline_access || wants) && !is_asked).then(|| OFFLINE_ACCESS.into())
    }

    /// Forgets which scopes were asked for.
    pub(crate) fn forget_requested(&mut self) {
        (self.requested, self.requested_by) = (None, None);
    }

    /// What kind of token is asked for.
    pub(crate) fn token_type(&self) -> TokenType {
        match self.possession {
            Some(_) => TokenType::Dpop,
            None => TokenType::Bearer,
        }
    }

    /// Whether tokens are of the kind that they have to be.
    ///
    /// # Errors
    ///
    /// [`PeerIncompatible::TokenNotBound`].
    pub(crate) fn check_type(&self, tokens: &TokenData) -> Result<(), PeerIncompatible> {
        match &self.possession {
            Some(possession) if possession.is_required => tokens.check_type(&self.resource),
            _ => Ok(()),
        }
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
    pub(crate) client: Arc<Registration>,
}

/// What a login brings: tokens, and what they are bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// What the tokens are bound to.
    pub binding: Binding,
    /// The tokens.
    pub tokens: TokenData,
}
