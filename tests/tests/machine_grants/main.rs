//! Grants without a user: one token for all who share a store, asked for again when it runs out; and no page, whatever
//! happens.

mod credentials;
mod enterprise;
mod trouble;
mod workload;

use oauth_core::flow::Settings;
use oauth_core::wire::KeyDescription;
use oauth_core::{Secret, SigningAlgorithm};
use oauth_tests::drive::{Stage, play, settings};
use oauth_tests::world::{AuthMethod, Grant, Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET, What};

/// A client that asks for itself with a secret.
fn with_secret() -> Settings {
    let client = settings().client_id(PRE_CLIENT_ID, Some(Secret::from(PRE_CLIENT_SECRET)));
    client.expect("a client").client_issuer(ISSUER).client_credentials()
}

/// The same with a key.
fn with_key(algorithm: SigningAlgorithm) -> Settings {
    let key = KeyDescription { key_id: Some("key-1".into()), algorithms: algorithm.into() };
    settings()
        .client_id(PRE_CLIENT_ID, None)
        .expect("a client")
        .signing_key(key)
        .client_credentials()
}

/// The servers for it.
fn machines(grant: Grant) -> Knobs {
    Knobs::machines(&[grant])
}

/// The same where the client has a key.
fn of_keys() -> Knobs {
    let method = AuthMethod::PrivateKeyJwt;
    let token_auth_methods = Some(vec![method]);
    Knobs { pre_method: method, token_auth_methods, ..machines(Grant::ClientCredentials) }
}

/// How often each was asked: resource metadata, server metadata, tokens, authorization, registration.
fn asked(stage: &Stage, grant: Grant) -> [usize; 3] {
    assert_eq!(stage.world.count(What::Authorize), 0, "nobody is sent to a page");
    assert_eq!(stage.world.count(What::Register), 0, "nothing is registered");
    [
        stage.world.count(What::ResourceMetadata),
        stage.world.count(What::ServerMetadata),
        stage.world.count(What::Token(grant)),
    ]
}

/// The authorization server, which stands on another host than the MCP server.
const ISSUER: &str = "https://auth.example.com";
