use alloc::format;

use proptest::prelude::*;

use super::*;

fn url(text: &str) -> HttpUrl {
    HttpUrl::parse(text, HttpAllowance::Loopback).unwrap_or_else(|e| panic!("{text}: {e}"))
}

#[test]
fn urls_that_are_refused() {
    use UrlDefect::*;
    for (text, defect) in [
        ("", Unparsable),
        ("mcp.example.com", Unparsable),
        ("/relative", Unparsable),
        ("https://", Unparsable),
        (" https://a.example/", Unparsable),
        ("https://a.example/\tb", Unparsable),
        ("https://a.example/\r\nx: y", Unparsable),
        ("javascript:alert(1)", Scheme),
        ("file:///etc/passwd", Scheme),
        ("ftp://a.example/", Scheme),
        ("a:$(calc)", Scheme),
        ("http://a.example/", Plaintext),
        ("http://localhost.evil.example/", Plaintext),
        ("http://127.0.0.1.nip.io/", Plaintext),
        ("http://[::ffff:10.0.0.1]/", Plaintext),
        ("https://user@a.example/", Credentials),
        ("https://:pass@a.example/", Credentials),
        ("https://a.example/#", Fragment),
        ("https://a.example/#x", Fragment),
    ] {
        assert_eq!(HttpUrl::parse(text, HttpAllowance::Loopback), Err(defect), "{text:?}");
    }
    let local = "http://localhost:1/";
    assert_eq!(HttpUrl::parse(local, HttpAllowance::Forbidden), Err(Plaintext));
}

#[test]
fn loopback_may_be_plaintext_in_every_spelling_of_it() {
    for text in [
        "http://localhost/",
        "http://127.9.9.9:8080/x",
        "http://[::1]:1/",
        "http://2130706433/",
        "http://tenant.localhost:1/mcp",
        "http://localhost./",
        "http://[::ffff:127.0.0.1]/",
    ] {
        url(text);
    }
}

#[test]
fn origins_are_scheme_host_and_port() {
    for (text, origin, path) in [
        ("https://A.example", "https://a.example", "/"),
        ("https://a.example:443/x?y=/z", "https://a.example", "/x"),
        ("https://a.example:8443/x", "https://a.example:8443", "/x"),
        ("http://[::1]:80/", "http://[::1]", "/"),
        ("https://a.example?q=//", "https://a.example", "/"),
    ] {
        assert_eq!((url(text).origin(), url(text).path()), (origin, path), "{text}");
    }
}

/// Else they are parsed, which costs as much as all else that is done with them.
#[test]
fn what_servers_and_listeners_are_called_needs_no_parse() {
    for text in [
        "https://auth.example.com",
        "https://mcp.example.com/.well-known/oauth-protected-resource/mcp",
        "https://login.example.com:8443/3f1-a/v2.0",
        "http://127.0.0.1:51004/callback",
        "http://localhost:3000/mcp",
    ] {
        assert!(Canonical::of(text, HttpAllowance::Loopback).is_some(), "{text}");
    }
    for text in [
        "http://127.0.0.1:80/",
        "https://a.example:443/",
        "https://a.example:/",
        "http://a.example/",
        "https://a.example/x/../y",
        "https://a.example/.",
        "https://a.example?x",
        "https://a..example/",
        "https://xn--a.example/",
        "https://10.1/",
    ] {
        assert!(Canonical::of(text, HttpAllowance::Loopback).is_none(), "{text}");
    }
}

#[test]
fn hosts_have_no_port() {
    for (text, host) in [
        ("https://a.example", "a.example"),
        ("https://A.example:8443/x:1", "a.example"),
        ("http://127.0.0.1:80/", "127.0.0.1"),
        ("http://[::1]/", "[::1]"),
        ("http://[::1]:8080/", "[::1]"),
    ] {
        assert_eq!(url(text).host(), host, "{text}");
    }
}

