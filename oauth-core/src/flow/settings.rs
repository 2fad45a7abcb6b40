//! What a host decides about one MCP server, before anything is sent.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address_policy::AddressPolicy;
use crate::error::{Error, Misuse};
use crate::keys::DpopKey;
use crate::policy::{Policy, ServerUrl};
use crate::scope::Scopes;
use crate::secret::Secret;
use crate::url::{HttpUrl, UrlDefect, shown};
use crate::wire::{
    AuthMethod, BearerAuth, ClientMetadata, Dialect, KeyDescription, OAuthClientProvider,
    Parameter, PromptMode, ResourceMode, ServerMetadata, is_of_authorization, is_of_token,
};

mod client;
mod device;
mod dpop;
mod grant;
mod par;
mod profile;
mod stored;
mod written;

pub use dpop::Dpop;
pub(crate) use grant::{GrantSetting, MachineGrant};
pub use grant::{IdentityProvider, WrittenGrant, WrittenIdentityProvider};
pub use par::Par;
pub use written::WrittenSettings;

/// What a host decides about one MCP server: its URL, who the client is, which scopes to ask for.
///
/// Only the URL has to be given. Shared by all sessions with the server, so it comes in an `Arc`.
///
/// ```
/// # use oauth_core::flow::Settings;
/// let settings = Settings::new("https://mcp.example.com/mcp")?
///     .client_name("My editor")
///     .client_metadata_url("https://editor.example.com/client.json")?;
/// # Ok::<(), oauth_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    pub(crate) server: ServerUrl,
    pub(crate) policy: Policy,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub(crate) application: Box<str>,
    pub(crate) client_name: Box<str>,
    #[serde(default)]
    pub(crate) client_metadata: Option<Box<ClientMetadata>>,
    #[serde(default)]
    pub(crate) auth_method: Option<AuthMethod>,
    #[serde(default)]
    pub(crate) initial_access_token: Option<BearerAuth>,
    pub(crate) pre_registered: Option<PreRegistered>,
    /// The key that the client authenticates with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signing_key: Option<KeyDescription>,
    /// How tokens are got.
    #[serde(default, alias = "device_code", skip_serializing_if = "GrantSetting::is_usual")]
    pub(crate) grant: GrantSetting,
    /// Who issued that client; `None`: whoever the first login finds.
    pub(crate) client_issuer: Option<Box<str>>,
    pub(crate) metadata_url: Option<Box<str>>,
    pub(crate) scope: Option<Scopes>,
    #[serde(default)]
    pub(crate) dialect: Option<Box<Dialect>>,
    pub(crate) provider: Option<ServerMetadata>,
    #[serde(default)]
    pub(crate) without_discovery: bool,
    pub(crate) bearer: Option<BearerAuth>,
    #[serde(default)]
    pub(crate) private_hosts: Vec<Box<str>>,
    #[serde(default)]
    pub(crate) client_records: bool,
    #[serde(default)]
    pub(crate) registers_each_profile: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) store_check_interval: Option<Duration>,
    #[serde(default, skip_serializing_if = "Dpop::is_usual")]
    pub(crate) dpop: Dpop,
    /// The key of the host's own that tokens are bound to. Boxed, because it is rare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dpop_key: Option<Box<DpopKey>>,
    #[serde(default, skip_serializing_if = "Par::is_usual")]
    pub(crate) par: Par,
}

/// A client id that the host brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PreRegistered {
    pub(crate) client_id: Box<str>,
    pub(crate) client_secret: Option<Secret>,
}

impl Settings {
    /// Settings for the MCP endpoint at this URL, with the default policy.
    ///
    /// # Errors
    ///
    /// [`Misuse::ServerUrl`] if it is no https URL (or http to a loopback host).
    pub fn new(server_url: &str) -> Result<Self, Error> {
        Self::with_policy(server_url, Policy::default())
    }

    /// The same with a policy of its own for this server.
    ///
    /// # Errors
    ///
    /// As [`Settings::new`].
    pub fn with_policy(server_url: &str, policy: Policy) -> Result<Self, Error> {
        Ok(Self {
            server: ServerUrl::parse(server_url)?,
            policy,
            application: "".into(),
            client_name: DEFAULT_CLIENT_NAME.into(),
            client_metadata: None,
            auth_method: None,
            initial_access_token: None,
            pre_registered: None,
            signing_key: None,
            grant: GrantSetting::default(),
            client_issuer: None,
            metadata_url: None,
            scope: None,
            dialect: None,
            provider: None,
            without_discovery: false,
            bearer: None,
            private_hosts: Vec::new(),
            client_records: false,
            registers_each_profile: false,
            store_check_interval: None,
            dpop: Dpop::default(),
            dpop_key: None,
            par: Par::default(),
        })
    }

