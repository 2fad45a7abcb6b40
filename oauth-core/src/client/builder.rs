//! What can be set about a client, before it is used.

mod build;
mod grant;

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;

use crate::client::config::{AuthConfig, OAuthConfig};
use crate::client::event::Event;
use crate::client::gifts::Gifts;
use crate::client::parts::{Adapter, Watcher};
use crate::error::Misuse;
use crate::session::Key;
use crate::wire::{PromptMode, ResourceMode};
use crate::written::{Seconds, Written as _};
use crate::{
    AuthMethod, BearerAuth, ClientMetadata, OAuthClientProvider, Policy, Secret, ServerUrl,
};

/// Settings of a client. Only the server URL has to be given.
#[must_use = "nothing happens until it is built"]
pub struct Builder<A: Adapter> {
    server_url: Box<str>,
    policy: Policy,
    config: OAuthConfig,
    /// Two ways to a token that were both set.
    two_grants: Option<Misuse>,
    http: Option<A::Http>,
    storage: Option<A::Storage>,
    user_agent: Option<A::UserAgent>,
    gifts: Gifts,
    watcher: Option<Arc<Watcher>>,
}

impl<A: Adapter> Builder<A> {
    /// A builder for the MCP endpoint at this URL. Hosts start with their adapter's `OAuth::new`.
    ///
    /// # Errors
    ///
    /// [`Misuse::ServerUrl`](crate::error::Misuse) unless it is an https URL, or http to this machine.
    pub fn new(server_url: &str, policy: Policy) -> Result<Self, A::Error> {
        ServerUrl::parse(server_url).map_err(crate::Error::from)?;
        Ok(Self {
            server_url: server_url.into(),
            policy,
            config: OAuthConfig::default(),
            two_grants: None,
            http: None,
            storage: None,
            user_agent: None,
            gifts: Gifts::default(),
            watcher: None,
        })
    }

    /// The scopes to ask for, separated by spaces. They win over what the server suggests.
    pub fn scope(mut self, scope: &str) -> Self {
        self.config.settings.scope = Some(scope.into());
        self
    }

    /// The program's name for the token store: it finds what was stored under the same name, and nothing
    /// else. Programs that set the same one share their logins.
    ///
    /// By default it is the [`client_name`](Self::client_name), or else the name of the executable, without
    /// a version at its end (`foo-1.2.3` is `foo`, as `foo.exe` is). Who changes these, or has the user
    /// rename the executable, sets this one to what it was; else everybody logs in anew.
    pub fn application(mut self, name: &str) -> Self {
        self.config.settings.application = Some(name.into());
        self
    }

    /// The name that people see when they are asked to consent. It is also the
    /// [`application`](Self::application) if that is not set.
    pub fn client_name(mut self, name: &str) -> Self {
        self.config.settings.client_name = Some(name.into());
        self
    }

    /// A client that is registered already; none is registered dynamically then.
    pub fn client_id(mut self, id: &str) -> Self {
        self.config.settings.client_id = Some(id.into());
        self
    }

    /// The secret of that client. It means nothing without [`client_id`](Self::client_id).
    pub fn client_secret(mut self, secret: impl Into<Secret>) -> Self {
        self.config.settings.client_secret = Some(secret.into());
        self
    }

    /// The authorization server that the client id belongs to, byte for byte as it names itself. Set it
    /// wherever there is a secret: without it the first one that the MCP server names gets the secret.
    pub fn client_issuer(mut self, issuer: &str) -> Self {
        self.config.settings.client_issuer = Some(issuer.into());
        self
    }

    /// What a client that registers says of itself beyond its name: pages, a logo, who answers for it.
    pub fn client_metadata(mut self, client: ClientMetadata) -> Self {
        self.config.settings.client_metadata = Some(client);
        self
    }

    /// The one way in which the client authenticates, whatever the server lists. Without it, the listed ones
    /// are tried in turn.
    pub fn token_endpoint_auth_method(mut self, method: AuthMethod) -> Self {
        self.config.settings.token_endpoint_auth_method = Some(method);
        self
    }

    /// The token that permits to register, for servers that register nobody without one (RFC 7591 §3). Where
    /// the authorization server is on another host than the MCP server,
    /// [`client_issuer`](Self::client_issuer) has to name it.
    pub fn initial_access_token(mut self, token: impl Into<Secret>) -> Self {
        self.config.settings.initial_access_token = Some(token.into());
        self
    }

    /// Each profile registers a client of its own. Without it, all profiles of a store use one for each
    /// authorization server and redirect URI.
    pub fn registration_for_each_profile(mut self) -> Self {
        self.config.settings.registration_for_each_profile = true;
        self
    }

