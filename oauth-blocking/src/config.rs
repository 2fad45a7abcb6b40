//! The `auth` member of a host's configuration file.

use std::fmt;
use std::num::NonZeroU32;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use oauth_core::wire::PromptMode;
use oauth_core::{AuthMethod, ClientMetadata, OAuthClientProvider, Secret};

/// What a configuration file says about a server's authorization: a token, or how to log in.
///
/// ```
/// # use oauth_blocking::AuthConfig;
/// let config: AuthConfig = serde_json::from_str(r#"{"client_id": "my-client", "callback_port": 8080}"#)?;
/// let fixed: AuthConfig = serde_json::from_str(r#""my-api-key""#)?;
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthConfig {
    /// A fixed bearer token.
    Bearer(Secret),
    /// A login.
    OAuth(Box<OAuthConfig>),
}

impl<'de> Deserialize<'de> for AuthConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrObject;
        impl<'de> Visitor<'de> for TextOrObject {
            type Value = AuthConfig;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a bearer token, or an object that says how to log in")
            }

            fn visit_str<E: de::Error>(self, token: &str) -> Result<AuthConfig, E> {
                Ok(AuthConfig::Bearer(token.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<AuthConfig, A::Error> {
                OAuthConfig::deserialize(MapAccessDeserializer::new(members))
                    .map(|config| AuthConfig::OAuth(Box::new(config)))
            }
        }
        deserializer.deserialize_any(TextOrObject)
    }
}

/// How to log in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OAuthConfig {
    /// A client that is registered already.
    pub client_id: Option<Box<str>>,
    /// Its secret.
    pub client_secret: Option<Secret>,
    /// The issuer that they belong to.
    pub client_issuer: Option<Box<str>>,
    /// How the client authenticates.
    pub token_endpoint_auth_method: Option<AuthMethod>,
    /// What a client that registers says of itself.
    pub client_metadata: Option<ClientMetadata>,
    /// The token that permits to register.
    pub initial_access_token: Option<Secret>,
    /// The scopes to ask for, separated by spaces.
    pub scope: Option<Box<str>>,
    /// The port on which the redirect is listened for.
    pub callback_port: Option<u16>,
    /// The redirect URI that is listened for: `http://localhost:8765/auth/callback`.
    pub callback_url: Option<Box<str>>,
    /// The URL of a hosted client ID metadata document.
    pub client_metadata_url: Option<Box<str>>,
    /// An authorization server that is known beforehand.
    pub oauth_provider: Option<OAuthClientProvider>,
    /// Whether `prompt=consent` is sent: `"consent"` or `"omit"`.
    pub prompt_mode: Option<PromptMode>,
    /// Whether each profile registers a client of its own.
    pub registration_for_each_profile: bool,
    /// How long discovery and registration may take together, in seconds.
    pub discovery_limit: Option<NonZeroU32>,
    /// How long a token in memory is used without a look into the store, in seconds.
    pub store_check_interval: Option<NonZeroU32>,
}
