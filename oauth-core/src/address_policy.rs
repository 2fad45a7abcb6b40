//! Which addresses requests may go to, so that what a public server publishes leads nobody into a
//! private network (RFC 9728 §7.7).
//!
//! The machine sees URLs only, so it looks at hosts that are addresses by their spelling. What a name
//! resolves to is seen by whoever connects: the adapters ask [`AddressPolicy::permits`] then, and so can a host
//! that has its own HTTP client.

use alloc::boxed::Box;
use core::net::IpAddr;

use crate::address::{is_public, spelled};
use crate::url::{HttpAllowance, HttpUrl, UrlDefect};

/// Which addresses requests for one MCP server may go to: what its
/// [`Settings`](crate::flow::Settings) say.
///
/// 1. A public address: always.
/// 2. Any address: if the host allowed it by name
///    ([`Settings::private_host`](crate::flow::Settings::private_host)).
/// 3. An address that is not public: if the MCP server itself is at one, by its spelling or because its
///    name was resolved to nothing else. Whoever uses a server in a private network is in it, and so is
///    its authorization server. Not with
///    [`Policy::only_public_addresses`](crate::Policy::only_public_addresses).
///
/// ```
/// # use oauth_core::flow::Settings;
/// let settings = Settings::new("https://mcp.example.com/mcp")?.private_host("auth.corp.example")?;
/// let (policy, private) = (settings.address_policy(), "10.0.0.7".parse().unwrap());
/// assert!(policy.permits("auth.corp.example", private, false));
/// assert!(!policy.permits("other.corp.example", private, false));
/// # Ok::<(), oauth_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct AddressPolicy<'a> {
    pub(crate) plaintext: HttpAllowance,
    pub(crate) server_host: &'a str,
    pub(crate) only_public: bool,
    pub(crate) private_hosts: &'a [Box<str>],
}

impl<'a> AddressPolicy<'a> {
    /// The MCP server's host.
    #[must_use]
    pub fn server_host(&self) -> &'a str {
        self.server_host
    }

    /// Whether the MCP server is at an address that is not public, as far as its spelling says: `None`
    /// if its name has to be resolved.
    #[must_use]
    pub fn is_server_private(&self) -> Option<bool> {
        spelled(self.server_host).map(|address| !is_public(address))
    }

    /// Whether a request to `host`, as it stands in the URL, may go to this address.
    ///
    /// # Security
    ///
    /// `address` has to be the one that is connected to: a name that is resolved a second time may bring
    /// another. `server_is_private` has to be false as soon as the MCP server's name was once
    /// resolved to a public address, or its owner may send requests to wherever that name points next.
    #[must_use]
    pub fn permits(&self, host: &str, address: IpAddr, server_is_private: bool) -> bool {
        is_public(address)
            || self.private_hosts.iter().any(|name| name.eq_ignore_ascii_case(host))
            || (server_is_private && !self.only_public)
    }

    /// Checks a URL whose host is an address by its spelling, or `localhost`. A server with a name counts
    /// as public here, wherever that resolves to.
    ///
    /// # Errors
    ///
    /// The address that requests must not go to.
    pub fn check(&self, url: &HttpUrl) -> Result<(), IpAddr> {
        let host = url.host();
        let server_is_private = || self.is_server_private() == Some(true);
        match spelled(host) {
            Some(address) if !self.permits(host, address, server_is_private()) => Err(address),
            _ => Ok(()),
        }
    }

    /// Reads a URL that requests are sent to, or a user.
    pub(crate) fn parse(&self, text: &str) -> Result<HttpUrl, UrlDefect> {
        let url = HttpUrl::parse(text, self.plaintext)?;
        self.check(&url).map_err(|_| UrlDefect::PrivateAddress)?;
        Ok(url)
    }
}

