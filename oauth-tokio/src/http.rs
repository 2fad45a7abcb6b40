//! The HTTP client, for as many servers and users as there are.

use std::sync::{Arc, OnceLock};

use oauth_blocking::AddressFilter;
use oauth_core::is_loopback;

use crate::resolver::FilteredResolver;

/// An HTTP client that follows no redirects, and goes to this machine directly, whatever proxy it is set up
/// with: a token stays with the server that it is for.
///
/// Clones share connections. A host with many users makes one and gives it to all
/// ([`OAuthBuilder::agent`](crate::OAuthBuilder::agent)); it belongs to the runtime on which it is used.
#[derive(Clone)]
pub struct HttpClient(Arc<Clients>);

struct Clients {
    build: Box<dyn Fn() -> reqwest::ClientBuilder + Send + Sync>,
    /// By whether the proxies apply. reqwest has no such thing for one request.
    by_proxy: [OnceLock<reqwest::Client>; 2],
}

impl HttpClient {
    /// A client with the host's proxy, certificates and time limits, and the builder's resolver: names
    /// that resolve into a private network are not kept from metadata.
    ///
    /// `build` makes the same builder each time: requests to this machine are sent by a second client
    /// without proxies, which is made when it is needed.
    ///
    /// # Errors
    ///
    /// Why the TLS backend or the resolver cannot be set up.
    pub fn new(
        build: impl Fn() -> reqwest::ClientBuilder + Send + Sync + 'static,
    ) -> Result<Self, reqwest::Error> {
        let http = Self(Arc::new(Clients { build: Box::new(build), by_proxy: Default::default() }));
        http.client(true)?;
        Ok(http)
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
        build: impl Fn() -> reqwest::ClientBuilder + Send + Sync + 'static,
        filter: AddressFilter,
    ) -> Result<Self, reqwest::Error> {
        let resolver = FilteredResolver::new(filter);
        Self::new(move || build().dns_resolver(resolver.clone()))
    }

    /// The client for requests to this URL.
    pub(crate) fn to(&self, url: &str) -> Result<&reqwest::Client, reqwest::Error> {
        self.client(!is_loopback(url))
    }

    fn client(&self, with_proxies: bool) -> Result<&reqwest::Client, reqwest::Error> {
        let Clients { build, by_proxy } = &*self.0;
        let place = &by_proxy[usize::from(with_proxies)];
        if let Some(client) = place.get() {
            return Ok(client);
        }
        let builder = build().redirect(reqwest::redirect::Policy::none());
        let builder = if with_proxies { builder } else { builder.no_proxy() };
        let client = builder.build()?;
        Ok(place.get_or_init(|| client))
    }
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}
