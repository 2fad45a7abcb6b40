//! What is stored, a [`Record`] or a [`PendingLogin`], comes back as it was, whatever its texts are.

use std::sync::Arc;

use core::time::Duration;

use oauth_core::UnixTime;
use oauth_core::flow::{RedirectUri, Settings};
use oauth_core::session::{PendingLogin, Record, Session, Turn};
use oauth_tests::drive::{CALLBACK, SERVER_URL, entropy};
use proptest::collection::{hash_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::config;
use crate::logins::{ISSUER, NOW, provider};

/// Anything that a server may add to its answer.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inside| {
        prop_oneof![
            vec(inside.clone(), 0..3).prop_map(Value::from),
            hash_map(".{0,4}", inside, 0..3).prop_map(|it| it.into_iter().collect()),
        ]
    })
}

/// The same, but for the last digit of a fraction: see `regressions`.
fn is_nearly(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| is_nearly(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            let is_there = |(name, left)| right.get(name).is_some_and(|it| is_nearly(left, it));
            left.len() == right.len() && left.iter().all(is_there)
        }
        (Value::Number(left), Value::Number(right)) if left.is_f64() && right.is_f64() => {
            let [left, right] = [left, right].map(|it| it.as_f64().unwrap());
            (left - right).abs() <= 8.0 * f64::EPSILON * left.abs()
        }
        (left, right) => left == right,
    }
}

fn client() -> impl Strategy<Value = Value> {
    let kind = prop_oneof!["dynamic", "pre_registered", "metadata_document"];
    let method = prop_oneof!["none", "client_secret_basic", "client_secret_post"];
    (".{1,8}", option::of(".{1,8}"), option::of(any::<u64>()), method, kind).prop_map(
        |(id, secret, expires_at, method, kind)| {
            let mut client = json!({
                "client_id": id, "auth_method": method, "redirect_uri": CALLBACK, "kind": kind,
            });
            if let Some(secret) = secret {
                client["client_secret"] = json!({ "secret": secret });
                if let Some(at) = expires_at {
                    client["client_secret"]["expires_at"] = at.into();
                }
            }
            client
        },
    )
}

fn tokens() -> impl Strategy<Value = Value> {
    let others = hash_map("x_.{0,4}", anything(), 0..3);
    let token = "[!-~]{1,20}";
    (token, option::of(any::<u64>()), option::of(".{1,9}"), option::of("[a-c]( [d-f])?"), others)
        .prop_map(|(access_token, expires_at, refresh_token, scope, others)| {
            let mut tokens = json!({"access_token": access_token, "token_type": "Bearer"});
            let own = [
                ("expires_at", expires_at.map(Value::from)),
                ("refresh_token", refresh_token.map(Value::from)),
                ("scope", scope.map(Value::from)),
            ];
            let members = tokens.as_object_mut().unwrap();
            members.extend(own.into_iter().filter_map(|(name, it)| Some((name.into(), it?))));
            members.extend(others);
            tokens
        })
}

fn record() -> impl Strategy<Value = Value> {
    let path = "[a-z0-9/]{0,9}";
    (1..=u64::MAX / 2, any::<u64>(), client(), option::of(tokens()), path, any::<[bool; 3]>())
        .prop_map(|(generation, issued_at, client, tokens, path, [iss, documents, offline])| {
            let mut record = json!({
                "format": 1, "generation": generation, "issued_at": issued_at,
                "binding": {
                    "server": {
                        "issuer": ISSUER,
                        "authorization_endpoint": format!("https://auth.example.com/{path}"),
                        "token_endpoint": "https://auth.example.com/token",
                        "registration_endpoint": null, "revocation_endpoint": null,
                        "provenance": "discovered", "auth_methods": null, "promises_iss": iss,
                        "metadata_documents": documents, "offline_access": offline,
                    },
                    "client": client, "resource": format!("https://mcp.example.com/{path}"),
                },
            });
            let members = record.as_object_mut().unwrap();
            members.extend(tokens.map(|tokens| ("tokens".to_owned(), tokens)));
            record
        })
}

