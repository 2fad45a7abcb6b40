//! The HTTP client, for as many servers and users as there are.

use oauth_blocking::AddressFilter;

use crate::resolver::FilteredResolver;

/// An HTTP client that follows no redirects: a token stays with the server that it is for.
///
/// Clones share connections. A host with many users makes one and gives it to all
/// ([`OAuthBuilder::agent`](crate::OAuthBuilder::agent)); it belongs to the runtime on which it is used.
#[derive(Debug, Clone)]
pub struct HttpClient(reqwest::Client);

impl HttpClient {
    /// A client with the host's proxy, certificates and time limits, and the builder's resolver: names
    /// that resolve into a private network are not kept from metadata.
    ///
    /// # Errors
    ///
    /// Why the TLS backend or the resolver cannot be set up.
    pub fn new(builder: reqwest::ClientBuilder) -> Result<Self, reqwest::Error> {
        builder.redirect(reqwest::redirect::Policy::none()).build().map(Self)
    }

    /// The same, and it connects only to addresses that `filter` keeps
    /// ([`OAuthBuilder::address_filter`](crate::OAuthBuilder::address_filter)): in the place of the
    /// builder's own resolver, which [`FilteredResolver::over`] would keep. A client that makes its own
    /// HTTP client makes one like this.
    ///
    /// Clients of several servers can share it if they share the filter: then it has to forbid and to
    /// allow the same for all ([`Policy::only_public_addresses`](crate::Policy::only_public_addresses)).
    ///
    /// # Errors
    ///
    /// As [`HttpClient::new`].
    pub fn filtered(
        builder: reqwest::ClientBuilder,
        filter: AddressFilter,
    ) -> Result<Self, reqwest::Error> {
        Self::new(builder.dns_resolver(FilteredResolver::new(filter)))
    }
}

impl std::ops::Deref for HttpClient {
    type Target = reqwest::Client;

    fn deref(&self) -> &reqwest::Client {
        &self.0
    }
}
