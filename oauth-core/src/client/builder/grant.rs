//! Ways to a token: without a user, bound to a key, pushed.

use alloc::sync::Arc;

use crate::Secret;
use crate::client::builder::Builder;
use crate::client::gifts::{AssertionSource, PrivateKey};
use crate::client::parts::Adapter;
use crate::error::Misuse;
use crate::flow::{Dpop, Par, WrittenGrant, WrittenIdentityProvider};
use crate::keys::DpopKey;

impl<A: Adapter> Builder<A> {
    /// Tokens are got with the client's own credentials (RFC 6749 §4.4). No page is ever opened, and nothing is
    /// registered: the authorization server knows the client already. Name that server with
    /// [`client_issuer`](Self::client_issuer).
    pub fn client_credentials(mut self, id: &str, secret: impl Into<Secret>) -> Self {
        self = self.grant(WrittenGrant::ClientCredentials);
        self.client_id(id).client_secret(secret)
    }

    /// The same with a key in the place of the secret (`private_key_jwt`, RFC 7523 §2.2): each request is signed anew.
    /// The key stays where it is.
    pub fn client_credentials_with_key(mut self, id: &str, key: impl PrivateKey + 'static) -> Self {
        self = self.grant(WrittenGrant::ClientCredentials);
        self.client_id(id).private_key(key)
    }

    /// The key that the client authenticates with (`private_key_jwt`): for grants without a user, and for logins with a
    /// [`client_id`](Self::client_id) or a [`client_metadata_url`](Self::client_metadata_url) that it is registered for.
    pub fn private_key(mut self, key: impl PrivateKey + 'static) -> Self {
        self.config.settings.signing_key = Some(key.describe());
        self.gifts.key = Some(Arc::new(key));
        self
    }

    /// A user logs in, with a browser: what is done unless something else is set, where there is one.
    ///
    /// Each of the ways to a token is set by a method of its own, and there is one way: who calls two of them gets
    /// [`Misuse::TwoGrants`] from [`build`](Self::build). What a configuration file says wins over what was set before.
    pub fn authorization_code(self) -> Self {
        self.grant(WrittenGrant::AuthorizationCode)
    }

    /// The user consents on another device (RFC 8628): they are shown a URL and a code, by the user agent and by
    /// [`Event::DeviceCode`](crate::client::Event::DeviceCode), and nobody comes back to this machine. For servers that
    /// offer it, over SSH, in containers and on appliances; [`Settings::device_code`](crate::flow::Settings::device_code)
    /// says what it is worth.
    ///
    /// Nobody is waited for any longer than the code lasts, or than the host's `wait`.
    pub fn device_code(self) -> Self {
        self.grant(WrittenGrant::DeviceCode)
    }

    /// A user logs in with a browser or, where the server offers that, on another device
    /// ([`device_code`](Self::device_code)), as they like: the code is shown beside the page, and what comes back first
    /// counts. The other way is ended then, and whoever gives up at the page gives up the login. Nobody is waited for any
    /// longer than the code lasts, or than the host's `wait`; a code that runs out or does not work leaves the login to
    /// the page.
    ///
    /// That is what is done where nothing is set, there is no [`user_agent`](Self::user_agent) of the host's own, and no
    /// page can be shown: over SSH, or without a display. [`authorization_code`](Self::authorization_code) does without.
    pub fn or_device_code(self) -> Self {
        self.grant(WrittenGrant::AuthorizationOrDeviceCode)
    }

    /// When tokens are bound to a key, so that who steals one cannot use it (RFC 9449). Unless this is set, where the MCP
    /// server takes no others. The key is made for each login and stored with the tokens, with the feature `es256`, unless
    /// there is [another](Self::dpop_key).
    pub fn dpop(mut self, dpop: Dpop) -> Self {
        self.config.settings.dpop = Some(dpop);
        self
    }

    /// When a login's request is pushed to the authorization server, so that the browser shows no more than a reference
    /// to it (RFC 9126). Unless this is set, where the server takes no others. With a secret it needs
    /// [`client_issuer`](Self::client_issuer), if that server is on another host than the MCP server.
    pub fn par(mut self, par: Par) -> Self {
        self.config.settings.par = Some(par);
        self
    }

    /// The key that tokens are bound to, where they are bound to any: one that cannot be exported, for instance. Whoever
    /// has the store then has no token that is of use. `key` is its public half.
    pub fn dpop_key(mut self, key: DpopKey, signer: impl PrivateKey + 'static) -> Self {
        self.config.settings.dpop_key = Some(key);
        self.gifts.dpop_key = Some(Arc::new(signer));
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
        self = self.grant(WrittenGrant::WorkloadIdentity);
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
        self = self.grant(WrittenGrant::EnterpriseManaged(provider));
        self.gifts.source = Some(Arc::new(source));
        self
    }

    /// There is one way to a token: who sets two of them hears of it.
    fn grant(mut self, grant: WrittenGrant) -> Self {
        let name = grant.name();
        if let Some(before) = self.config.settings.grant.replace(grant)
            && before.name() != name
        {
            let (one, other) = (before.name().into(), name.into());
            self.two_grants.get_or_insert(Misuse::TwoGrants { one, other });
        }
        self
    }
}
