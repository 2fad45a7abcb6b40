use alloc::string::{String, ToString};

use super::*;
use crate::signing_algorithm::SigningAlgorithm;

fn server(url: &str) -> ServerUrl {
    ServerUrl::parse(url).unwrap_or_else(|e| panic!("{url}: {e}"))
}

fn places(challenge: Option<&str>, url: &str) -> Vec<String> {
    let server = server(url);
    let first = match challenge {
        Some(url) => ResourceCandidate::challenged(url, &server, AddressPolicy::PUBLIC)
            .unwrap_or_else(|e| panic!("{e}")),
        None => ResourceCandidate::first(&server),
    };
    core::iter::successors(Some(first), |last| last.next(&server))
        .map(|candidate| candidate.url(&server).to_string())
        .collect()
}

#[test]
fn places_are_tried_in_the_order_of_the_specification() {
    for (url, expected) in [
        ("https://h.example", &["https://h.example/.well-known/oauth-protected-resource"][..]),
        (
            "https://h.example/public/mcp",
            &[
                "https://h.example/.well-known/oauth-protected-resource/public/mcp",
                "https://h.example/.well-known/oauth-protected-resource",
            ],
        ),
        (
            "https://h.example/mcp/?t=1",
            &[
                "https://h.example/.well-known/oauth-protected-resource/mcp/?t=1",
                "https://h.example/.well-known/oauth-protected-resource/mcp?t=1",
                "https://h.example/.well-known/oauth-protected-resource",
            ],
        ),
        (
            "https://h.example:8443?t=1",
            &[
                "https://h.example:8443/.well-known/oauth-protected-resource?t=1",
                "https://h.example:8443/.well-known/oauth-protected-resource",
            ],
        ),
    ] {
        assert_eq!(places(None, url), expected, "{url}");
    }
}

#[test]
fn the_challenges_place_is_the_first_one() {
    let named = "https://other.example/custom/location.json";
    let derived = places(None, "https://h.example/mcp");
    for (url, place) in [(named, named), ("/m.json", "https://h.example/m.json")] {
        let [first, rest @ ..] = &places(Some(url), "https://h.example/mcp")[..] else { panic!() };
        assert_eq!((first.as_str(), rest), (place, &derived[..]));
    }
    for unsafe_url in [
        "http://h.example/m",
        "//evil.example/m",
        "javascript:1",
        "m.json",
        "",
        "https://127.0.0.1/m",
    ] {
        let server = server("https://h.example/mcp");
        let first = ResourceCandidate::challenged(unsafe_url, &server, AddressPolicy::PUBLIC);
        assert!(first.is_err(), "{unsafe_url}");
    }
}

