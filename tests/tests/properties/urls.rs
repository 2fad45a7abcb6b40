//! URLs: what is refused does not show its password, and what is accepted is what it seems to be.

use oauth_core::flow::{RedirectUri, Settings};
use oauth_core::{HttpAllowance, HttpUrl};
use proptest::prelude::*;
use url::{Host, Url};

use crate::config;

fn text() -> impl Strategy<Value = String> {
    let scheme = prop_oneof![4 => "https", 2 => "http", 1 => "HTTPS|ftp|wss|javascript"];
    let slashes = prop_oneof![6 => "//", 1 => "[/\\\\]{0,3}"];
    let user = prop_oneof![3 => Just(String::new()), 1 => "[a-z]{0,3}(:[a-z]{0,3})?@"];
    let host = prop_oneof![
        "[a-z]{1,4}\\.example",
        "localhost",
        "127\\.0\\.0\\.1",
        "\\[::1\\]",
        "[0-9a-fx.]{1,9}",
        ".{0,6}"
    ];
    (scheme, slashes, user, host, "(:[0-9]{0,5})?", "[ -~]{0,12}").prop_map(
        |(scheme, slashes, user, host, port, rest)| {
            format!("{scheme}:{slashes}{user}{host}{port}{rest}")
        },
    )
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

/// The parser also takes names that no host has.
fn has_name(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            !name.contains(|it: char| !(it.is_alphanumeric() || "-._".contains(it)))
        }
        _ => true,
    }
}

/// What the documentation says, by the parser that everybody has.
fn is_allowed(text: &str, plaintext: HttpAllowance) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let is_plain =
        plaintext == HttpAllowance::Loopback && url.scheme() == "http" && is_loopback(&url);
    (url.scheme() == "https" || is_plain)
        && text.bytes().all(|byte| byte > b' ' && byte != 0x7F)
        && has_name(&url)
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_url_is_taken_by_the_rules_and_held_as_the_parser_writes_it(text in text()) {
        for plaintext in [HttpAllowance::Forbidden, HttpAllowance::Loopback] {
            let parsed = HttpUrl::parse(&text, plaintext);
            prop_assert_eq!(parsed.is_ok(), is_allowed(&text, plaintext), "{}", text);
            let Ok(parsed) = parsed else { continue };
            let url = Url::parse(&text).unwrap();
            prop_assert_eq!(parsed.as_str(), url.as_str());
            prop_assert_eq!(parsed.origin(), url.origin().ascii_serialization());
        }
        let taken = is_allowed(&text, HttpAllowance::Loopback);
        prop_assert_eq!(Settings::new(&text).is_ok(), taken);
        prop_assert_eq!(RedirectUri::parse(&text).is_ok(), taken);
    }

    /// Texts with a backslash, a space or a control character in front are in `regressions`.
    #[test]
    fn a_password_is_not_shown(
        scheme in "https?|ftp|[a-z]{1,4}", slashes in "/{0,3}", user in "[a-z@:%]{0,5}",
        host in "[a-z0-9.]{0,8}(:[0-9]{1,6})?", rest in "([/?#][a-z@:/?#]{0,8})?",
    ) {
        let text = format!("{scheme}:{slashes}{user}:planted@{host}{rest}");
        let has_password =
            Url::parse(&text).is_ok_and(|url| url.password().is_some_and(|it| it.contains("planted")));
        if has_password {
            for error in [Settings::new(&text).unwrap_err(), RedirectUri::parse(&text).unwrap_err()] {
                prop_assert!(!format!("{error} {error:?}").contains("planted"), "{}", error);
            }
        }
    }

    #[test]
    fn a_token_goes_to_its_own_server_only(url in text()) {
        let own = "https://mcp.example.com";
        let settings = Settings::new(&format!("{own}/mcp")).unwrap();
        let has_origin = Url::parse(&url).is_ok_and(|url| url.origin().ascii_serialization() == own);
        prop_assert_eq!(settings.server().check_request(&url).is_ok(), {
            has_origin && is_allowed(&url, HttpAllowance::Loopback)
        });
        for tail in [&*url, "@evil.example/", ".evil.example/", ":443/x", ":8443/", "/../..//evil.example"] {
            let url = format!("{own}{tail}");
            let is_own = Url::parse(&url).is_ok_and(|url| url.origin().ascii_serialization() == own);
            let taken = settings.server().check_request(&url).is_ok();
            prop_assert!(is_own || !taken, "{}", url);
        }
    }
}
