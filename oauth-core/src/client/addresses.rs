//! The addresses that names resolve to, and which of them are connected to.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::error::Error;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use crate::flow::Settings;
use crate::{is_localhost, is_public};

/// Keeps a client from connecting to addresses that its [`Settings`] do not permit
/// ([`AddressPolicy`](crate::AddressPolicy)): what the resolvers of all adapters ask. Clones share what they have
/// seen.
///
/// The MCP server's own name is remembered as public once it has resolved to a public address. What it
/// resolves to in a private network after that is kept back: that is how DNS rebinding looks. (So does a
/// VPN that comes up; a server that moves like that is allowed by name.)
#[derive(Debug, Clone)]
pub struct AddressFilter {
    settings: Arc<Settings>,
    /// Whether the MCP server is at an address that is not public; `None` until it was resolved.
    server_is_private: Arc<Mutex<Option<bool>>>,
}

/// A name is at an address that requests must not go to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} is at {address}, which is not public: `private_host` would allow it")]
#[non_exhaustive]
pub struct PrivateAddress {
    /// The host.
    pub host: Box<str>,
    /// Where it is.
    pub address: IpAddr,
}

impl AddressFilter {
    /// A filter for one MCP server. What was set up later does not count.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        let server_is_private = Arc::new(Mutex::new(settings.address_policy().is_server_private()));
        Self { settings, server_is_private }
    }

    /// What a name of this machine resolves to, without asking anybody (RFC 6761 §6.3); `None` for other
    /// names. [`keep`](Self::keep) has still to be asked.
    #[must_use]
    pub fn of_this_machine(host: &str, port: u16) -> Option<[SocketAddr; 2]> {
        // First the one that every machine has.
        let addresses = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        is_localhost(host).then(|| addresses.map(|ip: IpAddr| SocketAddr::new(ip, port)))
    }

    /// The name of the MCP server, if it has to be resolved, and [kept](Self::keep), before it is known
    /// whether `host` may be at these addresses.
    #[must_use]
    pub fn has_to_know(&self, host: &str, found: &[SocketAddr]) -> Option<&str> {
        let (address_policy, is_known) = (self.settings.address_policy(), self.lock().is_some());
        let depends = |at: &SocketAddr| {
            !address_policy.permits(host, at.ip(), false)
                && address_policy.permits(host, at.ip(), true)
        };
        let is_server = host.eq_ignore_ascii_case(address_policy.server_host());
        (!is_known && !is_server && found.iter().any(depends)).then(|| address_policy.server_host())
    }

    /// Of what `host` resolves to, the addresses that may be connected to. No others may.
    ///
    /// # Errors
    ///
    /// [`PrivateAddress`] if there were only others.
    pub fn keep(
        &self,
        host: &str,
        found: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, PrivateAddress> {
        let address_policy = self.settings.address_policy();
        let found: Vec<_> = found.into_iter().collect();
        let server_is_private = {
            let mut is_private = self.lock();
            let is_server = host.eq_ignore_ascii_case(address_policy.server_host());
            if is_server && address_policy.is_server_private().is_none() && !found.is_empty() {
                let is_public_now = found.iter().any(|at| is_public(at.ip()));
                *is_private = Some(!is_public_now && *is_private != Some(false));
            }
            *is_private == Some(true)
        };
        let (kept, others): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|at| address_policy.permits(host, at.ip(), server_is_private));
        match others.first() {
            Some(at) if kept.is_empty() => {
                Err(PrivateAddress { host: host.into(), address: at.ip() })
            }
            _ => Ok(kept),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<bool>> {
        self.server_is_private.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The address because of which a request was not sent, if that is why.
pub(super) fn forbidden(error: &(dyn Error + 'static)) -> Option<IpAddr> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(PrivateAddress { address, .. }) = error.downcast_ref() {
            return Some(*address);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Policy;

    fn filter(server: &str, policy: Policy) -> AddressFilter {
        let settings = Settings::with_policy(server, policy)
            .and_then(|it| it.private_host("auth.corp.example"))
            .unwrap_or_else(|e| panic!("{e}"));
        AddressFilter::new(Arc::new(settings))
    }

    fn named() -> AddressFilter {
        filter(SERVER, Policy::default())
    }

    fn at(addresses: &[&str]) -> Vec<SocketAddr> {
        let socket = |address: &&str| address.parse().map(|ip: IpAddr| SocketAddr::from((ip, 443)));
        addresses.iter().map(socket).collect::<Result<_, _>>().unwrap_or_else(|e| panic!("{e}"))
    }

    fn refused(host: &str, address: &str) -> Result<Vec<SocketAddr>, PrivateAddress> {
        Err(PrivateAddress { host: host.into(), address: at(&[address])[0].ip() })
    }

    #[test]
    fn a_name_that_resolves_publicly_first_and_to_loopback_later_is_refused() {
        for host in [NAME, "as.example"] {
            let filter = named();
            assert_eq!(filter.keep(host, at(&[PUBLIC])), Ok(at(&[PUBLIC])));
            assert_eq!(filter.keep(host, at(&[LOOPBACK])), refused(host, LOOPBACK));
            assert_eq!(filter.clone().keep(host, at(&[LOOPBACK])), refused(host, LOOPBACK));
            assert_eq!(filter.keep(host, at(&[PUBLIC])), Ok(at(&[PUBLIC])));
        }
    }

    #[test]
    fn a_server_that_was_private_first_is_public_from_then_on() {
        let filter = named();
        assert_eq!(filter.keep(NAME, at(&[PRIVATE])), Ok(at(&[PRIVATE])));
        assert_eq!(filter.keep("as.example", at(&[PRIVATE])), Ok(at(&[PRIVATE])));
        assert_eq!(filter.keep(NAME, at(&[PUBLIC])), Ok(at(&[PUBLIC])));
        assert_eq!(filter.keep(NAME, at(&[PRIVATE])), refused(NAME, PRIVATE));
        assert_eq!(filter.keep("as.example", at(&[PRIVATE])), refused("as.example", PRIVATE));
    }

    #[test]
    fn private_addresses_between_public_ones_are_left_out() {
        let filter = named();
        assert_eq!(filter.keep(NAME, at(&[LOOPBACK, PUBLIC])), Ok(at(&[PUBLIC])));
        assert_eq!(filter.keep("as.example", at(&[PUBLIC, PRIVATE])), Ok(at(&[PUBLIC])));
        assert_eq!(filter.keep("as.example", at(&[])), Ok(at(&[])));
    }

    #[test]
    fn a_host_that_is_allowed_by_name_may_be_anywhere() {
        for policy in [Policy::default(), Policy::default().only_public_addresses()] {
            let filter = filter(SERVER, policy);
            assert_eq!(filter.has_to_know("auth.corp.example", &at(&[PRIVATE])), None);
            assert_eq!(filter.keep("auth.corp.example", at(&[PRIVATE])), Ok(at(&[PRIVATE])));
            assert_eq!(
                filter.keep("x.corp.example", at(&[PRIVATE])),
                refused("x.corp.example", PRIVATE)
            );
        }
    }

    #[test]
    fn only_public_addresses_means_the_server_too() {
        let filter = filter(SERVER, Policy::default().only_public_addresses());
        assert_eq!(filter.keep(NAME, at(&[PRIVATE])), refused(NAME, PRIVATE));
        assert_eq!(filter.keep("as.example", at(&[PRIVATE])), refused("as.example", PRIVATE));
    }

    #[test]
    fn where_the_server_is_is_asked_only_if_it_matters() {
        let filter = named();
        assert_eq!(filter.has_to_know("as.example", &at(&[PUBLIC])), None);
        assert_eq!(filter.has_to_know(NAME, &at(&[PRIVATE])), None);
        assert_eq!(filter.has_to_know("as.example", &at(&[PUBLIC, PRIVATE])), Some(NAME));
        assert_eq!(filter.keep("as.example", at(&[PRIVATE])), refused("as.example", PRIVATE));
        assert_eq!(filter.keep(NAME, at(&[PRIVATE])), Ok(at(&[PRIVATE])));
        assert_eq!(filter.has_to_know("as.example", &at(&[PRIVATE])), None);
        let local = self::filter("http://127.0.0.1:1/mcp", Policy::default());
        assert_eq!(local.has_to_know("as.example", &at(&[PRIVATE])), None);
        assert_eq!(local.keep("as.example", at(&[PRIVATE])), Ok(at(&[PRIVATE])));
    }

    #[test]
    fn a_refusal_is_found_behind_other_errors() {
        let refusal = PrivateAddress { host: NAME.into(), address: at(&[LOOPBACK])[0].ip() };
        #[derive(Debug, thiserror::Error)]
        #[error("a client's own")]
        struct Own(#[source] PrivateAddress);
        assert_eq!(forbidden(&Own(refusal.clone())), Some(refusal.address));
        assert_eq!(forbidden(&core::fmt::Error), None);
    }

    const SERVER: &str = "https://mcp.example/mcp";
    const NAME: &str = "mcp.example";
    const PUBLIC: &str = "8.8.8.8";
    const PRIVATE: &str = "10.0.0.1";
    const LOOPBACK: &str = "127.0.0.1";
}