#[cfg(test)]
impl AddressPolicy<'static> {
    /// That of a server with a name.
    pub(crate) const PUBLIC: Self = Self {
        plaintext: HttpAllowance::Forbidden,
        server_host: "mcp.example",
        only_public: false,
        private_hosts: &[],
    };
}

#[cfg(test)]
mod tests {
    use core::net::Ipv6Addr;

    use super::*;

    fn address_policy<'a>(
        server_host: &'a str,
        private_hosts: &'a [Box<str>],
    ) -> AddressPolicy<'a> {
        AddressPolicy {
            plaintext: HttpAllowance::Loopback,
            server_host,
            private_hosts,
            ..AddressPolicy::PUBLIC
        }
    }

    #[test]
    fn a_public_server_leads_to_no_private_literal() {
        for (url, is_permitted) in [
            ("https://auth.example/", true),
            ("https://localhost.example/", true),
            ("https://notlocalhost/", true),
            ("https://8.8.8.8/", true),
            ("https://[2606:4700:4700::1111]/", true),
            ("https://localhost/", false),
            ("https://LOCALHOST/", false),
            ("https://localhost./", false),
            ("https://a.localhost:8443/", false),
            ("https://127.0.0.1:8443/", false),
            ("https://127.1/", false),
            ("https://0x7f.1/", false),
            ("https://2130706433/", false),
            ("https://10.0.0.1./", false),
            ("https://169.254.169.254/latest/meta-data", false),
            ("https://[::1]/", false),
            ("https://[::ffff:10.0.0.1]:1/", false),
            ("https://①②⑦.0.0.1/", false),
            ("http://localhost:1/", false),
        ] {
            let expected = if is_permitted { Ok(()) } else { Err(UrlDefect::PrivateAddress) };
            let found = address_policy("mcp.example", &[]).parse(url).map(drop);
            assert_eq!(found, expected, "{url}");
            let only_public =
                AddressPolicy { only_public: true, ..address_policy("127.0.0.1", &[]) };
            assert_eq!(only_public.parse(url).map(drop), expected, "{url}");
            for server in ["127.0.0.1", "localhost", "10.0.0.1", "[::1]", "a.localhost"] {
                assert_eq!(
                    address_policy(server, &[]).parse(url).map(drop),
                    Ok(()),
                    "{server} {url}"
                );
            }
        }
    }

    #[test]
    fn what_is_private_is_permitted_by_name_or_to_a_private_server() {
        let names = ["auth.corp.example".into(), "[::1]".into()];
        let private = IpAddr::from([10, 0, 0, 1]);
        for (host, address, only_public, server_is_private, expected) in [
            ("as.example", IpAddr::from([8, 8, 8, 8]), true, false, true),
            ("as.example", private, false, false, false),
            ("as.example", private, false, true, true),
            ("as.example", private, true, true, false),
            ("mcp.example", private, false, false, false),
            ("mcp.example", private, false, true, true),
            ("mcp.example", private, true, true, false),
            ("auth.corp.example", private, false, false, true),
            ("AUTH.corp.example", private, true, false, true),
            ("x.auth.corp.example", private, false, false, false),
            ("corp.example", private, false, false, false),
            ("[::1]", Ipv6Addr::LOCALHOST.into(), true, false, true),
        ] {
            let address_policy =
                AddressPolicy { only_public, ..address_policy("mcp.example", &names) };
            let found = address_policy.permits(host, address, server_is_private);
            assert_eq!(found, expected, "{host} {address} {only_public} {server_is_private}");
        }
    }

    #[test]
    fn a_server_is_private_by_its_spelling_or_by_what_it_resolves_to() {
        for (host, expected) in [
            ("localhost", Some(true)),
            ("192.168.0.1", Some(true)),
            ("[fd00::1]", Some(true)),
            ("8.8.8.8", Some(false)),
            ("mcp.example", None),
            ("mcp.corp1", None),
        ] {
            assert_eq!(address_policy(host, &[]).is_server_private(), expected, "{host}");
        }
    }
}
