//! Configuration files: what can be set in code can be said in a file, in the same words, and does the same.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "../tokio_common.rs"]
mod tokio_common;

mod effect;
mod lists;

use std::convert::Infallible;

use oauth_blocking::{
    AuthConfig, ConfigError, Error, MemoryTokenStorage, OAuth, OAuthBuilder, Policy, Tolerance,
    WantedAssertion, WrittenIdentityProvider,
};
use oauth_core::error::Misuse;
use serde_json::Value;

const SERVER: &str = "https://mcp.example/mcp";

fn plain() -> OAuthBuilder {
    OAuth::new(SERVER).unwrap()
}

fn configured(json: &str) -> OAuthBuilder {
    plain().config(json.parse().unwrap_or_else(|error| panic!("{json}: {error}"))).unwrap()
}

#[test]
fn what_cannot_be_read_is_told_by_its_name_and_without_secrets() {
    for (json, expected) in [
        (r#"{"clientId": "x"}"#, "no member is called \"clientId\"; did you mean \"client_id\"?"),
        (r#"{"timeout": 5}"#, "no member is called \"timeout\""),
        (r#"{"tolerate": ["IssuerSlash"]}"#, "did you mean \"issuer_slash\"?"),
        (r#"{"client_secret": 271828}"#, "`client_secret`"),
        (r#"{"server_headers": {"x-edge-key": 271828}}"#, "`server_headers`"),
        (r#"{"wait": "5 minutes"}"#, "`wait`"),
        (r#"{"callback_port": 99999}"#, "`callback_port`"),
        ("271828", "a bearer token, or an object"),
        ("-271.828", "a bearer token, or an object"),
        (r#"{"scope": "#, "line 1 column"),
    ] {
        let error = json.parse::<AuthConfig>().unwrap_err();
        let (said, in_a_larger_file) =
            (error.to_string(), serde_json::from_str::<AuthConfig>(json));
        let said_there = in_a_larger_file.unwrap_err().to_string();
        for said in [said, said_there] {
            assert!(said.contains(expected), "{json}: {said}");
            assert!(!said.contains("271828") && !said.contains("271.828"), "{said}");
        }
        let is_unknown = expected.starts_with("no member");
        assert_eq!(matches!(error, ConfigError::Unknown(_)), is_unknown, "{json}");
    }
}

#[test]
fn a_file_changes_the_policy_of_its_server_and_allows_no_private_addresses() {
    let policy = |base: Policy, json: &str| {
        let builder = OAuth::with_policy(SERVER, base).unwrap();
        format!("{:?}", builder.config(json.parse().unwrap()).unwrap())
    };
    let same = |base: Policy| format!("{:?}", OAuth::with_policy(SERVER, base).unwrap());
    let (usual, strict) = (Policy::default(), Policy::strict());
    let gateway = usual.only_public_addresses();
    for (base, json, expected) in [
        (usual, "{}", usual),
        (strict, "{}", strict),
        (usual, r#"{"strict": true}"#, strict),
        (usual, r#"{"tolerate": ["issuer_slash"]}"#, usual.tolerate(Tolerance::IssuerSlash)),
        (usual, r#"{"refuse": ["scope_list"]}"#, usual.refuse(Tolerance::ScopeList)),
        (
            usual,
            r#"{"strict": true, "tolerate": ["scope_list"]}"#,
            strict.tolerate(Tolerance::ScopeList),
        ),
        (usual, r#"{"tolerate": ["issuer_slash"], "refuse": ["issuer_slash"]}"#, usual),
        (usual, r#"{"only_public_addresses": true}"#, gateway),
        (gateway, r#"{"only_public_addresses": false}"#, gateway),
        (gateway, r#"{"strict": true}"#, strict.only_public_addresses()),
    ] {
        assert_eq!(policy(base, json), same(expected), "{json}");
    }
}

/// The later one wins, also where the former one said the opposite.
#[test]
fn of_two_files_the_later_one_wins() {
    let both = |one: &str, other: &str| {
        let builder = configured(one).config(other.parse().unwrap()).unwrap();
        format!("{builder:?}")
    };
    let one = r#"{"scope": "a", "client_id": "c", "refuse": ["scope_list"], "wait": 5}"#;
    let other = r#"{"scope": "b", "tolerate": ["scope_list"], "wait": 7}"#;
    let expected = configured(r#"{"scope": "b", "client_id": "c", "wait": 7}"#);
    assert_eq!(both(one, other), format!("{expected:?}"));
}

/// Whichever they are, and in whichever order; both are named.
#[test]
fn there_is_one_way_to_a_token() {
    let source = || |_: &WantedAssertion<'_>| Ok::<_, Infallible>("");
    let provider = || WrittenIdentityProvider::new("https://idp.example/token", "c");
    type Set = Box<dyn Fn(OAuthBuilder) -> OAuthBuilder>;
    let ways: [(&str, Set); 6] = [
        ("authorization_code", Box::new(|it| it.authorization_code())),
        ("device_code", Box::new(|it| it.device_code())),
        ("authorization_or_device_code", Box::new(|it| it.or_device_code())),
        ("client_credentials", Box::new(|it| it.client_credentials("c", "s"))),
        ("workload_identity", Box::new(move |it| it.workload_identity(source()))),
        (
            "enterprise_managed",
            Box::new(move |it| it.client_id("c").enterprise(provider(), source())),
        ),
    ];
    let storage = MemoryTokenStorage::new;
    for (one, set) in &ways {
        for (other, set_other) in &ways {
            let built = set_other(set(plain().token_storage(storage()))).build();
            match built.map(drop) {
                Ok(()) => assert_eq!(one, other),
                Err(Error::OAuth { error, .. }) => {
                    let both = Misuse::TwoGrants { one: (*one).into(), other: (*other).into() };
                    assert_eq!(error, both.into(), "{one}, {other}");
                    let said = error.to_string();
                    assert!(one != other && said.contains(one) && said.contains(other), "{said}");
                }
                Err(error) => panic!("{error}"),
            }
            // A file is there to change what the program does.
            if *other != "enterprise_managed" {
                let file = format!(r#"{{"grant": "{other}"}}"#).parse().unwrap();
                let settled = set(plain().token_storage(storage())).config(file).unwrap();
                assert!(settled.build().is_ok(), "{one}, then a file with {other}");
            }
        }
    }
}

/// There is no place for two of them.
#[test]
fn a_file_says_one_way_to_a_token() {
    for json in [
        r#"{"grant": "device_code", "grant": "client_credentials"}"#,
        r#"{"grant": ["device_code", "client_credentials"]}"#,
        r#"{"grant": true}"#,
        r#"{"device_code": true}"#,
    ] {
        let said = json.parse::<AuthConfig>().unwrap_err().to_string();
        assert!(said.contains("grant") || said.contains("\"device_code\""), "{json}: {said}");
    }
}

/// Each row of its table of servers.
#[test]
fn the_configuration_in_the_guide_can_be_built() {
    let chapter = include_str!("../../../oauth-tokio/src/guide/servers.md");
    let (_, rest) = chapter.split_once("## In a configuration file").unwrap();
    let (_, rest) = rest.split_once("```json\n").unwrap();
    let (json, _) = rest.split_once("```").unwrap();
    let file: Value = serde_json::from_str(json).unwrap();
    let servers = file["mcpServers"].as_object().unwrap();
    for (name, server) in servers {
        let config = server["auth"].to_string().parse().unwrap_or_else(|e| panic!("{name}: {e}"));
        let builder = OAuth::new(server["url"].as_str().unwrap()).unwrap();
        builder.config(config).unwrap().build().unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    let said = |member: &str| servers.values().any(|server| !server["auth"][member].is_null());
    for member in [
        "client_id",
        "client_issuer",
        "resource_mode",
        "provider",
        "authorization_parameters",
        "scope",
        "tolerate",
    ] {
        assert!(said(member), "{member}");
    }
}
