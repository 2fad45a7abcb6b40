use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::auth_method::AuthMethod;
use crate::form::owned_pairs;
use crate::url::HttpAllowance;
use crate::wire::client_auth::Authentication;
use crate::wire::dialect::Parameter;

const NOW: UnixTime = UnixTime::from_secs(1_900_000_000);
const RESOURCE: &str = "https://MCP.example/mcp?a=b&c";

fn url(text: &str) -> HttpUrl {
    HttpUrl::parse(text, HttpAllowance::Forbidden).unwrap_or_else(|e| panic!("{e}"))
}

fn form(request: &Request) -> Vec<(String, String)> {
    owned_pairs(core::str::from_utf8(request.body()).unwrap_or_default())
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

#[test]
fn codes_are_asked_for_by_a_client_and_for_a_resource() {
    let (endpoint, token_endpoint) = (url("https://as.example/d?p=1"), url("https://as.example/t"));
    let (secret, scopes) = (Secret::from("s&1"), Scopes::parse("a offline_access"));
    let audience = Parameter { name: "audience".into(), value: "x".into() };
    let dialect = Dialect { authorization: Vec::from([audience]), ..Dialect::default() };
    for (method, more, has_header) in [
        (AuthMethod::None, &[("client_id", "c 1")][..], false),
        (AuthMethod::ClientSecretBasic, &[], true),
        (AuthMethod::ClientSecretPost, &[("client_id", "c 1"), ("client_secret", "s&1")], false),
    ] {
        let requester = TokenRequester {
            endpoint: &token_endpoint,
            client: Authentication::of(method, "c 1", Some(&secret)),
            resource: RESOURCE,
            dialect: Some(&dialect),
        };
        let request = device_request(&endpoint, &requester, scopes.as_ref());
        let mut expected =
            owned(&[("scope", "a offline_access"), ("resource", RESOURCE), ("audience", "x")]);
        expected.extend(owned(more));
        assert_eq!(form(&request), expected);
        assert_eq!(request.headers().any(|(name, _)| name == "authorization"), has_header);
        assert_eq!(request.url(), &endpoint);
        assert_eq!(request.endpoint().name(), "device_authorization");

        let poll = poll_request(&requester, &"d&1".into());
        let mut expected = owned(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", "d&1"),
            ("resource", RESOURCE),
        ]);
        expected.extend(owned(more));
        assert_eq!((form(&poll), poll.url()), (expected, &token_endpoint));
    }
}

fn read_with(status: u16, body: &str, tolerates: Tolerances) -> Result<DeviceCode, Error> {
    let response = Response::new(status, body.into());
    let endpoint = url("https://as.example/d");
    read_device_code(&response, &endpoint, AddressPolicy::PUBLIC, tolerates, NOW)
        .map(|(code, _)| code)
}

fn read(body: &str) -> Result<DeviceCode, Error> {
    read_with(200, body, Tolerances::default())
}