#[test]
fn passwords_and_queries_are_not_shown() {
    for (url, expected) in [
        ("https://user:pass@a.example/@x", "https://…@a.example/@x"),
        ("https://us@er:pa@ss@a.example?q=1@2", "https://…@a.example?…"),
        ("user:pass@a.example", "…@a.example"),
        ("https:/user:pass@a.example/", "https:/…@a.example/"),
        ("https:///user:pass@a.example/", "https:///…@a.example/"),
        ("https:\\\\user:pass@a.example\\x", "https:\\\\…@a.example\\x"),
        ("https:\\\\user:pass@a.example\\x@y", "https:\\\\…@y"),
        ("x://do\\main:pass@a.example/", "x://…@a.example/"),
        ("https:\t//user:pass@a.example/", "https://…@a.example/"),
        ("https:/\n/user:pass@a.example/", "https://…@a.example/"),
        ("https://a.example/@x", "https://a.example/@x"),
        ("https://a.example/#token", "https://a.example/#…"),
        ("https://a.example/?key#x", "https://a.example/?…"),
        ("https://a.example/?", "https://a.example/?"),
        ("not a url", "not a url"),
    ] {
        assert_eq!(&*shown(url), expected, "{url}");
    }
}

#[test]
fn covering_ends_on_segment_boundaries() {
    for (base, other, covers) in [
        ("https://a.example/api", "https://a.example/api", true),
        ("https://a.example/api", "https://a.example/api/v1", true),
        ("https://a.example/api/", "https://a.example/api", true),
        ("https://a.example", "https://a.example/api", true),
        ("https://a.example/api", "https://a.example/api123", false),
        ("https://a.example/api/v1", "https://a.example/api", false),
        ("https://a.example:8443/api", "https://a.example/api", false),
        ("http://localhost/api", "https://localhost/api", false),
        ("https://b.example/api", "https://a.example/api", false),
        ("https://a.example/api", "https://a.example/api?t=1", true),
        ("https://a.example/api?t=1", "https://a.example/api?t=1", true),
        ("https://a.example/api?t=2", "https://a.example/api?t=1", false),
        ("https://a.example/api/../x", "https://a.example/api", false),
    ] {
        assert_eq!(url(base).covers(&url(other)), covers, "{base} {other}");
    }
}

#[test]
fn a_local_server_allows_plaintext_to_local_servers() {
    assert_eq!(HttpAllowance::for_server(&url("http://localhost:1/")), HttpAllowance::Loopback);
    assert_eq!(HttpAllowance::for_server(&url("https://a.localhost/")), HttpAllowance::Loopback);
    assert_eq!(HttpAllowance::for_server(&url("https://127.0.0.1:1/")), HttpAllowance::Loopback);
    assert_eq!(HttpAllowance::for_server(&url("https://a.example/")), HttpAllowance::Forbidden);
}

proptest! {
    #[test]
    fn what_is_taken_for_canonical_is_what_the_parser_would_write(
        scheme in "https?",
        host in "[a-z0-9.x-]{0,12}|127\\.0\\.0\\.1|localhost",
        port in "|:[0-9]{0,6}|:80|:443",
        path in "[a-zA-Z0-9/._~%?#@:-]{0,12}",
    ) {
        let text = format!("{scheme}://{host}{port}{path}");
        if let Some(found) = Canonical::of(&text, HttpAllowance::Loopback) {
            let parsed = url::Url::parse(&text).expect("it is a URL");
            let ours = HttpUrl::parse(&text, HttpAllowance::Loopback).expect("it may be used");
            prop_assert_eq!(ours.as_str(), parsed.as_str());
            prop_assert_eq!(Some(found.host), parsed.host_str());
            prop_assert_eq!(found.has_port, parsed.port().is_some());
            prop_assert!(scheme == "https" || is_loopback(&parsed));
            prop_assert_eq!(if found.path.is_empty() { "/" } else { found.path }, parsed.path());
        }
    }

    #[test]
    fn a_parsed_url_parses_to_itself(text in "https?://[a-z0-9.]{1,8}[ -~]{0,20}") {
        if let Ok(once) = HttpUrl::parse(&text, HttpAllowance::Loopback) {
            prop_assert_eq!(HttpUrl::parse(once.as_str(), HttpAllowance::Loopback), Ok(once));
        }
    }
}
