//! The judge judged: requests written by hand, and what [`World`] makes of them.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use core::time::Duration;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{Request, Response, header};
use oauth_tests::serve::Served;
use oauth_tests::world::{
    AuthMethod, BadToken, Challenge, Consent, Damage, Fault, Grant, IssParameter, IssuerPath,
    Knobs, Legacy, MetadataLocation, PRE_CLIENT_ID, PRE_CLIENT_SECRET, Party, Registration, Reuse,
    ScopePolicy, TokenForm, What, World,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

const CALLBACK: &str = "http://127.0.0.1:7777/cb";
const VERIFIER: &str = "verifier-verifier-verifier-verifier-verifier";
const NONE: [&str; 0] = [];

/// The requests of a client that does everything right, unless told otherwise.
struct Client {
    world: World,
    auth: &'static str,
    id: String,
    secret: Option<String>,
    logins: u32,
}

impl Client {
    fn new(knobs: Knobs) -> Self {
        let mut client = Self::unregistered(knobs);
        client.register();
        client
    }

    fn unregistered(knobs: Knobs) -> Self {
        let world = World::new(knobs);
        Self { world, auth: "https://auth.example.com", id: String::new(), secret: None, logins: 0 }
    }

    fn register(&mut self) {
        let answer = self.post_registration(&registration());
        assert_eq!(answer.status(), 201);
        self.id = json_of(&answer)["client_id"].as_str().unwrap().into();
        self.secret = json_of(&answer)["client_secret"].as_str().map(Into::into);
    }

    fn post_registration(&mut self, body: &Value) -> Response<Vec<u8>> {
        let request = Request::post(format!("{}/register", self.auth))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.to_string().into_bytes());
        self.world.handle(&request.unwrap())
    }

    fn authorization_url(&mut self, scope: &str, changes: &[(&str, &str)]) -> String {
        self.logins += 1;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier(self.logins)));
        let state = format!("state-{}", self.logins);
        let resource = self.world.server_url();
        let pairs = [
            ("response_type", "code"),
            ("client_id", &self.id),
            ("redirect_uri", CALLBACK),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("state", &state),
            ("resource", &resource),
            ("scope", scope),
        ];
        format!("{}/authorize?{}", self.auth, form(&pairs, changes))
    }

    fn code(&mut self, scope: &str) -> String {
        let url = self.authorization_url(scope, &[]);
        let query = self.world.visit(&url).unwrap();
        value(&query, "code").expect("the user consents")
    }

    fn redeem(&mut self, code: &str, changes: &[(&str, &str)]) -> Response<Vec<u8>> {
        let verifier = verifier(self.logins);
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", &verifier),
            ("redirect_uri", CALLBACK),
        ];
        self.post_token(&pairs, changes, None)
    }

    fn refresh(&mut self, token: &str) -> Response<Vec<u8>> {
        self.post_token(&[("grant_type", "refresh_token"), ("refresh_token", token)], &[], None)
    }

    fn post_token(
        &mut self,
        pairs: &[(&str, &str)],
        changes: &[(&str, &str)],
        basic: Option<&str>,
    ) -> Response<Vec<u8>> {
        let resource = self.world.server_url();
        let mut pairs = pairs.to_vec();
        pairs.extend([("client_id", self.id.as_str()), ("resource", resource.as_str())]);
        let mut request = Request::post(format!("{}/token", self.auth))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json");
        if let Some(basic) = basic {
            let value = format!("Basic {}", STANDARD.encode(basic));
            request = request.header(header::AUTHORIZATION, value);
        }
        self.world.handle(&request.body(form(&pairs, changes).into_bytes()).unwrap())
    }

    fn login(&mut self, scope: &str) -> (String, String) {
        let code = self.code(scope);
        let answer = self.redeem(&code, &[]);
        assert_eq!(answer.status(), 200, "{:?}", self.world.violations);
        let text = |name: &str| json_of(&answer)[name].as_str().unwrap_or_default().to_owned();
        (text("access_token"), text("refresh_token"))
    }

    fn mcp(&mut self, method: &str, token: Option<&str>) -> Response<Vec<u8>> {
        let mut request = Request::post(self.world.server_url());
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let params = json!({ "name": "add", "arguments": { "a": 2, "b": 3 } });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        self.world.handle(&request.body(body.to_string().into_bytes()).unwrap())
    }

    fn get(&mut self, url: &str) -> Response<Vec<u8>> {
        self.world.handle(&Request::get(url).body(Vec::new()).unwrap())
    }
}

