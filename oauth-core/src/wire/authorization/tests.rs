use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::*;
use crate::entropy::Entropy;
use crate::form::{owned_pairs, pairs};
use crate::url::{HttpAllowance, HttpUrl};
use crate::wire::dialect::{Parameter, ResourceMode};
use crate::wire::sought::{LoginHint, Prompt};

fn server(endpoint: &str, promises_iss: bool) -> ServerMetadata {
    let mut server = ServerMetadata::sample("");
    let endpoint = HttpUrl::parse(endpoint, HttpAllowance::Forbidden);
    server.authorization_endpoint = Some(endpoint.unwrap_or_else(|e| panic!("{e}")));
    server.promises_iss = promises_iss;
    server
}

fn url(endpoint: &str, scopes: Option<&str>, entropy: &Entropy) -> AuthorizationUrl {
    url_with(endpoint, scopes, None, &Sought::default(), entropy)
}

fn url_with(
    endpoint: &str,
    scopes: Option<&str>,
    dialect: Option<&Dialect>,
    sought: &Sought,
    entropy: &Entropy,
) -> AuthorizationUrl {
    let scopes = scopes.and_then(Scopes::parse);
    let what = AuthorizationRequest {
        client_id: "https://app.example/c.json",
        redirect_uri: "http://127.0.0.1:51004/callback",
        dialect,
        resource: "https://mcp.example/mcp",
        scopes: scopes.as_ref(),
        sought,
        verifier: &entropy.verifier,
        dpop_jkt: None,
        state: &entropy.state,
    };
    authorization_url(&server(endpoint, false), &what)
}

#[test]
fn the_url_has_every_parameter_once_behind_the_endpoints_own_query() {
    let entropy = Entropy::from_bytes([7; 64]);
    let url = url("https://as.example/a?p=policy", Some("files:read mail"), &entropy);
    let (endpoint, query) = url.as_str().split_once('?').unwrap_or_default();
    assert_eq!(endpoint, "https://as.example/a");
    let found: Vec<_> = owned_pairs(query);
    let challenge = with_challenge(&entropy.verifier, ToString::to_string);
    let state = entropy.state.with_text(ToString::to_string);
    let expected = [
        ("p", "policy"),
        ("response_type", "code"),
        ("client_id", "https://app.example/c.json"),
        ("redirect_uri", "http://127.0.0.1:51004/callback"),
        ("code_challenge_method", "S256"),
        ("resource", "https://mcp.example/mcp"),
        ("scope", "files:read mail"),
        ("code_challenge", &challenge),
        ("state", &state),
    ];
    assert_eq!(found, expected.map(|(name, value)| (name.into(), value.into())));
    assert_eq!(url.state(), state);
    assert!(!format!("{url:?}").contains(&state), "state is not shown");
}

/// Servers have scopes that shells would take for the names of files.
#[test]
fn nothing_in_the_url_means_something_to_a_shell() {
    let entropy = Entropy::from_bytes([7; 64]);
    let url = url("https://as.example/a*b?p=$(x)*", Some("files:* `a` 'b'*"), &entropy);
    let is_inert = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?&=+,@%[]".contains(&byte);
    assert!(url.as_str().bytes().all(is_inert), "{}", url.as_str());
    let query = url.as_str().split_once('?').unwrap_or_default().1;
    let said: Vec<_> = owned_pairs(query);
    for expected in [("p", "$(x)*"), ("scope", "files:* `a` 'b'*")] {
        assert!(said.contains(&(expected.0.into(), expected.1.into())), "{said:?}");
    }
    assert!(url.as_str().starts_with("https://as.example/a%2Ab?"));
}

/// RFC 9449 §10.
#[test]
fn a_code_is_bound_to_the_key_that_the_request_names() {
    let entropy = Entropy::from_bytes([7; 64]);
    let (server, sought) = (server("https://as.example/a", false), Sought::default());
    for dpop_jkt in [Some("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"), None] {
        let what = AuthorizationRequest {
            client_id: "c",
            redirect_uri: "http://127.0.0.1:51004/callback",
            dialect: None,
            resource: "https://mcp.example/mcp",
            scopes: None,
            sought: &sought,
            verifier: &entropy.verifier,
            dpop_jkt,
            state: &entropy.state,
        };
        let url = authorization_url(&server, &what);
        let query = url.as_str().split_once('?').unwrap_or_default().1;
        let found = pairs(query).find(|(name, _)| name == "dpop_jkt");
        assert_eq!(found.as_ref().map(|(_, value)| &**value), dpop_jkt);
        assert!(url.as_str().ends_with(url.state()));
    }
}