    /// The program's name for stores that several programs share: grants are found under it, and by those
    /// who set the same name. It has to stay the same from version to version. None unless set.
    #[must_use]
    pub fn application(mut self, name: &str) -> Self {
        self.application = name.into();
        self
    }

    /// The same with the MCP endpoint at this URL of its origin.
    pub(crate) fn at(self: Arc<Self>, url: Option<&HttpUrl>) -> Arc<Self> {
        match url.filter(|url| *url != self.server.url()).and_then(|it| self.server.moved_to(it)) {
            Some(server) => Arc::new(Self { server, ..(*self).clone() }),
            None => self,
        }
    }

    /// The name that people see when they are asked to consent; used in dynamic registration.
    #[must_use]
    pub fn client_name(mut self, name: &str) -> Self {
        self.client_name = name.into();
        self
    }

    /// What else the client says of itself; used in dynamic registration.
    #[must_use]
    pub fn client_metadata(mut self, client: ClientMetadata) -> Self {
        self.client_metadata = Some(client.into());
        self
    }

    /// The one way in which the client authenticates at the token endpoint, whatever the server lists: that
    /// of a client which is registered already, and the one to register with. Without it, the methods that
    /// the server lists are tried in turn.
    #[must_use]
    pub fn token_endpoint_auth_method(mut self, method: AuthMethod) -> Self {
        self.auth_method = Some(method);
        self
    }

    /// A token that permits to register, for servers that register nobody without one (RFC 7591 §3). It goes
    /// to the registration endpoint, and nowhere else.
    ///
    /// # Security
    ///
    /// Where the authorization server is on another host than the MCP server, only
    /// [`client_issuer`](Self::client_issuer) says that it is the right one: without that it gets no token.
    #[must_use]
    pub fn initial_access_token(mut self, token: BearerAuth) -> Self {
        self.initial_access_token = Some(token);
        self
    }

    /// What requests say about the resource, for servers that want something else than the
    /// specification.
    #[must_use]
    pub fn resource_mode(mut self, mode: ResourceMode) -> Self {
        self.dialect_mut().resource = Some(mode);
        self
    }

    /// Whether `prompt=consent` goes with the wish for a refresh token. Unless this is set, it does, but where
    /// a provider is known to need none.
    #[must_use]
    pub fn prompt_mode(mut self, mode: PromptMode) -> Self {
        self.dialect_mut().prompt = Some(mode);
        self
    }

    /// A parameter for the authorization request that the server wants beyond the specification, such as
    /// `access_type=offline`. It may be called several times; of one name, the last value counts.
    ///
    /// # Errors
    ///
    /// [`Misuse::ReservedParameter`] for one that the protocol gives a meaning; `prompt` is the host's.
    pub fn authorization_parameter(mut self, name: &str, value: &str) -> Result<Self, Error> {
        let parameter = Parameter::new(name, value, is_of_authorization)?;
        parameter.set_in(&mut self.dialect_mut().authorization);
        Ok(self)
    }

    /// A parameter for each token request that the server wants beyond the specification, such as
    /// `audience`. It may be called several times. It is stored with the tokens: no place for secrets.
    ///
    /// # Errors
    ///
    /// As [`authorization_parameter`](Self::authorization_parameter).
    pub fn token_parameter(mut self, name: &str, value: &str) -> Result<Self, Error> {
        let parameter = Parameter::new(name, value, is_of_token)?;
        parameter.set_in(&mut self.dialect_mut().token);
        Ok(self)
    }

    fn dialect_mut(&mut self) -> &mut Dialect {
        self.dialect.get_or_insert_default()
    }

    /// The scopes to ask for, separated by spaces. They win over what the server suggests, but not
    /// over what it says is missing later.
    ///
    /// # Errors
    ///
    /// [`Misuse::ScopeCharacters`] for what is no scope (RFC 6749 §3.3); [`Misuse::TooManyScopes`] for more
    /// than [`Scopes::MAX_LENGTH`] bytes of them.
    pub fn scope(mut self, scope: &str) -> Result<Self, Error> {
        self.scope = Scopes::asked_for(scope)?;
        Ok(self)
    }

