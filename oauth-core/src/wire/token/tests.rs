use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::*;
use crate::auth_method::AuthMethod;
use crate::entropy::Entropy;
use crate::error::PeerMisbehaved;
use crate::form::owned_pairs;
use crate::json::Defect;
use crate::url::HttpAllowance;
use crate::wire::dialect::{Parameter, ResourceMode};
use crate::wire::port::Port;
use crate::wire::registration::{ClientSecret, RegistrationKind};

mod bound;

const NOW: UnixTime = UnixTime::from_secs(1_900_000_000);

fn server() -> ServerMetadata {
    let mut server = ServerMetadata::sample("");
    server.token_endpoint = HttpUrl::parse("https://as.example/t?p=1", HttpAllowance::Forbidden)
        .unwrap_or_else(|e| panic!("{e}"));
    server
}

fn client(auth_method: AuthMethod) -> Registration {
    Registration {
        client_id: "c 1".into(),
        client_secret: Some(ClientSecret::for_ever("s&1".into())),
        auth_method,
        redirect_uri: "http://127.0.0.1:1/callback".into(),
        port: Port::Fixed,
        kind: RegistrationKind::Dynamic,
        tolerated: Tolerances::NONE,
        scope: None,
        device_codes: false,
    }
}

fn parties<'a>(server: &'a ServerMetadata, client: &'a Registration) -> TokenParties<'a> {
    TokenParties { server, client, resource: "https://mcp.example/mcp", dialect: None }
}

fn form(request: &Request) -> Vec<(String, String)> {
    owned_pairs(core::str::from_utf8(request.body()).unwrap_or_default())
}

fn owned<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(name, value)| (name.to_string(), value.to_string())).into()
}

#[test]
fn a_code_is_redeemed_with_everything_that_it_was_bound_to() {
    let entropy = Entropy::from_bytes([7; 64]);
    let verifier = entropy.verifier.with_text(ToString::to_string);
    let code = AuthorizationCode("code/1".into());
    let (server, client) = (server(), client(AuthMethod::None));
    let request = code_request(
        &parties(&server, &client).requester(None),
        &client.redirect_uri,
        &code,
        &entropy.verifier,
    );
    assert_eq!(request.url().as_str(), "https://as.example/t?p=1");
    assert_eq!(
        form(&request),
        owned([
            ("grant_type", "authorization_code"),
            ("code", "code/1"),
            ("redirect_uri", "http://127.0.0.1:1/callback"),
            ("code_verifier", &verifier),
            ("resource", "https://mcp.example/mcp"),
            ("client_id", "c 1"),
        ])
    );
}

#[test]
fn a_refresh_names_resource_and_client_and_no_scope() {
    for (method, more, has_header) in [
        (AuthMethod::None, &[("client_id", "c 1")][..], false),
        (AuthMethod::ClientSecretBasic, &[], true),
        (AuthMethod::ClientSecretPost, &[("client_id", "c 1"), ("client_secret", "s&1")], false),
    ] {
        let request =
            refresh_request(&parties(&server(), &client(method)).requester(None), &"rt".into());
        let mut expected = owned([
            ("grant_type", "refresh_token"),
            ("refresh_token", "rt"),
            ("resource", "https://mcp.example/mcp"),
        ]);
        expected.extend(more.iter().map(|(name, value)| (name.to_string(), value.to_string())));
        assert_eq!(form(&request), expected, "{method:?}");
        assert_eq!(request.headers().any(|(name, _)| name == "authorization"), has_header);
    }
}

fn read(response: &Response) -> Result<TokenData, Error> {
    read_tokens(response, server().token_endpoint(), None, TokenType::Bearer, NOW)
        .map_err(|none| none.error)
}

fn answer(status: u16, body: &str) -> Result<TokenData, Error> {
    read(&Response::new(status, body.into()))
}

