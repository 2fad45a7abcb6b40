use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use super::*;
use crate::error::PeerIncompatible;
use crate::signing_algorithm::SigningAlgorithm;
use crate::url::UrlDefect;

mod offers;

impl ServerMetadata {
    /// What a plain server says of itself, with more members as JSON text.
    pub(crate) fn sample(more: &str) -> Self {
        check(&format!("{S256}{more}")).unwrap_or_else(|e| panic!("{e}"))
    }
}

fn issuer(text: &str) -> Issuer {
    Issuer::parse(text, AddressPolicy::PUBLIC).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn document(more: &str) -> String {
    format!(
        r#"{{"issuer":"https://as.example","authorization_endpoint":"https://as.example/authorize",
        "token_endpoint":"https://tokens.example/token"{more}}}"#
    )
}

fn check_as(body: &str, expected: &str, policy: &Policy) -> Result<ServerMetadata, Error> {
    let document =
        ServerMetadata::read(body.as_bytes(), Purpose::Login).unwrap_or_else(|e| panic!("{e}"));
    ServerMetadata::check(&document, &issuer(expected), Wanted::ALL, AddressPolicy::PUBLIC, policy)
        .map(|(server, _)| server)
}

fn check(more: &str) -> Result<ServerMetadata, Error> {
    check_as(&document(more), "https://as.example", &Policy::default())
}

const S256: &str = r#","code_challenge_methods_supported":["plain","S256"]"#;

#[test]
fn the_issuer_is_compared_byte_for_byte() {
    for expected in ["https://AS.example", "https://as.example:443", "https://evil.example"] {
        let result = check_as(&document(S256), expected, &Policy::default());
        let found = "https://as.example".into();
        let expected = expected.into();
        assert_eq!(result, Err(PeerMisbehaved::IssuerMismatch { expected, found }.into()));
    }
}

#[test]
fn both_spellings_of_the_documents_are_the_servers_own_and_no_other() {
    let root = check_as(&document(S256), "https://as.example/", &Policy::default());
    let tenant = document(S256).replace("https://as.example\"", "https://as.example/t\"");
    let by_name = Policy::default().tolerate(Tolerance::IssuerSlash);
    let path = check_as(&tenant, "https://as.example/t/", &by_name);
    let plain = check(S256);
    let agreed = Tolerances::default();
    for (server, iss, tolerates, needed) in [
        (&root, "https://as.example", agreed, Some(Tolerances::NONE)),
        (&root, "https://as.example/", agreed, Some(Tolerances::NONE)),
        (&root, "https://as.example//", by_name.tolerates, None),
        (&path, "https://as.example/t", agreed, Some(Tolerances::NONE)),
        (&path, "https://as.example/t/", agreed, Some(Tolerances::NONE)),
        (&plain, "https://as.example", agreed, Some(Tolerances::NONE)),
        (&plain, "https://as.example/", agreed, None),
        (
            &plain,
            "https://as.example/",
            by_name.tolerates,
            Some([Tolerance::IssuerSlash].into_iter().collect()),
        ),
        (&plain, "https://AS.example/", by_name.tolerates, None),
    ] {
        let server = server.as_ref().unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(server.sends_iss(iss, tolerates), needed, "{iss} {server:?}");
        let is_of = needed.is_some() || iss == "https://as.example/";
        assert_eq!(server.is_of(iss), is_of, "{iss} {server:?}");
        let stored = serde_json::to_string(server).unwrap_or_default();
        assert_eq!(serde_json::from_str::<ServerMetadata>(&stored).ok().as_ref(), Some(server));
    }
    let same = |one: &Result<ServerMetadata, Error>, other: &Result<ServerMetadata, Error>| {
        let [one, other] = [one, other].map(|it| it.as_ref().unwrap_or_else(|e| panic!("{e}")));
        assert_eq!(one.is_same(other), other.is_same(one));
        one.is_same(other)
    };
    assert!(same(&root, &plain) && !same(&root, &path));
    // On a host that many share, whoever was named like that before it spoke for itself is the same.
    let slashed = document(S256).replace("https://as.example\"", "https://as.example/t/\"");
    let slashed = check_as(&slashed, "https://as.example/t/", &Policy::default());
    assert!(same(&path, &slashed) && !same(&plain, &slashed));
}

