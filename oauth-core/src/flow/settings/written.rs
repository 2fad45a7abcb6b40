//! Settings in JSON, as a configuration file or a host in another language has them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Dpop, Par, Settings, WrittenGrant};
use crate::error::{Error, Misuse};
use crate::keys::DpopKey;
use crate::policy::Policy;
use crate::secret::Secret;
use crate::tolerance::Tolerance;
use crate::wire::{
    AuthMethod, BearerAuth, ClientMetadata, KeyDescription, OAuthClientProvider, PromptMode,
    ResourceMode,
};
use crate::written::{Pairs, Seconds};

crate::written! {
    /// [`Settings`] as they are written down: a member for each setting, of the same name. This is the one list of
    /// them: what is read from JSON, what the builders of the adapters set, and what becomes [`Settings`].
    ///
    /// ```
    /// # use oauth_core::{Policy, flow::WrittenSettings};
    /// let json = r#"{"scope": "read", "tolerate": ["issuer_slash"], "resource_mode": "omit"}"#;
    /// let written: WrittenSettings = serde_json::from_str(json).unwrap();
    /// let settings = written.settings("https://mcp.example.com/mcp", Policy::default())?;
    /// # Ok::<(), oauth_core::Error>(())
    /// ```
    pub struct WrittenSettings {
        /// The program's name for the token store.
        application: Option<Box<str>>,
        /// The name that people see when they are asked to consent.
        client_name: Option<Box<str>>,
        /// What a client that registers says of itself.
        client_metadata: Option<ClientMetadata>,
        /// The token that permits to register.
        initial_access_token: Option<Secret>,
        /// A client that is registered already.
        client_id: Option<Box<str>>,
        /// Its secret.
        client_secret: Option<Secret>,
        /// The issuer that they belong to.
        client_issuer: Option<Box<str>>,
        /// The key that the client authenticates with: `{"key_id": "k1", "algorithms": ["ES256"]}`. It stays with the
        /// host.
        signing_key: Option<KeyDescription>,
        /// How tokens are got. By a user: `"authorization_code"`, `"device_code"`, or
        /// `"authorization_or_device_code"`. Without one: `"client_credentials"`, `"workload_identity"`, or
        /// `{"enterprise_managed": {"token_endpoint": "https://idp.example/token", "client_id": "c"}}`.
        grant: Option<WrittenGrant>,
        /// When tokens are bound to a key: `"if_required"`, `"off"`, `"preferred"` or `"required"`.
        dpop: Option<Dpop>,
        /// The key of the host's own for that, of which only the public half is here: `{"jwk": {"kty": "EC", …}}`.
        dpop_key: Option<DpopKey>,
        /// When a login's request is pushed: `"if_required"`, `"if_offered"` or `"never"`.
        par: Option<Par>,
        /// How the client authenticates.
        token_endpoint_auth_method: Option<AuthMethod>,
        /// The URL of a hosted client ID metadata document.
        client_metadata_url: Option<Box<str>>,
        /// Whether each profile registers a client of its own.
        registration_for_each_profile: bool,
        /// How long a token in memory is used without a look into the store, in seconds.
        store_check_interval: Option<Seconds>,
        /// The scopes to ask for, separated by spaces.
        scope: Option<Box<str>>,
        /// What requests say about the resource: `"send"`, `"omit"`, or `{"fixed": "api://name"}`.
        resource_mode: Option<ResourceMode>,
        /// Whether `prompt=consent` is sent: `"consent"` or `"omit"`.
        prompt_mode: Option<PromptMode>,
        /// What authorization requests say beyond the specification: `{"access_type": "offline"}`.
        authorization_parameters: Pairs<Box<str>>,
        /// The same for token requests.
        token_parameters: Pairs<Box<str>>,
        /// An authorization server that is known beforehand.
        provider | "oauth_provider": Option<OAuthClientProvider>,
        /// Whether logins begin without asking for any metadata. It means nothing without a provider.
        without_discovery: bool,
        /// A fixed token, which is sent instead of any login.
        bearer: Option<Secret>,
        /// Hosts that may be at addresses that are not public.
        private_hosts: Vec<Box<str>>,
        /// Whether requests go to public addresses only.
        only_public_addresses: bool,
        /// Whether nothing is tolerated but what is named here.
        strict: bool,
        /// What is tolerated beside what is by default: `["issuer_slash"]`.
        tolerate: Vec<Tolerance>,
        /// What is not tolerated, also if it is named above.
        refuse: Vec<Tolerance>,
    }
}

