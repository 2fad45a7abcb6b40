use alloc::format;
use alloc::string::String;

use super::*;
use crate::tolerance::Tolerance;
use crate::url::HttpAllowance;

const REDIRECT: &str = "http://127.0.0.1:51004/callback";

fn endpoint() -> HttpUrl {
    HttpUrl::parse("https://as.example/register", HttpAllowance::Forbidden)
        .unwrap_or_else(|e| panic!("{e}"))
}

fn request(redirect_uri: &str, method: AuthMethod) -> String {
    let client = RegistrationRequest::new("My editor", None, redirect_uri, method, None);
    let request = register_request(&client, &endpoint(), None);
    String::from_utf8_lossy(request.body()).into_owned()
}

fn read(
    status: u16,
    body: &str,
    asked: AuthMethod,
    tolerates: Tolerances,
) -> Result<(Registration, MemberNames), Error> {
    let (response, server) = (Response::new(status, body.into()), ServerMetadata::sample(""));
    read_registration(&response, &endpoint(), &server, REDIRECT, asked, tolerates)
}

fn answer(status: u16, body: &str) -> Result<Registration, Error> {
    read(status, body, AuthMethod::None, Tolerances::NONE).map(|(client, _)| client)
}

#[test]
fn the_request_is_small_and_says_what_must_be_said() {
    assert_eq!(
        request(REDIRECT, AuthMethod::None),
        r#"{"client_name":"My editor","redirect_uris":["http://127.0.0.1:51004/callback"],"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"token_endpoint_auth_method":"none","application_type":"native"}"#
    );
    let web = request("https://app.example/callback", AuthMethod::ClientSecretPost);
    assert!(
        web.contains(
            r#""token_endpoint_auth_method":"client_secret_post","application_type":"web""#
        )
    );
}