fn registration() -> Value {
    json!({
        "client_name": "test",
        "application_type": "native",
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    })
}

fn verifier(login: u32) -> String {
    format!("{VERIFIER}-{login}")
}

/// Encodes pairs with some replaced; a replacement by `""` removes.
fn form(pairs: &[(&str, &str)], changes: &[(&str, &str)]) -> String {
    let change = |name: &str| changes.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let mut all: Vec<_> =
        pairs.iter().map(|(name, value)| (*name, change(name).unwrap_or(value))).collect();
    let known = |name: &str| pairs.iter().any(|(key, _)| *key == name);
    all.extend(changes.iter().filter(|(name, _)| !known(name)));
    all.retain(|(_, value)| !value.is_empty());
    form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish()
}

fn value(query: &str, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn json_of(response: &Response<Vec<u8>>) -> Value {
    serde_json::from_slice(response.body()).expect("a JSON answer")
}

fn error_of(response: &Response<Vec<u8>>) -> String {
    json_of(response)["error"].as_str().unwrap_or_default().into()
}

fn challenges(response: &Response<Vec<u8>>) -> Vec<&str> {
    let values = response.headers().get_all(header::WWW_AUTHENTICATE);
    values.iter().map(|value| value.to_str().unwrap()).collect()
}

#[test]
fn a_sound_client_gets_in_without_violations() {
    let mut client = Client::unregistered(Knobs::default());
    let challenge = client.mcp("tools/list", None);
    assert_eq!(challenge.status(), 401);
    let prm = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp";
    let wanted = format!("Bearer scope=\"mcp:basic\", resource_metadata=\"{prm}\"");
    assert_eq!(challenges(&challenge), [wanted]);
    let resource = json_of(&client.get(prm));
    assert_eq!(resource["resource"], "https://mcp.example.com/mcp");
    assert_eq!(resource["authorization_servers"], json!(["https://auth.example.com"]));
    let metadata = client.get("https://auth.example.com/.well-known/oauth-authorization-server");
    assert_eq!(json_of(&metadata)["issuer"], "https://auth.example.com");
    client.register();
    let (access, refresh) = client.login("mcp:basic");
    assert_eq!((access.as_str(), refresh.as_str()), ("at-1-auth", "rt-1-auth"));
    let answer = client.mcp("tools/call", Some(&access));
    assert_eq!(json_of(&answer)["result"]["content"][0]["text"], "5");
    assert_eq!(client.world.violations, NONE);
    assert_eq!(client.world.oauth_requests(), 5);
    assert_eq!(client.world.count(What::Token(Grant::Code)), 1);
    assert_eq!(client.world.scopes_asked(), [Some("mcp:basic")]);
}

#[test]
fn the_same_requests_get_the_same_answers() {
    let mut client = Client::new(Knobs::default());
    let code = client.code("mcp:basic");
    let before = client.world.clone();
    let first = client.redeem(&code, &[]);
    client.world = before;
    let second = client.redeem(&code, &[]);
    assert_eq!(first.body(), second.body());
    assert_eq!(client.world.reuses, 0);
}

#[test]
fn a_spent_refresh_token_ends_the_grant() {
    let mut client = Client::new(Knobs::default());
    let (_, first) = client.login("mcp:basic");
    let answer = client.refresh(&first);
    assert_eq!(json_of(&answer)["refresh_token"], "rt-2-auth");
    assert_eq!(client.mcp("tools/list", Some("at-2-auth")).status(), 200);
    assert_eq!(error_of(&client.refresh(&first)), "invalid_grant");
    assert_eq!(client.world.reuses, 1);
    assert_eq!(error_of(&client.refresh("rt-2-auth")), "invalid_grant");
    assert_eq!(client.mcp("tools/list", Some("at-2-auth")).status(), 401);
    assert_eq!(client.world.grants_alive(), 0);
}

#[test]
fn a_spent_refresh_token_may_be_refused_alone_or_taken_for_a_while() {
    let mut client = Client::new(Knobs { reuse: Reuse::Refused, ..Knobs::default() });
    let (_, first) = client.login("mcp:basic");
    assert_eq!(client.refresh(&first).status(), 200);
    assert_eq!(error_of(&client.refresh(&first)), "invalid_grant");
    assert_eq!((client.world.reuses, client.world.grants_alive()), (1, 1));
    assert_eq!(client.refresh("rt-2-auth").status(), 200);

    let mut client = Client::new(Knobs { reuse: Reuse::Grace(30), ..Knobs::default() });
    let (_, first) = client.login("mcp:basic");
    for next in ["rt-2-auth", "rt-3-auth"] {
        assert_eq!(json_of(&client.refresh(&first))["refresh_token"], next);
        client.world.advance(30);
    }
    client.world.advance(1);
    assert_eq!(error_of(&client.refresh(&first)), "invalid_grant");
    assert_eq!((client.world.reuses, client.world.grants_alive()), (1, 0));
}

#[test]
fn a_spent_code_ends_the_grant() {
    let mut client = Client::new(Knobs::default());
    let code = client.code("mcp:basic");
    assert_eq!(client.redeem(&code, &[]).status(), 200);
    assert_eq!(error_of(&client.redeem(&code, &[])), "invalid_grant");
    assert_eq!(client.mcp("tools/list", Some("at-1-auth")).status(), 401);
    assert_eq!(client.world.reuses, 1);
}

#[test]
fn every_fault_of_a_token_request_is_refused_and_recorded() {
    let long = "x".repeat(50);
    let faults: [(&str, &str, &str); 7] = [
        ("code_verifier", &long, "invalid_grant"),
        ("code_verifier", "", "invalid_request"),
        ("redirect_uri", "http://127.0.0.1:7777/other", "invalid_grant"),
        ("resource", "", "invalid_target"),
        ("resource", "https://mcp.example.com/mcp/", "invalid_target"),
        ("client_id", "client-9", "invalid_client"),
        ("client_secret", "something", "invalid_client"),
    ];
    for (name, value, error) in faults {
        let mut client = Client::new(Knobs::default());
        let code = client.code("mcp:basic");
        assert_eq!(error_of(&client.redeem(&code, &[(name, value)])), error, "{name}={value}");
        assert_eq!(client.world.violations.len(), 1, "{:?}", client.world.violations);
    }
}

#[test]
fn every_fault_of_an_authorization_request_is_refused_and_recorded() {
    let faults = [
        ("response_type", "token", "unsupported_response_type"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("state", "", "invalid_request"),
        ("resource", "", "invalid_target"),
        ("resource", "https://mcp.example.com", "invalid_target"),
        ("scope", "mcp:basic as:decoy", "invalid_scope"),
        ("scope", "offline_access", "invalid_scope"),
    ];
    for (name, text, error) in faults {
        let mut client = Client::new(Knobs::default());
        let url = client.authorization_url("mcp:basic", &[(name, text)]);
        let query = client.world.visit(&url).unwrap();
        assert_eq!(value(&query, "error").as_deref(), Some(error), "{name}={text}");
        assert_eq!(client.world.violations.len(), 1, "{:?}", client.world.violations);
    }
}

#[test]
fn a_redirect_uri_of_nobody_is_not_redirected_to() {
    for (flexible, uri, well) in [
        (false, "http://127.0.0.1:8888/cb", false),
        (true, "http://127.0.0.1:8888/cb", true),
        (true, "http://127.0.0.1:8888/other", false),
        (true, "http://127.0.0.1.nip.io:7777/cb", false),
    ] {
        let mut client = Client::new(Knobs { any_loopback_port: flexible, ..Knobs::default() });
        let url = client.authorization_url("mcp:basic", &[("redirect_uri", uri)]);
        assert_eq!(client.world.visit(&url).is_ok(), well, "{uri}");
        assert_eq!(client.world.violations.is_empty(), well, "{uri}");
    }
}

#[test]
fn a_challenge_or_state_may_not_be_used_twice() {
    let mut client = Client::new(Knobs::default());
    let url = client.authorization_url("mcp:basic", &[]);
    client.world.visit(&url).unwrap();
    client.world.visit(&url).unwrap();
    assert_eq!(client.world.violations, NONE);
    client.world.visit(&url.replace("mcp%3Abasic", "mcp%3Awrite")).unwrap();
    assert_eq!(client.world.violations.len(), 2, "{:?}", client.world.violations);
}

#[test]
fn forms_are_read_strictly() {
    let good = "grant_type=refresh_token&refresh_token=rt-1-auth&client_id=client-1\
                &resource=https%3A%2F%2Fmcp.example.com%2Fmcp";
    for (tail, status, faults) in
        [("", 200, 0), ("&client_id=client-1", 400, 1), ("&x=%zz", 400, 1), ("&x=a b", 400, 1)]
    {
        let mut client = Client::new(Knobs::default());
        client.login("mcp:basic");
        let request = Request::post("https://auth.example.com/token")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8")
            .header(header::ACCEPT, "application/json")
            .body(format!("{good}{tail}").into_bytes());
        assert_eq!(client.world.handle(&request.unwrap()).status(), status, "{tail}");
        assert_eq!(client.world.violations.len(), faults, "{tail}");
    }
}

#[test]
fn a_token_request_needs_its_headers() {
    for (name, text) in [(header::CONTENT_TYPE, "application/json"), (header::ACCEPT, "text/html")]
    {
        let mut client = Client::new(Knobs::default());
        let code = client.code("mcp:basic");
        let body = format!("grant_type=authorization_code&code={code}&client_id=client-1");
        let mut request = Request::post("https://auth.example.com/token")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(body.into_bytes())
            .unwrap();
        request.headers_mut().insert(&name, text.parse().unwrap());
        assert_eq!(error_of(&client.world.handle(&request)), "invalid_request", "{name}");
        assert_eq!(client.world.violations.len(), 1, "{name}");
    }
}

#[test]
fn a_secret_is_taken_by_the_registered_method_only() {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    for (method, basic, body, status) in [
        (AuthMethod::Basic, Some(true), false, 200),
        (AuthMethod::Basic, Some(false), false, 401),
        (AuthMethod::Basic, None, true, 401),
        (AuthMethod::Post, None, true, 200),
        (AuthMethod::Post, Some(true), false, 401),
        (AuthMethod::Post, Some(true), true, 400),
        (AuthMethod::Basic, None, false, 401),
    ] {
        let knobs =
            Knobs { assigned_method: Some(method), awkward_secret: true, ..Knobs::default() };
        let mut client = Client::new(knobs);
        let secret = client.secret.clone().unwrap();
        assert!(secret.contains("s:e%c+r t&=é"));
        let code = client.code("mcp:basic");
        let verifier = verifier(client.logins);
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("code_verifier", &verifier),
            ("redirect_uri", CALLBACK),
        ];
        if body {
            pairs.push(("client_secret", &secret));
        }
        let basic = basic.map(|encoded| {
            format!("{}:{}", client.id, if encoded { encode(&secret) } else { secret.clone() })
        });
        let answer = client.post_token(&pairs, &[], basic.as_deref());
        let case = format!("{method:?} {basic:?} {body}: {:?}", client.world.violations);
        assert_eq!(answer.status(), status, "{case}");
        assert_eq!(client.world.violations.is_empty(), status == 200, "{case}");
    }
}

#[test]
fn the_pre_registered_client_needs_no_registration() {
    let knobs = Knobs { registration: Registration::None, ..Knobs::default() };
    let mut client = Client::unregistered(knobs);
    assert_eq!(client.post_registration(&registration()).status(), 404);
    client.id = PRE_CLIENT_ID.into();
    let code = client.code("mcp:basic");
    let verifier = verifier(client.logins);
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("code_verifier", &verifier),
        ("redirect_uri", CALLBACK),
    ];
    let basic = format!("{PRE_CLIENT_ID}:{PRE_CLIENT_SECRET}");
    assert_eq!(client.post_token(&pairs, &[], Some(&basic)).status(), 200);
    assert_eq!(client.world.violations, NONE);
}

