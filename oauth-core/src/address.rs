//! What an address is: public, this machine's, or neither; and which one a host is by its spelling.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether the address belongs to a host on the public internet: not to this machine, a private network,
/// the link, a cloud's metadata service, a group, or nobody at all (the special-purpose registries of
/// RFC 6890).
///
/// An IPv6 address that stands for an IPv4 address is public if that is.
///
/// ```
/// # use oauth_core::is_public;
/// assert!(is_public("93.184.215.14".parse()?));
/// assert!(!is_public("169.254.169.254".parse()?));
/// assert!(!is_public("::ffff:10.0.0.1".parse()?));
/// # Ok::<(), core::net::AddrParseError>(())
/// ```
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    !RESERVED_V4.iter().any(|(network, length)| {
        let network = u32::from_be_bytes(*network);
        (bits ^ network).leading_zeros() >= *length
    })
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let inside = |high, low: u16| {
        let [a, b] = u16::to_be_bytes(high);
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // Mapped (RFC 4291 §2.5.5.2), and NAT64 (RFC 6052 §2.1).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            inside(high, low)
        }
        // 6to4 (RFC 3056 §2).
        [0x2002, high, low, ..] => inside(high, low),
        // Teredo: the server, and the client in disguise (RFC 4380 §4).
        [0x2001, 0, high, low, _, _, client_high, client_low] => {
            inside(high, low) && inside(!client_high, !client_low)
        }
        // Protocol assignments (RFC 2928) and documentation (RFC 3849, RFC 9637).
        [0x2001, 0..0x200 | 0xdb8, ..] | [0x3fff, 0..0x1000, ..] => false,
        // Nothing else was ever handed out for global unicast.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// Whether a URL leads to this machine by its spelling, in any that the WHATWG parser understands:
/// 127.0.0.0/8, `::1`, and the [names](is_localhost) that never leave it. Names that only resolve to it do
/// not count.
///
/// # Security
///
/// Requests to it must not go through a proxy, whatever the environment says: with plain http, which is
/// allowed here, the proxy would read codes and tokens.
///
/// ```
/// # use oauth_core::is_loopback;
/// assert!(is_loopback("http://app.localhost:3000/mcp") && is_loopback("https://[::ffff:127.0.0.1]/"));
/// assert!(!is_loopback("http://localhost.example/") && !is_loopback("http://10.0.0.1/"));
/// ```
#[must_use]
pub fn is_loopback(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| crate::url::is_loopback(&url))
}

/// Whether a host is `localhost` or below it: names of this machine, which no resolver may ask others
/// about (RFC 6761 §6.3).
#[must_use]
pub fn is_localhost(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let start = name.len().checked_sub("localhost".len());
    start.and_then(|start| name.split_at_checked(start)).is_some_and(|(below, name)| {
        name.eq_ignore_ascii_case("localhost") && (below.is_empty() || below.ends_with('.'))
    })
}

/// The address that a host in a URL is by its spelling; `localhost` never leaves this machine
/// (RFC 6761 §6.3).
pub(crate) fn spelled(host: &str) -> Option<IpAddr> {
    if let Some(literal) = host.strip_prefix('[') {
        return literal.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    }
    if host.ends_with(|last: char| last.is_ascii_digit()) {
        return host.parse().ok().map(IpAddr::V4);
    }
    is_localhost(host).then_some(Ipv4Addr::LOCALHOST.into())
}

