//! What a login would do, or a request for a token without a user: for people, line by line.

use core::fmt;

use crate::flow::binding::{Binding, ScopeSource};
use crate::flow::grant_kind::GrantKind;
use crate::plain::Plain;
use crate::scope::Scopes;
use crate::tolerance::Tolerance;
use crate::url::HttpUrl;
use crate::wire::{AuthMethod, GrantType, Provenance, RegistrationKind, ServerMetadata};

/// What a login would do, or a request for a token where there is no user.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct LoginPlan<'a> {
    /// By which grant. Without a user, no page is opened: a token is asked for.
    pub grant: GrantKind,
    /// The authorization server.
    pub server: &'a ServerMetadata,
    /// How the client would become known to it; dynamically, it would be registered by the login.
    pub client: RegistrationKind,
    /// The client id, if there is one: one that registers has none yet, and a workload may do without.
    pub client_id: Option<&'a str>,
    /// With what the client would authenticate, unless its registration says otherwise.
    pub authentication: AuthMethod,
    /// The resource that the tokens would be for.
    pub resource: &'a str,
    /// The scopes that would be asked for; `None` leaves them to the server.
    pub requested: Option<&'a Scopes>,
    /// Who wants them.
    pub requested_by: Option<ScopeSource>,
    /// The provider whose profile would be applied, by its name for people.
    pub profile: Option<&'a str>,
    /// Where the request would be pushed to (RFC 9126); `None` if the browser would show it.
    pub pushed_to: Option<&'a HttpUrl>,
    /// Whether the tokens would be bound to a key (RFC 9449).
    pub is_bound: bool,
    /// The token endpoint of the identity provider that would be asked before (RFC 8693).
    pub identity_provider: Option<&'a HttpUrl>,
}

impl<'a> LoginPlan<'a> {
    pub(super) fn of(binding: &'a Binding) -> Self {
        let Binding { server, client, resource, requested, requested_by, .. } = binding;
        Self {
            grant: binding.grant,
            server,
            client: client.kind,
            client_id: Some(client.client_id()).filter(|id| !id.is_empty()),
            authentication: client.auth_method,
            resource,
            requested: requested.as_ref(),
            requested_by: *requested_by,
            profile: binding.profile(),
            pushed_to: None,
            is_bound: binding.possession.is_some(),
            identity_provider: None,
        }
    }

    /// Whether the authorization server lists the grant; `None` if it lists no grants at all, or for a login in a
    /// browser, where nobody looks.
    #[must_use]
    pub fn is_listed(&self) -> Option<bool> {
        let grant = asked_with(self.grant)?;
        match (self.server.may_grant(grant), self.server.lists(grant)) {
            (true, false) => None,
            (_, is_listed) => Some(is_listed),
        }
    }

    /// What is asked for, and where, if it is not the usual.
    fn requests(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(endpoint) = self.server.device_endpoint() {
            let at = endpoint.without_query();
            // What is read for devices alone has no page.
            let has_page = self.server.authorization_endpoint.is_some();
            let or = if has_page { "in a browser, or " } else { "" };
            writeln!(f, "  login                 {or}on another device, with a code of {at}")?;
        }
        if let Some(endpoint) = self.pushed_to {
            let endpoint = endpoint.without_query();
            writeln!(
                f,
                "  request               is pushed to {endpoint}, not shown in the browser"
            )?;
        }
        let Some(grant) = asked_with(self.grant).filter(|_| !self.grant.has_user()) else {
            return Ok(());
        };
        if let Some(endpoint) = self.identity_provider {
            let at = endpoint.without_query();
            writeln!(f, "  first request         to the identity provider, {at}")?;
        }
        let at = self.server.token_endpoint().without_query();
        writeln!(f, "  token request         to {at}; no page is opened")?;
        let listed = match self.is_listed() {
            Some(true) => "the server lists it",
            Some(false) => "the server does not list it",
            None => "the server does not say what it knows",
        };
        writeln!(f, "  grant                 {} ({listed})", grant.as_str())?;
        writeln!(f, "  authentication        {}", self.authentication.as_str())
    }

    fn logout(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_nobody = self.client_id.is_none() && !self.grant.has_user();
        match &self.server.revocation_endpoint {
            Some(_) if is_nobody => {
                writeln!(
                    f,
                    "  logout                forgets the token; it takes a client id to revoke it"
                )
            }
            Some(endpoint) => {
                let at = endpoint.without_query();
                writeln!(f, "  logout                revokes the tokens at {at}")
            }
            None => {
                writeln!(
                    f,
                    "  logout                forgets the tokens; the server cannot revoke them"
                )
            }
        }
    }
}

/// What a token request names for it, where that is not known to every server.
fn asked_with(grant: GrantKind) -> Option<GrantType> {
    match grant {
        GrantKind::AuthorizationCode => None,
        GrantKind::DeviceCode => Some(GrantType::DeviceCode),
        GrantKind::ClientCredentials => Some(GrantType::ClientCredentials),
        GrantKind::WorkloadIdentity | GrantKind::EnterpriseManaged => Some(GrantType::JwtBearer),
    }
}

impl fmt::Display for LoginPlan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, client, resource, requested, requested_by, profile, .. } = self;
        let from = match server.provenance {
            Provenance::Discovered => "found through its metadata",
            Provenance::Provided => "set up with `provider`",
            Provenance::Known => "known beforehand: it publishes no metadata",
            Provenance::Legacy => "assumed, as the 2025-03-26 specification has it",
        };
        writeln!(f, "  authorization server  {} ({from})", Plain(server.issuer.as_str()))?;
        if let Some(name) = profile {
            writeln!(f, "  provider              {name}: what is known of it is applied")?;
        }
        let how = match client {
            RegistrationKind::PreRegistered => "the one that was set up with `client_id`",
            RegistrationKind::MetadataDocument => "the document set up with `client_metadata_url`",
            RegistrationKind::Dynamic => "registers itself when the login begins",
        };
        match self.client_id {
            None if !self.grant.has_user() => {
                writeln!(f, "  client                none: what the host brings says who asks")?;
            }
            _ => writeln!(f, "  client                {how}")?,
        }
        writeln!(f, "  resource              {}", Plain(resource))?;
        let by = match requested_by {
            Some(ScopeSource::Settings) => " (set up with `scope`)",
            Some(ScopeSource::Challenge) => " (the server asks for them)",
            Some(ScopeSource::ResourceMetadata) => " (from the resource metadata)",
            Some(ScopeSource::EarlierLogin) => " (as the last login)",
            Some(ScopeSource::Provider) => " (for a refresh token)",
            None => "",
        };
        let scopes = requested.map_or("whatever the server gives", Scopes::as_str);
        writeln!(f, "  scopes                {scopes}{by}")?;
        self.requests(f)?;
        if self.is_bound {
            writeln!(f, "  tokens                are bound to a key (DPoP)")?;
        }
        self.logout(f)?;
        if server.tolerated.contains(Tolerance::UnconfirmedIssuer) {
            writeln!(
                f,
                "  client secret         goes there on the MCP server's word alone; `client_issuer` confirms it"
            )?;
        }
        for tolerance in server.tolerated.iter() {
            writeln!(f, "  tolerated             {tolerance}")?;
        }
        Ok(())
    }
}