fn check(
    body: &str,
    candidate: &ResourceCandidate,
    url: &str,
    policy: &Policy,
) -> Result<ResourceMetadata, Error> {
    let document = ResourceMetadata::read(body.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    ResourceMetadata::check(document, candidate, &server(url), policy)
}

#[test]
fn the_resource_has_to_cover_the_server() {
    let (lax, strict) = (Policy::default(), Policy::strict());
    let challenge = ResourceCandidate::Challenge(server("https://h.example/x").url().clone());
    for (candidate, resource, in_default, in_strict) in [
        (&ResourceCandidate::Path, "https://h.example/mcp", true, true),
        (&ResourceCandidate::Path, "https://h.example", true, false),
        (&ResourceCandidate::Path, "https://h.example/mc", false, false),
        (&ResourceCandidate::Path, "https://h.example/mcp/deeper", false, false),
        (&ResourceCandidate::Path, "https://h.example:8443/mcp", false, false),
        (&ResourceCandidate::Path, "https://evil.example/mcp", false, false),
        (&ResourceCandidate::Path, "https://u@h.example/mcp", false, false),
        (&ResourceCandidate::Path, "https://h.example/mcp#x", false, false),
        (&ResourceCandidate::Path, "not a url", false, false),
        (&ResourceCandidate::Root, "https://h.example", true, true),
        (&ResourceCandidate::Root, "https://h.example/", true, true),
        (&ResourceCandidate::Root, "https://h.example/mcp", true, false),
        (&challenge, "https://h.example/mcp", true, true),
    ] {
        let body = format!(
            r#"{{"resource":"{resource}","authorization_servers":["https://as.example"]}}"#
        );
        for (policy, fits) in [(&lax, in_default), (&strict, in_strict)] {
            let result = check(&body, candidate, "https://h.example/mcp", policy);
            assert_eq!(result.is_ok(), fits, "{candidate:?} {resource} {policy:?}");
            if !fits {
                let expected = "https://h.example/mcp".into();
                let found = shown(resource);
                assert_eq!(result, Err(PeerMisbehaved::ForeignResource { expected, found }.into()));
            }
        }
    }
}

#[test]
fn what_the_document_says_is_kept_to_the_byte() {
    let body = r#"{"resource":"https://H.example/mcp","authorization_servers":["https://AS.example/","x"],
        "scopes_supported":["b","a","b"],"bearer_methods_supported":["body","header"],"x":{"y":1}}"#;
    let found = check(body, &ResourceCandidate::Path, "https://h.example/mcp", &Policy::default());
    assert_eq!(
        found,
        Ok(ResourceMetadata {
            resource: "https://H.example/mcp".into(),
            authorization_servers: alloc::vec!["https://AS.example/".into(), "x".into()],
            scopes: Scopes::parse("b a"),
            dpop_required: false,
            dpop_algorithms: None,
            // Another spelling of the host.
            tolerated: [Tolerance::PartialResource].into_iter().collect(),
            misshapen: MemberNames::default(),
        })
    );
    let whole = ProtectedResourceMetadata::parse(body.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(whole.other.json("x").as_deref(), Some(r#"{"y":1}"#));
    let again = serde_json::to_vec(&whole).unwrap_or_default();
    assert_eq!(ProtectedResourceMetadata::parse(&again), Ok(whole));
}

#[test]
fn unusable_documents_say_why() {
    let with = |more: &str| format!(r#"{{"resource":"https://h.example/mcp"{more}}}"#);
    let check = |more: &str| {
        check(&with(more), &ResourceCandidate::Path, "https://h.example/mcp", &Policy::default())
    };
    let resource = || "https://h.example/mcp".into();
    for more in ["", r#","authorization_servers":[]"#, r#","authorization_servers":null"#] {
        // Who knows the server beforehand needs none.
        assert_eq!(check(more).map(|found| found.authorization_servers), Ok(Vec::new()));
    }
    let no_header = PeerIncompatible::NoBearerHeader { resource: resource() };
    assert_eq!(check(r#","bearer_methods_supported":["query"]"#), Err(no_header.into()));
    let bound = check(
        r#","dpop_bound_access_tokens_required":true,
        "dpop_signing_alg_values_supported":["none","ES256"]"#,
    );
    let bound = bound.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(bound.dpop_algorithms, Some(SigningAlgorithm::Es256.into()));
    assert!(bound.dpop_required);
    let open = check(r#","dpop_signing_alg_values_supported":["ES256"]"#);
    assert!(open.is_ok_and(|open| !open.dpop_required && open.dpop_algorithms.is_some()));
    let servers = r#","authorization_servers":["https://as.example"],"scopes_supported":[],"bearer_methods_supported":[]"#;
    assert_eq!(check(servers).map(|found| found.scopes), Ok(None), "an empty list says nothing");
    for body in ["{}", r#"{"resource":""}"#, r#"{"resource":null}"#] {
        assert_eq!(
            ResourceMetadata::read(body.as_bytes()).err(),
            Some(Defect::missing("resource"))
        );
    }
}

#[test]
fn what_cannot_be_read_of_a_document_counts_as_left_out_and_is_named() {
    let usual = [
        ("resource", r#""https://h.example/mcp""#),
        ("authorization_servers", r#"["https://as.example"]"#),
        ("scopes_supported", r#"["a"]"#),
        ("bearer_methods_supported", r#"["header"]"#),
    ];
    for (member, written) in [
        ("resource", r#"["https://h.example/mcp"]"#),
        ("authorization_servers", r#""https://as.example""#),
        ("authorization_servers", r#"[null,"https://as.example",7]"#),
        ("scopes_supported", r#""a""#),
        ("scopes_supported", r#"["a",null,"\"b\""]"#),
        ("bearer_methods_supported", r#""header""#),
        ("bearer_methods_supported", "7"),
        ("dpop_bound_access_tokens_required", r#""false""#),
    ] {
        let others = usual.iter().filter(|(name, _)| *name != member);
        let others: String = others.map(|(name, json)| format!(r#""{name}":{json},"#)).collect();
        let body = format!(r#"{{{others}"{member}":{written}}}"#);
        let check = |policy: &Policy| {
            check(&body, &ResourceCandidate::Path, "https://h.example/mcp", policy)
        };
        let found = check(&Policy::default()).unwrap_or_else(|error| panic!("{body}: {error}"));
        assert!(found.misshapen.iter().eq([member]), "{body}: {found:?}");
        assert_eq!(found.tolerated, found.misshapen.tolerance());
        assert_eq!(found.authorization_servers, [Box::from("https://as.example")]);
        assert_eq!(found.scopes, Scopes::parse("a"), "{body}");
        let (endpoint, tolerance) = (Endpoint::ResourceMetadata, Tolerance::MisshapenMembers);
        let misshapen = found.misshapen;
        let refused = PeerMisbehaved::NotTolerated { endpoint, tolerance, misshapen };
        assert_eq!(check(&Policy::strict()).err(), Some(refused.into()));
    }
    let foreign = r#"{"resource":["https://h.example/other"],"authorization_servers":["x"]}"#;
    let foreign =
        check(foreign, &ResourceCandidate::Path, "https://h.example/mcp", &Policy::default());
    assert!(matches!(foreign, Err(Error::PeerMisbehaved(PeerMisbehaved::ForeignResource { .. }))));
    for (body, name) in [
        (r#"{"resource":["a","b"]}"#, "resource"),
        (r#"{"resource":7}"#, "resource"),
        (r#"{"resource":"https://h.example/mcp\u202e"}"#, "resource"),
        (r#"{"resource":"https://h.example/\u001b[2Jmcp"}"#, "resource"),
        (r#"{"resource":"a","authorization_servers":7}"#, "authorization_servers"),
    ] {
        assert_eq!(ResourceMetadata::read(body.as_bytes()).err(), Some(Defect::unusable(name)));
    }
}
