//! The lists of settings: of the core, of its JSON, of the builder and of configuration files.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use oauth_blocking::{
    AuthMethod, BearerAuth, ClientMetadata, OAuth, OAuthBuilder, OAuthClientProvider, OAuthConfig,
    Policy, PrivateKey, PromptMode, ResourceMode, Tolerance, WantedAssertion, WrittenSettings,
};
use oauth_core::SigningAlgorithm;
use oauth_core::client::Gift;
use oauth_core::flow::{Dpop, Par};
use oauth_core::keys::{DpopKey, PublicJwk};
use oauth_core::wire::{KeyDescription, Unsigned};
use oauth_core::written::Written;
use oauth_interface::{Function, Interface};
use serde_json::{Value, json};

use crate::{SERVER, configured, plain};

const SETTINGS: &str = include_str!("../../../oauth-core/src/flow/settings.rs");
const CLIENT: &str = include_str!("../../../oauth-core/src/flow/settings/client.rs");
const GRANT: &str = include_str!("../../../oauth-core/src/flow/settings/grant.rs");
const DEVICE: &str = include_str!("../../../oauth-core/src/flow/settings/device.rs");
const DPOP: &str = include_str!("../../../oauth-core/src/flow/settings/dpop.rs");
const PAR: &str = include_str!("../../../oauth-core/src/flow/settings/par.rs");
const STORED: &str = include_str!("../../../oauth-core/src/flow/settings/stored.rs");
const POLICY: &str = include_str!("../../../oauth-core/src/policy.rs");
const BUILDER: &str = include_str!("../../../oauth-core/src/client/builder.rs");
const BUILDER_GRANT: &str = include_str!("../../../oauth-core/src/client/builder/grant.rs");

/// The methods of a source file that set something, by the names of the members for it: where a method says one,
/// the member has all.
fn setters(source: &str) -> BTreeSet<String> {
    let methods = source.split("\n    pub fn ").skip(1);
    let heads = methods.map(|method| method.split(") ->").next().unwrap());
    let setters = heads.filter(|head| head.contains("mut self") || head.contains("(self, "));
    let names = setters.map(|head| head.split('(').next().unwrap());
    names
        .map(|name| match name {
            "private_host" | "authorization_parameter" | "token_parameter" | "server_header" => {
                format!("{name}s")
            }
            "private_key" => "signing_key".into(),
            "client_credentials"
            | "client_credentials_with_key"
            | "workload_identity"
            | "enterprise"
            | "enterprise_managed"
            | "authorization_code"
            | "device_code"
            | "or_device_code" => "grant".into(),
            name => name.into(),
        })
        .collect()
}

fn members<W: Written>() -> BTreeSet<String> {
    // The other name of a member is none of a setting.
    W::names().filter(|name| *name != "oauth_provider").map(str::to_owned).collect()
}

fn with<'a>(
    mut names: BTreeSet<String>,
    more: impl IntoIterator<Item = &'a str>,
) -> BTreeSet<String> {
    for name in more {
        assert!(names.insert(name.into()), "{name} is there already");
    }
    names
}

fn assert_same(some: &BTreeSet<String>, others: &BTreeSet<String>) {
    let missing: Vec<_> = some.symmetric_difference(others).collect();
    assert!(missing.is_empty(), "only one of two lists has {missing:?}");
}

#[test]
fn every_setting_of_the_core_is_a_member_of_its_json() {
    let mut settings = setters(SETTINGS);
    settings.extend(setters(CLIENT));
    settings.extend(setters(GRANT.split_once("\nimpl Settings {").unwrap().1));
    settings.extend(setters(DEVICE));
    settings.extend(setters(DPOP));
    settings.extend(setters(PAR));
    settings.extend(setters(STORED));
    settings.extend(setters(POLICY));
    // A secret comes with its id, and strictness is a policy to begin with.
    let settings = with(settings, ["client_secret", "strict"]);
    // What only a host with a store of its own has to say.
    assert_same(&settings, &with(members::<WrittenSettings>(), ["client_records"]));
}

#[test]
fn every_setting_of_the_builder_is_a_member_of_a_configuration_file() {
    let policy = ["strict", "tolerate", "refuse", "only_public_addresses"];
    let settings = setters(BUILDER).into_iter().chain(setters(BUILDER_GRANT)).collect();
    let settings = with(settings, policy);
    // What is no data, and files themselves.
    let own = ["http_client", "token_storage", "user_agent", "on_event", "on_event_of", "config"];
    assert_same(&settings, &with(members::<OAuthConfig>(), own));
}