/// A login that waits for its user, handed out.
fn pending(client_id: &str, scope: &str, profile: &str, expires_at: UnixTime) -> PendingLogin {
    let settings = Settings::new(SERVER_URL)
        .unwrap()
        .scope(scope)
        .unwrap()
        .provider(&provider())
        .unwrap()
        .without_discovery();
    let mut session = Session::new(Arc::new(settings.client_id(client_id, None).unwrap()));
    loop {
        match session.turn().unwrap() {
            Turn::Load(reply) => reply.loaded(None, NOW),
            Turn::Lock(_, reply) => reply.locked(),
            Turn::Unlock(_, reply) => reply.unlocked(),
            Turn::Save(reply) => reply.saved(NOW),
            Turn::Login(reply) => reply.begin(),
            Turn::Prepare(reply) => {
                reply.prepared(RedirectUri::parse(CALLBACK).unwrap(), entropy(1), NOW);
            }
            Turn::Browser(_, reply) => return reply.suspend(profile, expires_at).unwrap(),
            turn => panic!("{turn:?}"),
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_record_comes_back_as_it_was(document in record()) {
        let record = Record::from_json(document.to_string().as_bytes()).unwrap();
        let again = Record::from_json(record.to_json().as_bytes()).unwrap();
        // Nothing of what was there is lost.
        let again = serde_json::to_value(again).unwrap();
        prop_assert!(is_nearly(&again, &document), "{} {}", again, document);
    }

    #[test]
    fn bytes_that_are_no_record_are_damaged_or_newer(bytes in vec(any::<u8>(), 0..40)) {
        prop_assert!(Record::from_json(&bytes).is_err());
    }

    #[test]
    fn a_record_that_is_cut_or_changed_is_no_other_record(
        document in record(), at in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let text = document.to_string();
        let at = at.index(text.len());
        prop_assert!(Record::from_json(&text.as_bytes()[..at]).is_err());
        let mut changed = text.into_bytes();
        changed[at] = byte;
        // Whatever can still be read is written as it was read.
        if let Ok(record) = Record::from_json(&changed) {
            let again = Record::from_json(record.to_json().as_bytes()).unwrap();
            let [record, again] = [record, again].map(|it| serde_json::to_value(it).unwrap());
            prop_assert!(is_nearly(&again, &record), "{} {}", again, record);
        }
    }

    #[test]
    fn a_login_that_was_handed_out_comes_back_as_it_was(
        id in "[ -~]{1,8}", scope in "[a-c]( [d-f])?", profile in ".{0,8}", seconds in any::<u32>()
    ) {
        let pending = pending(&id, &scope, &profile, NOW + Duration::from_secs(seconds.into()));
        let text = serde_json::to_string(&pending).unwrap();
        let again: PendingLogin = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(serde_json::to_string(&again).unwrap(), text);
        prop_assert_eq!(again.connect_url(), pending.connect_url());
        prop_assert_eq!(again.profile(), profile);
        prop_assert_eq!(again.expires_at(), pending.expires_at());
    }

    #[test]
    fn a_login_that_was_changed_while_it_was_handed_out_has_another_state(
        profile in "[a-z]{1,8}", other in "[a-z]{1,8}", seconds in 1..u64::from(u32::MAX)
    ) {
        prop_assume!(profile != other);
        let pending = pending("client-1", "a", &profile, NOW);
        let state = |document: &Value| {
            let pending: PendingLogin = serde_json::from_value(document.clone()).unwrap();
            pending.connect_url().state().to_owned()
        };
        let document = serde_json::to_value(&pending).unwrap();
        let sealed = state(&document);
        let url = pending.connect_url();
        prop_assert_eq!(&*sealed, url.state());
        for (place, value) in [
            ("/profile", json!(other)),
            ("/expires_at", json!((NOW + Duration::from_secs(seconds)).as_secs())),
            ("/consent/binding/resource", json!(format!("https://{other}.example/"))),
            ("/consent/binding/client/client_id", json!(other)),
            ("/consent/binding/server/token_endpoint", json!("https://evil.example/token")),
        ] {
            let mut changed = document.clone();
            *changed.pointer_mut(place).unwrap() = value;
            prop_assert_ne!(state(&changed), &*sealed, "{}", place);
        }
    }
}
