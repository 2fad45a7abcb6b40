//! Ways to a token without a user.

use alloc::sync::Arc;

use crate::Secret;
use crate::client::builder::Builder;
use crate::client::gifts::{AssertionSource, PrivateKey};
use crate::client::parts::Adapter;
use crate::flow::{WrittenGrant, WrittenIdentityProvider};

impl<A: Adapter> Builder<A> {
    /// Tokens are got with the client's own credentials (RFC 6749 §4.4). No page is ever opened, and nothing is
    /// registered: the authorization server knows the client already. Name that server with
    /// [`client_issuer`](Self::client_issuer).
    pub fn client_credentials(mut self, id: &str, secret: impl Into<Secret>) -> Self {
        self.config.settings.grant = Some(WrittenGrant::ClientCredentials);
        self.client_id(id).client_secret(secret)
    }

    /// The same with a key in the place of the secret (`private_key_jwt`, RFC 7523 §2.2): each request is signed anew.
    /// The key stays where it is.
    pub fn client_credentials_with_key(mut self, id: &str, key: impl PrivateKey + 'static) -> Self {
        self.config.settings.grant = Some(WrittenGrant::ClientCredentials);
        self.client_id(id).private_key(key)
    }

    /// The key that the client authenticates with, for grants without a user.
    pub fn private_key(mut self, key: impl PrivateKey + 'static) -> Self {
        self.config.settings.signing_key = Some(key.describe());
        self.gifts.key = Some(Arc::new(key));
        self
    }

    /// Tokens are got with the JWT by which a platform says which workload this is (RFC 7523 §2.1). The source is asked
    /// for each token anew. No page is ever opened, and nothing is registered; a [`client_id`](Self::client_id) is
    /// sent where one is set.
    ///
    /// # Security
    ///
    /// The JWT goes to the server that [`client_issuer`](Self::client_issuer) names. Without that, it goes only to one on
    /// the MCP server's own host or of a known provider. Workloads that share a store need a
    /// [`profile`](Self::profile) or [`application`](Self::application) each.
    pub fn workload_identity(mut self, source: impl AssertionSource + 'static) -> Self {
        self.config.settings.grant = Some(WrittenGrant::WorkloadIdentity);
        self.gifts.source = Some(Arc::new(source));
        self
    }

    /// Tokens are got with the consent of an enterprise (RFC 8693,
    /// draft-ietf-oauth-identity-assertion-authz-grant): its identity provider, where the user is logged in, says so
    /// to the authorization server. The source gives the user's ID token, or the provider's refresh token. This client
    /// never opens a page.
    ///
    /// [`client_id`](Self::client_id) and [`client_secret`](Self::client_secret), or a
    /// [`private_key`](Self::private_key), are those of the client at the MCP server's authorization server.
    pub fn enterprise(
        mut self,
        provider: WrittenIdentityProvider,
        source: impl AssertionSource + 'static,
    ) -> Self {
        self.config.settings.grant = Some(WrittenGrant::EnterpriseManaged(provider));
        self.gifts.source = Some(Arc::new(source));
        self
    }
}