    /// How long a token in memory is used without a look into the store, where another process may have logged
    /// out, or in to another account. A look is one load, without a lock. Unless set, a token is used until it is
    /// due for a refresh.
    pub fn store_check_interval(mut self, interval: Duration) -> Self {
        self.config.settings.store_check_interval = Some(Seconds(interval));
        self
    }

    /// The URL of a hosted client ID metadata document.
    pub fn client_metadata_url(mut self, url: &str) -> Self {
        self.config.settings.client_metadata_url = Some(url.into());
        self
    }

    /// What requests say about the resource, for an authorization server that wants something else than
    /// the specification.
    pub fn resource_mode(mut self, mode: ResourceMode) -> Self {
        self.config.settings.resource_mode = Some(mode);
        self
    }

    /// Whether `prompt=consent` goes with the wish for a refresh token: [`PromptMode::Omit`] is for servers
    /// whose users may not consent themselves.
    pub fn prompt_mode(mut self, mode: PromptMode) -> Self {
        self.config.settings.prompt_mode = Some(mode);
        self
    }

    /// A parameter for the authorization request that the server wants beyond the specification, such as
    /// `access_type=offline`. It may be called several times.
    pub fn authorization_parameter(mut self, name: &str, value: &str) -> Self {
        self.config.settings.authorization_parameters.push(name, value.into());
        self
    }

    /// The same for each token request. It is stored with the tokens: no place for secrets.
    pub fn token_parameter(mut self, name: &str, value: &str) -> Self {
        self.config.settings.token_parameters.push(name, value.into());
        self
    }

    /// An authorization server that is known beforehand. Which scopes the MCP server has and how it is named
    /// is still read where it says so, unless [`without_discovery`](Self::without_discovery) is set.
    pub fn provider(mut self, provider: OAuthClientProvider) -> Self {
        self.config.settings.provider = Some(provider);
        self
    }

    /// Begins logins without asking for any metadata. It means nothing without a
    /// [`provider`](Self::provider).
    pub fn without_discovery(mut self) -> Self {
        self.config.settings.without_discovery = true;
        self
    }

    /// A host that may be at an address that is not public, the name or the address as it stands in URLs.
    /// May be called for several; [`Settings::private_host`](crate::flow::Settings::private_host) says when it is
    /// needed.
    pub fn private_host(mut self, host: &str) -> Self {
        self.config.settings.private_hosts.push(host.into());
        self
    }

    /// A fixed token, an API key for instance: no OAuth at all.
    pub fn bearer(mut self, token: BearerAuth) -> Self {
        self.config.settings.bearer = Some(token.token().into());
        self
    }

    /// The port on which the redirect is listened for: by default that of the last login, or any; 0 is
    /// any. Means nothing to a [`user_agent`](Self::user_agent) of the host's own.
    pub fn callback_port(mut self, port: u16) -> Self {
        self.config.callback_port = Some(port);
        self
    }

    /// The redirect URI that is listened for, as it is registered with the authorization server:
    /// `http://localhost:8765/auth/callback`, or with the hosts `127.0.0.1` and `[::1]`; by default
    /// `http://127.0.0.1/callback`. Without a port it is that of [`callback_port`](Self::callback_port).
    /// Means nothing to a [`user_agent`](Self::user_agent) of the host's own.
    pub fn callback_url(mut self, url: &str) -> Self {
        self.config.callback_url = Some(url.into());
        self
    }

    /// Where tokens are kept: by default in files (`FileTokenStorage::new`), in a directory of the
    /// [`application`](Self::application).
    pub fn token_storage(mut self, storage: impl Into<A::Storage>) -> Self {
        self.storage = Some(storage.into());
        self
    }

    /// Whose tokens: a name for a user or an account, where there are several for one server.
    pub fn profile(mut self, profile: &str) -> Self {
        self.config.profile = Some(profile.into());
        self
    }

    /// How the user gets to the login page: `LocalUser` by default, in the browser or, on a machine that cannot show
    /// one, in the terminal, [or on another device](Self::or_device_code).
    pub fn user_agent(mut self, user_agent: impl Into<A::UserAgent>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// How long a login waits for the user: by default five minutes at a page that this process opened,
    /// fifteen where it was handed out ([`AuthenticationError`](crate::client::AuthenticationError)). The refresh
    /// of another process is waited for as long, a minute at most; a quiet call waits no longer than that for all that
    /// goes before it together.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.config.wait = Some(Seconds(wait));
        self
    }

