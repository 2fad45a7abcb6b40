//! What a host decides about one MCP server, before anything is sent.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Misuse};
use crate::policy::{Policy, ServerUrl};
use crate::scope::Scopes;
use crate::secret::Secret;
use crate::url::{HttpUrl, Plaintext, shown};
use crate::wire::{
    BearerAuth, Dialect, OAuthClientProvider, OF_AUTHORIZATION, OF_TOKEN, Parameter, ResourceMode,
    ServerMetadata,
};

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
    pub(crate) client_name: Box<str>,
    pub(crate) client_uri: Option<Box<str>>,
    pub(crate) pre_registered: Option<PreRegistered>,
    /// Who issued that client; `None`: whoever the first login finds.
    pub(crate) client_issuer: Option<Box<str>>,
    pub(crate) metadata_url: Option<Box<str>>,
    pub(crate) scope: Option<Scopes>,
    #[serde(default)]
    pub(crate) dialect: Option<Box<Dialect>>,
    pub(crate) provider: Option<ServerMetadata>,
    pub(crate) bearer: Option<BearerAuth>,
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
            client_name: DEFAULT_CLIENT_NAME.into(),
            client_uri: None,
            pre_registered: None,
            client_issuer: None,
            metadata_url: None,
            scope: None,
            dialect: None,
            provider: None,
            bearer: None,
        })
    }

    /// The name that people see when they are asked to consent; used in dynamic registration.
    #[must_use]
    pub fn client_name(mut self, name: &str) -> Self {
        self.client_name = name.into();
        self
    }

    /// A page about the client; used in dynamic registration.
    #[must_use]
    pub fn client_uri(mut self, uri: &str) -> Self {
        self.client_uri = Some(uri.into());
        self
    }

    /// A client that is registered already, with its secret if it has one. None is registered
    /// dynamically then, whatever happens.
    ///
    /// The client id is bound to the first authorization server that a login finds; name it with
    /// [`client_issuer`](Self::client_issuer) where it is known.
    ///
    /// # Errors
    ///
    /// [`Misuse::EmptyClientId`].
    pub fn client_id(mut self, id: &str, secret: Option<Secret>) -> Result<Self, Error> {
        if id.is_empty() {
            return Err(Misuse::EmptyClientId.into());
        }
        let client_secret = secret.filter(|secret| !secret.is_empty());
        self.pre_registered = Some(PreRegistered { client_id: id.into(), client_secret });
        Ok(self)
    }

    /// What requests say about the resource, for servers that want something else than the
    /// specification.
    #[must_use]
    pub fn resource_mode(mut self, mode: ResourceMode) -> Self {
        self.dialect_mut().resource = mode;
        self
    }

    /// A parameter for the authorization request that the server wants beyond the specification, such as
    /// `access_type=offline`. It may be called several times.
    ///
    /// # Errors
    ///
    /// [`Misuse::ReservedParameter`] for one that the protocol gives a meaning; `prompt` is the host's.
    pub fn authorization_parameter(mut self, name: &str, value: &str) -> Result<Self, Error> {
        let parameter = Parameter::new(name, value, &OF_AUTHORIZATION)?;
        self.dialect_mut().authorization.push(parameter);
        Ok(self)
    }

    /// A parameter for each token request that the server wants beyond the specification, such as
    /// `audience`. It may be called several times. It is stored with the tokens: no place for secrets.
    ///
    /// # Errors
    ///
    /// As [`authorization_parameter`](Self::authorization_parameter).
    pub fn token_parameter(mut self, name: &str, value: &str) -> Result<Self, Error> {
        let parameter = Parameter::new(name, value, &OF_TOKEN)?;
        self.dialect_mut().token.push(parameter);
        Ok(self)
    }

    fn dialect_mut(&mut self) -> &mut Dialect {
        self.dialect.get_or_insert_default()
    }

    /// The issuer that the client id belongs to: it is used with no other. Byte for byte.
    #[must_use]
    pub fn client_issuer(mut self, issuer: &str) -> Self {
        self.client_issuer = Some(issuer.into());
        self
    }

    /// The URL of a hosted client ID metadata document; used as client id where the authorization
    /// server takes such.
    ///
    /// # Errors
    ///
    /// [`Misuse::ClientMetadataUrl`] if it is not https, has no path, or has a query or fragment
    /// (draft-ietf-oauth-client-id-metadata-document-00 §3).
    pub fn client_metadata_url(mut self, url: &str) -> Result<Self, Error> {
        let fits = HttpUrl::parse(url, Plaintext::Forbidden).is_ok_and(|parsed| {
            parsed.as_str() == url && parsed.path() != "/" && parsed.query().is_empty()
        });
        if !fits {
            return Err(Misuse::ClientMetadataUrl { url: shown(url) }.into());
        }
        self.metadata_url = Some(url.into());
        Ok(self)
    }

    /// The scopes to ask for, separated by spaces. They win over what the server suggests, but not
    /// over what it says is missing later.
    #[must_use]
    pub fn scope(mut self, scope: &str) -> Self {
        self.scope = Scopes::parse(scope);
        self
    }

    /// An authorization server that is known beforehand: nothing is discovered.
    ///
    /// # Errors
    ///
    /// Why its metadata cannot be used, by the rules that hold for discovered metadata too.
    pub fn provider(mut self, provider: &OAuthClientProvider) -> Result<Self, Error> {
        let metadata = &provider.metadata;
        let known = ServerMetadata::provided(metadata, self.server.plaintext(), &self.policy)?;
        self.provider = Some(known);
        Ok(self)
    }

    /// A token that was not issued to this client by a login, an API key for instance. There is no
    /// OAuth then: the token is sent, and refusals are the application's business.
    #[must_use]
    pub fn bearer(mut self, token: BearerAuth) -> Self {
        self.bearer = Some(token);
        self
    }

    /// The MCP server.
    #[must_use]
    pub fn server(&self) -> &ServerUrl {
        &self.server
    }
}

const DEFAULT_CLIENT_NAME: &str = "MCP client";

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::new("https://mcp.example/mcp").unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn client_metadata_urls_are_https_with_a_path_and_nothing_behind_it() {
        for (url, fits) in [
            ("https://app.example/client.json", true),
            ("https://app.example:8443/c", true),
            ("https://app.example", false),
            ("https://app.example/", false),
            ("https://app.example/a/../c", false),
            ("https://app.example/c?x", false),
            ("https://app.example/c#x", false),
            ("https://u@app.example/c", false),
            ("http://localhost/c", false),
            ("client.json", false),
        ] {
            let expected = Misuse::ClientMetadataUrl { url: shown(url) };
            match settings().client_metadata_url(url) {
                Ok(_) => assert!(fits, "{url}"),
                Err(error) => assert!(!fits && error == expected.into(), "{url}"),
            }
        }
    }

    #[test]
    fn a_client_id_is_not_empty_and_an_empty_secret_is_none() {
        assert_eq!(settings().client_id("", None), Err(Misuse::EmptyClientId.into()));
        let settings = settings().client_id("c", Some("".into())).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(settings.pre_registered.and_then(|client| client.client_secret), None);
    }
}