#[test]
fn s256_has_to_be_advertised_unless_the_host_knows_better() {
    let issuer = || Box::from("https://as.example");
    let missing = PeerIncompatible::NoS256 { issuer: issuer(), advertised: false };
    assert_eq!(check(""), Err(missing.into()));
    let plain = r#","code_challenge_methods_supported":["plain"]"#;
    let refused = Error::from(PeerIncompatible::NoS256 { issuer: issuer(), advertised: true });
    assert_eq!(check(plain), Err(refused.clone()));

    let lenient = Policy::default().tolerate(Tolerance::UnlistedS256);
    assert!(check_as(&document(""), "https://as.example", &lenient).is_ok());
    assert_eq!(check_as(&document(plain), "https://as.example", &lenient), Err(refused));
}

#[test]
fn what_matters_is_taken_from_the_document() {
    let body = format!(
        r#"{S256},"registration_endpoint":"","revocation_endpoint":"http://as.example/r",
        "scopes_supported":["a","offline_access"],"token_endpoint_auth_methods_supported":["none","x"],
        "authorization_response_iss_parameter_supported":true,
        "client_id_metadata_document_supported":"true","unknown":{{"a":[1,2]}}"#
    );
    let found = check(&body).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(found.token_endpoint().as_str(), "https://tokens.example/token");
    assert_eq!(found.registration_endpoint, None, "an empty text says nothing");
    assert_eq!(found.revocation_endpoint(), None, "plain http is not used");
    assert!(found.promises_iss && found.offline_access);
    assert!(!found.metadata_documents, "only a literal true counts");
    assert_eq!(found.auth_methods, Some(AuthMethods::of(&["none"])));
    let plain = check(S256).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(plain.auth_methods, None);
    assert!(!plain.promises_iss && !plain.offline_access);

    let stored = serde_json::to_string(&found).unwrap_or_default();
    assert_eq!(serde_json::from_str::<ServerMetadata>(&stored).ok(), Some(found));
}

