//! What fuzzing found, as small as it gets.

use std::sync::Arc;

use oauth_core::error::Error;
use oauth_core::flow::{RedirectUri, Settings};
use oauth_core::session::{Attempt, Record, Session, Turn};
use oauth_core::wire::{ResourceChallenge, challenges};
use oauth_core::{Response, UnixTime};
use oauth_tests::drive::{CALLBACK, SERVER_URL, entropy};
use serde_json::{Value, json};

use crate::logins::{ISSUER, NOW, login, provider};

fn server_settings() -> Settings {
    Settings::new(SERVER_URL).unwrap()
}

/// Each of these has the password `planted` for every parser that follows the URL standard, which takes
/// tabs and line breaks out anywhere, and a backslash for a slash only behind schemes such as https.
#[test]
fn a_password_is_not_shown_however_the_url_is_spelled() {
    for text in [
        "https:\t//user:planted@a.example/",
        "https:/\n/user:planted@a.example/",
        "x://do\\main:planted@a.example/",
    ] {
        let url = url::Url::parse(text).unwrap();
        assert_eq!(url.password(), Some("planted"), "{text:?}");
        let challenge = format!("Bearer resource_metadata=\"{}\"", text.replace('\\', "\\\\"));
        for error in [Settings::new(text).unwrap_err(), RedirectUri::parse(text).unwrap_err()] {
            assert!(!format!("{error} {error:?}").contains("planted"), "{text:?}: {error}");
        }
        let flow = login(server_settings(), &challenge).unwrap();
        let noted = flow.timeline();
        assert_eq!(noted.entries().len(), 1);
        assert!(!format!("{noted} {noted:?}").contains("planted"), "{text:?}: {noted}");
    }
}

/// Junk behind `name=` keeps it from being a `token68`, whichever way the field is read.
#[test]
fn both_ways_of_reading_a_challenge_agree_on_broken_ones() {
    for line in ["Custom resource_metadata== +", "Bearer scope== +", "Bearer error== x=1"] {
        let chosen = ResourceChallenge::select([line]).unwrap();
        let challenge = challenges(line).next().unwrap();
        assert_eq!(challenge.token68(), None, "{line}");
        let metadata = challenge.param("resource_metadata");
        assert_eq!(chosen.resource_metadata.as_deref(), metadata.as_deref(), "{line}");
        assert_eq!(chosen.error.as_deref(), challenge.param("error").as_deref(), "{line}");
    }
}

fn record(tokens: &Value) -> Record {
    let document = json!({
        "format": 1, "generation": 1, "issued_at": NOW,
        "binding": {
            "server": {
                "issuer": ISSUER,
                "authorization_endpoint": "https://auth.example.com/authorize",
                "token_endpoint": "https://auth.example.com/token",
                "registration_endpoint": null,
                "revocation_endpoint": "https://auth.example.com/revoke",
                "provenance": "discovered", "auth_methods": null, "promises_iss": false,
                "metadata_documents": false, "offline_access": false,
            },
            "client": {
                "client_id": "client-1", "auth_method": "none",
                "redirect_uri": "http://127.0.0.1:49152/callback", "kind": "dynamic",
            },
            "resource": SERVER_URL,
        },
        "tokens": tokens,
    });
    Record::from_json(document.to_string().as_bytes()).unwrap()
}

/// A reader of JSON is off by one bit for some fractions of many digits, unless it is told to be exact,
/// which makes it larger. Only members that nobody knows can have a fraction.
#[test]
fn a_fraction_in_an_unknown_member_changes_by_a_bit_at_most() {
    let odd = 6.147_875_040_784_115e-134;
    let record = record(&json!({"access_token": "at", "x_odd": odd}));
    let again = Record::from_json(record.to_json().as_bytes()).unwrap();
    let read: f64 = again.tokens().unwrap().other.json("x_odd").unwrap().parse().unwrap();
    assert!((read / odd - 1.0).abs() <= 2.0 * f64::EPSILON, "{read}");
}

/// Takes turns until `stop`, with a server that refreshes and a store that refuses each save.
fn drive(session: &mut Session, stored: &Record, now: UnixTime, stop: fn(&Turn<'_>) -> bool) {
    for _ in 0..30 {
        match session.turn() {
            Ok(turn) if stop(&turn) => return,
            Ok(Turn::Load(reply)) => reply.loaded(Some(stored.clone()), now),
            Ok(Turn::Lock(_, reply)) => reply.locked(),
            Ok(Turn::Reserve(reply)) => reply.reserved(),
            Ok(Turn::Unlock(_, reply)) => reply.unlocked(),
            Ok(Turn::Save(reply)) => reply.conflict(7),
            Ok(Turn::Http(_, reply)) => {
                let body = br#"{"access_token":"unsaved","expires_in":60,"refresh_token":"r2"}"#;
                reply.response(&Response::new(200, body.to_vec()), now);
            }
            Err(Error::Contended) => return,
            other => panic!("{other:?}"),
        }
    }
    panic!("no end");
}

/// New tokens are used only once they are stored. A logout holds those that could not be, to revoke them.
#[test]
fn a_logout_hands_out_no_token_that_was_not_stored() {
    let stored = record(&json!({
        "access_token": "old", "refresh_token": "r1", "expires_at": NOW.as_secs() + 3600,
    }));
    let mut session = Session::new(Arc::new(server_settings()));
    drive(&mut session, &stored, NOW, |turn| matches!(turn, Turn::Ready(_)));
    session.renew();
    drive(&mut session, &stored, NOW, |turn| matches!(turn, Turn::Save(_)));
    session.logout();
    drive(&mut session, &stored, NOW, |turn| matches!(turn, Turn::Http(..)));
    for authorization in [session.authorization(NOW), session.snapshot().living_authorization(NOW)]
    {
        let token = authorization.map(|it| it.to_auth().token().to_owned());
        assert_ne!(token.as_deref(), Some("unsaved"));
    }
}

/// A host that asks again and again for one request is told so each time; counting must not overflow.
#[test]
fn a_request_that_is_refused_for_ever_may_be_asked_about_for_ever() {
    let stored = record(&json!({"access_token": "old", "refresh_token": "r1"}));
    let mut session = Session::new(Arc::new(server_settings()));
    drive(&mut session, &stored, NOW, |turn| matches!(turn, Turn::Ready(_)));
    let mut attempt = Attempt::new();
    let verdicts = (0..600)
        .map(|_| session.answered(&mut attempt, 401, [("www-authenticate", "Bearer")], NOW));
    assert!(verdicts.skip(10).all(|verdict| verdict.is_err()));
}

/// The first generation is the time, and it must leave room to count, however wrong the clock is.
#[test]
fn what_is_stored_under_a_clock_that_is_far_out_can_be_read_again() {
    let end = UnixTime::from_secs(u64::MAX);
    let settings = server_settings().provider(&provider()).unwrap().without_discovery();
    let mut session = Session::new(Arc::new(settings));
    let record = loop {
        match session.turn().unwrap() {
            Turn::Load(reply) => reply.loaded(None, end),
            Turn::Login(reply) => reply.begin(),
            Turn::Lock(_, reply) => reply.locked(),
            Turn::Prepare(reply) => {
                reply.prepared(RedirectUri::parse(CALLBACK).unwrap(), entropy(1), end);
            }
            Turn::Http(_, reply) => {
                reply.response(&Response::new(201, br#"{"client_id":"c"}"#.to_vec()), end);
            }
            Turn::Save(reply) => break reply.record().clone(),
            turn => panic!("{turn:?}"),
        }
    };
    assert_eq!(Record::from_json(record.to_json().as_bytes()), Ok(record));
}