/// IPv4 networks in which there are no public hosts, with the lengths of their prefixes.
const RESERVED_V4: [([u8; 4], u32); 16] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    // Not in any registry: Azure's platform services, metadata among them, answer here.
    ([168, 63, 129, 16], 32),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_public_or_not() {
        for (address, expected) in [
            ("1.1.1.1", true),
            ("8.8.8.8", true),
            ("9.255.255.255", true),
            ("11.0.0.0", true),
            ("100.63.255.255", true),
            ("100.128.0.0", true),
            ("128.0.0.0", true),
            ("168.63.129.15", true),
            ("172.15.255.255", true),
            ("172.32.0.0", true),
            ("192.0.1.1", true),
            ("192.167.255.255", true),
            ("198.17.255.255", true),
            ("198.20.0.0", true),
            ("223.255.255.255", true),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("10.0.0.1", false),
            ("10.255.255.255", false),
            ("100.64.0.1", false),
            ("100.100.100.200", false),
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("168.63.129.16", false),
            ("169.254.0.1", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.0.192", false),
            ("192.0.2.1", false),
            ("192.88.99.1", false),
            ("192.168.1.1", false),
            ("198.18.0.1", false),
            ("198.19.255.255", false),
            ("198.51.100.1", false),
            ("203.0.113.1", false),
            ("224.0.0.1", false),
            ("239.255.255.255", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:4700:4700::1111", true),
            ("2001:4860:4860::8888", true),
            ("2001:200::1", true),
            ("2400::1", true),
            ("3fff:1000::1", true),
            ("::", false),
            ("::1", false),
            ("fc00::1", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("febf::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
            ("100::1", false),
            ("2001:db8::1", false),
            ("2001:2::1", false),
            ("2001:1ff::1", false),
            ("3fff::1", false),
            ("5f00::1", false),
            ("4000::1", false),
            ("64:ff9b:1::808:808", false),
        ] {
            let address: IpAddr = address.parse().unwrap_or_else(|e| panic!("{address}: {e}"));
            assert_eq!(is_public(address), expected, "{address}");
        }
    }

    #[test]
    fn an_address_that_stands_for_another_is_as_public_as_that() {
        for (address, expected) in [
            ("::ffff:8.8.8.8", true),
            ("::ffff:127.0.0.1", false),
            ("::ffff:169.254.169.254", false),
            ("64:ff9b::8.8.8.8", true),
            ("64:ff9b::10.0.0.1", false),
            ("2002:808:808::1", true),
            ("2002:7f00:1::1", false),
            ("2002:c0a8:101::1", false),
            // Teredo: 65.54.227.120 and 192.0.2.45 (RFC 4380 has the same); then 8.8.8.8, then 10.0.0.1.
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", false),
            ("2001:0:4136:e378:8000:63bf:f7f7:f7f7", true),
            ("2001:0:a00:1:8000:63bf:f7f7:f7f7", false),
            // IPv4-compatible ones are in use nowhere (RFC 4291 §2.5.5.1).
            ("::8.8.8.8", false),
            ("::127.0.0.1", false),
        ] {
            let address: IpAddr = address.parse().unwrap_or_else(|e| panic!("{address}: {e}"));
            assert_eq!(is_public(address), expected, "{address}");
        }
    }

    #[test]
    fn what_leads_to_this_machine_is_seen_in_every_spelling() {
        for (url, expected) in [
            ("http://127.0.0.1:1/mcp", true),
            ("http://127.255.0.9/", true),
            ("http://127.1/", true),
            ("http://0x7f.1/", true),
            ("http://2130706433/", true),
            ("http://localhost/", true),
            ("http://LOCALHOST./", true),
            ("https://tenant.localhost:8443/", true),
            ("http://a.b.localhost./", true),
            ("http://[::1]:1/", true),
            ("http://[::ffff:127.0.0.1]/", true),
            ("http://name@localhost/", true),
            ("http://notlocalhost/", false),
            ("http://localhost.example/", false),
            ("http://0.0.0.0/", false),
            ("http://10.0.0.1/", false),
            ("http://[::ffff:10.0.0.1]/", false),
            ("http://127.0.0.1.example/", false),
            ("no URL", false),
        ] {
            assert_eq!(is_loopback(url), expected, "{url}");
        }
        assert!(!is_localhost("") && !is_localhost("é") && !is_localhost("ocalhost"));
        assert!(is_localhost("X.LocalHost."));
    }
}
