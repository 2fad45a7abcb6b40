//! What can be set about a client, before it is used.

use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use oauth_core::flow::Settings;
use oauth_core::session::Session;
use oauth_core::{BearerAuth, OAuthClientProvider, Policy, Secret};

use crate::client::{Inner, OAuth};
use crate::config::AuthConfig;
use crate::error::Error;
use crate::event::Event;
use crate::storage::{FileTokenStorage, TokenStorage};
use crate::user_agent::{LoopbackBrowser, UserAgent};

/// Settings of an [`OAuth`]. Only the server URL has to be given.
#[must_use = "nothing happens until it is built"]
pub struct OAuthBuilder {
    settings: Settings,
    client_id: Option<Box<str>>,
    client_secret: Option<Secret>,
    client_issuer: Option<Box<str>>,
    provider: Option<OAuthClientProvider>,
    client_metadata_url: Option<Box<str>>,
    callback_port: Option<u16>,
    profile: Box<str>,
    wait: Duration,
    agent: Option<ureq::Agent>,
    storage: Option<Arc<dyn TokenStorage>>,
    user_agent: Option<Arc<dyn UserAgent>>,
    watcher: Option<Box<Watcher>>,
}

pub(crate) type Watcher = dyn Fn(&Event<'_>) + Send + Sync;

impl OAuthBuilder {
    pub(crate) fn new(server_url: &str, policy: Policy) -> Result<Self, Error> {
        Ok(Self {
            settings: Settings::with_policy(server_url, policy)?,
            client_id: None,
            client_secret: None,
            client_issuer: None,
            provider: None,
            client_metadata_url: None,
            callback_port: None,
            profile: "".into(),
            wait: WAIT,
            agent: None,
            storage: None,
            user_agent: None,
            watcher: None,
        })
    }

    /// The scopes to ask for, separated by spaces. They win over what the server suggests.
    pub fn scope(mut self, scope: &str) -> Self {
        self.settings = self.settings.scope(scope);
        self
    }

    /// The name that people see when they are asked to consent.
    pub fn client_name(mut self, name: &str) -> Self {
        self.settings = self.settings.client_name(name);
        self
    }

    /// A client that is registered already; none is registered dynamically then.
    pub fn client_id(mut self, id: &str) -> Self {
        self.client_id = Some(id.into());
        self
    }

    /// The secret of that client. It means nothing without [`client_id`](Self::client_id).
    pub fn client_secret(mut self, secret: impl Into<Secret>) -> Self {
        self.client_secret = Some(secret.into());
        self
    }

    /// The authorization server that the client id belongs to, byte for byte as it names itself.
    pub fn client_issuer(mut self, issuer: &str) -> Self {
        self.client_issuer = Some(issuer.into());
        self
    }

    /// The URL of a hosted client ID metadata document.
    pub fn client_metadata_url(mut self, url: &str) -> Self {
        self.client_metadata_url = Some(url.into());
        self
    }

    /// An authorization server that is known beforehand: nothing is discovered.
    pub fn provider(mut self, provider: OAuthClientProvider) -> Self {
        self.provider = Some(provider);
        self
    }

    /// A fixed token, an API key for instance: no OAuth at all.
    pub fn bearer(mut self, token: BearerAuth) -> Self {
        self.settings = self.settings.bearer(token);
        self
    }

    /// The port on which the redirect is listened for: by default that of the last login, or any.
    /// Means nothing to a [`user_agent`](Self::user_agent) of the host's own.
    pub fn callback_port(mut self, port: u16) -> Self {
        self.callback_port = Some(port);
        self
    }

    /// Where tokens are kept: [`FileTokenStorage::new`] by default.
    pub fn token_storage(mut self, storage: impl TokenStorage + 'static) -> Self {
        self.storage = Some(Arc::new(storage));
        self
    }

    /// Whose tokens: a name for a user or an account, where there are several for one server.
    pub fn profile(mut self, profile: &str) -> Self {
        self.profile = profile.into();
        self
    }

    /// How the user gets to the login page: [`LoopbackBrowser`] by default.
    pub fn user_agent(mut self, user_agent: impl UserAgent + 'static) -> Self {
        self.user_agent = Some(Arc::new(user_agent));
        self
    }

    /// How long a login waits for the user: five minutes by default.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// The HTTP agent for all requests, with the host's proxy, certificates and time limits. Redirects
    /// and statuses are handled here, whatever it is set to.
    pub fn agent(mut self, agent: ureq::Agent) -> Self {
        self.agent = Some(agent);
        self
    }

    /// Is told what happens, on the thread on which it happens.
    pub fn on_event(mut self, watcher: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.watcher = Some(Box::new(watcher));
        self
    }

    /// Takes what a configuration file says.
    ///
    /// # Errors
    ///
    /// [`Error::OAuth`] if its token cannot be sent.
    pub fn config(mut self, config: AuthConfig) -> Result<Self, Error> {
        match config {
            AuthConfig::Bearer(token) => {
                let token = BearerAuth::new(token.expose()).map_err(oauth_core::Error::from)?;
                Ok(self.bearer(token))
            }
            AuthConfig::OAuth(config) => {
                if let Some(scope) = &config.scope {
                    self = self.scope(scope);
                }
                self.client_id = config.client_id.or(self.client_id);
                self.client_secret = config.client_secret.or(self.client_secret);
                self.client_metadata_url = config.client_metadata_url.or(self.client_metadata_url);
                self.provider = config.oauth_provider.or(self.provider);
                self.callback_port = config.callback_port.or(self.callback_port);
                Ok(self)
            }
        }
    }

    /// Builds the client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`Error::OAuth`] with a [`Misuse`](oauth_core::error::Misuse) that says which setting cannot be
    /// used; [`Error::Storage`] if there is no place for files.
    pub fn build(self) -> Result<OAuth, Error> {
        let mut settings = self.settings;
        if self.client_id.is_some() || self.client_secret.is_some() {
            // A secret without an id is refused there.
            settings =
                settings.client_id(&self.client_id.unwrap_or_default(), self.client_secret)?;
        }
        if let Some(issuer) = &self.client_issuer {
            settings = settings.client_issuer(issuer);
        }
        if let Some(url) = &self.client_metadata_url {
            settings = settings.client_metadata_url(url)?;
        }
        if let Some(provider) = &self.provider {
            settings = settings.provider(provider)?;
        }
        let storage = match self.storage {
            Some(storage) => storage,
            None => Arc::new(FileTokenStorage::new()?),
        };
        let user_agent = self.user_agent.unwrap_or_else(|| {
            let browser = LoopbackBrowser::new();
            Arc::new(match self.callback_port {
                Some(port) => browser.port(port),
                None => browser,
            })
        });
        let session = Session::new(Arc::new(settings));
        Ok(OAuth::from_inner(Inner {
            server: session.settings().server().clone(),
            key: session.key(&self.profile),
            snapshot: RwLock::new(session.snapshot()),
            session: Mutex::new(session),
            agent: self.agent.unwrap_or_else(ureq::Agent::new_with_defaults),
            storage,
            user_agent,
            wait: self.wait,
            watcher: self.watcher,
        }))
    }
}

impl std::fmt::Debug for OAuthBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OAuthBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// How long a login waits for the user unless set.
const WAIT: Duration = Duration::from_secs(5 * 60);
