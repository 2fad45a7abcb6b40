//! The resolver of the client, which keeps addresses back.

use std::net::ToSocketAddrs;
use std::sync::Arc;

use oauth_core::client::AddressFilter;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// A reqwest resolver that resolves by another, and gives reqwest only the addresses that an
/// [`AddressFilter`] keeps. [`HttpClient::filtered`](crate::HttpClient::filtered) has one.
///
/// `localhost` and what is below it is this machine, and nobody is asked about it (RFC 6761 §6.3).
///
/// reqwest asks it about names only; hosts that are addresses already are checked before a request is
/// sent. Where there is a proxy, names are resolved by that, and it decides what it connects to. The
/// proxies that the environment names (`HTTPS_PROXY` and so on) may be anywhere; one that is set
/// otherwise, and has a name that resolves to an address that is not public, has to be allowed by that
/// name ([`private_host`](crate::OAuthBuilder::private_host)). It is not asked about names for which the
/// builder was given addresses (`resolve`).
#[derive(Clone)]
pub struct FilteredResolver {
    filter: AddressFilter,
    inner: Arc<dyn Resolve>,
    proxies: Arc<[Box<str>]>,
}

impl FilteredResolver {
    /// Filters what the operating system finds.
    #[must_use]
    pub fn new(filter: AddressFilter) -> Self {
        Self::over(filter, Arc::new(System))
    }

    /// Filters what another resolver finds.
    #[must_use]
    pub fn over(filter: AddressFilter, inner: Arc<dyn Resolve>) -> Self {
        let named = PROXIES.iter().filter_map(|name| std::env::var(name).ok());
        Self { filter, inner, proxies: named.filter_map(|proxy| host(&proxy)).collect() }
    }
}

impl std::fmt::Debug for FilteredResolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FilteredResolver").field("filter", &self.filter).finish_non_exhaustive()
    }
}

impl Resolve for FilteredResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { filter, inner, proxies } = self.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<_> = match AddressFilter::of_this_machine(&host, 0) {
                Some(addresses) => addresses.into(),
                None => inner.resolve(name).await?.collect(),
            };
            if proxies.iter().any(|proxy| proxy.eq_ignore_ascii_case(&host)) {
                return Ok(Box::new(found.into_iter()) as Addrs);
            }
            if let Some(server) = filter.has_to_know(&host, &found)
                && let Ok(name) = server.parse()
                && let Ok(found) = inner.resolve(name).await
            {
                // Only to have seen it.
                let _ = filter.keep(server, found);
            }
            Ok(Box::new(filter.keep(&host, found)?.into_iter()) as Addrs)
        })
    }
}

/// As reqwest resolves by default.
pub(crate) struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let look = move || (name.as_str(), 0).to_socket_addrs();
            Ok(Box::new(tokio::task::spawn_blocking(look).await??) as Addrs)
        })
    }
}

/// The host of a proxy, which may be written without a scheme.
fn host(proxy: &str) -> Option<Box<str>> {
    let url = match proxy.contains("://") {
        true => Url::parse(proxy),
        false => Url::parse(&format!("http://{proxy}")),
    };
    Some(url.ok()?.host_str()?.into())
}

/// Where reqwest looks for proxies.
const PROXIES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::error::Error;
    use std::net::{IpAddr, SocketAddr};
    use std::sync::Mutex;

    use oauth_core::Policy;
    use oauth_core::client::{Host as _, MemoryTokenStorage};
    use oauth_core::flow::Settings;

    use super::*;
    use crate::OAuth;

    /// Gives one address after the other, whatever it is asked for.
    struct Changing(Mutex<VecDeque<IpAddr>>);

    impl Resolve for Changing {
        fn resolve(&self, _: Name) -> Resolving {
            let next = self.0.lock().ok().and_then(|mut it| it.pop_front());
            let found = SocketAddr::new(next.unwrap_or_else(|| panic!("asked too often")), 0);
            Box::pin(std::future::ready(Ok(Box::new([found].into_iter()) as Addrs)))
        }
    }

    fn resolver(addresses: &[[u8; 4]]) -> FilteredResolver {
        let settings = Settings::new("https://mcp.example/mcp").unwrap_or_else(|e| panic!("{e}"));
        let addresses = addresses.iter().copied().map(IpAddr::from).collect();
        let inner = Arc::new(Changing(Mutex::new(addresses)));
        FilteredResolver::over(AddressFilter::new(Arc::new(settings)), inner)
    }

    async fn resolve(resolver: &FilteredResolver, name: &str) -> Result<Vec<IpAddr>, String> {
        let name = name.parse().unwrap_or_else(|_| panic!("{name}"));
        let found = resolver.resolve(name).await.map_err(|error| error.to_string())?;
        Ok(found.map(|at| at.ip()).collect())
    }

    #[tokio::test]
    async fn a_name_that_resolves_differently_the_second_time_does_not_get_through() {
        let resolver = resolver(&[[8, 8, 8, 8], [127, 0, 0, 1]]);
        assert!(resolve(&resolver, "mcp.example").await.is_ok());
        let refusal = resolve(&resolver, "mcp.example").await;
        assert!(refusal.is_err_and(|text| text.starts_with("mcp.example is at 127.0.0.1")));
    }

    #[tokio::test]
    async fn a_private_server_is_looked_up_before_its_neighbours_are_refused() {
        for (server, is_permitted) in [([10, 0, 0, 2], true), ([8, 8, 8, 8], false)] {
            let resolver = resolver(&[[10, 0, 0, 1], server]);
            assert_eq!(resolve(&resolver, "as.example").await.is_ok(), is_permitted, "{server:?}");
        }
    }

    #[tokio::test]
    async fn a_proxy_of_the_environment_may_be_anywhere() {
        let mut resolver = resolver(&[[10, 0, 0, 1], [10, 0, 0, 1], [8, 8, 8, 8]]);
        resolver.proxies = Arc::new(["proxy.corp.example".into()]);
        assert!(resolve(&resolver, "proxy.corp.example").await.is_ok());
        assert!(resolve(&resolver, "as.example").await.is_err());
    }

    /// The port is nobody's: a request that gets through fails in another way.
    #[tokio::test]
    async fn the_default_client_connects_to_no_private_address() {
        let policy = Policy::default().only_public_addresses();
        let builder = OAuth::with_policy("https://mcp.example/mcp", policy);
        let oauth = builder.and_then(|it| it.token_storage(MemoryTokenStorage::new()).build());
        let oauth = oauth.unwrap_or_else(|e| panic!("{e}"));
        let url = "https://localhost:1/";
        let http = oauth.client.host().http().to(url).unwrap_or_else(|e| panic!("{e}"));
        let answer = http.get(url).send().await;
        let Err(error) = answer else { panic!("somebody answers") };
        let mut causes = std::iter::successors(error.source(), |it| (*it).source());
        assert!(causes.any(|it| it.to_string().starts_with("localhost is at")), "{error:?}");
    }

    #[test]
    fn proxies_are_written_in_many_ways() {
        for (proxy, expected) in [
            ("http://proxy.example:3128", Some("proxy.example")),
            ("https://user:pass@Proxy.example/", Some("proxy.example")),
            ("proxy.example:3128", Some("proxy.example")),
            ("proxy.example", Some("proxy.example")),
            ("socks5h://proxy.example:1080", Some("proxy.example")),
            ("", None),
        ] {
            assert_eq!(host(proxy).as_deref(), expected, "{proxy}");
        }
    }
}
