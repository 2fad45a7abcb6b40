//! The sockets on which a redirect is listened for.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::time::Duration;

use oauth_core::client::UserAgentError;
use oauth_core::loopback::CallbackUrl;

use super::claim::Claim;

/// Listens at all addresses of a callback URL, with one port. The sockets do not block, and are closed
/// when this is dropped.
#[derive(Debug)]
pub struct Bound {
    listeners: Vec<TcpListener>,
    port: u16,
    /// Where no other port will do: others who need it wait.
    _claim: Option<Claim>,
}

impl Bound {
    /// The port that has to be, else that of a redirect URI that is registered already, else any.
    pub(super) fn new(
        callback: &CallbackUrl,
        registered: Option<&str>,
    ) -> Result<Self, UserAgentError> {
        let addresses = callback.addresses();
        let remembered = registered.and_then(|uri| callback.port_of(uri));
        match (callback.port(), remembered) {
            (Some(port), _) => match Claim::on(port) {
                Claim::Anothers => Err(UserAgentError::PortBusy { port, waited: Duration::ZERO }),
                claim => Ok(Self { _claim: Some(claim), ..Self::at(addresses, port)? }),
            },
            (None, Some(port)) => Self::at(addresses, port).or_else(|_| Self::anywhere(addresses)),
            (None, None) => Self::anywhere(addresses),
        }
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The sockets, for a runtime that has its own: this keeps the claim to the port.
    #[must_use]
    pub fn take_listeners(&mut self) -> Vec<TcpListener> {
        std::mem::take(&mut self.listeners)
    }

    /// A connection, if one waits. A client that is gone before it was accepted is no reason to stop.
    pub(super) fn accept(&self) -> Option<TcpStream> {
        self.listeners.iter().find_map(|listener| listener.accept().ok()).map(|(stream, _)| stream)
    }

    /// A port that is free at all addresses: one that is free at the first may be taken at the second.
    fn anywhere(addresses: &[IpAddr]) -> Result<Self, UserAgentError> {
        let mut bound = Self::at(addresses, 0);
        for _ in 1..TRIES {
            if !matches!(bound, Err(UserAgentError::PortInUse { .. })) {
                break;
            }
            bound = Self::at(addresses, 0);
        }
        bound
    }

    fn at(addresses: &[IpAddr], mut port: u16) -> Result<Self, UserAgentError> {
        let mut listeners = Vec::new();
        let mut missing = None;
        for address in addresses {
            match listen(*address, port) {
                Ok((listener, found)) => {
                    port = found;
                    listeners.push(listener);
                }
                // Nobody else can listen on an address that this machine does not have.
                Err(error) if is_missing(&error) => missing = Some(error.kind()),
                Err(error) => return Err(refused(port, error.kind())),
            }
        }
        match missing {
            Some(kind) if listeners.is_empty() => Err(UserAgentError::Listen { kind }),
            _ => Ok(Self { listeners, port, _claim: None }),
        }
    }
}

/// What it means that a port cannot be listened on.
fn refused(port: u16, kind: ErrorKind) -> UserAgentError {
    match kind {
        ErrorKind::AddrInUse => UserAgentError::PortInUse { port },
        // `WSAEACCES`. Of any port, it is not this one that is forbidden.
        ErrorKind::PermissionDenied if port != 0 => UserAgentError::PortReserved { port },
        kind => UserAgentError::Listen { kind },
    }
}

fn listen(address: IpAddr, port: u16) -> io::Result<(TcpListener, u16)> {
    let listener = TcpListener::bind((address, port))?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

/// What a machine without IPv6 says, or without IPv4: that it lacks the address, or the family.
fn is_missing(error: &io::Error) -> bool {
    error.kind() == ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(NO_SUCH_FAMILY)
}

#[cfg(unix)]
const NO_SUCH_FAMILY: i32 = rustix::io::Errno::AFNOSUPPORT.raw_os_error();

/// `WSAEAFNOSUPPORT`.
#[cfg(not(unix))]
const NO_SUCH_FAMILY: i32 = 10047;

/// How often a port is looked for that is free at two addresses. Nearly all are.
const TRIES: usize = 8;

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn bound(url: &str, registered: Option<&str>) -> Result<Bound, UserAgentError> {
        let callback = CallbackUrl::parse(url).unwrap_or_else(|error| panic!("{error}"));
        Bound::new(&callback, registered)
    }

    fn taken(address: IpAddr) -> (TcpListener, u16) {
        listen(address, 0).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_port_in_use_is_named_and_one_that_is_merely_remembered_gives_way() {
        let (_taken, port) = taken(Ipv4Addr::LOCALHOST.into());
        let fixed = bound(&format!("http://127.0.0.1:{port}/callback"), None).err();
        assert_eq!(fixed, Some(UserAgentError::PortInUse { port }));
        let registered = format!("http://127.0.0.1:{port}/callback");
        let other = bound("http://127.0.0.1/callback", Some(&registered)).map(|it| it.port);
        assert!(other.is_ok_and(|found| found != port));
    }

    /// Root may take all ports of a Unix, so the number stands in for one that is reserved.
    #[test]
    fn a_port_that_is_reserved_is_named_with_what_helps() {
        let denied = io::Error::from_raw_os_error(if cfg!(windows) { 10013 } else { 13 }).kind();
        let error = refused(50_123, denied);
        assert_eq!(error, UserAgentError::PortReserved { port: 50_123 });
        let said = error.to_string();
        assert!(said.contains("50123") && said.contains("reserved"), "{said}");
        assert!(error.advice().contains("callback_port"), "{}", error.advice());
        assert!(error.advice().contains(if cfg!(windows) { "netsh" } else { "1023" }));
        assert_eq!(refused(0, denied), UserAgentError::Listen { kind: denied });
    }

    #[test]
    fn the_port_of_an_earlier_login_is_used_again_at_any_host_and_path() {
        for url in ["http://127.0.0.1/callback", "http://localhost/auth/x", "http://[::1]/"] {
            let first = bound(url, None).unwrap_or_else(|error| panic!("{url}: {error}"));
            let callback = CallbackUrl::parse(url).unwrap_or_else(|error| panic!("{error}"));
            let registered = callback.redirect_uri(first.port);
            let port = first.port;
            drop(first);
            let again = bound(url, Some(registered.as_str())).map(|it| it.port);
            assert_eq!(again, Ok(port), "{url}");
        }
    }

    #[test]
    fn nobody_is_listened_to_but_this_machine() {
        for url in ["http://127.0.0.1/callback", "http://localhost/callback", "http://[::1]/"] {
            let bound = bound(url, None).unwrap_or_else(|error| panic!("{url}: {error}"));
            for listener in &bound.listeners {
                let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
                assert!(address.ip().is_loopback(), "{url} is listened for at {address}");
            }
        }
    }

    #[test]
    fn localhost_is_both_addresses_and_either_can_be_in_the_way() {
        let both = bound("http://localhost/callback", None).unwrap_or_else(|e| panic!("{e}"));
        let (v4, v6) = (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST);
        for address in [IpAddr::from(v4), v6.into()] {
            let error = listen(address, both.port).err().map(|error| error.kind());
            assert_eq!(error, Some(ErrorKind::AddrInUse));
        }
        let (_taken, port) = taken(v6.into());
        let fixed = bound(&format!("http://localhost:{port}/callback"), None).err();
        assert_eq!(fixed, Some(UserAgentError::PortInUse { port }));
    }
}
