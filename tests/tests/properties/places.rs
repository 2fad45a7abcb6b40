//! Where metadata is looked for, in which order: the specifications' tables (RFC 9728 §3.1, RFC 8414 §3.1,
//! OpenID Connect Discovery 1.0 §4, and the order of the MCP specification), seen as the requests of a
//! login whose servers have nothing.

use oauth_core::error::{Absence, PeerIncompatible};
use oauth_core::flow::{Settings, Step};
use oauth_core::{Endpoint, Error};
use oauth_tests::drive::SERVER_URL;
use proptest::prelude::*;
use serde_json::json;

use crate::config;
use crate::logins::{answer, login, request};

/// The places that are asked for the metadata of a resource.
fn resource_places(server: &str) -> Vec<String> {
    let mut flow = login(Settings::new(server).unwrap(), "").unwrap();
    let mut places = Vec::new();
    while let Ok(Step::Http { request, .. }) = flow.step() {
        assert_eq!(request.endpoint(), Endpoint::ResourceMetadata);
        places.push(request.url().to_string());
        answer(&mut flow, 404, "");
    }
    // What a query says is not shown.
    let server = server.split_inclusive('?').next().unwrap_or_default();
    let server = format!("{server}{}", if server.ends_with('?') { "…" } else { "" }).into();
    let nothing = PeerIncompatible::NoResourceMetadata { server, found: Absence::Nothing };
    assert_eq!(flow.step().unwrap_err(), Error::from(nothing));
    places
}

/// The places that are asked for the metadata of an authorization server.
fn server_places(issuer: &str) -> Vec<String> {
    let mut flow = login(Settings::new(SERVER_URL).unwrap(), "").unwrap();
    let document = json!({"resource": SERVER_URL, "authorization_servers": [issuer]});
    answer(&mut flow, 200, &document.to_string());
    let mut places = Vec::new();
    while flow.step().is_ok() {
        let request = request(&mut flow);
        assert_eq!(request.endpoint(), Endpoint::ServerMetadata);
        places.push(request.url().to_string());
        answer(&mut flow, 404, "");
    }
    let nothing =
        PeerIncompatible::NoServerMetadata { issuer: issuer.into(), found: Absence::Nothing };
    assert_eq!(flow.step().unwrap_err(), Error::from(nothing));
    places
}

#[test]
fn the_examples_of_the_specifications() {
    // RFC 9728 §3.1.
    let origin = "https://resource.example.com";
    let root = "https://resource.example.com/.well-known/oauth-protected-resource";
    assert_eq!(resource_places(origin), [root]);
    let tenant = "https://resource.example.com/resource1";
    assert_eq!(resource_places(tenant), [&*format!("{root}/resource1"), root]);
    // RFC 8414 §3.1, OpenID Connect Discovery 1.0 §4.1; the order is that of MCP.
    let issuer = "https://example.com/issuer1";
    assert_eq!(
        server_places(issuer),
        [
            "https://example.com/.well-known/oauth-authorization-server/issuer1",
            "https://example.com/.well-known/openid-configuration/issuer1",
            "https://example.com/issuer1/.well-known/openid-configuration",
        ]
    );
    assert_eq!(
        server_places("https://example.com"),
        [
            "https://example.com/.well-known/oauth-authorization-server",
            "https://example.com/.well-known/openid-configuration",
        ]
    );
}

fn host() -> impl Strategy<Value = String> {
    "https://[a-z]{1,8}\\.example(:[1-9][0-9]{3})?"
}

/// A path without a slash at its end; often none.
fn path() -> impl Strategy<Value = String> {
    "(/[A-Za-z0-9_~-]{1,6}){0,3}"
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_resource_is_looked_for_with_its_path_then_at_the_root(
        host in host(), path in path(), slash in "/?", query in "(\\?[a-z]=[0-9])?"
    ) {
        let known = format!("{host}/.well-known/oauth-protected-resource");
        let mut expected = Vec::new();
        if !path.is_empty() && slash == "/" {
            expected.push(format!("{known}{path}/{query}"));
        }
        if !path.is_empty() || !query.is_empty() {
            expected.push(format!("{known}{path}{query}"));
        }
        expected.push(known);
        prop_assert_eq!(resource_places(&format!("{host}{path}{slash}{query}")), expected);
    }

    #[test]
    fn a_place_that_the_challenge_names_is_the_first_one(path in "/[a-z0-9/?=]{0,12}", relative in any::<bool>()) {
        prop_assume!(!path.starts_with("//"));
        let url = format!("https://mcp.example.com{path}");
        let named = if relative { &path } else { &url };
        let challenge = format!("Bearer resource_metadata=\"{named}\"");
        let mut flow = login(Settings::new(SERVER_URL).unwrap(), &challenge).unwrap();
        let asked = request(&mut flow);
        prop_assert_eq!(asked.url().as_str(), &url);
        let mut then = Vec::new();
        while flow.step().is_ok() {
            answer(&mut flow, 404, "");
            if flow.step().is_ok() {
                then.push(request(&mut flow).url().to_string());
            }
        }
        let mut derived = resource_places(SERVER_URL);
        derived.retain(|place| *place != url);
        prop_assert_eq!(then, derived);
    }

    #[test]
    fn a_server_is_looked_for_in_three_places_or_two(host in host(), path in path(), slash in "/?") {
        let at = |kind: &str| format!("{host}/.well-known/{kind}{path}");
        let mut expected = vec![at("oauth-authorization-server")];
        if !path.is_empty() {
            expected.push(at("openid-configuration"));
        }
        expected.push(format!("{host}{path}/.well-known/openid-configuration"));
        prop_assert_eq!(server_places(&format!("{host}{path}{slash}")), expected);
    }
}