/// RFC 6749 §3.1: no parameter may stand in a request twice.
#[test]
fn what_the_endpoint_says_is_kept_or_replaced_and_never_said_twice() {
    let entropy = Entropy::from_bytes([7; 64]);
    let own = |name: &str, value: &str| Dialect {
        authorization: alloc::vec![Parameter { name: name.into(), value: value.into() }],
        ..Dialect::default()
    };
    let omitting = Dialect {
        prompt: Some(PromptMode::Omit),
        resource: Some(ResourceMode::Omit),
        ..Dialect::default()
    };
    let (login, nothing) = (own("prompt", "login"), Dialect::default());
    let policy = own("p", "2");
    let offline = Some("a offline_access");
    let nobody = Sought::default();
    for (query, scopes, dialect, name, value) in [
        ("prompt=select_account", None, &nothing, "prompt", Some("select_account")),
        ("prompt=select_account", offline, &nothing, "prompt", Some("select_account")),
        ("%70rompt=select_account", offline, &nothing, "prompt", Some("select_account")),
        ("prompt=select_account", offline, &login, "prompt", Some("login")),
        ("prompt=select_account", offline, &omitting, "prompt", Some("select_account")),
        ("p=1", offline, &nothing, "prompt", Some("consent")),
        ("p=1", offline, &login, "prompt", Some("login")),
        ("p=1", offline, &omitting, "prompt", None),
        ("p=1", offline, &policy, "p", Some("2")),
        ("p=1", offline, &nothing, "p", Some("1")),
        ("scope=x", offline, &nothing, "scope", offline),
        ("scope=x", None, &nothing, "scope", Some("x")),
        ("resource=x", None, &nothing, "resource", Some("https://mcp.example/mcp")),
        ("resource=x", None, &omitting, "resource", Some("x")),
        ("resource=x&p=1", None, &nothing, "p", Some("1")),
    ] {
        let endpoint = format!("https://as.example/a?{query}");
        let url = url_with(&endpoint, scopes, Some(dialect), &nobody, &entropy);
        let (_, sent) = url.as_str().split_once('?').unwrap_or_default();
        let found: Vec<_> = pairs(sent).filter(|(it, _)| it == name).map(|(_, it)| it).collect();
        assert_eq!(
            found.iter().map(|it| &**it).collect::<Vec<_>>(),
            value.into_iter().collect::<Vec<_>>(),
            "{query} {name} {url:?}"
        );
        assert!(!sent.contains("&&") && !sent.contains("?&"), "{sent}");
        assert_eq!(url.state(), entropy.state.with_text(ToString::to_string));
    }
}

/// Whoever else says it: the settings, the provider's profile, the endpoint, the machine for a refresh token.
#[test]
fn what_one_login_seeks_is_said_once() {
    let entropy = Entropy::from_bytes([7; 64]);
    let mut sought = Sought::default();
    sought.ask(Prompt::SelectAccount);
    sought.expect(LoginHint::parse("ann+b@as.example").unwrap_or_else(|e| panic!("{e}")));
    let own = |parameters: &[(&str, &str)]| Dialect {
        authorization: parameters
            .iter()
            .map(|(name, value)| Parameter { name: (*name).into(), value: (*value).into() })
            .collect(),
        ..Dialect::default()
    };
    let omitting = Dialect { prompt: Some(PromptMode::Omit), ..Dialect::default() };
    let offline = Some("a offline_access");
    for (query, scopes, dialect, prompt) in [
        ("", None, own(&[]), "select_account"),
        ("?p=1", None, own(&[]), "select_account"),
        ("", offline, own(&[]), "select_account consent"),
        ("", offline, omitting, "select_account"),
        ("", offline, own(&[("prompt", "login")]), "select_account"),
        ("", None, own(&[("prompt", "consent"), ("login_hint", "bob")]), "select_account consent"),
        ("?prompt=none&login_hint=bob", offline, own(&[]), "select_account"),
        ("?prompt=consent", None, own(&[]), "select_account consent"),
        ("?prompt=consent", None, own(&[("prompt", "login")]), "select_account"),
    ] {
        let endpoint = format!("https://as.example/a{query}");
        let url = url_with(&endpoint, scopes, Some(&dialect), &sought, &entropy);
        let (_, sent) = url.as_str().split_once('?').unwrap_or_default();
        let said = |name: &str| {
            pairs(sent).filter(|(it, _)| it == name).map(|(_, it)| it.into()).collect::<Vec<_>>()
        };
        let [prompts, hints]: [Vec<String>; 2] = ["prompt", "login_hint"].map(said);
        assert_eq!(prompts, [prompt], "{query} {dialect:?}");
        assert_eq!(hints, ["ann+b@as.example"], "{query} {dialect:?}");
        assert_eq!(url.state(), entropy.state.with_text(ToString::to_string));
    }
}