impl WrittenSettings {
    /// Takes out what is said about the policy, and changes one by it. Nothing of it can allow requests to private
    /// addresses that the other forbids.
    pub fn take_policy(&mut self, mut policy: Policy) -> Policy {
        if core::mem::take(&mut self.strict) {
            policy.tolerates = Policy::strict().tolerates;
        }
        policy = core::mem::take(&mut self.tolerate).into_iter().fold(policy, Policy::tolerate);
        policy = core::mem::take(&mut self.refuse).into_iter().fold(policy, Policy::refuse);
        policy.only_public_addresses |= core::mem::take(&mut self.only_public_addresses);
        policy
    }

    /// The settings for the MCP endpoint at this URL, with this policy where nothing is written about it.
    ///
    /// # Errors
    ///
    /// A [`Misuse`] that says which setting cannot be used; those of [`Settings`].
    pub fn settings(mut self, server_url: &str, policy: Policy) -> Result<Settings, Error> {
        let policy = self.take_policy(policy);
        let mut settings = Settings::with_policy(server_url, policy)?;
        // Each member, by name: one that is forgotten does not compile.
        let Self {
            application,
            client_name,
            client_metadata,
            initial_access_token,
            client_id,
            client_secret,
            client_issuer,
            signing_key,
            grant,
            dpop,
            dpop_key,
            par,
            token_endpoint_auth_method,
            client_metadata_url,
            registration_for_each_profile,
            store_check_interval,
            scope,
            resource_mode,
            prompt_mode,
            authorization_parameters,
            token_parameters,
            provider,
            without_discovery,
            bearer,
            private_hosts,
            only_public_addresses: _,
            strict: _,
            tolerate: _,
            refuse: _,
        } = self;
        // The provider is judged by the policy and by these.
        for host in &private_hosts {
            settings = settings.private_host(host)?;
        }
        if let Some(name) = application {
            settings = settings.application(&name);
        }
        if let Some(name) = client_name {
            settings = settings.client_name(&name);
        }
        if let Some(client) = client_metadata {
            settings = settings.client_metadata(client);
        }
        if let Some(token) = initial_access_token {
            settings = settings.initial_access_token(BearerAuth::new(token.expose())?);
        }
        match (client_id, client_secret) {
            (Some(id), secret) => settings = settings.client_id(&id, secret)?,
            (None, Some(_)) => return Err(Misuse::SecretWithoutId.into()),
            (None, None) => {}
        }
        if let Some(key) = signing_key {
            settings = settings.signing_key(key);
        }
        if let Some(grant) = grant {
            settings = grant.set_in(settings)?;
        }
        if let Some(dpop) = dpop {
            settings = settings.dpop(dpop);
        }
        if let Some(key) = dpop_key {
            settings = settings.dpop_key(key);
        }
        if let Some(par) = par {
            settings = settings.par(par);
        }
        if let Some(issuer) = client_issuer {
            settings = settings.client_issuer(&issuer);
        }
        if let Some(method) = token_endpoint_auth_method {
            settings = settings.token_endpoint_auth_method(method);
        }
        if let Some(url) = client_metadata_url {
            settings = settings.client_metadata_url(&url)?;
        }
        if registration_for_each_profile {
            settings = settings.registration_for_each_profile();
        }
        if let Some(Seconds(interval)) = store_check_interval {
            settings = settings.store_check_interval(interval);
        }
        if let Some(scope) = scope {
            settings = settings.scope(&scope)?;
        }
        if let Some(mode) = resource_mode {
            settings = settings.resource_mode(mode);
        }
        if let Some(mode) = prompt_mode {
            settings = settings.prompt_mode(mode);
        }
        for (name, value) in authorization_parameters.iter() {
            settings = settings.authorization_parameter(name, value)?;
        }
        for (name, value) in token_parameters.iter() {
            settings = settings.token_parameter(name, value)?;
        }
        if let Some(provider) = &provider {
            settings = settings.provider(provider)?;
        }
        if without_discovery {
            settings = settings.without_discovery();
        }
        if let Some(token) = bearer {
            settings = settings.bearer(BearerAuth::new(token.expose())?);
        }
        Ok(settings)
    }
}
