//! Who pushes: a client shows itself as it does at the token endpoint, and with the key that tokens will be bound to.

use oauth_core::flow::{Dpop as Bound, Settings};
use oauth_core::wire::{KeyDescription, TokenType};
use oauth_core::{Secret, SigningAlgorithm};
use oauth_tests::drive::{Stage, play, settings};
use oauth_tests::world::{AuthMethod, Dpop, Knobs, Nonces, PRE_CLIENT_ID, PRE_CLIENT_SECRET, What};

use crate::{ISSUER, LIST, REFERENCE, asked, of_secrets, required, said_to_pages, with_secret};

/// The names of what was pushed, but for what the authorization request says in any case.
fn shown(stage: &Stage) -> Vec<Vec<String>> {
    let of_the_request = |name: &&String| {
        !matches!(
            name.as_str(),
            "response_type"
                | "redirect_uri"
                | "code_challenge"
                | "code_challenge_method"
                | "state"
                | "resource"
                | "scope"
        )
    };
    let pushes = stage.world.requests(What::Push).into_iter();
    pushes
        .map(|it| {
            it.parameters.iter().map(|(name, _)| name).filter(of_the_request).cloned().collect()
        })
        .collect()
}

#[test]
fn clients_of_every_kind_show_themselves() {
    let public = settings().client_id(PRE_CLIENT_ID, None).expect("a client");
    for (method, own, expected) in [
        (AuthMethod::None, public, &["client_id"][..]),
        (AuthMethod::Basic, with_secret(), &["client_id"]),
        (AuthMethod::Post, with_secret(), &["client_id", "client_secret"]),
    ] {
        let token_auth_methods = Some(vec![method]);
        let knobs = Knobs { pre_method: method, token_auth_methods, ..of_secrets() };
        let stage = play(&knobs, &own, |stage| assert_eq!(stage.call(LIST), Ok(200)));
        assert_eq!(asked(&stage), [1, 1, 1], "{method:?}");
        assert_eq!(shown(&stage), [expected], "{method:?}");
    }
}

#[test]
fn a_client_with_a_key_signs_each_push_anew() {
    let method = AuthMethod::PrivateKeyJwt;
    let token_auth_methods = Some(vec![method]);
    let knobs = Knobs { pre_method: method, token_auth_methods, ..of_secrets() };
    let key =
        KeyDescription { key_id: Some("key-1".into()), algorithms: SigningAlgorithm::Es256.into() };
    let own = settings().client_id(PRE_CLIENT_ID, None).expect("a client").signing_key(key);
    let stage = play(&knobs, &own, |stage| assert_eq!(stage.call(LIST), Ok(200)));
    // The world sees to it that no `jti` comes twice, and that `aud` is the issuer.
    assert_eq!((asked(&stage), stage.gifts.signatures), ([1, 1, 1], 2));
    assert_eq!(shown(&stage), [["client_id", "client_assertion_type", "client_assertion"]]);
}

/// The proof and `dpop_jkt` are of one key, which is the code's as well.
#[test]
fn a_key_that_tokens_are_bound_to_is_shown_with_the_push() {
    let key = || settings().dpop(Bound::Required);
    for (nonces, pushes) in
        [(Nonces::None, 1), (Nonces::Needed { seconds: 300 }, 2), (Nonces::EachAnswer, 2)]
    {
        let knobs = Knobs { server_nonces: nonces, par: required().par, ..Knobs::bound() };
        let stage = play(&knobs, &key(), |stage| assert_eq!(stage.call(LIST), Ok(200)));
        // What the push has brought is in the proof at the token endpoint.
        assert_eq!(asked(&stage), [pushes, 1, 1], "{nonces:?}");
        assert_eq!(said_to_pages(&stage), [REFERENCE]);
        assert!(shown(&stage).iter().all(|it| *it == ["client_id", "dpop_jkt"]), "{nonces:?}");
        let record = stage.record().expect("a record");
        let kind = record.tokens().map(|tokens| tokens.token_type);
        assert_eq!(kind, Some(TokenType::Dpop));
    }
    let knobs = Knobs { server_nonces: Nonces::NeverGood, par: required().par, ..Knobs::bound() };
    let stage = play(&knobs, &key(), |stage| {
        let error = stage.call(LIST).expect_err("no nonce is good");
        assert_eq!(error.code(), "refused_pushed_authorization_use_dpop_nonce", "{error}");
    });
    assert_eq!(asked(&stage), [2, 0, 0]);
}

#[test]
fn a_client_that_signs_and_has_a_key_to_bind_to_does_both() {
    let method = AuthMethod::PrivateKeyJwt;
    let knobs = Knobs {
        pre_method: method,
        token_auth_methods: Some(vec![method]),
        server_nonces: Nonces::Needed { seconds: 300 },
        dpop: Dpop::Required,
        ..Knobs { par: required().par, ..Knobs::bound() }
    };
    let key =
        KeyDescription { key_id: Some("key-1".into()), algorithms: SigningAlgorithm::Es256.into() };
    let own = settings().client_id(PRE_CLIENT_ID, None).expect("a client").signing_key(key);
    let stage = play(&knobs, &own, |stage| assert_eq!(stage.call(LIST), Ok(200)));
    assert_eq!(asked(&stage), [2, 1, 1]);
    // Two for each push, two for the code, and one for the call.
    assert_eq!(stage.gifts.signatures, 7);
}

/// It would get there before any page names the server to the user.
#[test]
fn a_secret_is_pushed_to_no_server_that_only_the_mcp_server_names() {
    let secret = Some(Secret::from(PRE_CLIENT_SECRET));
    let own = || settings().client_id(PRE_CLIENT_ID, secret.clone()).expect("a client");
    let refused = |settings: &Settings| {
        let stage = play(&of_secrets(), settings, |stage| {
            let error = stage.call(LIST).expect_err("nobody vouches for it");
            assert_eq!(error.code(), "unconfirmed_issuer");
        });
        assert_eq!(asked(&stage), [0, 0, 0]);
    };
    refused(&own());
    let stage = play(&of_secrets(), &own().client_issuer(ISSUER), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(asked(&stage), [1, 1, 1]);
}
