//! The resolver of the client, which keeps addresses back.

use std::net::SocketAddr;

use oauth_core::client::AddressFilter;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// A ureq resolver that resolves by another, and gives ureq only the addresses that an
/// [`AddressFilter`] keeps. ureq asks it for every connection, also where the host is an address already.
///
/// `localhost` and what is below it is this machine, and nobody is asked about it (RFC 6761 §6.3).
///
/// A client has one unless the host gives it an agent of its own
/// ([`http_client`](crate::Builder::http_client)); such an agent can have one too:
///
/// ```
/// # use oauth_blocking::{FilteredResolver, OAuth, ureq};
/// use ureq::unversioned::{resolver::DefaultResolver, transport::DefaultConnector};
///
/// let builder = OAuth::new("https://mcp.example.com/mcp")?.private_host("auth.corp.example");
/// let resolver = FilteredResolver::new(builder.address_filter()?, DefaultResolver::default());
/// let config = ureq::Agent::config_builder().https_only(true).build();
/// let agent = ureq::Agent::with_parts(config, DefaultConnector::default(), resolver);
/// let oauth = builder.http_client(agent);
/// # Ok::<(), oauth_blocking::Error>(())
/// ```
///
/// Where there is a proxy, names are resolved by it, and only hosts that are addresses by their spelling
/// are kept back: the proxy decides what it connects to. The proxy itself may be anywhere.
#[derive(Debug)]
pub struct FilteredResolver<R = DefaultResolver> {
    filter: AddressFilter,
    inner: R,
}

impl<R: Resolver> FilteredResolver<R> {
    /// Filters what `inner` finds.
    pub fn new(filter: AddressFilter, inner: R) -> Self {
        Self { filter, inner }
    }
}

impl<R: Resolver> Resolver for FilteredResolver<R> {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = match of_this_machine(uri) {
            Some(addresses) => {
                let mut found = self.empty();
                let addresses = addresses.iter().copied();
                config.ip_family().keep_wanted(addresses).for_each(|it| found.push(it));
                found
            }
            None => self.inner.resolve(uri, config, timeout)?,
        };
        // ureq resolves the proxy with the same resolver. Where it is was the host's choice.
        if config.proxy().is_some_and(|proxy| proxy.uri() == uri) {
            return Ok(found);
        }
        let host = uri.host().unwrap_or_default();
        if let Some(server) = self.filter.has_to_know(host, &found)
            && let Ok(uri) = format!("https://{server}/").parse()
            && let Ok(found) = self.inner.resolve(&uri, config, timeout)
        {
            // Only to have seen it.
            let _ = self.filter.keep(server, found.iter().copied());
        }
        let kept = self.filter.keep(host, found.iter().copied());
        let mut addresses = self.empty();
        for address in kept.map_err(|refusal| ureq::Error::Other(refusal.into()))? {
            addresses.push(address);
        }
        Ok(addresses)
    }
}

fn of_this_machine(uri: &Uri) -> Option<[SocketAddr; 2]> {
    let port = uri.port_u16().or_else(|| match uri.scheme_str()? {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    });
    AddressFilter::of_this_machine(uri.host()?, port?)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::net::IpAddr;
    use std::sync::{Arc, Mutex};

    use oauth_core::Policy;
    use oauth_core::client::PrivateAddress;
    use oauth_core::flow::Settings;

    use super::*;

    /// Gives one address after the other, whatever it is asked for.
    #[derive(Debug)]
    struct Changing(Mutex<VecDeque<IpAddr>>, Arc<Mutex<Vec<String>>>);

    impl Resolver for Changing {
        fn resolve(
            &self,
            uri: &Uri,
            _: &Config,
            _: NextTimeout,
        ) -> Result<ResolvedSocketAddrs, ureq::Error> {
            let mut found = self.empty();
            let next = self.0.lock().ok().and_then(|mut it| it.pop_front());
            found.push(SocketAddr::new(next.unwrap_or_else(|| panic!("asked too often")), 443));
            self.1.lock().unwrap_or_else(|e| panic!("{e}")).push(uri.to_string());
            Ok(found)
        }
    }

    type Asked = Arc<Mutex<Vec<String>>>;

    fn resolver(addresses: &[&str]) -> (FilteredResolver<Changing>, Asked) {
        let settings = Settings::with_policy("https://mcp.example/mcp", Policy::default());
        let settings = settings.unwrap_or_else(|e| panic!("{e}"));
        let addresses = addresses.iter().map(|it| it.parse().unwrap_or_else(|e| panic!("{e}")));
        let asked = Asked::default();
        let inner = Changing(Mutex::new(addresses.collect()), Arc::clone(&asked));
        (FilteredResolver::new(AddressFilter::new(Arc::new(settings)), inner), asked)
    }

    fn resolve(
        resolver: &impl Resolver,
        uri: &'static str,
        config: &Config,
    ) -> Result<IpAddr, String> {
        match resolver.resolve(&Uri::from_static(uri), config, NextTimeout::default()) {
            Ok(found) => Ok(found[0].ip()),
            Err(ureq::Error::Other(error)) if error.is::<PrivateAddress>() => {
                Err(error.to_string())
            }
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_name_that_resolves_differently_the_second_time_does_not_get_through() {
        let (resolver, _) = resolver(&["8.8.8.8", "127.0.0.1"]);
        let (uri, config) = ("https://mcp.example/mcp", Config::default());
        assert_eq!(resolve(&resolver, uri, &config), Ok(IpAddr::from([8, 8, 8, 8])));
        let refusal = resolve(&resolver, uri, &config);
        assert!(refusal.is_err_and(|text| text.starts_with("mcp.example is at 127.0.0.1")));
    }

    #[test]
    fn a_private_server_is_looked_up_before_its_neighbours_are_refused() {
        let (uri, config) = ("https://as.example/token", Config::default());
        for (server, is_permitted) in [("10.0.0.2", true), ("8.8.8.8", false)] {
            let (resolver, asked) = resolver(&["10.0.0.1", server]);
            assert_eq!(resolve(&resolver, uri, &config).is_ok(), is_permitted, "{server}");
            let asked = asked.lock().unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(*asked, [uri, "https://mcp.example/"]);
        }
    }

    #[test]
    fn a_proxy_may_be_anywhere() {
        let proxy = ureq::Proxy::new("http://proxy.corp.example:3128");
        let proxy = proxy.unwrap_or_else(|e| panic!("{e}"));
        let config = ureq::Agent::config_builder().proxy(Some(proxy)).build();
        let (resolver, _) = resolver(&["10.0.0.1", "10.0.0.1", "8.8.8.8"]);
        assert!(resolve(&resolver, "http://proxy.corp.example:3128", &config).is_ok());
        assert!(resolve(&resolver, "https://as.example/token", &config).is_err());
    }
}
