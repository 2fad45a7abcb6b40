//! A client with a key (`private_key_jwt`, RFC 7523 §2.2) whose user logs in: it signs for the code, for each refresh, and
//! for each revocation at a logout. The world takes no signature twice.

use oauth_core::error::HostGift;
use oauth_core::flow::Settings;
use oauth_core::session::{LoggedOut, RevocationOutcome};
use oauth_core::wire::KeyDescription;
use oauth_core::{Error, SigningAlgorithm};
use oauth_tests::drive::{CALLBACK, Event, Stage, User, play, play_later, settings};
use oauth_tests::world::{
    AuthMethod, Grant, Key, Knobs, Nonces, PRE_CLIENT_ID, Registration, What,
};
use serde_json::json;

fn key() -> KeyDescription {
    KeyDescription { key_id: Some("key-1".into()), algorithms: SigningAlgorithm::Es256.into() }
}

fn with_key() -> Settings {
    let client = settings().client_id(PRE_CLIENT_ID, None).expect("a client");
    client.client_issuer("https://auth.example.com").signing_key(key())
}

fn knobs() -> Knobs {
    of_keys(Knobs::default())
}

fn of_keys(knobs: Knobs) -> Knobs {
    let method = AuthMethod::PrivateKeyJwt;
    Knobs { pre_method: method, token_auth_methods: Some(vec![method]), ..knobs }
}

fn log_out(stage: &mut Stage) -> LoggedOut {
    stage.session_mut(0).logout();
    match stage.run(0) {
        Ok(Event::LoggedOut(outcome)) => outcome,
        other => panic!("{other:?}"),
    }
}

/// How often it was asked for a token for a code, for one for a refresh token, and for a revocation.
fn asked(stage: &Stage) -> [usize; 3] {
    [What::Token(Grant::Code), What::Token(Grant::Refresh), What::Revoke]
        .map(|what| stage.world.count(what))
}

fn is_unsigned(error: &Error) -> bool {
    matches!(error, Error::Unavailable(why) if why.what == HostGift::Signature)
}

#[test]
fn each_request_from_the_login_to_the_logout_is_signed_anew() {
    let knobs = knobs();
    let stage = play(&knobs, &with_key(), |stage| {
        assert_eq!(stage.call("tools/list"), Ok(200));
        for _ in 0..2 {
            stage.restart();
            stage.world.advance(knobs.access_lifetime);
            assert_eq!(stage.call("tools/list"), Ok(200));
        }
        assert!(log_out(stage).is_complete());
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!((asked(&stage), stage.gifts.signatures), ([2, 2, 2], 6));
    assert_eq!(stage.world.count(What::Register), 0);
    for sent in stage.world.presented() {
        assert!(stage.store.written.iter().all(|record| !record.contains(&sent)), "{sent}");
    }
}

#[test]
fn both_keys_sign_where_tokens_are_bound_and_both_sign_anew_for_a_nonce() {
    let minute = Nonces::Needed { seconds: 60 };
    for (nonces, requests, signatures) in [(Nonces::None, 1, 6), (minute, 2, 10)] {
        let knobs = of_keys(Knobs { server_nonces: nonces, ..Knobs::bound() });
        let stage = play(&knobs, &with_key(), |stage| {
            assert_eq!(stage.call("tools/list"), Ok(200));
            stage.world.advance(knobs.access_lifetime);
            assert_eq!(stage.call("tools/list"), Ok(200));
            assert_eq!(stage.gifts.signatures, signatures);
            assert!(log_out(stage).is_complete());
            assert_eq!(stage.gifts.signatures, signatures + 2);
        });
        // Two for each token request, one for each call, and one for each revocation, which shows no proof.
        assert_eq!(asked(&stage), [requests, requests, 2]);
    }
}

#[test]
fn a_signer_that_fails_at_the_code_costs_that_login_and_no_more() {
    let stage = play(&knobs(), &with_key(), |stage| {
        stage.gifts.failures.push_back("the key service is down");
        let error = stage.call("tools/list").expect_err("there is no signature");
        assert!(is_unsigned(&error) && error.is_retryable(), "{error}");
        assert_eq!(stage.world.token_requests(), 0);
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!((asked(&stage), stage.logins()), ([1, 0, 0], 2));
}

#[test]
fn a_signer_that_fails_at_a_refresh_ends_no_grant() {
    let knobs = knobs();
    let stage = play_later(&knobs, &with_key(), |stage| {
        stage.user = User::Absent;
        // While the token lives, nobody notices.
        stage.world.advance(knobs.access_lifetime - 30);
        stage.gifts.failures.push_back("the key service is down");
        assert_eq!(stage.call("tools/list"), Ok(200));
        stage.world.advance(30);
        stage.gifts.failures.push_back("it is down yet");
        let error = stage.call("tools/list").expect_err("there is no signature");
        assert!(is_unsigned(&error), "{error}");
        assert_eq!(asked(stage), [0, 0, 0]);
        assert_eq!(stage.call("tools/list"), Ok(200));
    });
    assert_eq!((asked(&stage), stage.logins()), ([0, 1, 0], 0));
}

#[test]
fn a_signer_that_fails_at_the_logout_leaves_tokens_there_and_none_here() {
    for failures in 1..=2 {
        let stage = play_later(&knobs(), &with_key(), |stage| {
            stage.gifts.failures.extend(vec!["the key service is down"; failures]);
            let LoggedOut { refresh_token, access_token } = log_out(stage);
            let is_alive = |fate: &RevocationOutcome| matches!(fate, RevocationOutcome::Alive(error) if is_unsigned(error));
            assert!(is_alive(&refresh_token), "{refresh_token}");
            assert_eq!(is_alive(&access_token), failures == 2, "{access_token}");
            assert!(stage.record().is_none_or(|record| record.tokens().is_none()));
        });
        assert_eq!(asked(&stage), [0, 0, 2 - failures]);
    }
}

#[test]
fn a_client_with_a_document_of_its_own_signs_as_well() {
    let url = "https://editor.example.com/client.json";
    let settings = settings().client_metadata_url(url).expect("a URL").signing_key(key());
    let knobs = Knobs { registration: Registration::CimdOnly, ..knobs() };
    let mut jwk = Key::p256(1).jwk();
    jwk["kid"] = "key-1".into();
    let document = json!({
        "client_id": url,
        "client_name": "Editor",
        "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": { "keys": [jwk] },
    });
    let stage = play(&knobs, &settings, |stage| {
        stage.world.publish(url, &document);
        assert_eq!(stage.call("tools/list"), Ok(200));
        stage.world.advance(knobs.access_lifetime);
        assert_eq!(stage.call("tools/list"), Ok(200));
        assert!(log_out(stage).is_complete());
    });
    assert_eq!((asked(&stage), stage.gifts.signatures), ([1, 1, 2], 4));
}