#[test]
fn a_registration_must_be_complete() {
    for (name, text, error) in [
        ("application_type", Value::Null, "invalid_client_metadata"),
        ("application_type", json!("web"), "invalid_redirect_uri"),
        ("grant_types", json!(["authorization_code"]), "invalid_client_metadata"),
        ("redirect_uris", json!(["http://example.com/cb"]), "invalid_redirect_uri"),
    ] {
        let mut client = Client::unregistered(Knobs::default());
        let mut body = registration();
        body[name] = text;
        assert_eq!(error_of(&client.post_registration(&body)), error, "{body}");
        assert_eq!(client.world.violations.len(), 1, "{body}");
    }
}

#[test]
fn a_forgotten_client_is_nobodys_fault() {
    let mut client = Client::new(Knobs::default());
    let (_, refresh) = client.login("mcp:basic");
    client.world.forget_clients();
    let answer = client.refresh(&refresh);
    assert_eq!((answer.status().as_u16(), error_of(&answer).as_str()), (401, "invalid_client"));
    assert_eq!(client.world.violations, NONE);
}

#[test]
fn credentials_of_one_server_are_noticed_at_another() {
    let mut client = Client::new(Knobs::default());
    let (access, refresh) = client.login("mcp:basic");
    client.auth = "https://auth2.example.com";
    assert_eq!(client.refresh(&refresh).status(), 401);
    assert_eq!(client.world.violations.len(), 2, "{:?}", client.world.violations);
    assert_eq!(client.mcp("tools/list", Some(&refresh)).status(), 401);
    assert_eq!(client.world.violations.len(), 3, "{:?}", client.world.violations);
    let request = Request::get("https://elsewhere.example.com/")
        .header(header::AUTHORIZATION, format!("Bearer {access}"))
        .body(Vec::new());
    assert_eq!(client.world.handle(&request.unwrap()).status(), 404);
    assert_eq!(client.world.violations.len(), 4, "{:?}", client.world.violations);
    assert_eq!(client.world.count_at(Party::Elsewhere), 1);
}