    /// A host that may be at an address that is not public: the name, or the address, as it stands in
    /// URLs. May be called for several.
    ///
    /// Needed where a public MCP server has its authorization server in a private network, where a server
    /// that is reached by its name names others by their private addresses, and with
    /// [`Policy::only_public_addresses`] for everything that is in one. [`AddressPolicy`] has the rules.
    ///
    /// # Errors
    ///
    /// [`Misuse::PrivateHost`] if it is no host: a URL, for instance, or one with a port.
    ///
    /// # Security
    ///
    /// The MCP server can send requests there. Allow what a server needs, and no host where something
    /// is done for anybody who asks.
    pub fn private_host(mut self, host: &str) -> Result<Self, Error> {
        let is_bare = host.contains(':') && !host.starts_with('[');
        let parsed = match is_bare.then(|| host.parse()) {
            Some(Ok(address)) => Some(url::Host::Ipv6(address)),
            // An asterisk may stand in a host, but whoever writes one means all hosts below.
            _ => url::Host::parse(host).ok().filter(|_| !host.contains('*')),
        };
        let host = parsed.ok_or_else(|| Misuse::PrivateHost { host: shown(host) })?;
        self.private_hosts.push(host.to_string().into());
        Ok(self)
    }

    /// An authorization server that is known beforehand. Of the MCP server, which scopes it has and how it is
    /// named is still read where it says so; [`without_discovery`](Self::without_discovery) asks nothing. What
    /// may be in a private network has to be said before ([`private_host`](Self::private_host)).
    ///
    /// # Errors
    ///
    /// Why its metadata cannot be used, by the rules that hold for discovered metadata too.
    pub fn provider(mut self, provider: &OAuthClientProvider) -> Result<Self, Error> {
        let metadata = &provider.metadata;
        let purpose = self.purpose();
        let provided =
            ServerMetadata::provided(metadata, purpose, self.address_policy(), &self.policy)?;
        self.provider = Some(provided);
        Ok(self)
    }

    /// Begins logins without asking for any metadata: for a start without a network. The resource is the
    /// server's URL then, and scopes come from [`scope`](Self::scope) or the server's refusal. It means nothing
    /// without a [`provider`](Self::provider).
    #[must_use]
    pub fn without_discovery(mut self) -> Self {
        self.without_discovery = true;
        self
    }

    /// A token that was not issued to this client by a login, an API key for instance. There is no
    /// OAuth then: the token is sent, and refusals are the application's business.
    #[must_use]
    pub fn bearer(mut self, token: BearerAuth) -> Self {
        self.bearer = Some(token);
        self
    }

    /// The program's name for stores.
    #[must_use]
    pub fn application_name(&self) -> &str {
        &self.application
    }

    /// The client's name, as authorization servers show it.
    #[must_use]
    pub fn shown_name(&self) -> &str {
        &self.client_name
    }

    /// The MCP server.
    #[must_use]
    pub fn server(&self) -> &ServerUrl {
        &self.server
    }

    /// Which addresses requests may go to.
    #[must_use]
    pub fn address_policy(&self) -> AddressPolicy<'_> {
        AddressPolicy {
            plaintext: self.server.plaintext(),
            server_host: self.server.url().host(),
            only_public: self.policy.only_public_addresses,
            private_hosts: &self.private_hosts,
        }
    }

    /// Whether there is a fixed token: nothing is done about a refusal then.
    #[must_use]
    pub fn has_bearer(&self) -> bool {
        self.bearer.is_some()
    }

    /// Checks that the MCP server itself may be where its URL says. A login does that too.
    ///
    /// # Errors
    ///
    /// [`Misuse::ServerUrl`] if it is at an address that [`Policy::only_public_addresses`] forbids.
    pub fn check_server(&self) -> Result<(), Misuse> {
        self.address_policy().check(self.server.url()).map_err(|_| Misuse::ServerUrl {
            url: shown(self.server.as_str()),
            defect: UrlDefect::PrivateAddress,
        })
    }
}

const DEFAULT_CLIENT_NAME: &str = "MCP client";

#[cfg(test)]
mod tests;