#[test]
fn what_a_client_is_registered_for_is_named() {
    let written = |change: fn(RegistrationRequest<'_>) -> RegistrationRequest<'_>| {
        let client = RegistrationRequest::new("My editor", None, REDIRECT, AuthMethod::None, None);
        serde_json::to_value(change(client)).unwrap_or_default()
    };
    let device = "urn:ietf:params:oauth:grant-type:device_code";
    let (code, refresh) = ("authorization_code", "refresh_token");
    for (client, grants, bound) in [
        (written(|it| it), &[code, refresh][..], None),
        (written(|it| it.without_refresh_tokens()), &[code], None),
        (written(|it| it.with_device_codes()), &[code, refresh, device], None),
        (written(|it| it.without_refresh_tokens().with_device_codes()), &[code, device], None),
        (written(|it| it.with_device_codes().without_refresh_tokens()), &[code, device], None),
        (written(|it| it.with_bound_tokens_only()), &[code, refresh], Some(true)),
    ] {
        let expected = serde_json::to_value(grants).unwrap_or_default();
        assert_eq!(client["grant_types"], expected);
        assert_eq!(client["dpop_bound_access_tokens"].as_bool(), bound);
    }
}

#[test]
fn the_answers_method_counts() {
    for (body, method, secret) in [
        (r#"{"client_id":"c"}"#, AuthMethod::None, None),
        (r#"{"client_id":"c","client_secret":""}"#, AuthMethod::None, None),
        (r#"{"client_id":"c","client_secret":"s"}"#, AuthMethod::ClientSecretBasic, Some("s")),
        (
            r#"{"client_id":"c","client_secret":"s","token_endpoint_auth_method":"client_secret_post"}"#,
            AuthMethod::ClientSecretPost,
            Some("s"),
        ),
        (
            r#"{"client_id":"c","client_secret":"s","token_endpoint_auth_method":"none"}"#,
            AuthMethod::None,
            Some("s"),
        ),
    ] {
        let registration = answer(201, body).unwrap_or_else(|e| panic!("{body}: {e}"));
        assert_eq!(registration.auth_method(), method, "{body}");
        assert_eq!(registration.secret().map(Secret::expose), secret, "{body}");
    }
}

#[test]
fn an_answer_that_leaves_the_method_out_means_the_one_that_was_asked_for() {
    let body = r#"{"client_id":"c","client_secret":"s"}"#;
    let asked = AuthMethod::ClientSecretPost;
    let registration = read(201, body, asked, Tolerances::NONE);
    assert_eq!(registration.map(|(registration, _)| registration.auth_method()), Ok(asked));
}

#[test]
fn a_client_with_a_key_needs_no_secret() {
    let asked = AuthMethod::PrivateKeyJwt;
    for (more, method) in [
        ("", asked),
        (r#","token_endpoint_auth_method":"private_key_jwt""#, asked),
        (r#","client_secret":"s""#, asked),
        (r#","token_endpoint_auth_method":"none""#, AuthMethod::None),
    ] {
        let body = format!(r#"{{"client_id":"c"{more}}}"#);
        let registration = read(201, &body, asked, Tolerances::NONE);
        let method = Ok(method);
        assert_eq!(registration.map(|(client, _)| client.auth_method()), method, "{body}");
    }
}

#[test]
fn answers_that_cannot_be_used_say_why() {
    let malformed = |body: &str| match answer(201, body) {
        Err(Error::Malformed(malformed)) => malformed.defect,
        other => panic!("{other:?}"),
    };
    assert_eq!(malformed("{}"), Defect::missing("client_id"));
    assert_eq!(malformed(r#"{"client_id":""}"#), Defect::missing("client_id"));
    assert_eq!(malformed(r#"{"client_id":true}"#), Defect::unusable("client_id"));
    assert_eq!(malformed(r#"{"client_id":"\ud800"}"#), Defect::unusable("client_id"));
    for (written, name) in [
        (r#""client_id":"c\u001b[2J""#, "client_id"),
        (r#""client_id":"c\u202e""#, "client_id"),
        (r#""client_id":"c\n""#, "client_id"),
    ] {
        assert_eq!(malformed(&format!("{{{written}}}")), Defect::unusable(name), "{written}");
    }
    let twice = Defect::Repeated { name: "client_id".into() };
    assert_eq!(malformed(r#"{"client_id":"a","client_id":"a"}"#), twice);
    assert_eq!(malformed("<html>"), Defect::Html);
    let no_secret = r#"{"client_id":"c","token_endpoint_auth_method":"client_secret_basic"}"#;
    assert_eq!(malformed(no_secret), Defect::missing("client_secret"));

    let other = answer(201, r#"{"client_id":"c","redirect_uris":["http://localhost:1/callback"]}"#);
    let redirect_uri = REDIRECT.into();
    assert_eq!(other, Err(PeerIncompatible::RedirectUriNotRegistered { redirect_uri }.into()));
    let assertion =
        answer(201, r#"{"client_id":"c","token_endpoint_auth_method":"private_key_jwt"}"#);
    assert!(matches!(
        assertion,
        Err(Error::PeerIncompatible(PeerIncompatible::NoClientAuthentication { .. }))
    ));
    let refused = answer(400, r#"{"error":"invalid_redirect_uri"}"#);
    assert!(
        matches!(refused, Err(Error::Refused(refusal)) if &*refusal.code == "invalid_redirect_uri")
    );
}

#[test]
fn a_registration_serves_again_until_its_secret_or_redirect_uri_is_gone() {
    let body = r#"{"client_id":"c","client_secret":"s","client_secret_expires_at":100}"#;
    let registration = answer(201, body).unwrap_or_else(|e| panic!("{e}"));
    assert!(registration.serves(REDIRECT, UnixTime::from_secs(99)));
    assert!(!registration.serves(REDIRECT, UnixTime::from_secs(100)));
    assert!(!registration.serves("http://127.0.0.1:1/callback", UnixTime::from_secs(1)));
    let never =
        answer(201, r#"{"client_id":"c","client_secret":"s","client_secret_expires_at":0}"#);
    assert!(
        never
            .is_ok_and(|registration| registration.serves(REDIRECT, UnixTime::from_secs(u64::MAX)))
    );
}

#[test]
fn the_whole_answer_is_kept_for_who_asks() {
    let body =
        br#"{"client_id":"c","client_secret":"","registration_access_token":"planted","x":1}"#;
    let whole = ClientRegistrationResponse::parse(body).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((whole.client_secret.as_ref(), whole.other.json("x").as_deref()), (None, Some("1")));
    assert!(!format!("{whole:?}").contains("planted"));
    assert_eq!(
        ClientRegistrationResponse::parse(br#"{"client_id":""}"#),
        Err(Defect::missing("client_id"))
    );
}

#[test]
fn what_cannot_be_read_of_an_answer_counts_as_left_out_and_is_named() {
    for (member, written) in [
        ("client_secret_expires_at", r#""2030-01-01T00:00:00Z""#),
        ("client_secret_expires_at", r#""""#),
        ("client_secret_expires_at", r#""0""#),
        ("redirect_uris", r#""http://127.0.0.1:51004/callback""#),
        ("redirect_uris", "7"),
        ("redirect_uris", r#"[null,"http://127.0.0.1:51004/callback"]"#),
        ("token_endpoint_auth_method", "false"),
    ] {
        let body = format!(r#"{{"client_id":"c","client_secret":"s","{member}":{written}}}"#);
        let read = |tolerates| read(201, &body, AuthMethod::ClientSecretPost, tolerates);
        let (client, misshapen) =
            read(Tolerances::default()).unwrap_or_else(|error| panic!("{body}: {error}"));
        assert!(misshapen.iter().eq([member]), "{body}: {misshapen:?}");
        assert_eq!(client.tolerated, misshapen.tolerance());
        assert!(client.is_alive(UnixTime::from_secs(u64::MAX)), "{body}");
        assert_eq!(client.auth_method(), AuthMethod::ClientSecretPost);
        let (endpoint, tolerance) = (Endpoint::Registration, Tolerance::MisshapenMembers);
        let refused = PeerMisbehaved::NotTolerated { endpoint, tolerance, misshapen };
        assert_eq!(read(Tolerances::NONE).err(), Some(refused.into()));
    }
    let other = r#"{"client_id":"c","redirect_uris":"http://localhost:1/callback"}"#;
    let other = read(201, other, AuthMethod::None, Tolerances::default());
    assert!(matches!(
        other,
        Err(Error::PeerIncompatible(PeerIncompatible::RedirectUriNotRegistered { .. }))
    ));
    let number = read(201, r#"{"client_id":4711}"#, AuthMethod::None, Tolerances::default());
    assert!(
        number.is_ok_and(|(client, misshapen)| client.client_id() == "4711"
            && misshapen.iter().eq(["client_id"]))
    );
}

#[test]
fn a_whole_answer_is_shown_as_far_as_it_can_be_read() {
    let body = br#"{"client_id":"c","client_name":7,"grant_types":["a"],"x":"\ud800","y":1}"#;
    let whole = ClientRegistrationResponse::parse(body).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((whole.client_name, whole.grant_types), (None, Some(Vec::from(["a".into()]))));
    assert!(whole.other.names().eq(["y"]));
}