#[test]
fn a_token_in_a_query_is_refused() {
    let mut client = Client::new(Knobs::default());
    let (access, _) = client.login("mcp:basic");
    let url = format!("{}?access_token={access}", client.world.server_url());
    assert_eq!(client.get(&url).status(), 400);
    assert_eq!(client.world.violations.len(), 2, "{:?}", client.world.violations);
}

#[test]
fn an_expired_token_is_answered_as_the_knob_says() {
    for (knob, status) in [
        (BadToken::Challenged, 401),
        (BadToken::Unexplained, 401),
        (BadToken::Forbidden, 403),
        (BadToken::BadRequest, 400),
    ] {
        let mut client = Client::new(Knobs { bad_token: knob, ..Knobs::default() });
        let (access, _) = client.login("mcp:basic");
        client.world.advance(3599);
        assert_eq!(client.mcp("tools/list", Some(&access)).status(), 200);
        client.world.advance(1);
        let answer = client.mcp("tools/list", Some(&access));
        assert_eq!(answer.status(), status);
        let explained = challenges(&answer)[0].contains("error=\"invalid_token\"");
        assert_eq!(explained, knob != BadToken::Unexplained);
        assert_eq!(client.world.violations, NONE);
    }
}

#[test]
fn a_tool_call_needs_more_scope_when_stepping_up() {
    let mut client = Client::new(Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() });
    let (access, _) = client.login("mcp:basic");
    assert_eq!(client.mcp("tools/list", Some(&access)).status(), 200);
    let answer = client.mcp("tools/call", Some(&access));
    assert_eq!(answer.status(), 403);
    let start = "Bearer error=\"insufficient_scope\", scope=\"mcp:write\", resource_metadata=";
    assert!(challenges(&answer)[0].starts_with(start));
    let (access, _) = client.login("mcp:basic mcp:write");
    assert_eq!(client.mcp("tools/call", Some(&access)).status(), 200);
    assert_eq!(client.world.violations, NONE);
}

