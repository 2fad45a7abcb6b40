//! What a person is told, without a request for a token, about servers where there is no user, and about tokens that
//! are bound to a key.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use oauth_blocking::{
    Adapter, Builder, GrantKind, MemoryTokenStorage, SoftwareKey, WantedAssertion,
    WrittenIdentityProvider,
};
use oauth_tests::serve::Served;
use oauth_tests::world::{
    AuthMethod, Grant, IDP_CLIENT_ID, Key, Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET, What,
};
use serde_json::Value;
use tokio_common::common::{self, LIST, assert_sound, serve};

/// A way to a token without a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Secret,
    Key,
    Workload,
    Enterprise,
}

impl Way {
    const fn grant(self) -> Grant {
        match self {
            Self::Secret | Self::Key => Grant::ClientCredentials,
            Self::Workload | Self::Enterprise => Grant::JwtBearer,
        }
    }

    fn knobs(self) -> Knobs {
        let knobs = Knobs::machines(&[self.grant()]);
        match self {
            Self::Key => Knobs {
                pre_method: AuthMethod::PrivateKeyJwt,
                token_auth_methods: Some(vec![AuthMethod::PrivateKeyJwt]),
                ..knobs
            },
            _ => knobs,
        }
    }

    fn set_up<A: Adapter>(self, builder: Builder<A>, served: &Served) -> Builder<A> {
        let issuer = served.world().issuer();
        let jwt = served.world().workload_jwt(&issuer);
        match self {
            Self::Secret => builder.client_credentials(PRE_CLIENT_ID, PRE_CLIENT_SECRET),
            Self::Key => {
                let key = SoftwareKey::parse(&Key::p256(1).pem()).unwrap().with_key_id("key-1");
                builder.client_credentials_with_key(PRE_CLIENT_ID, key)
            }
            Self::Workload => builder.workload_identity(move |_: &WantedAssertion<'_>| {
                Ok::<_, std::io::Error>(jwt.clone())
            }),
            Self::Enterprise => {
                let endpoint = served.world().idp_token_endpoint();
                let client = builder.client_id(PRE_CLIENT_ID).client_secret(PRE_CLIENT_SECRET);
                client.enterprise(
                    WrittenIdentityProvider::new(&endpoint, IDP_CLIENT_ID),
                    |_: &WantedAssertion<'_>| Err::<String, _>("nobody is asked yet"),
                )
            }
        }
    }
}

/// Requests for more than documents.
fn asked(served: &Served) -> usize {
    let world = served.world();
    let documents = world.count(What::ResourceMetadata) + world.count(What::ServerMetadata);
    world.oauth_requests() - documents
}

/// What both adapters say, to people and to programs. Nothing but documents may have been asked for.
fn told(served: &Served, way: Way, store: &MemoryTokenStorage) -> (String, Value) {
    let before = asked(served);
    let oauth = way.set_up(common::builder(served, store), served).build().unwrap();
    let forecast = oauth.diagnose().unwrap();
    let text = forecast.to_string();
    let tasks = way.set_up(tokio_common::builder(served, store), served).build().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert_eq!(runtime.block_on(tasks.diagnose()).unwrap().to_string(), text);
    assert_eq!(asked(served), before, "{text}");
    assert_sound(served);
    println!("{text}\n{}\n", "-".repeat(80));
    let url = served.server_url();
    (text.replace(&url, "SERVER"), serde_json::to_value(&forecast).unwrap())
}

fn assert_says(text: &str, lines: &[&str]) {
    for line in lines {
        // However wide the first column is.
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.lines().any(|it| words(it) == *line), "{line:?} is not in:\n{text}");
    }
    for word in ["login of", "log in", "browser", "registers itself"] {
        assert!(!text.contains(word), "{word:?} is in:\n{text}");
    }
}

