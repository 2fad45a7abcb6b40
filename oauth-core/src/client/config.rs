//! The `auth` member of a host's configuration file.

use alloc::boxed::Box;
use alloc::string::ToString as _;
use core::fmt;
use core::str::FromStr;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::{Value, json};

use crate::Secret;
use crate::flow::WrittenSettings;
use crate::written::{Pairs, Seconds, UnknownMember};

/// What a configuration file says about a server's authorization: a token, or how to log in.
///
/// ```
/// # use oauth_core::client::{AuthConfig, ConfigError};
/// let config: AuthConfig = r#"{"client_id": "my-client", "tolerate": ["issuer_slash"]}"#.parse()?;
/// let fixed: AuthConfig = r#""my-api-key""#.parse()?;
/// let Err(ConfigError::Unknown(member)) = r#"{"clientid": "x"}"#.parse::<AuthConfig>() else { panic!() };
/// assert_eq!(member.nearest, Some("client_id"));
/// # Ok::<(), ConfigError>(())
/// ```
///
/// It also deserializes, as a part of a larger file; a member that nobody knows is an error of the same words then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthConfig {
    /// A fixed bearer token.
    Bearer(Secret),
    /// A login.
    OAuth(Box<OAuthConfig>),
}

impl AuthConfig {
    /// One setting, as somebody types it: JSON, a text without its quotation marks, or one of what can be there several
    /// times.
    ///
    /// ```
    /// # use oauth_core::client::{AuthConfig, ConfigError};
    /// let typed = AuthConfig::setting("tolerate", "issuer_slash")?;
    /// assert_eq!(typed, r#"{"tolerate": ["issuer_slash"]}"#.parse()?);
    /// assert_eq!(AuthConfig::setting("callback_port", "8765")?, r#"{"callback_port": 8765}"#.parse()?);
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A [`ConfigError`], as for a file with this member.
    pub fn setting(name: &str, value: &str) -> Result<Self, ConfigError> {
        let of = |value: Value| json!({ name: value }).to_string().parse::<Self>();
        if let Ok(Ok(config)) = serde_json::from_str(value).map(of) {
            return Ok(config);
        }
        let is_list = of(json!([])).is_ok();
        of(if is_list { json!([value]) } else { value.into() })
    }
}

/// Why a configuration cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It has a member that nobody knows.
    #[error(transparent)]
    Unknown(#[from] UnknownMember),
    /// It is no JSON, or a value is none for its member. No secret is quoted.
    #[error("the configuration cannot be read: {0}")]
    Json(#[from] serde_json::Error),
}

/// A JSON text.
impl FromStr for AuthConfig {
    type Err = ConfigError;

    fn from_str(json: &str) -> Result<Self, ConfigError> {
        UnknownMember::find::<OAuthConfig>(json)?;
        Ok(serde_json::from_str(json)?)
    }
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

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<AuthConfig, E> {
                Err(E::invalid_type(NUMBER, &self))
            }

            fn visit_u64<E: de::Error>(self, _: u64) -> Result<AuthConfig, E> {
                Err(E::invalid_type(NUMBER, &self))
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<AuthConfig, E> {
                Err(E::invalid_type(NUMBER, &self))
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<AuthConfig, A::Error> {
                OAuthConfig::deserialize(MapAccessDeserializer::new(members))
                    .map(|config| AuthConfig::OAuth(Box::new(config)))
            }
        }
        deserializer.deserialize_any(TextOrObject)
    }
}

/// It may be a token without its quotation marks, so it is not quoted.
const NUMBER: de::Unexpected<'_> = de::Unexpected::Other("number");

crate::written! {
    /// How to log in: what [`WrittenSettings`] say of the server, and what an adapter can be told beside them.
    pub struct OAuthConfig {
        ..settings: WrittenSettings,
        /// Whose tokens: a name for a user or an account.
        profile: Option<Box<str>>,
        /// The port on which the redirect is listened for. Means nothing to a user agent of the host's own.
        callback_port: Option<u16>,
        /// The redirect URI that is listened for: `http://localhost:8765/auth/callback`. As the port.
        callback_url: Option<Box<str>>,
        /// How long the user has, in seconds.
        wait: Option<Seconds>,
        /// How long discovery and registration may take together, in seconds.
        discovery_limit: Option<Seconds>,
        /// How long one request may take, in seconds; thirty at most.
        request_limit: Option<Seconds>,
        /// What requests say in `User-Agent`.
        http_user_agent: Option<Box<str>>,
        /// Header fields on every request to the MCP server's origin: `{"cf-access-client-id": "…"}`.
        server_headers: Pairs<Secret>,
    }
}