#[test]
fn a_migrated_server_takes_tokens_of_the_second_only() {
    let mut client = Client::new(Knobs { migrate_after: Some(1), ..Knobs::default() });
    let (access, _) = client.login("mcp:basic");
    assert_eq!(client.mcp("tools/list", Some(&access)).status(), 200);
    assert_eq!(client.mcp("tools/list", Some(&access)).status(), 401);
    let prm = client.world.prm_url().unwrap();
    let listed = json_of(&client.get(&prm))["authorization_servers"].clone();
    assert_eq!(listed, json!(["https://auth2.example.com"]));
    client.auth = "https://auth2.example.com";
    client.register();
    let (access, _) = client.login("mcp:basic");
    assert_eq!(access, "at-2-auth2");
    assert_eq!(client.mcp("tools/list", Some(&access)).status(), 200);
    assert_eq!(client.world.violations, NONE);
}

#[test]
fn a_refusing_user_and_a_wrong_issuer_reach_the_client() {
    let knobs = Knobs { consent: Consent::Deny, iss: IssParameter::Wrong, ..Knobs::default() };
    let mut client = Client::new(knobs);
    let url = client.authorization_url("mcp:basic", &[]);
    let query = client.world.visit(&url).unwrap();
    assert_eq!(value(&query, "error").as_deref(), Some("access_denied"));
    assert_eq!(value(&query, "iss").as_deref(), Some("https://auth2.example.com"));
    assert_eq!(value(&query, "state").as_deref(), Some("state-1"));
}

