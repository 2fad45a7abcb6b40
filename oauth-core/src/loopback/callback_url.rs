//! Where on this machine a redirect is listened for.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::num::NonZeroU16;

use crate::error::{Error, Misuse};
use crate::flow::RedirectUri;
use crate::url::shown;
use crate::wire::Port;

/// The redirect URI of a listener on this machine (RFC 8252 §7.3), whose port may be open: host, port and
/// path, as they are registered with the authorization server.
///
/// ```
/// # use oauth_core::loopback::CallbackUrl;
/// let registered = CallbackUrl::parse("http://localhost:8765/auth/callback")?;
/// assert_eq!(registered.redirect_uri(8765).as_str(), "http://localhost:8765/auth/callback");
/// // Without a port, any that is free will do.
/// let any_port = CallbackUrl::parse("http://[::1]/callback")?;
/// assert_eq!(any_port.redirect_uri(51004).as_str(), "http://[::1]:51004/callback");
/// # Ok::<(), oauth_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackUrl {
    host: LoopbackHost,
    port: Option<NonZeroU16>,
    /// What comes behind host and port.
    rest: Box<str>,
}

/// A name of this machine for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LoopbackHost {
    Ipv4,
    Ipv6,
    Localhost,
}

impl CallbackUrl {
    /// Takes `http://127.0.0.1`, `http://localhost` or `http://[::1]` with or without a port and a path. As
    /// the redirect URI it stays as it is written; a port that is left out is put in.
    ///
    /// Without a port it means any, as authorization servers have to allow (RFC 8252 §7.3), and not 80.
    /// `http://127.0.0.1/callback` is the default.
    ///
    /// # Errors
    ///
    /// [`Misuse::CallbackUrl`] if it is something else, or has a fragment.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let misuse = || Misuse::CallbackUrl { url: shown(text) };
        let behind = text.strip_prefix(SCHEME).ok_or_else(misuse)?;
        let end = behind.find(['/', '?', '#']).unwrap_or(behind.len());
        let (authority, rest) = behind.split_at(end);
        // A colon is in the brackets, too.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let hosts = [LoopbackHost::Ipv4, LoopbackHost::Ipv6, LoopbackHost::Localhost];
        let host = hosts.into_iter().find(|it| it.name() == host).ok_or_else(misuse)?;
        let port = port.map(number).transpose().map_err(|()| misuse())?;
        // What browsers would change or leave out can be no redirect URI.
        RedirectUri::parse(text).map_err(|_| misuse())?;
        Ok(Self { host, port, rest: rest.into() })
    }

    /// The same with this port, whichever it had.
    #[must_use]
    pub fn at_port(mut self, port: NonZeroU16) -> Self {
        self.port = Some(port);
        self
    }

    /// The port, if it has to be a certain one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port.map(NonZeroU16::get)
    }

    /// The addresses to listen on, with the same port. There are two for `localhost`: a browser tries
    /// either first, and another program could have the other one.
    #[must_use]
    pub fn addresses(&self) -> &'static [IpAddr] {
        const IPV4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
        const IPV6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
        match self.host {
            LoopbackHost::Ipv4 => &[IPV4],
            LoopbackHost::Ipv6 => &[IPV6],
            LoopbackHost::Localhost => &[IPV4, IPV6],
        }
    }

    /// The redirect URI of a listener that has got this port; [any](RedirectUri::at_any_port), if it does not
    /// have to be a certain one.
    #[must_use]
    pub fn redirect_uri(&self, port: u16) -> RedirectUri {
        let (host, rest) = (self.host.name(), &self.rest);
        let uri = format!("{SCHEME}{host}:{port}{rest}").into();
        RedirectUri { uri, port: if self.port.is_some() { Port::Fixed } else { Port::Any } }
    }

    /// The port of a redirect URI that an earlier listener at this URL had.
    #[must_use]
    pub fn port_of(&self, redirect_uri: &str) -> Option<u16> {
        let port = redirect_uri
            .strip_prefix(SCHEME)?
            .strip_prefix(self.host.name())?
            .strip_prefix(':')?
            .strip_suffix(&*self.rest)?;
        number(port).ok().map(NonZeroU16::get)
    }
}

