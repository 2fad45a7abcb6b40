//! Records that a host makes: of tokens that another program got, or that were kept in another form.

use alloc::boxed::Box;

use crate::error::{Error, Misuse, PeerIncompatible};
use crate::flow::{Binding, GrantKind, ScopeSource, Settings, Terms};
use crate::session::record::Record;
use crate::time::UnixTime;
use crate::tolerance::Tolerances;
use crate::wire::{
    AuthMethod, ClientRegistrationResponse, ClientSecret, Port, Purpose, Registration,
    RegistrationKind, ServerMetadata, ServerOAuthMetadata, TokenData, TokenType,
};

impl Record {
    /// A record of tokens that a host brings: with it they are used, refreshed and revoked like those of a
    /// login. `issuer` is who issued them, `client` whom they were issued to, and the scopes of the tokens count as
    /// what was asked for. It stands in place of no other; [`replacing`](Self::replacing) changes that.
    ///
    /// ```
    /// # use oauth_core::flow::Settings;
    /// # use oauth_core::session::Record;
    /// # use oauth_core::{ServerOAuthMetadata, UnixTime};
    /// # let now = UnixTime::from_secs(1_900_000_000);
    /// let settings = Settings::new("https://mcp.example.com/mcp")?;
    /// let issuer: ServerOAuthMetadata = serde_json::from_str(r#"{
    ///     "issuer": "https://as.example.com", "code_challenge_methods_supported": ["S256"],
    ///     "authorization_endpoint": "https://as.example.com/authorize",
    ///     "token_endpoint": "https://as.example.com/token"}"#)?;
    /// let client = serde_json::from_str(r#"{"client_id": "client-1"}"#)?;
    /// let tokens = serde_json::from_str(r#"{"access_token": "at", "refresh_token": "rt"}"#)?;
    /// let record = Record::brought(&settings, &issuer, &client, tokens, now)?;
    /// assert_eq!(record.binding().client().client_id(), "client-1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Why the issuer's metadata cannot be used, as for [`Settings::provider`]; [`Misuse::EmptyClientId`],
    /// [`Misuse::MethodNeedsSecret`] or [`PeerIncompatible::NoClientAuthentication`] for a client that
    /// cannot be.
    ///
    /// # Security
    ///
    /// Nobody checks that the tokens are this server's. They go to it, and the refresh token and the
    /// client's secret to the issuer.
    pub fn brought(
        settings: &Settings,
        issuer: &ServerOAuthMetadata,
        client: &ClientRegistrationResponse,
        tokens: TokenData,
        now: UnixTime,
    ) -> Result<Self, Error> {
        let (policy, addresses) = (&settings.policy, settings.address_policy());
        let server = ServerMetadata::provided(issuer, Purpose::Login, addresses, policy)?;
        Self::brought_at(settings, &server, settings.server.as_str(), client, tokens, now)
    }

    pub(super) fn brought_at(
        settings: &Settings,
        server: &ServerMetadata,
        resource: &str,
        client: &ClientRegistrationResponse,
        tokens: TokenData,
        now: UnixTime,
    ) -> Result<Self, Error> {
        if tokens.token_type == TokenType::Dpop {
            // The key is not brought with them.
            let found = TokenType::Dpop.as_str().into();
            return Err(PeerIncompatible::TokenType { found }.into());
        }
        let client = registration(settings, server, client)?;
        let terms = Terms {
            resource: resource.into(),
            requested: tokens.scope.clone(),
            requested_by: tokens.scope.is_some().then_some(ScopeSource::EarlierLogin),
            possession: None,
        };
        let grant = GrantKind::AuthorizationCode;
        let binding = Binding::new(grant, terms, settings, server.clone().into(), client.into());
        Ok(Self::new(now, binding.into(), Some(tokens)).numbered(0))
    }

    /// The same to stand in place of the stored one with this [generation](Self::generation), 0 for none: that is
    /// what a store expects then.
    #[must_use]
    pub fn replacing(self, stored: u64) -> Self {
        self.numbered(stored)
    }
}

fn registration(
    settings: &Settings,
    server: &ServerMetadata,
    client: &ClientRegistrationResponse,
) -> Result<Registration, Error> {
    // The same checks as for a client that is set up.
    let secret = client.client_secret.clone().filter(|secret| !secret.is_empty());
    let client_id = client.client_id.clone();
    settings.clone().client_id(&client_id, secret.clone())?;
    let no_method =
        || PeerIncompatible::NoClientAuthentication { issuer: server.issuer.as_str().into() };
    let auth_method = match client.token_endpoint_auth_method.as_deref() {
        Some(name) => AuthMethod::from_name(name).ok_or_else(no_method)?,
        None if secret.is_none() => AuthMethod::None,
        None => settings.method_with_secret(server).ok_or_else(no_method)?,
    };
    if auth_method != AuthMethod::None && secret.is_none() {
        return Err(Misuse::MethodNeedsSecret { method: auth_method.as_str().into() }.into());
    }
    let redirect_uri = client.redirect_uris.iter().flatten().next();
    let is_own = settings.pre_registered.as_ref().is_some_and(|own| own.client_id == client_id);
    let kind = match redirect_uri {
        Some(_) if !is_own => RegistrationKind::Dynamic,
        _ => RegistrationKind::PreRegistered,
    };
    let expires_at = client.client_secret_expires_at.filter(|at| at.as_secs() != 0);
    Ok(Registration {
        client_id,
        client_secret: secret.map(|secret| Box::new(ClientSecret { secret, expires_at })),
        auth_method,
        redirect_uri: redirect_uri.cloned().unwrap_or_default(),
        port: Port::Fixed,
        kind,
        tolerated: Tolerances::NONE,
        scope: None,
        device_codes: false,
    })
}
