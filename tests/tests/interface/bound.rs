//! Tokens that are bound to a key: the host makes or keeps it, and signs for each request (RFC 9449).

use oauth_interface::Function;
use oauth_tests::drive::assert_sound;
use oauth_tests::world::{Grant, Key, Knobs, Nonces, PRE_CLIENT_ID, What};
use serde_json::{Value, json};

use crate::host::{Host, NOW, SERVER_URL, input_of, settings, stored_key};
use crate::machines;

/// The number of the key that the host keeps.
const OWN: u8 = 9;

fn with_own_key() -> Value {
    json!({ "server_url": SERVER_URL, "dpop_key": { "jwk": Key::p256(OWN).jwk() } })
}

fn host_with_own_key(knobs: &Knobs) -> Host {
    let mut host = Host::new(knobs);
    host.own_key = OWN;
    host
}

/// Drives until the host is asked for this.
fn stop_at(host: &mut Host, session: u32, name: &str) -> Value {
    loop {
        let turn = host.turn(session);
        if turn["turn"] == name {
            return turn;
        }
        host.answer(session);
    }
}

/// A session at that turn of its first login.
fn open_at(host: &mut Host, settings: &Value, name: &str) -> u32 {
    let session = host.open(settings);
    host.call(Function::LogIn, session, json!({}), b"");
    stop_at(host, session, name);
    session
}

/// Three calls: with a new token, with the same, and, by another session, with what comes when that has run out.
fn call_thrice(host: &mut Host, settings: &Value) {
    let session = host.open(settings);
    assert_eq!((host.fetch(session), host.fetch(session)), (200, 200));
    host.advance(3600);
    let later = host.open(settings);
    assert_eq!(host.fetch(later), 200);
    assert_eq!(host.world.count(What::Authorize), 1);
    assert_eq!(refreshes(host), 1);
    for sent in host.world.presented() {
        assert!(host.stored.values().all(|(record, _)| !record.contains(&sent)), "{sent}");
    }
    host.call(Function::Logout, later, json!({}), b"");
    assert_eq!(host.drive(later), "logged_out");
    assert_sound(&host.world);
}

/// How many refreshes went well: some are only told a nonce.
fn refreshes(host: &Host) -> usize {
    let what = What::Token(Grant::Refresh);
    host.world.log.iter().filter(|it| it.what == what && it.status == 200).count()
}

#[test]
fn a_host_has_its_key_stored_with_the_tokens() {
    let mut host = Host::new(&Knobs::bound());
    call_thrice(&mut host, &settings());
    assert_eq!(host.keys, 1);
}

