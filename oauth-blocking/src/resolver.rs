//! The resolver of the client, which keeps addresses back.

use std::net::{IpAddr, SocketAddr};
use std::{fmt, io};

use oauth_core::client::AddressFilter;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// A ureq resolver that resolves by another, and gives ureq only the addresses that an [`AddressFilter`] keeps. ureq asks
/// it for every connection, also where the host is an address already.
///
/// It is no part of the interface: the trait may change with any version of ureq.
#[derive(Debug)]
pub(crate) struct FilteredResolver<R> {
    filter: AddressFilter,
    inner: R,
}

impl<R: Resolver> FilteredResolver<R> {
    pub(crate) fn new(filter: AddressFilter, inner: R) -> Self {
        Self { filter, inner }
    }
}

/// Resolves by a function of the host's.
pub(crate) struct Names<F>(pub(crate) F);

impl<F> fmt::Debug for Names<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

impl<F> Resolver for Names<F>
where
    F: Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
{
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().unwrap_or_default();
        let addresses = match literal(host) {
            Some(address) => vec![SocketAddr::new(address, port(uri))],
            None => (self.0)(host, port(uri))?,
        };
        let mut found = self.empty();
        let family = config.ip_family();
        family.keep_wanted(addresses.into_iter()).take(ROOM).for_each(|it| found.push(it));
        match found.is_empty() {
            true => Err(ureq::Error::HostNotFound),
            false => Ok(found),
        }
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
    AddressFilter::of_this_machine(uri.host()?, port(uri))
}

fn port(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 })
}

/// The address that a host is by its spelling.
fn literal(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

/// How many addresses ureq takes.
const ROOM: usize = 16;

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
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
    fn a_function_of_the_host_is_asked_about_names_and_its_answer_is_filtered() {
        let settings = Settings::with_policy("https://mcp.example/mcp", Policy::default());
        let filter = AddressFilter::new(Arc::new(settings.unwrap_or_else(|e| panic!("{e}"))));
        let names = |host: &str, port| match host {
            "many.example" => Ok(vec![SocketAddr::from(([8, 8, 8, 8], port)); 40]),
            "inside.example" => Ok(vec![SocketAddr::from(([10, 0, 0, 1], port))]),
            "mcp.example" | "nowhere.example" => Ok(Vec::new()),
            other => Err(io::Error::other(other.to_owned())),
        };
        let resolver = FilteredResolver::new(filter, Names(names));
        let config = Config::default();
        let found = |uri| resolve(&resolver, uri, &config);
        assert_eq!(found("https://many.example/token"), Ok(IpAddr::from([8, 8, 8, 8])));
        assert_eq!(found("https://9.9.9.9/token"), Ok(IpAddr::from([9, 9, 9, 9])));
        assert!(found("https://inside.example/token").is_err());
        let uri = Uri::from_static("https://nowhere.example/token");
        let nothing = resolver.resolve(&uri, &config, NextTimeout::default());
        assert!(matches!(nothing, Err(ureq::Error::HostNotFound)), "{nothing:?}");
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
