//! The way to a token, as a host sets it up: one of those with a user, or of those without.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use super::Settings;
use crate::auth_method::AuthMethod;
use crate::error::{Error, Misuse};
use crate::flow::grant_kind::GrantKind;
use crate::flow::part::{Assertions, ClientCredentials, DeviceCode, Feature as _};
use crate::secret::Secret;
use crate::url::{HttpAllowance, HttpUrl, shown};
use crate::wire::{KeyDescription, Purpose};

/// The way to a token. It is one, so that no two can contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, from = "SerializedGrant")]
pub(crate) enum GrantSetting {
    User(UserGrant),
    Machine(MachineGrant),
}

/// A way that a user goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum UserGrant {
    #[serde(rename = "authorization_code")]
    Browser,
    #[serde(rename = "device_code")]
    Device,
    /// Both at once: whichever the user comes back by first.
    #[serde(rename = "authorization_or_device_code")]
    Either,
}

/// A way to a token without a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MachineGrant {
    ClientCredentials,
    WorkloadIdentity,
    EnterpriseManaged(Box<IdentityProvider>),
}

/// A [`GrantSetting`] as it may have been written down.
#[derive(Deserialize)]
#[serde(untagged)]
enum SerializedGrant {
    User(UserGrant),
    Machine(MachineGrant),
    /// As it was when device codes had a switch of their own, `"device_code": true`.
    Former(bool),
}

impl From<SerializedGrant> for GrantSetting {
    fn from(stored: SerializedGrant) -> Self {
        match stored {
            SerializedGrant::User(grant) => Self::User(grant),
            SerializedGrant::Machine(grant) => Self::Machine(grant),
            SerializedGrant::Former(true) => Self::User(UserGrant::Device),
            SerializedGrant::Former(false) => Self::default(),
        }
    }
}

impl Default for GrantSetting {
    fn default() -> Self {
        Self::User(UserGrant::Browser)
    }
}

impl GrantSetting {
    pub(crate) fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl MachineGrant {
    pub(crate) const fn kind(&self) -> GrantKind {
        match self {
            Self::ClientCredentials => GrantKind::ClientCredentials,
            Self::WorkloadIdentity => GrantKind::WorkloadIdentity,
            Self::EnterpriseManaged(_) => GrantKind::EnterpriseManaged,
        }
    }
}

/// An identity provider at which a user has logged in already, and what the client is to it.
///
/// It is the host's word alone: no MCP server can name another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityProvider {
    pub(crate) token_endpoint: HttpUrl,
    pub(crate) client_id: Box<str>,
    pub(crate) client_secret: Option<Secret>,
    pub(crate) auth_method: AuthMethod,
}

impl IdentityProvider {
    /// The provider with this token endpoint, and the client by which the user logged in there. It is not the client
    /// that the MCP server's authorization server knows.
    ///
    /// With a secret, the client authenticates with `client_secret_basic`; see [`post`](Self::post).
    ///
    /// # Errors
    ///
    /// [`Misuse::IdentityProvider`] if the endpoint is neither https nor http to a loopback host;
    /// [`Misuse::EmptyClientId`].
    pub fn new(
        token_endpoint: &str,
        client_id: &str,
        client_secret: Option<Secret>,
    ) -> Result<Self, Error> {
        let parsed = HttpUrl::parse(token_endpoint, HttpAllowance::Loopback);
        let token_endpoint = parsed.map_err(|defect| {
            let url = shown(token_endpoint);
            Misuse::IdentityProvider { url, defect }
        })?;
        if client_id.is_empty() {
            return Err(Misuse::EmptyClientId.into());
        }
        let client_secret = client_secret.filter(|secret| !secret.is_empty());
        let auth_method = match client_secret {
            Some(_) => AuthMethod::ClientSecretBasic,
            None => AuthMethod::None,
        };
        Ok(Self { token_endpoint, client_id: client_id.into(), client_secret, auth_method })
    }

    /// The same with the secret in the body, for providers that look for it there.
    #[must_use]
    pub fn post(mut self) -> Self {
        if self.client_secret.is_some() {
            self.auth_method = AuthMethod::ClientSecretPost;
        }
        self
    }
}

/// A way to a token, as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WrittenGrant {
    /// A user logs in, in a browser: what is done unless something else is set.
    AuthorizationCode,
    /// [`Settings::device_code`].
    DeviceCode,
    /// [`Settings::or_device_code`].
    AuthorizationOrDeviceCode,
    /// [`Settings::client_credentials`].
    ClientCredentials,
    /// [`Settings::workload_identity`].
    WorkloadIdentity,
    /// [`Settings::enterprise_managed`].
    EnterpriseManaged(WrittenIdentityProvider),
}

impl WrittenGrant {
    /// The name, as it is written down.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::DeviceCode => "device_code",
            Self::AuthorizationOrDeviceCode => "authorization_or_device_code",
            Self::ClientCredentials => "client_credentials",
            Self::WorkloadIdentity => "workload_identity",
            Self::EnterpriseManaged(_) => "enterprise_managed",
        }
    }

    /// # Errors
    ///
    /// As [`IdentityProvider::new`]; [`Misuse::LeftOut`] for a grant that this program was built without.
    pub(crate) fn set_in(self, settings: Settings) -> Result<Settings, Error> {
        let grant = match self {
            Self::AuthorizationCode => GrantSetting::default(),
            Self::DeviceCode => GrantSetting::User(UserGrant::Device),
            Self::AuthorizationOrDeviceCode => GrantSetting::User(UserGrant::Either),
            Self::ClientCredentials => GrantSetting::Machine(MachineGrant::ClientCredentials),
            Self::WorkloadIdentity => GrantSetting::Machine(MachineGrant::WorkloadIdentity),
            Self::EnterpriseManaged(provider) => {
                GrantSetting::Machine(MachineGrant::EnterpriseManaged(provider.checked()?.into()))
            }
        };
        let settings = Settings { grant, ..settings };
        settings.check_grant()?;
        Ok(settings)
    }
}