/// The usual answer, with one member another one.
fn answer(name: &str, written: &str) -> String {
    let mut members = Vec::from([
        ("device_code", "\"planted\""),
        ("user_code", "\"WDJB-MJHT\""),
        ("verification_uri", "\"https://as.example/device\""),
        ("expires_in", "1800"),
    ]);
    members.retain(|(own, _)| *own != name);
    members.push((name, written));
    let members = members.iter().filter(|(_, written)| !written.is_empty());
    let members = members.map(|(name, written)| format!("\"{name}\":{written}"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// RFC 8628 §3.2.
#[test]
fn codes_are_read_stored_and_not_shown() {
    let complete = "\"https://as.example/device?user_code=WDJB-MJHT\"";
    let body = answer("verification_uri_complete", complete);
    let mut code = read(&body).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((code.device_code.expose(), code.user_code()), ("planted", "WDJB-MJHT"));
    assert_eq!(code.verification_uri().as_str(), "https://as.example/device");
    let found = code.verification_uri_complete().map(HttpUrl::as_str);
    assert_eq!(found, Some(complete.trim_matches('"')));
    assert_eq!(code.expires_at(), NOW + Duration::from_secs(1800));
    assert_eq!(code.interval(), Duration::from_secs(5));
    let shown = format!("{code:?}");
    assert!(!shown.contains("planted") && !shown.contains("WDJB"), "{shown}");
    code.slow_down();
    assert_eq!(code.interval(), Duration::from_secs(10));
    code.back_off();
    assert_eq!(code.interval(), Duration::from_secs(20));
    let stored = serde_json::to_string(&code).unwrap_or_default();
    assert_eq!(serde_json::from_str(&stored).ok(), Some(code));
}

#[test]
fn what_is_tolerated_is_named() {
    let (text, misshapen) = (Some(Tolerance::TextualLifetime), Some(Tolerance::MisshapenMembers));
    let complete = "verification_uri_complete";
    for (name, written, interval, needed) in [
        ("interval", "7", 7, None),
        ("interval", "", 5, None),
        ("interval", "0", 5, misshapen),
        ("interval", "-1", 5, misshapen),
        ("interval", "\"often\"", 5, misshapen),
        ("expires_in", "\"1800\"", 5, text),
        (complete, "\"javascript:alert(1)\"", 5, misshapen),
        (complete, "\"http://as.example/d\"", 5, misshapen),
        (complete, "\"\"", 5, None),
        (complete, "7", 5, misshapen),
    ] {
        let body = answer(name, written);
        let code = read(&body).unwrap_or_else(|e| panic!("{body}: {e}"));
        assert_eq!(code.interval(), Duration::from_secs(interval), "{body}");
        assert_eq!(code.expires_at(), NOW + Duration::from_secs(1800), "{body}");
        assert_eq!((code.verification_uri_complete(), code.tolerated), {
            (None, needed.into_iter().collect())
        });
        assert_eq!(read_with(200, &body, Tolerances::NONE).is_ok(), needed.is_none(), "{body}");
    }
}

#[test]
fn what_no_user_can_be_shown_is_refused_by_name() {
    let long = format!("\"{}\"", "A".repeat(MAX_USER_CODE + 1));
    let very_long = format!("\"{}\"", "d".repeat(MAX_DEVICE_CODE + 1));
    for (name, written, defect) in [
        ("device_code", "", Defect::missing("device_code")),
        ("device_code", "7", Defect::unusable("device_code")),
        ("device_code", &very_long, Defect::unusable("device_code")),
        ("user_code", "\"\"", Defect::missing("user_code")),
        ("user_code", "\"  \"", Defect::unusable("user_code")),
        ("user_code", &long, Defect::unusable("user_code")),
        ("user_code", r#""A\nB""#, Defect::unusable("user_code")),
        ("user_code", r#""A\u001b[2J""#, Defect::unusable("user_code")),
        ("user_code", r#""\u202eAB""#, Defect::unusable("user_code")),
        ("verification_uri", "", Defect::missing("verification_uri")),
        ("expires_in", "", Defect::missing("expires_in")),
        ("expires_in", "0", Defect::unusable("expires_in")),
        ("expires_in", "\"soon\"", Defect::unusable("expires_in")),
    ] {
        let body = answer(name, written);
        let error = read(&body);
        assert!(matches!(&error, Err(Error::Malformed(it)) if it.defect == defect), "{error:?}");
    }
    for (page, defect) in [
        ("http://as.example/device", UrlDefect::Plaintext),
        ("javascript:alert(1)", UrlDefect::Scheme),
        ("https://user@as.example/device", UrlDefect::Credentials),
        ("https://127.0.0.1/device", UrlDefect::PrivateAddress),
        ("as.example/device", UrlDefect::Unparsable),
    ] {
        let error = read(&answer("verification_uri", &format!("\"{page}\"")));
        let (endpoint, url) = (Endpoint::Authorization, shown(page));
        assert_eq!(error, Err(PeerMisbehaved::UnsafeUrl { endpoint, url, defect }.into()));
    }
}

#[test]
fn pages_for_users_are_no_code_for_a_program_between() {
    let written = "\"https://as.example/$(calc);`x`/d?a='b'\"";
    for name in ["verification_uri", "verification_uri_complete"] {
        let code = read(&answer(name, written)).unwrap_or_else(|e| panic!("{e}"));
        let shown = match name {
            "verification_uri" => Some(code.verification_uri()),
            _ => code.verification_uri_complete(),
        };
        let shown = shown.map(HttpUrl::as_str).unwrap_or_default();
        assert!(shown.contains("%28calc%29%3B%60x%60"), "{shown}");
        assert!(!shown.contains(['$', '(', ';', '`', '\'']), "{shown}");
    }
}

#[test]
fn refusals_are_the_servers() {
    for (status, body, code) in [
        (400, r#"{"error":"invalid_scope"}"#, Some("invalid_scope")),
        (200, r#"{"error":"unauthorized_client"}"#, Some("unauthorized_client")),
        (404, "", None),
        (503, "", None),
    ] {
        let error = read_with(status, body, Tolerances::default()).err();
        let refusal = error.as_ref().and_then(Error::refusal);
        assert_eq!(refusal.map(|it| &*it.code), code, "{status}");
        assert!(refusal.is_none_or(|it| it.endpoint == Endpoint::DeviceAuthorization));
    }
}

fn poll(status: u16, body: &str) -> Result<Polled, NoToken> {
    let response = Response::new(status, body.into());
    read_poll(&response, &url("https://as.example/t"), None, TokenType::Bearer, NOW)
}

/// RFC 8628 §3.5.
#[test]
fn a_poll_comes_to_one_of_few_things() {
    let refused = |code: &str| poll(400, &format!(r#"{{"error":"{code}"}}"#)).ok();
    assert_eq!(refused("authorization_pending"), Some(Polled::Pending));
    assert_eq!(refused("slow_down"), Some(Polled::SlowDown));
    let Some(Polled::Denied(denied)) = refused("access_denied") else { panic!() };
    assert!(denied.is_denied_by_user());
    assert_eq!(Error::from(denied).code(), "refused_device_authorization_access_denied");
    let Some(Polled::Expired(expired)) = refused("expired_token") else { panic!() };
    assert_eq!(Error::from(expired).code(), "refused_device_authorization_expired_token");
    assert_eq!(poll(200, r#"{"error":"authorization_pending"}"#).ok(), Some(Polled::Pending));
    let tokens = poll(200, r#"{"access_token":"at","token_type":"Bearer"}"#);
    assert!(matches!(tokens, Ok(Polled::Tokens(it)) if it.access_token.token() == "at"));
    for (status, body) in [
        (400, r#"{"error":"invalid_grant"}"#),
        (400, r#"{"error":"invalid_client"}"#),
        (503, r#"{"error":"authorization_pending"}"#),
        (200, "{}"),
        (200, r#"{"access_token":"at","token_type":"DPoP"}"#),
    ] {
        assert!(poll(status, body).is_err(), "{status} {body}");
    }
}

proptest! {
    #[test]
    fn any_answer_is_read_without_panic(
        status in prop_oneof![Just(200), 100u16..600],
        name in "(device_code|user_code|verification_uri|verification_uri_complete|expires_in|interval|error)",
        written in r#"("[^"\\]{0,12}"|[0-9e.-]{0,8}|\{|\[|null|true|"https://[a-z@:/?#$']{0,12}")"#,
    ) {
        let body = answer(&name, &written);
        if let Ok(code) = read_with(status, &body, Tolerances::default()) {
            prop_assert!(is_plain(code.user_code()) && !code.user_code().is_empty());
            prop_assert!(code.expires_at() > NOW && code.interval() > Duration::ZERO);
            for page in [Some(code.verification_uri()), code.verification_uri_complete()] {
                let page = page.map(HttpUrl::as_str).unwrap_or("https://");
                let authority = page.strip_prefix("https://").and_then(|it| it.split('/').next());
                prop_assert!(authority.is_some_and(|it| !it.contains('@')), "{page}");
                prop_assert!(!page.contains(['$', '\'']), "{page}");
            }
        }
        drop(poll(status, &body));
    }
}