#[test]
fn damage_lasts_as_often_as_it_says() {
    let mut client = Client::new(Knobs::default());
    let (_, refresh) = client.login("mcp:basic");
    client.world.knobs.token_damage = Damage::times(Fault::Unavailable { retry_after: 7 }, 2);
    for _ in 0..2 {
        let answer = client.refresh(&refresh);
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()[header::RETRY_AFTER], "7");
    }
    assert_eq!(client.refresh(&refresh).status(), 200);
    let other = Damage::always(Fault::Html).only(Party::AuthServer2);
    client.world.knobs.token_damage = other;
    client.world.knobs.token_form = Damage::always(TokenForm::CrLf);
    let answer = client.refresh("rt-2-auth");
    assert_eq!(json_of(&answer)["access_token"], "at-3-auth\r\nX-Injected: 1");
}

#[test]
fn server_metadata_is_at_its_one_place() {
    let openid = "/.well-known/openid-configuration";
    let inserted = "/.well-known/oauth-authorization-server";
    for (path, location, url) in [
        (IssuerPath::Root, MetadataLocation::Rfc8414, inserted.to_owned()),
        (IssuerPath::Root, MetadataLocation::OidcAppended, openid.into()),
        (IssuerPath::TenantSlash, MetadataLocation::Rfc8414, format!("{inserted}/tenant1")),
        (IssuerPath::Tenant, MetadataLocation::OidcInserted, format!("{openid}/tenant1")),
        (IssuerPath::Tenant, MetadataLocation::OidcAppended, format!("/tenant1{openid}")),
    ] {
        let knobs = Knobs { issuer_path: path, metadata_location: location, ..Knobs::default() };
        let mut client = Client::unregistered(knobs);
        let answer = client.get(&format!("https://auth.example.com{url}"));
        assert_eq!(answer.status(), 200, "{url}");
        assert_eq!(json_of(&answer)["issuer"], client.world.issuer());
        assert_eq!(client.world.violations, NONE);
        let tenant = url.contains("tenant1");
        client.get(&format!("https://auth.example.com{inserted}"));
        assert_eq!(client.world.violations.is_empty(), !tenant, "{url}");
    }
}

