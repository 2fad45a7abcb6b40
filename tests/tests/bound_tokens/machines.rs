//! Grants without a user: a key for each token that nobody else had, and no page.

use oauth_core::Secret;
use oauth_core::SigningAlgorithm;
use oauth_core::flow::IdentityProvider;
use oauth_core::wire::KeyDescription;
use oauth_tests::world::{
    AuthMethod, Damage, IDP_CLIENT_ID, IdpForm, PRE_CLIENT_ID, PRE_CLIENT_SECRET, World,
};
use serde_json::json;

use super::*;

/// As long as a token lives.
const HOUR: u64 = 3600;

const ISSUER: &str = "https://auth.example.com";

/// Each grant, with its settings and what the servers have to offer for it.
fn each() -> [(Grant, Knobs, Settings); 4] {
    let client = |secret: Option<&str>| {
        let client = settings().client_id(PRE_CLIENT_ID, secret.map(Secret::from));
        client.expect("a client").client_issuer(ISSUER)
    };
    let provider = IdentityProvider::new(
        &World::new(Knobs::default()).idp_token_endpoint(),
        IDP_CLIENT_ID,
        None,
    );
    let with_secret = client(Some(PRE_CLIENT_SECRET));
    let key =
        KeyDescription { key_id: Some("key-1".into()), algorithms: SigningAlgorithm::Es256.into() };
    let with_key = client(None).signing_key(key).client_credentials();
    let signs = Knobs {
        pre_method: AuthMethod::PrivateKeyJwt,
        token_auth_methods: Some(vec![AuthMethod::PrivateKeyJwt]),
        ..bound(Grant::ClientCredentials)
    };
    let enterprise = with_secret.clone().enterprise_managed(provider.expect("a provider"));
    let workload = settings().client_issuer(ISSUER).workload_identity();
    [
        (
            Grant::ClientCredentials,
            bound(Grant::ClientCredentials),
            with_secret.client_credentials(),
        ),
        (Grant::ClientCredentials, signs, with_key),
        (Grant::JwtBearer, bound(Grant::JwtBearer), enterprise),
        (Grant::JwtBearer, bound(Grant::JwtBearer), workload),
    ]
}

/// Servers that know keys, and want none yet.
fn before(knobs: &Knobs) -> Knobs {
    let Knobs { dpop, resource_dpop, .. } = offered();
    Knobs { dpop, resource_dpop, prm_dpop_required: false, ..knobs.clone() }
}

/// No token lives that the MCP server could refuse, so the authorization server is the first to say so.
#[test]
fn servers_that_begin_to_want_bound_tokens_lock_nobody_out() {
    for (grant, knobs, settings) in each() {
        let stage = play(&before(&knobs), &settings, |stage| {
            assert_eq!(stage.call(LIST), Ok(200));
            assert_eq!(kind(stage), Some(TokenType::Bearer));
            stage.world.knobs = knobs.clone();
            stage.world.advance(HOUR);
            assert_eq!(stage.call(LIST), Ok(200));
            assert_eq!(kind(stage), Some(TokenType::Dpop));
            let blamed = core::mem::take(&mut stage.world.violations);
            assert_eq!(blamed, ["a token request without a proof"], "nobody had told the client");
        });
        assert_eq!(tokens(&stage, grant), 3);
    }
}

/// The MCP server says nothing of keys, so that none is made: that is found out once a call, and no more.
#[test]
fn an_authorization_server_alone_that_begins_to_want_proofs_is_asked_a_few_times() {
    for (grant, knobs, settings) in each() {
        let stage = play(&before(&knobs), &settings, |stage| {
            assert_eq!(stage.call(LIST), Ok(200));
            stage.world.knobs.dpop = Dpop::Required;
            stage.world.advance(HOUR);
            for _ in 0..2 {
                let refused = stage.call(LIST).expect_err("there is no proof");
                assert!(refused.refusal().is_some_and(|it| it.is_invalid_dpop_proof()));
            }
        });
        assert_eq!(tokens(&stage, grant), 1 + 2 + 1);
    }
}

fn bound(grant: Grant) -> Knobs {
    let Knobs { dpop, resource_dpop, prm_dpop_required, .. } = Knobs::bound();
    Knobs { dpop, resource_dpop, prm_dpop_required, ..Knobs::machines(&[grant]) }
}

/// How many token requests there were; nothing else was asked of anybody.
fn tokens(stage: &Stage, grant: Grant) -> usize {
    assert_eq!(stage.world.count(What::Authorize), 0, "nobody is sent to a page");
    assert_eq!(stage.world.count(What::Register), 0, "nothing is registered");
    stage.world.count(What::Token(grant))
}