/// An [`IdentityProvider`] as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenIdentityProvider {
    /// Its token endpoint.
    pub token_endpoint: Box<str>,
    /// The client by which the user logged in there.
    pub client_id: Box<str>,
    /// That client's secret.
    #[serde(default)]
    pub client_secret: Option<Secret>,
    /// Whether the secret goes into the body.
    #[serde(default)]
    pub post: bool,
}

impl WrittenIdentityProvider {
    /// The provider with this token endpoint, and the client by which the user logged in there. Nothing is checked yet.
    #[must_use]
    pub fn new(token_endpoint: &str, client_id: &str) -> Self {
        let (token_endpoint, client_id) = (token_endpoint.into(), client_id.into());
        Self { token_endpoint, client_id, client_secret: None, post: false }
    }

    /// # Errors
    ///
    /// As [`IdentityProvider::new`].
    pub(crate) fn checked(self) -> Result<IdentityProvider, Error> {
        let Self { token_endpoint, client_id, client_secret, post } = self;
        let provider = IdentityProvider::new(&token_endpoint, &client_id, client_secret)?;
        Ok(if post { provider.post() } else { provider })
    }
}

/// Of the ways to a token, the last one that was set counts.
impl Settings {
    /// A user logs in, in a browser: what is done unless something else is set.
    #[must_use]
    pub fn authorization_code(mut self) -> Self {
        self.grant = GrantSetting::default();
        self
    }

    /// Tokens are got with the client's own credentials (RFC 6749 §4.4): with the secret of
    /// [`client_id`](Self::client_id), or with a [key](Self::signing_key). No page is ever opened, and nothing is
    /// registered.
    #[cfg(feature = "client-credentials")]
    #[must_use]
    pub fn client_credentials(mut self) -> Self {
        self.grant = GrantSetting::Machine(MachineGrant::ClientCredentials);
        self
    }

    /// Tokens are got with a JWT by which a platform says which workload this is (RFC 7523 §2.1); the host brings it
    /// each time it is asked. No page is ever opened, and nothing is registered.
    ///
    /// A client id is not needed; one that is [set](Self::client_id) is sent. The JWT goes to the server that
    /// [`client_issuer`](Self::client_issuer) names, or else to one on the MCP server's own host or of a known provider.
    #[cfg(feature = "assertions")]
    #[must_use]
    pub fn workload_identity(mut self) -> Self {
        self.grant = GrantSetting::Machine(MachineGrant::WorkloadIdentity);
        self
    }

    /// Tokens are got with the consent of an enterprise: its identity provider, at which the user is logged in, says
    /// so to the authorization server (RFC 8693, draft-ietf-oauth-identity-assertion-authz-grant). The host
    /// brings what says who the user is each time it is asked. No page is ever opened by this client.
    ///
    /// [`client_id`](Self::client_id) is the client at the MCP server's authorization server.
    #[cfg(feature = "assertions")]
    #[must_use]
    pub fn enterprise_managed(mut self, provider: IdentityProvider) -> Self {
        self.grant = GrantSetting::Machine(MachineGrant::EnterpriseManaged(provider.into()));
        self
    }

    /// The client has a key, and authenticates by what it signs (`private_key_jwt`, RFC 7523 §2.2). The key stays
    /// with the host, which is asked for each signature.
    #[must_use]
    pub fn signing_key(mut self, key: KeyDescription) -> Self {
        self.signing_key = Some(key);
        self
    }

    /// By which grant tokens are got. With [`or_device_code`](Self::or_device_code) it may also be by that of a device.
    #[must_use]
    pub fn grant_kind(&self) -> GrantKind {
        match &self.grant {
            GrantSetting::User(UserGrant::Device) => GrantKind::DeviceCode,
            GrantSetting::User(UserGrant::Browser | UserGrant::Either) => {
                GrantKind::AuthorizationCode
            }
            GrantSetting::Machine(grant) => grant.kind(),
        }
    }

    /// # Errors
    ///
    /// [`Misuse::LeftOut`] if this program was built without the grant, and the settings come from one with it.
    pub(crate) fn check_grant(&self) -> Result<(), Misuse> {
        match &self.grant {
            GrantSetting::User(UserGrant::Browser) => Ok(()),
            GrantSetting::User(UserGrant::Device | UserGrant::Either) => {
                DeviceCode::check().map(|_| ())
            }
            GrantSetting::Machine(MachineGrant::ClientCredentials) => {
                ClientCredentials::check().map(|_| ())
            }
            GrantSetting::Machine(_) => Assertions::check().map(|_| ()),
        }
    }

    /// What an authorization server's metadata is read for.
    pub(crate) fn purpose(&self) -> Purpose {
        match self.grant {
            GrantSetting::User(UserGrant::Browser) => Purpose::Login,
            GrantSetting::User(UserGrant::Device) => Purpose::Device,
            GrantSetting::User(UserGrant::Either) => Purpose::Either,
            GrantSetting::Machine(_) => Purpose::WithoutUser,
        }
    }

    /// The way without a user, if there is to be none.
    pub(crate) fn machine_grant(&self) -> Option<&MachineGrant> {
        match &self.grant {
            GrantSetting::User(_) => None,
            GrantSetting::Machine(grant) => Some(grant),
        }
    }
}