#[test]
fn a_server_gets_what_it_wants_beyond_the_specification() {
    let (server, client) = (server(), client(AuthMethod::None));
    let parameter = Parameter::new("a b", "c&d", |_| false).unwrap_or_else(|e| panic!("{e}"));
    for (mode, resource) in [
        (ResourceMode::Send, Some("https://mcp.example/mcp")),
        (ResourceMode::Omit, None),
        (ResourceMode::Fixed("api://x".into()), Some("api://x")),
    ] {
        let dialect = Dialect {
            resource: Some(mode),
            token: alloc::vec![parameter.clone()],
            ..Dialect::default()
        };
        let parties = TokenParties { dialect: Some(&dialect), ..parties(&server, &client) };
        let form = form(&refresh_request(&parties.requester(None), &"rt".into()));
        let found = |name: &str| form.iter().find(|it| it.0 == name).map(|it| &*it.1);
        assert_eq!((found("resource"), found("a b")), (resource, Some("c&d")));
    }
}

#[test]
fn what_is_tolerated_is_named_and_can_be_refused() {
    let form = Response::new(200, b"access_token=t&token_type=bearer&expires_in=60".to_vec())
        .with_header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    let json = |body: &str| Response::new(200, body.into());
    for (response, needed) in [
        (json(r#"{"access_token":"t","token_type":"bearer","expires_in":60}"#), None),
        (json(r#"{"access_token":"t"}"#), Some(Tolerance::UntypedToken)),
        (
            json(r#"{"access_token":"t","token_type":"Bearer","expires_in":"60"}"#),
            Some(Tolerance::TextualLifetime),
        ),
        (
            json(r#"{"access_token":"t","token_type":"bearer","scope":["a","b"]}"#),
            Some(Tolerance::ScopeList),
        ),
        (
            json(r#"{"access_token":"t","token_type":"bearer","scope":"a,b"}"#),
            Some(Tolerance::CommaScopes),
        ),
        (
            json(r#"{"ok":true,"authed_user":{"access_token":"t","token_type":"bearer"}}"#),
            Some(Tolerance::NestedToken),
        ),
        (json(r#"{"access_token":"t","token_type":"user"}"#), Some(Tolerance::MisnamedBearer)),
        (json(r#"{"access_token":"t","token_type":"bot"}"#), Some(Tolerance::MisnamedBearer)),
        (
            json(r#"{"access_token":"t","token_type":"bearer","expires_in":"soon"}"#),
            Some(Tolerance::MisshapenMembers),
        ),
        (form, Some(Tolerance::FormEncodedTokens)),
    ] {
        let tokens = read(&response).unwrap_or_else(|e| panic!("{e}"));
        let needed: Tolerances = needed.into_iter().collect();
        assert_eq!(tokens.tolerated, needed);
        assert_eq!(tokens.check(Tolerances::default()), Ok(()));
        let (endpoint, misshapen) = (Endpoint::Token, tokens.misshapen.clone());
        let expected = needed
            .iter()
            .next()
            .map(|tolerance| Err(PeerMisbehaved::NotTolerated { endpoint, tolerance, misshapen }));
        assert_eq!(tokens.check(Tolerances::NONE), expected.unwrap_or(Ok(())));
    }
}

#[test]
fn a_scope_with_a_comma_stays_whole_if_it_was_asked_for() {
    let url = server().token_endpoint().clone();
    let body = r#"{"access_token":"t","token_type":"bearer","scope":"tv:A,B"}"#;
    let response = Response::new(200, body.into());
    let granted = |requested: &str, tolerates| {
        let requested = Scopes::parse(requested);
        let tokens = read_tokens(&response, &url, requested.as_ref(), TokenType::Bearer, NOW);
        let tokens = tokens.unwrap_or_else(|none| panic!("{}", none.error));
        tokens.check(tolerates).map(|()| tokens.scope)
    };
    assert_eq!(granted("read tv:A,B", Tolerances::NONE), Ok(Scopes::parse("tv:A,B")));
    assert_eq!(granted("read tv:A,B", Tolerances::default()), Ok(Scopes::parse("tv:A,B")));
    assert_eq!(granted("tv:A B", Tolerances::default()), Ok(Scopes::parse("tv:A B")));
    assert!(granted("tv:A B", Tolerances::NONE).is_err());
}

#[test]
fn a_nested_token_comes_with_all_that_belongs_to_it_and_yields_to_one_that_is_not_nested() {
    let nested = r#""authed_user":{"id":"u","access_token":"theirs","expires_in":60,
        "refresh_token":"rt","scope":"a"}"#;
    let tokens = answer(200, &format!(r#"{{"expires_in":9,"scope":"b","team":1,{nested}}}"#));
    let tokens = tokens.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(tokens.access_token.token(), "theirs");
    assert_eq!(tokens.expires_at, Some(NOW + Duration::from_secs(60)));
    assert_eq!(tokens.refresh_token.as_ref().map(Secret::expose), Some("rt"));
    assert_eq!(tokens.scope, Scopes::parse("a"));
    assert_eq!(tokens.other.json("team").as_deref(), Some("1"));
    let rest = tokens.other.json("authed_user");
    assert_eq!(rest.as_deref(), Some(r#"{"id":"u"}"#), "the token is stored once");
    let tokens = answer(200, &format!(r#"{{"access_token":"own","scope":"b",{nested}}}"#));
    let tokens = tokens.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((tokens.access_token.token(), tokens.scope), ("own", Scopes::parse("b")));
    assert!(!tokens.tolerated.contains(Tolerance::NestedToken));
    for without in [r#""u""#, "null", "{}", r#"{"access_token":""}"#, r#"{"access_token":1}"#] {
        let missing = answer(200, &format!(r#"{{"ok":true,"authed_user":{without}}}"#));
        assert!(matches!(missing, Err(Error::Malformed(_))), "{without}");
    }
}

#[test]
fn tokens_are_read_and_everything_else_is_kept() {
    let body = r#"{"access_token":"at","token_type":"BEARER","expires_in":3600,"refresh_token":"rt",
        "scope":"a b a","id_token":"planted","x":[1]}"#;
    let tokens = answer(200, body).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(tokens.access_token.token(), "at");
    assert_eq!(tokens.expires_at, Some(NOW + Duration::from_secs(3600)));
    assert_eq!(tokens.refresh_token.as_ref().map(Secret::expose), Some("rt"));
    assert_eq!(tokens.scope, Scopes::parse("a b"));
    assert_eq!(tokens.other.text("id_token"), Some("planted"));
    assert!(!format!("{tokens:?}").contains("planted"));
    let stored = serde_json::to_string(&tokens).unwrap_or_default();
    assert_eq!(serde_json::from_str(&stored).ok(), Some(tokens));
}

/// Otherwise a server could write a record that nobody can read any more.
#[test]
fn members_that_are_named_as_stored_ones_are_left_out() {
    let body = r#"{"access_token":"at","expires_at":"x","tolerated":["y"],"token_type":null}"#;
    let tokens = answer(200, body).unwrap_or_else(|e| panic!("{e}"));
    let stored = serde_json::to_string(&tokens).unwrap_or_default();
    assert_eq!(serde_json::from_str(&stored).ok(), Some(tokens));
}

#[test]
fn lifetimes_are_read_as_servers_write_them() {
    for (written, seconds) in [
        ("3600", Some(3600)),
        ("\"5250\"", Some(5250)),
        ("3600.5", Some(3600)),
        ("0", Some(0)),
        ("-1", Some(0)),
        ("null", None),
        (r#""3600.0""#, Some(3600)),
        ("1e300", Some(u64::MAX)),
    ] {
        let tokens = answer(200, &format!(r#"{{"access_token":"at","expires_in":{written}}}"#));
        let expected = seconds.map(|seconds| NOW + Duration::from_secs(seconds));
        assert_eq!(tokens.map(|tokens| tokens.expires_at), Ok(expected), "{written}");
    }
}

#[test]
fn a_token_lives_until_it_expires_or_is_refused() {
    let lives = |body: &str, margin| {
        answer(200, body).is_ok_and(|tokens| tokens.is_valid_for(NOW, Duration::from_secs(margin)))
    };
    let short = r#"{"access_token":"at","expires_in":60}"#;
    assert!(lives(short, 59) && !lives(short, 60));
    assert!(lives(r#"{"access_token":"at"}"#, 1_000_000));
    assert!(!lives(r#"{"access_token":"at","expires_in":0}"#, 0));
}

#[test]
fn answers_without_usable_tokens_say_why() {
    let refused = answer(200, r#"{"error":"bad_verification_code","error_description":"x"}"#);
    assert!(
        matches!(refused, Err(Error::Refused(refusal)) if &*refusal.code == "bad_verification_code")
    );
    let missing = answer(200, "{}");
    assert!(
        matches!(missing, Err(Error::Malformed(m)) if m.defect == Defect::missing("access_token"))
    );
    let html = answer(200, "<!doctype html>");
    assert!(matches!(html, Err(Error::Malformed(m)) if m.defect == Defect::Html));
    let mac = answer(200, r#"{"access_token":"at","token_type":"mac"}"#);
    assert_eq!(mac, Err(PeerIncompatible::TokenType { found: "mac".into() }.into()));
    let split = answer(200, r#"{"access_token":"a\r\nb"}"#);
    assert_eq!(split, Err(PeerMisbehaved::UnsendableToken.into()));
    let moved = answer(307, "");
    assert!(matches!(moved, Err(Error::Malformed(m)) if m.defect == Defect::Redirect));
}

/// Each of them was an error once: at a login the code was spent, at a refresh the rotated token lost.
#[test]
fn what_cannot_be_read_beside_a_token_counts_as_left_out_and_is_named() {
    let deep = format!("{}1{}", "[".repeat(130), "]".repeat(130));
    for (member, written) in [
        ("expires_in", r#""""#),
        ("expires_in", r#""3600s""#),
        ("expires_in", r#""two minutes""#),
        ("expires_in", "true"),
        ("expires_in", "[]"),
        ("expires_in", "1e999"),
        ("scope", "false"),
        ("scope", "1"),
        ("scope", "{}"),
        ("scope", r#""\ud800""#),
        ("refresh_token", "false"),
        ("refresh_token", "{}"),
        ("token_type", "false"),
        ("x", r#""\udfff""#),
        ("x", "1e999"),
        ("x", &deep),
        ("x", r#"1,"x":1"#),
        ("scope", r#""a","scope":"b""#),
        ("expires_in", r#"1,"expires_in":1"#),
    ] {
        let tokens = answer(200, &format!(r#"{{"access_token":"at","{member}":{written}}}"#));
        let tokens = tokens.unwrap_or_else(|error| panic!("{member} {written}: {error}"));
        assert!(tokens.misshapen.iter().eq([member]), "{member} {written}: {tokens:?}");
        assert!(tokens.tolerated.contains(Tolerance::MisshapenMembers));
        assert_eq!((tokens.expires_at, &tokens.refresh_token), (None, &None));
        assert!(tokens.scope.is_none() && tokens.other.is_empty(), "{member} {written}");
        let stored = serde_json::to_string(&tokens).unwrap_or_default();
        assert_eq!(serde_json::from_str(&stored).ok(), Some(tokens));
    }
    let bytes = b"{\"access_token\":\"at\",\"x\":\"\xff\",\"refresh_token\":\"rt\"}".to_vec();
    let tokens = read(&Response::new(200, bytes)).unwrap_or_else(|e| panic!("{e}"));
    assert!(tokens.refresh_token.is_some() && tokens.misshapen.iter().eq(["x"]));
}

#[test]
fn what_can_be_read_of_a_member_counts() {
    let long = "s".repeat(100);
    let many: String = (0..100).map(|i| format!("{long}{i} ")).collect();
    for (scope, expected) in
        [(r#"["a",null,"b"]"#, "a b"), (r#""a \"q\" b""#, "a b"), (r#""a\nb c""#, "c")]
    {
        let tokens = answer(200, &format!(r#"{{"access_token":"at","scope":{scope}}}"#));
        let tokens = tokens.unwrap_or_else(|error| panic!("{scope}: {error}"));
        assert_eq!(tokens.scope, Scopes::parse(expected));
        assert!(tokens.misshapen.iter().eq(["scope"]), "{scope}");
    }
    let tokens = answer(200, &format!(r#"{{"access_token":"at","scope":"{many}"}}"#));
    assert!(tokens.is_ok_and(|tokens| tokens.misshapen.iter().eq(["scope"])));
    let tokens = answer(200, r#"{"access_token":"at","token_type":"bearer "}"#);
    assert!(tokens.is_ok_and(|tokens| tokens.misshapen.iter().eq(["token_type"])
        && !tokens.tolerated.contains(Tolerance::UntypedToken)));
    let mark = "\u{feff}{\"access_token\":\"at\",\"token_type\":\"bearer\"}";
    assert!(answer(200, mark).is_ok_and(|tokens| tokens.tolerated.is_empty()));
}

#[test]
fn an_access_token_that_cannot_be_read_is_named() {
    let missing = |defect| {
        let response = Response::new(200, Vec::new());
        malformed(&response, Endpoint::Token, server().token_endpoint(), defect)
    };
    let name = "access_token";
    for (body, defect) in [
        (r#"{"access_token":7}"#, Defect::unusable(name)),
        (r#"{"access_token":"\ud800"}"#, Defect::unusable(name)),
        (r#"{"access_token":"a","access_token":"b"}"#, Defect::Repeated { name: name.into() }),
    ] {
        assert_eq!(answer(200, body), Err(missing(defect)), "{body}");
    }
    for content_type in ["Application/X-WWW-Form-Urlencoded", FORM] {
        let form = |body: &str| {
            read(&Response::new(200, body.into()).with_header("content-type", content_type))
        };
        let twice = form("access_token=a&access_token=b&token_type=bearer");
        assert_eq!(twice, Err(missing(Defect::Repeated { name: name.into() })));
        let once = form("access_token=a&token_type=bearer&scope=x&scope=y");
        assert!(once.is_ok_and(|tokens| tokens.access_token.token() == "a"
            && tokens.scope.is_none()
            && tokens.misshapen.iter().eq(["scope"])));
    }
}

/// The one that was spent may be good for nothing by now.
#[test]
fn a_refresh_token_beside_an_unusable_access_token_is_not_lost() {
    let url = server().token_endpoint().clone();
    for access_token in ["\"a b\"", "7", "null", r#""t","token_type":"DPoP""#] {
        let body = format!(r#"{{"access_token":{access_token},"refresh_token":"new"}}"#);
        let none =
            read_tokens(&Response::new(200, body.into()), &url, None, TokenType::Bearer, NOW).err();
        let refresh_token = none.and_then(|none| none.refresh_token);
        assert_eq!(refresh_token.as_ref().map(Secret::expose), Some("new"), "{access_token}");
    }
    let refused = Response::new(400, br#"{"error":"x","refresh_token":"new"}"#.to_vec());
    let none = read_tokens(&refused, &url, None, TokenType::Bearer, NOW).err();
    assert!(none.is_some_and(|none| none.refresh_token.is_none()));
}

const FORM: &str = " application/x-www-form-urlencoded ;charset=utf-8";