#[test]
fn a_service_is_told_which_token_it_would_ask_for_and_with_what() {
    for (way, authentication) in
        [(Way::Secret, "client_secret_basic"), (Way::Key, "private_key_jwt")]
    {
        let served = serve(way.knobs());
        let issuer = served.world().issuer();
        let (text, json) = told(&served, way, &MemoryTokenStorage::new());
        let first = format!("The next call to SERVER gets a token of {issuer}; no page is opened.");
        assert_eq!(text.lines().next(), Some(&*first));
        assert_says(
            &text,
            &[
                "A token for SERVER can be asked for.",
                "client the one that was set up with `client_id`",
                &format!("token request to {issuer}/token; no page is opened"),
                "grant client_credentials (the server lists it)",
                &format!("authentication {authentication}"),
            ],
        );
        let plan = &json["login"];
        assert_eq!(plan["grant"], GrantKind::ClientCredentials.name());
        assert_eq!((&plan["grant_is_listed"], &plan["is_bound"]), (&true.into(), &false.into()));
        assert_eq!(plan["authentication"], authentication);
    }
}

#[test]
fn a_workload_is_told_that_it_needs_no_client() {
    let served = serve(Way::Workload.knobs());
    let (text, json) = told(&served, Way::Workload, &MemoryTokenStorage::new());
    let grant = "grant urn:ietf:params:oauth:grant-type:jwt-bearer (the server lists it)";
    let client = "client none: what the host brings says who asks";
    let logout = "logout forgets the token; it takes a client id to revoke it";
    assert_says(&text, &[grant, client, "authentication none", logout]);
    assert_eq!(json["login"]["grant"], GrantKind::WorkloadIdentity.name());
}

#[test]
fn an_enterprise_is_told_which_two_requests_would_be_made() {
    let served = serve(Way::Enterprise.knobs());
    let issuer = served.world().issuer();
    let idp = served.world().idp_token_endpoint();
    let (text, json) = told(&served, Way::Enterprise, &MemoryTokenStorage::new());
    let first = format!("first request to the identity provider, {idp}");
    let then = format!("token request to {issuer}/token; no page is opened");
    assert_says(&text, &[&first, &then, "authentication client_secret_basic"]);
    assert_eq!(json["login"]["identity_provider"], idp);
}

/// Of client credentials a list says nothing: servers leave them out and take them.
#[test]
fn a_grant_that_is_not_listed_is_said_to_be() {
    let knobs = |grant_types| Knobs { grant_types, ..Way::Secret.knobs() };
    let others = Some(vec!["authorization_code".into()]);
    for (grant_types, words) in [
        (others.clone(), "grant client_credentials (the server does not list it)"),
        (None, "grant client_credentials (the server does not say what it knows)"),
    ] {
        let served = serve(knobs(grant_types));
        let (text, _) = told(&served, Way::Secret, &MemoryTokenStorage::new());
        assert_says(&text, &[words]);
    }
    let served = serve(Knobs { grant_types: others, ..Way::Workload.knobs() });
    let (text, json) = told(&served, Way::Workload, &MemoryTokenStorage::new());
    let nobody = "Calls to SERVER that need a token fail: there is none to be had.";
    assert_says(&text, &[nobody, "No token for SERVER can be asked for."]);
    assert_eq!(json["error"]["code"], "grant_not_listed");
}

#[test]
fn a_service_that_has_a_token_is_told_until_when() {
    let (served, store) = (serve(Way::Secret.knobs()), MemoryTokenStorage::new());
    let oauth = Way::Secret.set_up(common::builder(&served, &store), &served).build().unwrap();
    assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
    let (text, _) = told(&served, Way::Secret, &store);
    let line = text.lines().next().unwrap();
    assert!(
        line.starts_with("There is a token for SERVER: no other is asked for before "),
        "{line}"
    );
    assert_says(&text, &["A token for SERVER can be asked for."]);
}

/// A key would be made for it, and is not: a look ahead signs nothing.
#[test]
fn tokens_that_would_be_bound_to_a_key_are_said_to_be() {
    let words = "  tokens                are bound to a key (DPoP)";
    let served = serve(Knobs::bound());
    let oauth = common::client(&served, &MemoryTokenStorage::new());
    let text = oauth.diagnose().unwrap().to_string();
    assert!(text.contains("can begin") && text.contains(words), "{text}");
    let Knobs { dpop, resource_dpop, prm_dpop_required, .. } = Knobs::bound();
    let knobs = Knobs { dpop, resource_dpop, prm_dpop_required, ..Way::Secret.knobs() };
    let served = serve(knobs);
    let (text, json) = told(&served, Way::Secret, &MemoryTokenStorage::new());
    assert!(text.contains(words), "{text}");
    assert_eq!(json["login"]["is_bound"], true);
}