    /// How long discovery and registration may take together: a minute unless set. What has not answered by
    /// then is [`Unreachable`](crate::Error::Unreachable).
    pub fn discovery_limit(mut self, limit: Duration) -> Self {
        self.config.discovery_limit = Some(Seconds(limit));
        self
    }

    /// How long one request of a login or a refresh may take: thirty seconds unless it is set to less. What
    /// the HTTP client has as its limit for a whole call does not count for them.
    pub fn request_limit(mut self, limit: Duration) -> Self {
        self.config.request_limit = Some(Seconds(limit));
        self
    }

    /// The HTTP client for all requests, with the host's proxy and certificates: a `ureq::Agent` for
    /// `oauth-blocking`, an `HttpClient` for `oauth-tokio`. Its time limits hold for requests of the
    /// application; those of a login and a refresh have a [`request_limit`](Self::request_limit), since what
    /// was spent must not be given up. Redirects and statuses are handled here, whatever it is set to, and
    /// requests to this machine go through no proxy ([`is_loopback`](crate::is_loopback)). Requests of a
    /// login that spend something go out on connections of their own, whatever it is set to. What it trusts,
    /// whether it knows SOCKS, and how it gets over dead addresses is its own.
    ///
    /// Without it, the proxy is that of the environment (`ALL_PROXY`, `HTTPS_PROXY`, `NO_PROXY`); where that names
    /// none, the one that is set up by hand in Windows, and with `oauth-tokio` in macOS: ureq does not ask there.
    /// Scripts that choose a proxy (PAC), and settings with one proxy for each scheme, are not understood: there
    /// the environment has to name it. With `oauth-tokio`, one of the system whose name resolves to an address that is
    /// not public has to be allowed by that name ([`private_host`](Self::private_host)).
    ///
    /// # Security
    ///
    /// Its resolver is the host's own: unless that asks an [`address_filter`](Self::address_filter), names
    /// that resolve into a private network are not kept from metadata, and names below `localhost` may be
    /// asked of others. The adapter's documentation of its HTTP client says how.
    pub fn http_client(mut self, http_client: impl Into<A::Http>) -> Self {
        self.http = Some(http_client.into());
        self
    }

    /// What requests say in `User-Agent` (RFC 9110 §10.1.5), such as `my-editor/1.2`: by default what the
    /// HTTP client says, and that is this crate's name and version unless it is the host's own. What a
    /// request of the application says itself wins.
    pub fn http_user_agent(mut self, value: &str) -> Self {
        self.config.http_user_agent = Some(value.into());
        self
    }

    /// A header field on every request to the MCP server's origin, for an edge that wants one
    /// (`CF-Access-Client-Id`): on those of the application, and on those of a login that go there, for the
    /// resource metadata for instance. It may be called several times. What a request of the application
    /// has of that name wins.
    ///
    /// # Security
    ///
    /// It goes to no other origin. An authorization server of the same origin sees it.
    pub fn server_header(mut self, name: &str, value: impl Into<Secret>) -> Self {
        self.config.server_headers.push(name, value.into());
        self
    }

    /// Is told what happens, on the thread on which it happens. It must not call the client, which is at
    /// work.
    pub fn on_event(self, watcher: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.on_event_of(move |_, event| watcher(event))
    }

    /// The same for hosts with several servers or profiles: it is told whose grant each event concerns
    /// ([`Happened`](crate::client::Happened) keeps both). It takes the place of [`on_event`](Self::on_event).
    pub fn on_event_of(
        mut self,
        watcher: impl Fn(&Key, &Event<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.watcher = Some(Arc::new(watcher));
        self
    }

    /// Takes what a configuration file says. It wins over what was set before, but for what can only be added or
    /// turned on; what it says of the policy changes the one that the builder was made with.
    ///
    /// # Errors
    ///
    /// [`Misuse::TokenCharacters`](crate::error::Misuse) if its token cannot be sent.
    pub fn config(mut self, config: AuthConfig) -> Result<Self, A::Error> {
        match config {
            AuthConfig::Bearer(token) => {
                let token = BearerAuth::new(token.expose()).map_err(crate::Error::from)?;
                Ok(self.bearer(token))
            }
            AuthConfig::OAuth(mut config) => {
                self.policy = config.settings.take_policy(self.policy);
                self.config = config.over(self.config);
                Ok(self)
            }
        }
    }
}

impl<A: Adapter> core::fmt::Debug for Builder<A> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Builder")
            .field("server_url", &self.server_url)
            .field("policy", &self.policy)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