/// The JSON interface takes them by the same names. Some mean nothing alone, but none is an input that it cannot read.
fn assert_opens(settings: Value) {
    let input = json!({ "settings": settings }).to_string();
    let answer = Interface::new().call(Function::Open, 0, input.as_bytes());
    assert!(!answer.contains(r#""code":"input""#), "{settings}: {answer}");
}

/// A key that is never asked.
struct Somewhere(KeyDescription);

impl PrivateKey for Somewhere {
    fn describe(&self) -> KeyDescription {
        self.0.clone()
    }

    fn sign<'a>(&'a self, _: &'a Unsigned) -> Gift<'a, Vec<u8>> {
        Box::pin(async { Err("nobody asks".into()) })
    }
}

/// And every member of the file one of the builder. What is secret is compared where it is sent.
#[test]
fn every_member_of_a_configuration_file_does_what_the_builder_does() {
    let metadata = json!({"issuer": "https://as.example", "authorization_endpoint": "https://as.example/a",
        "token_endpoint": "https://as.example/t"});
    let provider = json!({"id": "p", "display_name": "P", "metadata": metadata});
    let known: OAuthClientProvider = serde_json::from_value(provider.clone()).unwrap();
    let policy = |policy: Policy| OAuth::with_policy(SERVER, policy).unwrap();
    let (base, seconds) = (Policy::default, |seconds| Duration::from_secs(seconds));
    let key = || KeyDescription { key_id: None, algorithms: SigningAlgorithm::Es256.into() };
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let dpop_key = || DpopKey::new(PublicJwk::parse(jwk).unwrap());
    let rows: [(&str, Value, OAuthBuilder); 40] = [
        ("application", json!("a"), plain().application("a")),
        ("client_name", json!("n"), plain().client_name("n")),
        (
            "client_metadata",
            json!({"client_uri": "https://c.example"}),
            plain().client_metadata(ClientMetadata::new().client_uri("https://c.example")),
        ),
        ("initial_access_token", json!("t"), plain().initial_access_token("t")),
        ("client_id", json!("i"), plain().client_id("i")),
        ("client_secret", json!("s"), plain().client_secret("s")),
        ("client_issuer", json!("https://i.example"), plain().client_issuer("https://i.example")),
        (
            "grant",
            json!("workload_identity"),
            plain().workload_identity(|_: &WantedAssertion<'_>| Ok::<_, Infallible>("")),
        ),
        ("grant", json!("device_code"), plain().device_code()),
        ("grant", json!("authorization_or_device_code"), plain().or_device_code()),
        ("grant", json!("authorization_code"), plain().authorization_code()),
        ("signing_key", json!({"algorithms": ["ES256"]}), plain().private_key(Somewhere(key()))),
        ("dpop", json!("preferred"), plain().dpop(Dpop::Preferred)),
        ("dpop_key", json!(dpop_key()), plain().dpop_key(dpop_key(), Somewhere(key()))),
        ("par", json!("if_offered"), plain().par(Par::IfOffered)),
        (
            "token_endpoint_auth_method",
            json!("client_secret_post"),
            plain().token_endpoint_auth_method(AuthMethod::ClientSecretPost),
        ),
        (
            "client_metadata_url",
            json!("https://c.example/c"),
            plain().client_metadata_url("https://c.example/c"),
        ),
        ("registration_for_each_profile", json!(true), plain().registration_for_each_profile()),
        ("store_check_interval", json!(7), plain().store_check_interval(seconds(7))),
        ("scope", json!("a b"), plain().scope("a b")),
        (
            "resource_mode",
            json!({"fixed": "api://r"}),
            plain().resource_mode(ResourceMode::Fixed("api://r".into())),
        ),
        ("prompt_mode", json!("omit"), plain().prompt_mode(PromptMode::Omit)),
        (
            "authorization_parameters",
            json!({"a": "1", "b": "2"}),
            plain().authorization_parameter("a", "1").authorization_parameter("b", "2"),
        ),
        ("token_parameters", json!({"a": "1"}), plain().token_parameter("a", "1")),
        ("provider", provider.clone(), plain().provider(known.clone())),
        ("without_discovery", json!(true), plain().without_discovery()),
        ("bearer", json!("k"), plain().bearer(BearerAuth::new("k").unwrap())),
        (
            "private_hosts",
            json!(["10.0.0.1", "as.corp"]),
            plain().private_host("10.0.0.1").private_host("as.corp"),
        ),
        ("only_public_addresses", json!(true), policy(base().only_public_addresses())),
        ("strict", json!(true), policy(Policy::strict())),
        ("tolerate", json!(["issuer_slash"]), policy(base().tolerate(Tolerance::IssuerSlash))),
        ("refuse", json!(["scope_list"]), policy(base().refuse(Tolerance::ScopeList))),
        ("profile", json!("p"), plain().profile("p")),
        ("callback_port", json!(7), plain().callback_port(7)),
        ("callback_url", json!("http://localhost/c"), plain().callback_url("http://localhost/c")),
        ("wait", json!(7), plain().wait(seconds(7))),
        ("discovery_limit", json!(7), plain().discovery_limit(seconds(7))),
        ("request_limit", json!(7), plain().request_limit(seconds(7))),
        ("http_user_agent", json!("u"), plain().http_user_agent("u")),
        ("server_headers", json!({"x-h": "v"}), plain().server_header("x-h", "v")),
    ];
    let named: BTreeSet<_> = rows.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_same(&named, &members::<OAuthConfig>());
    let nothing = format!("{:?}", plain());
    for (name, value, in_code) in rows {
        if members::<WrittenSettings>().contains(name) {
            assert_opens(json!({"server_url": SERVER, name: value}));
        }
        let in_a_file = format!("{:?}", configured(&json!({ name: value }).to_string()));
        assert_ne!(in_a_file, nothing, "{name}");
        assert_eq!(in_a_file, format!("{in_code:?}"), "{name}");
    }
    let as_elsewhere = configured(&json!({"oauth_provider": provider}).to_string());
    assert_eq!(format!("{as_elsewhere:?}"), format!("{:?}", plain().provider(known)));
}
