//! Settings as JSON: the names are those of `oauth_core::flow::Settings`.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::num::NonZeroU32;
use core::time::Duration;

use oauth_core::flow::Settings;
use oauth_core::session::PendingLogin;
use oauth_core::wire::{PromptMode, ResourceMode};
use oauth_core::{
    AuthMethod, BearerAuth, ClientMetadata, OAuthClientProvider, Policy, Secret, Tolerance,
};
use serde::Deserialize;

use crate::error::Failure;

/// What `open` and `resume` take.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Opening {
    pub(crate) settings: Written,
    pub(crate) profile: Box<str>,
    pub(crate) pending: Option<PendingLogin>,
}

/// A member that nobody knows is a mistake, which would weaken or break a login silently.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Written {
    server_url: Option<Box<str>>,
    application: Option<Box<str>>,
    client_name: Option<Box<str>>,
    client_metadata: Option<ClientMetadata>,
    token_endpoint_auth_method: Option<AuthMethod>,
    initial_access_token: Option<BearerAuth>,
    client_id: Option<Box<str>>,
    client_secret: Option<Secret>,
    client_issuer: Option<Box<str>>,
    client_metadata_url: Option<Box<str>>,
    client_records: bool,
    registration_for_each_profile: bool,
    /// Seconds.
    store_check_interval: Option<NonZeroU32>,
    scope: Option<Box<str>>,
    provider: Option<OAuthClientProvider>,
    bearer: Option<BearerAuth>,
    private_hosts: Vec<Box<str>>,
    /// Nothing is tolerated but what `tolerate` names.
    strict: bool,
    only_public_addresses: bool,
    tolerate: Vec<Tolerance>,
    refuse: Vec<Tolerance>,
    resource_mode: Option<ResourceMode>,
    prompt_mode: Option<PromptMode>,
    without_discovery: bool,
    authorization_parameters: Vec<(Box<str>, Box<str>)>,
    token_parameters: Vec<(Box<str>, Box<str>)>,
}

impl Written {
    pub(crate) fn settings(self) -> Result<Arc<Settings>, Failure> {
        let policy = if self.strict { Policy::strict() } else { Policy::default() };
        let policy = self.tolerate.into_iter().fold(policy, Policy::tolerate);
        let policy = self.refuse.into_iter().fold(policy, Policy::refuse);
        let policy =
            if self.only_public_addresses { policy.only_public_addresses() } else { policy };
        let server_url = self.server_url.ok_or(Failure::Lacks("server_url"))?;
        let mut settings = Settings::with_policy(&server_url, policy)?;
        for host in &self.private_hosts {
            settings = settings.private_host(host)?;
        }
        if let Some(name) = self.application {
            settings = settings.application(&name);
        }
        if let Some(name) = self.client_name {
            settings = settings.client_name(&name);
        }
        if let Some(client) = self.client_metadata {
            settings = settings.client_metadata(client);
        }
        if let Some(method) = self.token_endpoint_auth_method {
            settings = settings.token_endpoint_auth_method(method);
        }
        if let Some(token) = self.initial_access_token {
            settings = settings.initial_access_token(token);
        }
        match (self.client_id, self.client_secret) {
            (Some(id), secret) => settings = settings.client_id(&id, secret)?,
            (None, Some(_)) => return Err(oauth_core::Error::from(SECRET_WITHOUT_ID).into()),
            (None, None) => {}
        }
        if let Some(issuer) = self.client_issuer {
            settings = settings.client_issuer(&issuer);
        }
        if self.client_records {
            settings = settings.client_records();
        }
        if self.registration_for_each_profile {
            settings = settings.registration_for_each_profile();
        }
        if let Some(seconds) = self.store_check_interval {
            settings = settings.store_check_interval(Duration::from_secs(seconds.get().into()));
        }
        if let Some(url) = self.client_metadata_url {
            settings = settings.client_metadata_url(&url)?;
        }
        if let Some(scope) = self.scope {
            settings = settings.scope(&scope)?;
        }
        if let Some(mode) = self.resource_mode {
            settings = settings.resource_mode(mode);
        }
        if let Some(mode) = self.prompt_mode {
            settings = settings.prompt_mode(mode);
        }
        if self.without_discovery {
            settings = settings.without_discovery();
        }
        for (name, value) in &self.authorization_parameters {
            settings = settings.authorization_parameter(name, value)?;
        }
        for (name, value) in &self.token_parameters {
            settings = settings.token_parameter(name, value)?;
        }
        if let Some(provider) = &self.provider {
            settings = settings.provider(provider)?;
        }
        if let Some(token) = self.bearer {
            settings = settings.bearer(token);
        }
        Ok(settings.into())
    }
}

const SECRET_WITHOUT_ID: oauth_core::error::Misuse = oauth_core::error::Misuse::SecretWithoutId;