#[test]
fn a_host_keeps_a_key_of_its_own() {
    let mut host = host_with_own_key(&Knobs::bound());
    call_thrice(&mut host, &with_own_key());
    assert_eq!(host.keys, 0);
    assert!(host.stored.values().all(|(record, _)| !record.contains(r#""secret""#)));
}

/// As often as the servers want other nonces, which come in any answer.
#[test]
fn every_answer_is_heard() {
    for (server_nonces, resource_nonces, requests) in [
        (Nonces::None, Nonces::None, 5),
        (Nonces::Needed { seconds: 60 }, Nonces::Needed { seconds: 60 }, 6),
        (Nonces::EachAnswer, Nonces::EachAnswer, 6),
    ] {
        let knobs = Knobs { server_nonces, resource_nonces, ..Knobs::bound() };
        let mut host = host_with_own_key(&knobs);
        let session = host.open(&with_own_key());
        assert_eq!(host.fetch(session), 200);
        assert_eq!(host.world.oauth_requests(), requests, "{server_nonces:?}");
        let calls = host.world.count(What::Mcp("tools/list".into()));
        assert_eq!(host.fetch(session), 200);
        assert_eq!(
            host.world.count(What::Mcp("tools/list".into())),
            calls + 1,
            "{resource_nonces:?}"
        );
        call_thrice(&mut host, &with_own_key());
    }
}

/// The client's own key first: what it signs is not good for as long.
#[test]
fn a_host_is_told_with_which_key_it_signs() {
    let key = Key::p256(7);
    let bound = Knobs::bound();
    let mut host = host_with_own_key(&Knobs {
        dpop: bound.dpop,
        resource_dpop: bound.resource_dpop,
        prm_dpop_required: true,
        ..machines::of_keys(&key)
    });
    host.key = key;
    let mut settings = machines::with_key("ES256");
    settings["dpop_key"] = with_own_key()["dpop_key"].clone();
    let session = host.open(&settings);
    host.call(Function::Access, session, json!({}), b"");
    assert_eq!(stop_at(&mut host, session, "sign"), json!({ "turn": "sign", "key": "client" }));
    host.answer(session);
    let (jwk, thumbprint) = (Key::p256(OWN).jwk(), Key::p256(OWN).public().thumbprint());
    let dpop_key = json!({ "jwk": jwk, "thumbprint": thumbprint });
    let second = json!({ "turn": "sign", "key": "dpop", "dpop_key": dpop_key });
    assert_eq!(stop_at(&mut host, session, "sign"), second);
    assert_eq!(host.fetch(session), 200);
    assert_sound(&host.world);
    assert!(host.stored.values().all(|(record, _)| record.contains(PRE_CLIENT_ID)));
}

/// Whenever a host ends, the next one goes on with what is stored, and with the key that is.
#[test]
fn a_host_may_end_at_any_turn() {
    let knobs = Knobs {
        server_nonces: Nonces::EachAnswer,
        resource_nonces: Nonces::Needed { seconds: 60 },
        ..Knobs::bound()
    };
    for (with, own_key) in [(settings(), 0), (with_own_key(), OWN)] {
        let mut ends = 0;
        loop {
            let mut host = Host::new(&knobs);
            host.own_key = own_key;
            if !end_after(&mut host, &with, ends) {
                break;
            }
            let session = host.open(&with);
            assert_eq!(host.fetch(session), 200);
            host.advance(3600);
            let later = host.open(&with);
            assert_eq!(host.fetch(later), 200, "{ends}");
            assert_eq!(refreshes(&host), 1, "{ends}");
            assert!(host.world.count(What::Authorize) <= 2, "{ends}");
            assert_sound(&host.world);
            ends += 1;
        }
        assert!(ends > 15, "{ends}");
    }
}

/// Whether a host could do that much of a login, and then end.
fn end_after(host: &mut Host, settings: &Value, turns: u32) -> bool {
    let session = host.open(settings);
    host.call(Function::Access, session, json!({}), b"");
    for _ in 0..turns {
        if host.turn(session)["turn"] == "ready" {
            return false;
        }
        host.answer(session);
    }
    host.call(Function::Close, session, json!({}), b"");
    true
}

/// While the user is away, the key is in what the host has stored of the login.
#[test]
fn a_login_is_finished_elsewhere_with_its_key() {
    let mut host = Host::new(&Knobs::bound());
    let session = open_at(&mut host, &settings(), "browser");
    let input = json!({ "profile": "", "expires_at": host.world.now + 600 });
    let suspended = host.call(Function::Suspend, session, input, b"");
    host.call(Function::Close, session, json!({}), b"");
    let pending: Value = serde_json::from_str(suspended["pending"].as_str().unwrap()).unwrap();
    let resume = json!({ "settings": settings(), "profile": "", "pending": pending });
    let other = host.call(Function::Resume, 0, resume, b"")["session"].as_u64().unwrap();
    let other = u32::try_from(other).unwrap();
    assert_eq!(host.drive(other), "ready");
    assert_eq!(host.fetch(other), 200);
    assert_eq!((host.keys, host.world.count(What::Authorize)), (1, 1));
    assert_sound(&host.world);
}

/// What is signed is for one token, and that one is sent with it.
#[test]
fn a_proof_goes_with_the_token_that_it_is_for() {
    let mut host = host_with_own_key(&Knobs::bound());
    let session = host.open(&with_own_key());
    assert_eq!(host.fetch(session), 200);
    let ask = json!({ "method": "POST", "url": SERVER_URL, "now": host.world.now });
    let attached = host.call(Function::Attach, session, ask, &[1; 16]);
    let before = host.attach(session, &Value::Null);
    host.call(Function::Renew, session, json!({}), b"");
    assert_eq!(host.drive(session), "ready");
    let after = host.attach(session, &Value::Null);
    let signature = Key::p256(OWN).sign(input_of(&attached["unsigned"]));
    let proved = host.call(Function::Proved, session, attached.clone(), &signature);
    assert_eq!(proved["headers"][0], before["headers"][0]);
    assert_ne!(proved["headers"][0], after["headers"][0]);
    assert_eq!(host.refused(Function::Proved, session, attached, &signature), "out_of_turn");
    assert_sound(&host.world);
}

#[test]
fn what_cannot_be_a_key_changes_nothing() {
    let mut host = Host::new(&Knobs::bound());
    let session = open_at(&mut host, &settings(), "key");
    let before = host.state(session);
    let good = json!({ "dpop_key": stored_key(1), "now": host.world.now });
    for (member, value) in [
        ("dpop_key", Value::Null),
        ("dpop_key", json!({})),
        ("dpop_key", json!({ "jwk": "planted" })),
        ("dpop_key", json!({ "jwk": { "kty": "oct", "k": "planted" } })),
        ("dpop_key", json!({ "jwk": { "kty": "EC", "crv": "P-256", "x": "planted" } })),
        ("dpop_key", json!({ "jwk": Key::p256(1).jwk(), "secret": ["planted"] })),
        // Nobody could sign with it later.
        ("dpop_key", json!({ "jwk": Key::p256(1).jwk() })),
        ("now", Value::Null),
    ] {
        let mut input = good.clone();
        input[member] = value.clone();
        let input = input.to_string();
        let error = host.try_call(Function::Given, session, input.as_bytes()).unwrap_err();
        assert_eq!(error["code"], "input", "{value}");
        assert!(!error.to_string().contains("planted"), "{error}");
        assert_eq!(host.state(session), before);
    }
    host.call(Function::Given, session, good, b"");
    assert_ne!(host.state(session), before);
}

#[test]
fn a_key_that_can_do_nothing_of_what_is_taken_is_refused() {
    let mut host = Host::new(&Knobs::bound());
    let session = open_at(&mut host, &settings(), "key");
    let rsa = json!({ "kty": "RSA", "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmb", "e": "AQAB" });
    let key = json!({ "dpop_key": { "jwk": rsa, "secret": "x" }, "now": host.world.now });
    host.call(Function::Given, session, key, b"");
    assert_eq!(end_of(&mut host, session), "no_dpop_algorithm");
    assert_eq!(host.world.count(What::Register), 0);
}

/// It is said why, and the next login asks again.
#[test]
fn a_host_that_has_no_key_says_why() {
    let mut host = Host::new(&Knobs::bound());
    let session = open_at(&mut host, &settings(), "key");
    for (turn, code) in [("key", "no_key"), ("sign", "no_signature")] {
        stop_at(&mut host, session, turn);
        let now = json!({ "now": host.world.now });
        assert_eq!(host.refused(Function::Unavailable, session, now, b""), "input");
        let why = json!({ "reason": "it is down", "now": host.world.now });
        host.call(Function::Unavailable, session, why, b"");
        assert_eq!(end_of(&mut host, session), code);
        let error = host.try_call(Function::Turn, session, b"").unwrap_err();
        assert!(error["message"].as_str().unwrap().contains("it is down"), "{error}");
        host.call(Function::LogIn, session, json!({}), b"");
    }
    assert_eq!(host.drive(session), "ready");
    assert_eq!(host.fetch(session), 200);
    assert_sound(&host.world);
}

/// With what error it ends.
fn end_of(host: &mut Host, session: u32) -> String {
    loop {
        let now = host.turn_or_code(session);
        if host.try_call(Function::Turn, session, b"").is_err() {
            return now;
        }
        host.answer(session);
    }
}

#[test]
fn what_cannot_be_a_proof_changes_nothing() {
    let mut host = host_with_own_key(&Knobs::bound());
    let session = host.open(&with_own_key());
    assert_eq!(host.fetch(session), 200);
    let before = host.state(session);
    let ask = json!({ "method": "POST", "url": SERVER_URL, "now": host.world.now });
    for random in [&[7; 15][..], &[7; 17], &[]] {
        assert_eq!(host.refused(Function::Attach, session, ask.clone(), random), "input");
    }
    let attached = host.call(Function::Attach, session, ask, &[7; 16]);
    for (member, value, code) in [
        ("attempt", Value::Null, "input"),
        ("attempt", json!(4000), "no_such"),
        ("unsigned", Value::Null, "input"),
        ("unsigned", json!({ "algorithm": "none", "input": "x" }), "input"),
    ] {
        let mut input = attached.clone();
        input[member] = value;
        assert_eq!(host.refused(Function::Proved, session, input, &[7; 64]), code, "{member}");
    }
    // DER is longer.
    for signature in [&[7; 71][..], &[]] {
        let code = host.refused(Function::Proved, session, attached.clone(), signature);
        assert_eq!(code, "signature");
    }
    assert_eq!(host.state(session), before);
    let signature = Key::p256(OWN).sign(input_of(&attached["unsigned"]));
    let proved = host.call(Function::Proved, session, attached, &signature);
    assert_eq!(proved["headers"][0][0], "authorization");
    assert_eq!(proved["headers"][1][0], "dpop");
    assert_sound(&host.world);
}

/// No proof does better before a clock is set, and the answer's date says so.
#[test]
fn a_host_is_told_that_its_clock_is_wrong() {
    for (hears, code) in [(true, "clocks_differ"), (false, "proof_refused")] {
        let mut host = host_with_own_key(&Knobs::bound());
        let session = host.open(&with_own_key());
        assert_eq!(host.fetch(session), 200);
        host.behind = 1000;
        let mut attempt = Value::Null;
        let said = loop {
            let (number, response) = host.send(session, "tools/list", &attempt);
            attempt = number;
            let mut input = host.answer_to(&attempt, &response);
            if !hears {
                let fields = input["headers"].as_array_mut().unwrap();
                fields.retain(|field| field[0] != "date");
            }
            let input = input.to_string();
            match host.try_call(Function::Answered, session, input.as_bytes()) {
                Ok(verdict) => assert_eq!(verdict["verdict"], "retry"),
                Err(error) => break error["code"].clone(),
            }
        };
        assert_eq!(said, code);
    }
}

#[test]
fn nothing_is_given_out_of_turn() {
    const OF_TURNS: [Function; 21] = [
        Function::Loaded,
        Function::Locked,
        Function::HeldElsewhere,
        Function::Reserved,
        Function::Lost,
        Function::Failed,
        Function::Saved,
        Function::Conflict,
        Function::Unlocked,
        Function::Response,
        Function::Unreachable,
        Function::Challenge,
        Function::Probe,
        Function::Probed,
        Function::Begin,
        Function::Unsigned,
        Function::Signed,
        Function::Prepared,
        Function::Redirected,
        Function::Cancelled,
        Function::Proved,
    ];
    let mut host = Host::new(&Knobs::bound());
    // A request without a token has nothing to be proved.
    let session = host.open(&settings());
    let attempt = host.attach(session, &Value::Null)["attempt"].clone();
    let input = json!({
        "unsigned": { "algorithm": "ES256", "input": "x" }, "dpop_key": stored_key(1),
        "attempt": attempt, "reason": "x", "stored": 1, "status": 200, "query": "x",
        "redirect_uri": "http://127.0.0.1:1/callback", "now": host.world.now,
    });
    let refuse = |host: &mut Host, functions: &[Function]| {
        let before = host.state(session);
        for function in functions {
            let bytes = if *function == Function::Unsigned { 16 } else { 64 };
            let code = host.refused(*function, session, input.clone(), &vec![7; bytes]);
            assert_eq!(code, "out_of_turn", "{function:?}");
        }
        assert_eq!(host.state(session), before);
    };
    host.call(Function::LogIn, session, json!({}), b"");
    refuse(&mut host, &[Function::Given, Function::Unavailable]);
    stop_at(&mut host, session, "key");
    refuse(&mut host, &OF_TURNS);
    stop_at(&mut host, session, "sign");
    let of_sign = [Function::Unsigned, Function::Signed];
    let others: Vec<_> = OF_TURNS.into_iter().filter(|it| !of_sign.contains(it)).collect();
    refuse(&mut host, &others);
    refuse(&mut host, &[Function::Given]);
    assert_eq!(host.drive(session), "ready");
    refuse(&mut host, &OF_TURNS);
    refuse(&mut host, &[Function::Given, Function::Unavailable]);
    assert_sound(&host.world);
}

/// The host has to say so: it alone knows what a key looks like.
#[test]
fn a_stored_key_that_cannot_be_read_is_a_login_that_says_so() {
    let mut host = Host::new(&Knobs::bound());
    let session = host.open(&settings());
    assert_eq!(host.fetch(session), 200);
    let later = host.open(&settings());
    assert_eq!(host.turn(later)["turn"], "load");
    let (record, _) =
        host.stored.values().find(|(record, _)| record.contains("\"tokens\"")).unwrap();
    let loaded = json!({ "record": record, "now": NOW, "lost_key": true });
    host.call(Function::Loaded, later, loaded, b"");
    let turn = host.turn(later);
    assert_eq!((&turn["turn"], &turn["reason"]), (&json!("login"), &json!("key_gone")));
}
