use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::auth_method::AuthMethod;
use crate::entropy::Entropy;
use crate::form::owned_pairs;
use crate::scope::Scopes;
use crate::url::HttpAllowance;
use crate::wire::authorization::authorization_url;
use crate::wire::client_assertion::{AssertionStyle, ClientIdMode};
use crate::wire::dialect::{Dialect, Parameter};
use crate::wire::jws::SignedJwt;
use crate::wire::sought::Sought;

const NOW: UnixTime = UnixTime::from_secs(1_900_000_000);

fn url(text: &str) -> HttpUrl {
    HttpUrl::parse(text, HttpAllowance::Forbidden).unwrap_or_else(|e| panic!("{e}"))
}

fn endpoint() -> HttpUrl {
    url("https://as.example/par?p=1")
}

fn server(endpoint: &str) -> ServerMetadata {
    let mut server = ServerMetadata::sample("");
    server.authorization_endpoint = Some(url(endpoint));
    server
}

/// Hands out a login's request with everything that one may have.
fn with_login<T>(use_it: impl FnOnce(&AuthorizationRequest<'_>) -> T) -> T {
    let entropy = Entropy::from_bytes([7; 64]);
    let scopes = Scopes::parse("a b offline_access");
    let more = Parameter { name: "audience".into(), value: "x&y".into() };
    let dialect = Dialect { authorization: Vec::from([more]), ..Dialect::default() };
    use_it(&AuthorizationRequest {
        client_id: "https://app.example/c.json",
        redirect_uri: "http://127.0.0.1:51004/callback",
        dialect: Some(&dialect),
        resource: "https://MCP.example/mcp?a=b",
        scopes: scopes.as_ref(),
        sought: &Sought::default(),
        verifier: &entropy.verifier,
        dpop_jkt: Some("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"),
        state: &entropy.state,
    })
}

fn said(text: &str) -> Vec<(String, String)> {
    owned_pairs(text)
}

fn query(url: &AuthorizationUrl) -> Vec<(String, String)> {
    said(url.as_str().split_once('?').unwrap_or_default().1)
}

/// RFC 9126 §2.1: all of it, once, and the client's authentication.
#[test]
fn what_is_pushed_is_what_the_url_would_say() {
    let (server, secret) = (server("https://as.example/a"), Secret::from("s&1"));
    let assertion: SignedJwt = serde_json::from_str("\"h.c.s\"").unwrap_or_else(|e| panic!("{e}"));
    let id = "https://app.example/c.json";
    let jwt_bearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let signed = [("client_assertion_type", jwt_bearer), ("client_assertion", "h.c.s")];
    let both = AssertionStyle { client_id: ClientIdMode::Send, ..AssertionStyle::default() };
    for (client, more, has_header) in [
        (Authentication::Public { client_id: id }, &[][..], false),
        (Authentication::of(AuthMethod::ClientSecretBasic, id, Some(&secret)), &[], true),
        (
            Authentication::of(AuthMethod::ClientSecretPost, id, Some(&secret)),
            &[("client_secret", "s&1")],
            false,
        ),
        (Authentication::signed(&assertion, id, AssertionStyle::default()), &signed, false),
        (Authentication::signed(&assertion, id, both), &signed, false),
    ] {
        with_login(|what| {
            let request = push_request(&endpoint(), &server, what, client);
            let mut expected = query(&authorization_url(&server, what));
            expected.extend(more.iter().map(|(name, value)| (name.to_string(), value.to_string())));
            let body = core::str::from_utf8(request.body()).unwrap_or_default();
            assert_eq!(said(body), expected, "{client:?}");
            assert_eq!(request.headers().any(|(name, _)| name == "authorization"), has_header);
            assert_eq!(request.url(), &endpoint());
            assert_eq!(request.endpoint().name(), "pushed_authorization");
        });
    }
}

fn pushed(request_uri: &str) -> PushedRequest {
    let (request_uri, tolerated) = (request_uri.into(), Tolerances::NONE);
    PushedRequest { request_uri, expires_at: NOW, tolerated }
}

#[test]
fn the_browser_is_shown_who_asks_and_a_reference_and_nothing_else() {
    let reference = "urn:ietf:params:oauth:request_uri:6esc_11&x=y $(z)*";
    for (endpoint, own) in [
        ("https://as.example/a", &[][..]),
        ("https://as.example/a?p=policy&resource=x", &[("p", "policy")]),
    ] {
        let url = with_login(|what| pushed_url(&server(endpoint), what, &pushed(reference)));
        let client_id = ("client_id", "https://app.example/c.json");
        let expected = own.iter().copied().chain([client_id, ("request_uri", reference)]);
        let expected = expected.map(|(name, value)| (name.to_string(), value.to_string()));
        assert!(query(&url).into_iter().eq(expected), "{url:?}");
        assert!(url.as_str().starts_with("https://as.example/a?"));
        assert!(!url.as_str().contains(['$', '*']), "{}", url.as_str());
        assert!(!format!("{url:?}").contains("urn"));
    }
}

/// What a listener compares with is not cut out of a URL that does not have it.
#[test]
fn the_state_is_known_beside_the_url() {
    let state = with_login(|what| what.state.with_text(ToString::to_string));
    let shown = with_login(|what| authorization_url(&server("https://as.example/a"), what));
    let hidden =
        with_login(|what| pushed_url(&server("https://as.example/a"), what, &pushed("urn:x")));
    assert!(shown.as_str().ends_with(&state) && !hidden.as_str().contains(&state));
    for url in [shown, hidden] {
        assert_eq!(url.state(), state);
        assert!(url.is_answered_by(&format!("code=c&state={state}")));
        assert!(!url.is_answered_by("code=c&state=x"));
    }
}

fn read(status: u16, body: &str, tolerates: Tolerances) -> Result<PushedRequest, Error> {
    read_pushed(&Response::new(status, body.into()), &endpoint(), tolerates, NOW)
        .map(|(pushed, _)| pushed)
}

#[test]
fn answers_are_read_and_what_is_tolerated_is_named() {
    let lax = Tolerances::default();
    for (status, more, seconds, needed) in [
        (201, r#","expires_in":90"#, 90, None),
        (201, r#","expires_in":90.9,"x":[1]"#, 90, None),
        (201, "", 60, None),
        (201, r#","expires_in":null"#, 60, None),
        (200, r#","expires_in":90"#, 90, Some(Tolerance::PushedStatus)),
        (201, r#","expires_in":"90""#, 90, Some(Tolerance::TextualLifetime)),
        (201, r#","expires_in":"soon""#, 60, Some(Tolerance::MisshapenMembers)),
        (201, r#","expires_in":0"#, 60, Some(Tolerance::MisshapenMembers)),
        (201, r#","expires_in":-5"#, 60, Some(Tolerance::MisshapenMembers)),
    ] {
        let body = format!(r#"{{"request_uri":"urn:planted"{more}}}"#);
        let pushed = read(status, &body, lax).unwrap_or_else(|e| panic!("{body}: {e}"));
        assert_eq!(pushed.request_uri.expose(), "urn:planted");
        assert_eq!(pushed.expires_at, NOW + Duration::from_secs(seconds), "{body}");
        assert_eq!(pushed.tolerated, needed.into_iter().collect(), "{body}");
        assert!(!format!("{pushed:?}").contains("planted"));
        let stored = serde_json::to_string(&pushed).unwrap_or_default();
        assert_eq!(serde_json::from_str(&stored).ok(), Some(pushed));
        let strict = read(status, &body, Tolerances::NONE);
        match needed {
            None => assert!(strict.is_ok(), "{body}"),
            Some(needed) => assert!(matches!(
                strict,
                Err(Error::PeerMisbehaved(PeerMisbehaved::NotTolerated { tolerance, .. }))
                    if tolerance == needed
            )),
        }
    }
    let long = read(201, r#"{"request_uri":"u","expires_in":1e300}"#, lax);
    assert!(long.is_ok_and(|it| it.expires_at == UnixTime::from_secs(u64::MAX)), "it saturates");
}

#[test]
fn what_is_no_reference_says_why() {
    let lax = Tolerances::default();
    let fitting = format!(r#"{{"request_uri":"{}"}}"#, "u".repeat(MAX_REQUEST_URI));
    assert!(read(201, &fitting, lax).is_ok());
    let long = format!(r#"{{"request_uri":"{}"}}"#, "u".repeat(MAX_REQUEST_URI + 1));
    for (body, defect) in [
        ("{}", Defect::missing("request_uri")),
        (r#"{"request_uri":""}"#, Defect::missing("request_uri")),
        (r#"{"request_uri":7}"#, Defect::unusable("request_uri")),
        (&long, Defect::unusable("request_uri")),
        ("<html>", Defect::Html),
        ("", Defect::Empty),
    ] {
        let error = read(201, body, lax);
        assert!(matches!(&error, Err(Error::Malformed(it)) if it.defect == defect), "{error:?}");
    }
    for (status, body, code) in [
        (400, r#"{"error":"invalid_target"}"#, Some("invalid_target")),
        (401, r#"{"error":"invalid_client"}"#, Some("invalid_client")),
        (400, r#"{"error":"use_dpop_nonce"}"#, Some("use_dpop_nonce")),
        (200, r#"{"error":"invalid_scope"}"#, Some("invalid_scope")),
        (413, "", None),
        (429, "{}", None),
        (302, "", None),
    ] {
        let error = read(status, body, lax).err();
        let refusal = error.as_ref().and_then(Error::refusal);
        assert_eq!(refusal.map(|it| &*it.code), code, "{status} {error:?}");
        assert_eq!(matches!(error, Some(Error::Unreachable(_))), status == 429);
    }
}

proptest! {
    #[test]
    fn any_answer_is_read_without_panic(status in 100u16..600, body in r#"(\{|\}|"|:|,|request_uri|expires_in|[0-9]|.){0,40}"#) {
        if let Ok(pushed) = read(status, &body, Tolerances::default()) {
            prop_assert!(!pushed.request_uri.is_empty() && pushed.expires_at > NOW);
        }
    }

    #[test]
    fn any_reference_comes_whole_to_the_server(reference in "[^\u{0}]{1,60}") {
        let endpoint = "https://as.example/a?p=1";
        let url = with_login(|what| pushed_url(&server(endpoint), what, &pushed(&reference)));
        let found: Vec<_> = query(&url).into_iter().map(|(_, value)| value).collect();
        prop_assert_eq!(found, ["1", "https://app.example/c.json", &*reference]);
        prop_assert!(url.as_str().is_ascii());
        prop_assert!(!url.as_str().contains(['$', '*', '`', '\'', '"', ';', ' ']));
    }
}