#[test]
fn unsafe_endpoints_are_refused() {
    for (member, endpoint) in [
        ("authorization_endpoint", Endpoint::Authorization),
        ("token_endpoint", Endpoint::Token),
        ("registration_endpoint", Endpoint::Registration),
    ] {
        let body = document(&format!(r#"{S256},"registration_endpoint":"https://as.example/r""#));
        let url = "javascript:alert(1)";
        let start = body.find(&format!("\"{member}\":\"")).unwrap_or(0) + member.len() + 4;
        let end = start + body[start..].find('"').unwrap_or(0);
        let body = format!("{}{url}{}", &body[..start], &body[end..]);
        let expected =
            PeerMisbehaved::UnsafeUrl { endpoint, url: url.into(), defect: UrlDefect::Scheme };
        let checked = check_as(&body, "https://as.example", &Policy::default());
        // Only who registers needs it.
        let refusal = match checked {
            Ok(server) => server.unusable_registration.map(|why| Error::from(*why)),
            Err(error) => Some(error),
        };
        assert_eq!(refusal, Some(expected.into()), "{member}");
    }
}

/// Who could say it there would decide how a consent comes back, or to whom; defaults are the server's.
#[test]
fn an_endpoint_whose_query_says_what_is_the_requests_is_refused() {
    for (query, fits) in [
        ("p=policy&x=state", true),
        ("prompt=select_account", true),
        ("resource=https://x.example&scope=a", true),
        ("p=1&state=x", false),
        ("redirect_uri", false),
        ("%73tate=x", false),
        ("client_id=x", false),
        ("response_type=token", false),
        ("response_mode=form_post", false),
        ("code_challenge=x", false),
        ("code_challenge_method=plain", false),
        ("request=x", false),
        ("request_uri=urn:x", false),
        ("dpop_jkt=x", false),
    ] {
        let endpoint = format!("https://as.example/authorize?{query}");
        let body = document(S256).replace("https://as.example/authorize", &endpoint);
        let result = check_as(&body, "https://as.example", &Policy::default());
        assert_eq!(result.is_ok(), fits, "{query}");
        if !fits {
            let (endpoint, defect) = (Endpoint::Authorization, UrlDefect::Parameter);
            let url = "https://as.example/authorize?…".into();
            assert_eq!(result, Err(PeerMisbehaved::UnsafeUrl { endpoint, url, defect }.into()));
        }
    }
}

#[test]
fn documents_without_the_required_members_are_no_documents() {
    for (body, name) in [
        ("{}", "issuer"),
        (r#"{"issuer":"https://as.example"}"#, "authorization_endpoint"),
        (r#"{"issuer":"x","authorization_endpoint":"y","token_endpoint":""}"#, "token_endpoint"),
    ] {
        assert_eq!(
            ServerMetadata::read(body.as_bytes(), Purpose::Login).err(),
            Some(Defect::missing(name))
        );
    }
    for (body, defect) in [
        (r#"{"issuer":7}"#, Defect::unusable("issuer")),
        (r#"{"issuer":"a","issuer":"a"}"#, Defect::Repeated { name: "issuer".into() }),
    ] {
        assert_eq!(ServerMetadata::read(body.as_bytes(), Purpose::Login).err(), Some(defect));
    }
}

/// RFC 8414 §2 wants the endpoint only for grants that use it.
#[test]
fn what_is_said_about_logins_does_not_matter_without_a_user() {
    let bare = r#"{"issuer":"https://as.example","token_endpoint":"https://as.example/token"}"#;
    let unsafe_ones = document(
        r#","require_pushed_authorization_requests":true,"registration_endpoint":"ftp://x",
        "code_challenge_methods_supported":["plain"]"#,
    )
    .replace("https://as.example/authorize", "javascript:alert(1)");
    for body in [bare, &unsafe_ones] {
        let document = ServerMetadata::read(body.as_bytes(), Purpose::WithoutUser);
        let document = document.unwrap_or_else(|e| panic!("{e}"));
        let issuer = issuer("https://as.example");
        let checked = ServerMetadata::check(
            &document,
            &issuer,
            Wanted::ALL,
            AddressPolicy::PUBLIC,
            &Policy::strict(),
        );
        let (server, misshapen) = checked.unwrap_or_else(|e| panic!("{e}"));
        assert!(misshapen.is_empty() && server.tolerated.is_empty());
        assert_eq!((&server.authorization_endpoint, &server.registration_endpoint), (&None, &None));
        let stored = serde_json::to_string(&server).unwrap_or_default();
        assert_eq!(serde_json::from_str::<ServerMetadata>(&stored).ok(), Some(server));
        let whole = ServerOAuthMetadata::parse(body.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
        let (address_policy, policy) = (AddressPolicy::PUBLIC, Policy::default());
        let provided =
            ServerMetadata::provided(&whole, Purpose::WithoutUser, address_policy, &policy);
        assert_eq!(provided.map(|it| it.provenance()), Ok(Provenance::Provided));
        assert!(
            ServerMetadata::provided(&whole, Purpose::Login, address_policy, &policy).is_err(),
            "{body}"
        );
    }
    for (body, name) in [("{}", "issuer"), (r#"{"issuer":"https://as.example"}"#, "token_endpoint")]
    {
        let read = ServerMetadata::read(body.as_bytes(), Purpose::WithoutUser);
        assert_eq!(read.err(), Some(Defect::missing(name)));
    }
    let document = ServerMetadata::read(bare.as_bytes(), Purpose::WithoutUser);
    let document = document.unwrap_or_else(|e| panic!("{e}"));
    let elsewhere = issuer("https://evil.example");
    let checked = ServerMetadata::check(
        &document,
        &elsewhere,
        Wanted::ALL,
        AddressPolicy::PUBLIC,
        &Policy::default(),
    );
    assert!(matches!(checked, Err(Error::PeerMisbehaved(PeerMisbehaved::IssuerMismatch { .. }))));
}

#[test]
fn grants_and_algorithms_are_known_as_far_as_they_are_listed() {
    let login = |more: &str| check(&format!("{S256}{more}")).unwrap_or_else(|e| panic!("{e}"));
    let more = |more: &str| {
        let body = document(&format!("{S256}{more}"));
        let document = ServerMetadata::read(body.as_bytes(), Purpose::WithoutUser);
        let document = document.unwrap_or_else(|defect| panic!("{defect}"));
        let issuer = issuer("https://as.example");
        let checked = ServerMetadata::check(
            &document,
            &issuer,
            Wanted::ALL,
            AddressPolicy::PUBLIC,
            &Policy::default(),
        );
        checked.unwrap_or_else(|e| panic!("{e}")).0
    };
    let silent = more("");
    assert_eq!(silent.signing_algorithms(), None);
    assert!(silent.may_grant(GrantType::JwtBearer) && !silent.without_refresh);
    assert!(more(r#","grant_types_supported":[]"#).may_grant(GrantType::DeviceCode));
    let strange = more(r#","grant_types_supported":["x"]"#);
    assert!(strange.without_refresh && !strange.may_grant(GrantType::ClientCredentials));
    let listed = more(
        r#","grant_types_supported":["refresh_token","client_credentials"],
        "token_endpoint_auth_signing_alg_values_supported":["HS256","ES256"],
        "token_endpoint_auth_methods_supported":["private_key_jwt"]"#,
    );
    assert!(listed.may_grant(GrantType::ClientCredentials) && !listed.without_refresh);
    assert!(!listed.may_grant(GrantType::JwtBearer));
    assert_eq!(listed.signing_algorithms(), Some(SigningAlgorithm::Es256.into()));
    assert_eq!(listed.auth_methods, Some(AuthMethods::of(&["private_key_jwt"])));
    let stored = serde_json::to_string(&listed).unwrap_or_default();
    assert_eq!(serde_json::from_str::<ServerMetadata>(&stored).ok(), Some(listed));
    // What a login does not need is not stored with its tokens.
    let listed = login(r#","grant_types_supported":["x"]"#);
    assert!(listed.without_refresh && listed.grants().is_none());
}

#[test]
fn a_provider_is_held_to_the_same_rules() {
    let provided = |more: &str| {
        let whole =
            ServerOAuthMetadata::parse(document(more).as_bytes()).unwrap_or_else(|e| panic!("{e}"));
        ServerMetadata::provided(&whole, Purpose::Login, AddressPolicy::PUBLIC, &Policy::default())
    };
    assert_eq!(provided(S256).map(|found| found.provenance()), Ok(Provenance::Provided));
    assert!(matches!(provided(""), Err(Error::PeerIncompatible(PeerIncompatible::NoS256 { .. }))));

    let mut whole =
        ServerOAuthMetadata::parse(document(S256).as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    whole.token_endpoint = "".into();
    let result =
        ServerMetadata::provided(&whole, Purpose::Login, AddressPolicy::PUBLIC, &Policy::default());
    assert_eq!(result, Err(Misuse::Provider { defect: Defect::missing("token_endpoint") }.into()));
}

#[test]
fn what_cannot_be_read_of_a_document_counts_as_left_out_and_is_named() {
    for (member, written) in [
        ("scopes_supported", r#""a offline_access""#),
        ("scopes_supported", r#"["a",null,"offline_access"]"#),
        ("revocation_endpoint", "5"),
        ("revocation_endpoint", r#""http://as.example/r""#),
        ("revocation_endpoint", r#"["https://as.example/r","https://as.example/s"]"#),
        ("registration_endpoint", "{}"),
        ("registration_endpoint", r#""http://as.example/r""#),
        ("token_endpoint_auth_methods_supported", "1"),
        ("token_endpoint_auth_methods_supported", r#""none""#),
        ("authorization_response_iss_parameter_supported", r#""true""#),
        ("client_id_metadata_document_supported", "1"),
        ("require_pushed_authorization_requests", r#""false""#),
        ("token_endpoint_auth_signing_alg_values_supported", r#""ES256""#),
        ("dpop_signing_alg_values_supported", "{}"),
        ("pushed_authorization_request_endpoint", r#""ftp://x""#),
        ("device_authorization_endpoint", r#""https://127.0.0.1/d""#),
    ] {
        let body = document(&format!(r#"{S256},"{member}":{written}"#));
        let document = ServerMetadata::read(body.as_bytes(), Purpose::Login);
        let document = document.unwrap_or_else(|defect| panic!("{body}: {defect}"));
        let check = |policy: &Policy| {
            ServerMetadata::check(
                &document,
                &issuer("https://as.example"),
                Wanted::ALL,
                AddressPolicy::PUBLIC,
                policy,
            )
        };
        let (found, misshapen) =
            check(&Policy::default()).unwrap_or_else(|error| panic!("{body}: {error}"));
        assert!(misshapen.iter().eq([member]), "{body}: {misshapen:?}");
        assert_eq!(found.tolerated, misshapen.tolerance());
        assert_eq!((&found.revocation_endpoint, &found.registration_endpoint), (&None, &None));
        assert!(!found.promises_iss && !found.metadata_documents);
        assert_eq!(found.offline_access, member == "scopes_supported", "{body}");
        let (endpoint, tolerance) = (Endpoint::ServerMetadata, Tolerance::MisshapenMembers);
        let refused = PeerMisbehaved::NotTolerated { endpoint, tolerance, misshapen };
        assert_eq!(check(&Policy::strict()).err(), Some(refused.into()));
    }
    let text = r#","code_challenge_methods_supported":"S256""#;
    assert!(check(text).is_ok_and(|found| found.tolerated.contains(Tolerance::MisshapenMembers)));
}
