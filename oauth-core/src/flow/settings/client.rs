//! Who the client is, as a host sets it up.

use super::{PreRegistered, Settings};
use crate::error::{Error, Misuse};
use crate::plain::is_vschar;
use crate::secret::Secret;
use crate::url::{HttpAllowance, HttpUrl, shown};

impl Settings {
    /// A client that is registered already, with its secret if it has one. None is registered
    /// dynamically then, whatever happens.
    ///
    /// The client id is bound to the first authorization server that a login finds; name it with
    /// [`client_issuer`](Self::client_issuer) where it is known.
    ///
    /// # Errors
    ///
    /// [`Misuse::EmptyClientId`]; [`Misuse::ClientIdCharacters`] for other characters than visible ASCII
    /// (RFC 6749 appendix A.1); [`Misuse::ClientSecretCharacters`] for control characters, such as a line end
    /// that was copied along. Servers issue secrets with letters that RFC 6749 does not know.
    pub fn client_id(mut self, id: &str, secret: Option<Secret>) -> Result<Self, Error> {
        if id.is_empty() {
            return Err(Misuse::EmptyClientId.into());
        }
        if !is_vschar(id) {
            return Err(Misuse::ClientIdCharacters { id: id.into() }.into());
        }
        let client_secret = secret.filter(|secret| !secret.is_empty());
        if client_secret.as_ref().is_some_and(|secret| secret.expose().contains(char::is_control)) {
            return Err(Misuse::ClientSecretCharacters.into());
        }
        self.pre_registered = Some(PreRegistered { client_id: id.into(), client_secret });
        Ok(self)
    }

    /// The issuer that the client id, its secret and the initial access token belong to: they are used with
    /// no other. Byte for byte.
    ///
    /// # Security
    ///
    /// Set it wherever there is a secret. Without it the first authorization server that the MCP server names
    /// gets the secret ([`Tolerance::UnconfirmedIssuer`](crate::Tolerance)).
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
        let fits = HttpUrl::parse(url, HttpAllowance::Forbidden).is_ok_and(|parsed| {
            parsed.as_str() == url && parsed.path() != "/" && parsed.query().is_empty()
        });
        if !fits {
            return Err(Misuse::ClientMetadataUrl { url: shown(url) }.into());
        }
        self.metadata_url = Some(url.into());
        Ok(self)
    }
}