#[test]
fn each_grant_gets_bound_tokens_and_keeps_the_key() {
    for (grant, knobs, settings) in each() {
        let stage = play(&knobs, &settings, |stage| {
            assert_eq!(stage.call(LIST), Ok(200));
            let key = thumbprint(stage);
            stage.restart();
            assert_eq!(stage.call(LIST), Ok(200));
            stage.world.advance(knobs.access_lifetime);
            assert_eq!(stage.call(LIST), Ok(200));
            assert_eq!((kind(stage), thumbprint(stage)), (Some(TokenType::Dpop), key));
        });
        assert_eq!((tokens(&stage, grant), stage.gifts.keys), (2, 1));
    }
}

/// No assertion is sent twice, though only the nonce was missing.
#[test]
fn nonces_cost_one_request_more() {
    for (grant, knobs, settings) in each() {
        let minute = Nonces::Needed { seconds: 60 };
        let knobs = Knobs { server_nonces: minute, resource_nonces: minute, ..knobs };
        let stage = play(&knobs, &settings, |stage| {
            assert_eq!(stage.call(LIST), Ok(200));
            stage.world.advance(knobs.access_lifetime);
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!(tokens(&stage, grant), 4);
    }
}

#[test]
fn nonces_that_are_never_good_are_an_error() {
    for (grant, knobs, settings) in each() {
        let knobs = Knobs { server_nonces: Nonces::NeverGood, ..knobs };
        let stage = play(&knobs, &settings, |stage| {
            let error = stage.call(LIST).expect_err("no nonce is good");
            // The identity provider comes first where there is one.
            assert!(error.code().ends_with("_use_dpop_nonce"), "{error}");
        });
        assert_eq!(stage.world.token_requests(), 2);
        assert!(tokens(&stage, grant) <= 2);
    }
}

#[test]
fn the_identity_provider_binds_its_grant_to_the_key() {
    let [_, _, (grant, knobs, settings), _] = each();
    let stage = play(&knobs, &settings, |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
    });
    // At the provider, at the authorization server, and at the MCP server.
    assert_eq!((tokens(&stage, grant), stage.gifts.signatures), (1, 3));
    let other = json!({ "cnf": { "jkt": "another" } });
    let knobs = Knobs { idp_form: Damage::always(IdpForm::Claims(other)), ..knobs };
    let stage = play(&knobs, &settings, |stage| {
        let error = stage.call(LIST).expect_err("it is bound to another key");
        assert_eq!(error.code(), "foreign_id_jag", "{error}");
    });
    assert_eq!(tokens(&stage, grant), 0);
}

#[test]
fn a_server_that_begins_to_require_bound_tokens_costs_one_token_request() {
    for (grant, knobs, settings) in each() {
        let Knobs { dpop, resource_dpop, .. } = offered();
        let before = Knobs { dpop, resource_dpop, prm_dpop_required: false, ..knobs.clone() };
        let stage = play(&before, &settings, |stage| {
            assert_eq!(stage.call(LIST), Ok(200));
            assert_eq!(kind(stage), Some(TokenType::Bearer));
            stage.world.advance(60);
            stage.forget_log();
            stage.world.knobs = knobs.clone();
            assert_eq!(stage.call(LIST), Ok(200));
            assert_eq!(stage.call(LIST), Ok(200));
            assert_eq!(kind(stage), Some(TokenType::Dpop));
        });
        assert_eq!((tokens(&stage, grant), calls(&stage, LIST)), (1, 3));
    }
}

#[test]
fn a_bearer_token_instead_of_a_bound_one_is_an_error_and_is_not_stored() {
    for (grant, knobs, settings) in each() {
        let knobs = Knobs { dpop: Dpop::InVain, ..knobs };
        let stage = play(&knobs, &settings, |stage| {
            let error = stage.call(LIST).expect_err("it is not bound");
            assert_eq!(error.code(), "token_not_bound", "{error}");
        });
        assert_eq!((tokens(&stage, grant), kind(&stage)), (1, None));
    }
}

#[test]
fn a_host_that_can_make_no_key_is_told() {
    let [(grant, knobs, settings), ..] = each();
    let stage = play(&knobs, &settings, |stage| {
        stage.gifts.failures.push_back("the vault is closed");
        let error = stage.call(LIST).expect_err("there is no key");
        assert_eq!(error.code(), "no_key", "{error}");
        assert!(error.is_retryable() && error.to_string().contains("vault"), "{error}");
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(tokens(&stage, grant), 1);
}

/// Nobody is there who could be asked, so another token is.
#[test]
fn a_stored_key_that_cannot_be_read_costs_a_token_request() {
    for (grant, knobs, settings) in each() {
        let stage = play(&knobs, &settings, |stage| {
            assert_eq!(stage.call(LIST), Ok(200));
            let before = thumbprint(stage);
            key::damage_key(stage);
            assert_eq!(stage.call(LIST), Ok(200));
            assert_eq!((kind(stage), stage.gifts.keys), (Some(TokenType::Dpop), 2));
            assert_ne!(thumbprint(stage), before);
        });
        assert_eq!(tokens(&stage, grant), 2);
    }
}