/// Any port of `127.0.0.1`, as RFC 8252 §8.3 recommends.
impl Default for CallbackUrl {
    fn default() -> Self {
        Self { host: LoopbackHost::Ipv4, port: None, rest: "/callback".into() }
    }
}

impl core::fmt::Display for CallbackUrl {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let port = self.port.map_or_else(String::new, |port| format!(":{port}"));
        write!(f, "{SCHEME}{}{port}{}", self.host.name(), self.rest)
    }
}

impl LoopbackHost {
    fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "127.0.0.1",
            Self::Ipv6 => "[::1]",
            Self::Localhost => "localhost",
        }
    }
}

/// A port as it is written in a redirect URI: in one way only.
fn number(text: &str) -> Result<NonZeroU16, ()> {
    let is_plain = !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| is_plain).ok_or(())
}

const SCHEME: &str = "http://";

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn parsed(text: &str) -> CallbackUrl {
        CallbackUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_url_with_a_port_is_the_redirect_uri_as_it_was_written() {
        for (text, port, families) in [
            ("http://127.0.0.1:8765/callback", 8765, 1),
            ("http://localhost:8765/auth/callback", 8765, 2),
            ("http://[::1]:1/", 1, 1),
            ("http://localhost:65535", 65535, 2),
            ("http://localhost:80?own=1", 80, 2),
            ("http://127.0.0.1:9/a/b?own=1&two", 9, 1),
        ] {
            let url = parsed(text);
            assert_eq!(url.port(), Some(port));
            assert_eq!(url.redirect_uri(port).as_str(), text);
            assert_eq!(url.to_string(), text);
            assert_eq!(url.addresses().len(), families);
            assert!(url.addresses().iter().all(IpAddr::is_loopback));
        }
    }

    #[test]
    fn a_url_without_a_port_takes_any_and_knows_it_again() {
        for (text, at_9) in [
            ("http://127.0.0.1/callback", "http://127.0.0.1:9/callback"),
            ("http://localhost", "http://localhost:9"),
            ("http://[::1]/a?b=c", "http://[::1]:9/a?b=c"),
        ] {
            let url = parsed(text);
            assert_eq!((url.port(), url.to_string().as_str()), (None, text));
            assert_eq!(url.redirect_uri(9).as_str(), at_9);
            assert_eq!(url.port_of(at_9), Some(9));
        }
        assert_eq!(CallbackUrl::default(), parsed("http://127.0.0.1/callback"));
    }

    #[test]
    fn the_port_of_another_url_is_not_taken_over() {
        let url = CallbackUrl::default();
        assert_eq!(url.port_of("http://127.0.0.1:51004/callback"), Some(51004));
        for other in [
            "http://localhost:1/callback",
            "http://127.0.0.1:1/cb",
            "https://127.0.0.1:1/callback",
            "http://127.0.0.1/callback",
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1:01/callback",
            "http://127.0.0.1:65536/callback",
        ] {
            assert_eq!(url.port_of(other), None, "{other}");
        }
    }

    #[test]
    fn what_no_listener_can_have_is_refused() {
        for text in [
            "",
            "localhost:8765",
            "/callback",
            "https://localhost:8765/callback",
            "com.example.app:/callback",
            "http://127.0.0.2:8765/callback",
            "http://0.0.0.0:8765/callback",
            "http://LOCALHOST:8765/callback",
            "http://localhost.:8765/callback",
            "http://localhost.evil.example/callback",
            "http://::1:8765/callback",
            "http://[::1]x/callback",
            "http://user@localhost:8765/callback",
            "http://localhost:/callback",
            "http://localhost:0/callback",
            "http://localhost:080/callback",
            "http://localhost:65536/callback",
            "http://localhost:+80/callback",
            "http://localhost:8765/call back",
            "http://localhost:8765/callback#x",
        ] {
            let misuse = Misuse::CallbackUrl { url: shown(text) };
            assert_eq!(CallbackUrl::parse(text), Err(misuse.into()), "{text:?}");
        }
    }

    #[test]
    fn a_port_of_its_own_takes_the_place_of_any() {
        let port = NonZeroU16::MIN;
        assert_eq!(parsed("http://localhost/x").at_port(port), parsed("http://localhost:1/x"));
        assert_eq!(parsed("http://localhost:2/x").at_port(port), parsed("http://localhost:1/x"));
    }
}