#[test]
fn scope_is_left_out_or_brings_its_prompt() {
    let entropy = Entropy::from_bytes([7; 64]);
    assert!(!url("https://as.example/a", None, &entropy).as_str().contains("scope="));
    let offline = url("https://as.example/a", Some("a offline_access"), &entropy);
    assert!(offline.as_str().contains("scope=a+offline_access&prompt=consent"));
}

#[test]
fn a_redirect_is_believed_only_with_the_right_state_and_issuer() {
    let entropy = Entropy::from_bytes([7; 64]);
    let state = entropy.state.with_text(ToString::to_string);
    let with = |rest: &str| format!("{rest}&state={state}");
    let read = |query: &str, promises| {
        let server = server("https://as.example/a", promises);
        read_redirect(query, &entropy.state, &server, Tolerances::default())
            .map(|(code, _)| code.0.expose().to_string())
    };
    let expected = || Box::from("https://as.example");
    let wrong =
        |found: &str| PeerMisbehaved::WrongIss { expected: expected(), found: found.into() };
    let twice = |name: &str| PeerMisbehaved::RepeatedParameter { name: name.into() };
    let right = "iss=https%3A%2F%2Fas.example";

    assert_eq!(read(&with("code=a%2Bb+c"), false), Ok("a+b c".into()));
    assert_eq!(read(&with(&format!("code=x&{right}&unknown=1&unknown=2")), true), Ok("x".into()));
    for (query, promises, error) in [
        ("code=x".into(), false, PeerMisbehaved::StateMismatch),
        ("code=x&state=".into(), false, PeerMisbehaved::StateMismatch),
        ("error=access_denied&state=guess".into(), false, PeerMisbehaved::StateMismatch),
        (with(&with("code=x")), false, PeerMisbehaved::StateMismatch),
        (other_case(&with("code=x")), false, PeerMisbehaved::StateMismatch),
        (with("code=x"), true, PeerMisbehaved::MissingIss { expected: expected() }),
        (with("code=x&iss="), true, PeerMisbehaved::MissingIss { expected: expected() }),
        (with("code=x&iss=https://as.example/"), false, wrong("https://as.example/")),
        (with("code=x&iss=https://AS.example"), false, wrong("https://AS.example")),
        (with("code=x&iss=HTTPS://as.example"), true, wrong("HTTPS://as.example")),
        (with("error=server_error&iss=https://evil.example"), true, wrong("https://evil.example")),
        (with(&format!("code=x&{right}&{right}")), true, twice("iss")),
        (with("code=x&code=y"), false, twice("code")),
        (with("error=x&error=y"), false, twice("error")),
        (with("code=x&error=y"), false, PeerMisbehaved::NoAnswer),
        (with("code="), false, PeerMisbehaved::NoAnswer),
    ] {
        assert_eq!(read(&query, promises), Err(error.into()), "{query}");
    }
}

/// The same query with the letters of `state` the other way round.
fn other_case(query: &str) -> String {
    let (rest, state) = query.split_once("&state=").unwrap_or_default();
    let swapped = state.chars().map(|it| match it {
        it if it.is_ascii_lowercase() => it.to_ascii_uppercase(),
        it => it.to_ascii_lowercase(),
    });
    format!("{rest}&state={}", swapped.collect::<String>())
}

#[test]
fn an_error_redirect_is_a_refusal_in_the_servers_words() {
    let entropy = Entropy::from_bytes([7; 64]);
    let query = entropy.state.with_text(|state| {
        format!("error=access_denied&error_description=%3Cb%3Eno&error_uri=https://x&state={state}")
    });
    let server = server("https://as.example/a", false);
    let result = read_redirect(&query, &entropy.state, &server, Tolerances::default());
    let Err(Error::Refused(refusal)) = result else { panic!("{result:?}") };
    assert!(refusal.is_denied_by_user());
    assert_eq!(refusal.description.as_deref(), Some("<b>no"));
    assert_eq!(refusal.uri.as_deref(), Some("https://x"));
}

#[test]
fn a_pasted_redirect_is_recognized_by_its_state() {
    let entropy = Entropy::from_bytes([7; 64]);
    let url = url("https://as.example/a", None, &entropy);
    assert!(url.is_answered_by(&format!("error=x&state={}", url.state())));
    assert!(!url.is_answered_by("code=x&state=other"));
    assert!(!url.is_answered_by(&other_case(&format!("code=x&state={}", url.state()))));
    assert!(!url.is_answered_by("code=x"));
}