#[test]
fn the_legacy_worlds_are_one_server() {
    for (legacy, base, status) in [
        (Legacy::Endpoints, "https://mcp.example.com", 404),
        (Legacy::Metadata, "https://mcp.example.com/oauth", 200),
    ] {
        let mut client = Client::unregistered(Knobs::legacy(legacy));
        let challenge = client.mcp("tools/list", None);
        assert_eq!((challenge.status().as_u16(), challenges(&challenge)), (401, vec![]));
        let url = "https://mcp.example.com/.well-known/oauth-authorization-server";
        assert_eq!(client.get(url).status(), status);
        client.auth = base;
        client.register();
        let (access, _) = client.login("mcp:basic");
        assert_eq!(client.mcp("tools/list", Some(&access)).status(), 200);
        assert_eq!(client.world.violations, NONE);
    }
}

#[test]
fn a_challenge_among_others_is_spread_over_lines() {
    let knobs = Knobs { challenge: Challenge::AmongOthers, ..Knobs::default() };
    let answer = Client::unregistered(knobs).mcp("tools/list", None);
    let lines = challenges(&answer);
    assert_eq!(lines.len(), 3);
    assert!(lines[1].contains("Scope =\t\"mcp:basic\""), "{lines:?}");
}

#[test]
fn e2e_the_served_world_answers_on_one_connection_and_ends() {
    let served = Served::start(Knobs::default()).unwrap();
    let url = served.server_url();
    let host = url.strip_prefix("http://").unwrap().strip_suffix("/mcp").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    for path in ["/mcp", "/.well-known/oauth-protected-resource/mcp"] {
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        while !answer.windows(4).any(|four| four == b"\r\n\r\n") {
            let mut piece = [0; 1024];
            let read = stream.read(&mut piece).unwrap();
            assert_ne!(read, 0);
            answer.extend_from_slice(&piece[..read]);
        }
    }
    let world = served.world();
    let statuses: Vec<_> = world.log.iter().map(|exchange| exchange.status).collect();
    assert_eq!(statuses, [401, 200]);
    assert!(world.now > 1_700_000_000 && world.violations.is_empty());
    drop(world);
    drop(served);
    // What is left of the last body, and then nothing more.
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let ended = stream.read_to_end(&mut Vec::new());
    let is_late = |error: &ErrorKind| matches!(error, ErrorKind::WouldBlock | ErrorKind::TimedOut);
    assert!(!ended.is_err_and(|error| is_late(&error.kind())));
}

#[test]
fn e2e_ending_does_not_wait_for_clients_that_do_nothing() {
    let damage = Damage::always(Fault::Endless);
    let served = Served::start(Knobs { mcp_damage: damage, ..Knobs::default() }).unwrap();
    let url = served.server_url();
    let host = url.strip_prefix("http://").unwrap().strip_suffix("/mcp").unwrap();
    let said_nothing = TcpStream::connect(host).unwrap();
    let mut reads_nothing = TcpStream::connect(host).unwrap();
    write!(reads_nothing, "GET /mcp HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let started = Instant::now();
    while served.world().log.is_empty() {
        assert!(started.elapsed() < Duration::from_secs(10));
        std::thread::yield_now();
    }
    // Long enough for what nobody reads to fill all that is between the two.
    std::thread::sleep(Duration::from_millis(300));
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || {
        drop(served);
        sender.send(()).unwrap();
    });
    ended.recv_timeout(Duration::from_secs(10)).unwrap();
    drop((said_nothing, reads_nothing));
}

#[test]
fn e2e_ending_does_not_wait_for_a_held_answer() {
    let served = Served::start(Knobs::default()).unwrap();
    served.delay_tokens(Duration::from_secs(60));
    let issuer = served.world().issuer();
    let host = issuer.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "POST /token HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n").unwrap();
    let started = Instant::now();
    while served.world().token_requests() == 0 {
        assert!(started.elapsed() < Duration::from_secs(10));
        std::thread::yield_now();
    }
    drop(served);
    assert!(started.elapsed() < Duration::from_secs(10));
}
