//! Grants without a user: the host signs, or says who the workload or its user is.

use oauth_interface::Function;
use oauth_tests::drive::assert_sound;
use oauth_tests::world::{
    AuthMethod, Grant, IDP_CLIENT_ID, Key, Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET, What,
};
use serde_json::{Value, json};

use crate::host::{Host, SERVER_URL};

/// The authorization server, on another host than the MCP server.
const ISSUER: &str = "https://auth.example.com";

/// A client that asks for itself with a secret.
fn with_secret() -> Value {
    json!({
        "server_url": SERVER_URL, "client_issuer": ISSUER,
        "grant": "client_credentials", "client_id": PRE_CLIENT_ID,
        "client_secret": PRE_CLIENT_SECRET,
    })
}

/// The same with a key.
pub(crate) fn with_key(algorithm: &str) -> Value {
    json!({
        "server_url": SERVER_URL, "client_issuer": ISSUER,
        "grant": "client_credentials", "client_id": PRE_CLIENT_ID,
        "signing_key": { "key_id": "key-1", "algorithms": [algorithm] },
    })
}

pub(crate) fn workload() -> Value {
    json!({ "server_url": SERVER_URL, "client_issuer": ISSUER, "grant": "workload_identity" })
}

fn enterprise(host: &Host) -> Value {
    let token_endpoint = host.world.idp_token_endpoint();
    let provider = json!({ "token_endpoint": token_endpoint, "client_id": IDP_CLIENT_ID });
    json!({
        "server_url": SERVER_URL, "client_issuer": ISSUER,
        "grant": { "enterprise_managed": provider },
        "client_id": PRE_CLIENT_ID, "client_secret": PRE_CLIENT_SECRET,
    })
}

/// The servers where the client has a key.
pub(crate) fn of_keys(key: &Key) -> Knobs {
    let method = AuthMethod::PrivateKeyJwt;
    Knobs {
        pre_method: method,
        token_auth_methods: Some(vec![method]),
        client_keys: vec![key.public().named("key-1")],
        ..Knobs::machines(&[Grant::ClientCredentials])
    }
}

/// Two tokens, the second one when the first has run out; and nothing that was good for one request is stored.
fn get_two(host: &mut Host, settings: &Value, grant: Grant) {
    for _ in 0..2 {
        let session = host.open(settings);
        assert_eq!(host.fetch(session), 200);
        host.advance(3600);
    }
    assert_eq!(host.world.count(What::Token(grant)), 2);
    assert_eq!(host.world.count(What::Authorize) + host.world.count(What::Register), 0);
    for sent in host.world.presented() {
        assert!(host.stored.values().all(|(record, _)| !record.contains(&sent)), "{sent}");
    }
    assert_sound(&host.world);
}

/// Drives until the host has to give something; that turn.
fn stop_at_gift(host: &mut Host, session: u32) -> Value {
    host.call(Function::Access, session, json!({}), b"");
    loop {
        let turn = host.turn(session);
        if ["sign", "assertion"].contains(&turn["turn"].as_str().unwrap()) {
            return turn;
        }
        host.answer(session);
    }
}

#[test]
fn a_client_asks_for_itself_with_a_secret() {
    let mut host = Host::new(&Knobs::machines(&[Grant::ClientCredentials]));
    get_two(&mut host, &with_secret(), Grant::ClientCredentials);
}

#[test]
fn a_client_asks_for_itself_with_a_key() {
    for key in [Key::p256(7), Key::ed25519(7)] {
        let mut host = Host::new(&of_keys(&key));
        let settings = with_key(key.alg());
        host.key = key;
        get_two(&mut host, &settings, Grant::ClientCredentials);
    }
}

#[test]
fn a_workload_is_named_by_its_jwt() {
    let mut host = Host::new(&Knobs::machines(&[Grant::JwtBearer]));
    get_two(&mut host, &workload(), Grant::JwtBearer);
}

#[test]
fn a_user_of_an_enterprise_is_named_by_what_their_provider_gave() {
    for subject in [None, Some("id_token"), Some("refresh_token")] {
        let idp_takes_refresh_tokens = true;
        let knobs = Knobs { idp_takes_refresh_tokens, ..Knobs::machines(&[Grant::JwtBearer]) };
        let mut host = Host::new(&knobs);
        host.subject = subject;
        let settings = enterprise(&host);
        get_two(&mut host, &settings, Grant::JwtBearer);
    }
}

#[test]
fn a_host_is_told_what_an_assertion_is_for() {
    let mut host = Host::new(&Knobs::machines(&[Grant::JwtBearer]));
    let session = host.open(&workload());
    let turn = stop_at_gift(&mut host, session);
    let mut wanted = json!({
        "turn": "assertion", "grant": "workload_identity", "audience": host.world.issuer(),
        "token_endpoint": host.world.token_endpoint(), "resource": SERVER_URL,
    });
    assert_eq!(turn, wanted);
    let settings = enterprise(&host);
    let session = host.open(&settings);
    wanted["grant"] = "enterprise_managed".into();
    assert_eq!(stop_at_gift(&mut host, session), wanted);
}

#[test]
fn what_is_to_be_signed_can_be_asked_again() {
    let key = Key::p256(7);
    let mut host = Host::new(&of_keys(&key));
    let session = host.open(&with_key("ES256"));
    assert_eq!(stop_at_gift(&mut host, session), json!({ "turn": "sign", "key": "client" }));
    let now = json!({ "now": host.world.now });
    let [first, again, other] = [[1; 16], [1; 16], [2; 16]]
        .map(|random| host.call(Function::Unsigned, session, now.clone(), &random));
    assert_eq!((&first["key_id"], &first["algorithm"]), (&json!("key-1"), &json!("ES256")));
    assert_eq!(first, again);
    assert_ne!(first["input"], other["input"]);
    assert_eq!(host.turn(session), json!({ "turn": "sign", "key": "client" }));

    // What counts is what comes with the signature.
    let signature = key.sign(first["input"].as_str().unwrap().as_bytes());
    let mut signed = now.clone();
    signed["unsigned"] = first;
    host.call(Function::Signed, session, signed, &signature);
    assert_eq!(host.drive(session), "ready");
    assert_sound(&host.world);
}

#[test]
fn what_cannot_be_a_signature_changes_nothing() {
    let key = Key::p256(1);
    let mut host = Host::new(&of_keys(&key));
    let session = host.open(&with_key("ES256"));
    stop_at_gift(&mut host, session);
    let now = json!({ "now": host.world.now });
    let before = host.state(session);
    for random in [&[7; 15][..], &[7; 17], &[]] {
        assert_eq!(host.refused(Function::Unsigned, session, now.clone(), random), "input");
    }
    assert_eq!(host.refused(Function::Unsigned, session, json!({}), &[7; 16]), "input");
    let unsigned = host.call(Function::Unsigned, session, now.clone(), &[7; 16]);
    let signed = json!({ "unsigned": unsigned, "now": host.world.now });
    // DER is longer.
    for signature in [&[7; 71][..], &[]] {
        let code = host.refused(Function::Signed, session, signed.clone(), signature);
        assert_eq!(code, "signature");
    }
    for member in ["unsigned", "now"] {
        let mut lacking = signed.clone();
        lacking[member] = Value::Null;
        assert_eq!(host.refused(Function::Signed, session, lacking, &[7; 64]), "input");
    }
    assert_eq!(host.state(session), before);
    assert_eq!(host.drive(session), "ready");
    assert_sound(&host.world);
}

/// It is said why, and the next call asks again.
#[test]
fn a_host_that_has_nothing_to_give_says_why() {
    let key = Key::p256(1);
    let machines = Knobs::machines(&[Grant::JwtBearer]);
    for (knobs, settings, code) in
        [(of_keys(&key), with_key("ES256"), "no_signature"), (machines, workload(), "no_assertion")]
    {
        let mut host = Host::new(&knobs);
        let session = host.open(&settings);
        stop_at_gift(&mut host, session);
        let now = json!({ "now": host.world.now });
        assert_eq!(host.refused(Function::Unavailable, session, now, b""), "input");
        let why = json!({ "reason": "it is down", "now": host.world.now });
        host.call(Function::Unavailable, session, why.clone(), b"");
        while host.turn_or_code(session) != code {
            host.answer(session);
        }
        let error = host.try_call(Function::Turn, session, b"").unwrap_err();
        assert!(error["message"].as_str().unwrap().contains("it is down"), "{error}");
        assert_eq!(host.world.token_requests(), 0);
        assert_eq!(host.fetch(session), 200);

        // A token that lives is used.
        host.advance(3570);
        stop_at_gift(&mut host, session);
        let why = json!({ "reason": "it is down", "now": host.world.now });
        host.call(Function::Unavailable, session, why, b"");
        assert_eq!(host.drive(session), "ready");
        assert_eq!(host.world.token_requests(), 1);
        assert_sound(&host.world);
    }
}

#[test]
fn nothing_is_given_out_of_turn() {
    let key = Key::p256(1);
    let mut host = Host::new(&of_keys(&key));
    let signing = host.open(&with_key("ES256"));
    let bringing = host.open(&workload());
    let now = host.world.now;
    let gift = json!({
        "unsigned": { "algorithm": "ES256", "input": "x" }, "assertion": "x", "reason": "x",
        "now": now,
    });
    let all = [Function::Unsigned, Function::Signed, Function::Given, Function::Unavailable];
    let refuse = |host: &mut Host, session: u32, functions: &[Function]| {
        let before = host.state(session);
        for function in functions {
            let bytes = vec![7; if *function == Function::Unsigned { 16 } else { 64 }];
            let code = host.refused(*function, session, gift.clone(), &bytes);
            assert_eq!(code, "out_of_turn", "{function:?}");
        }
        assert_eq!(host.state(session), before);
    };
    host.call(Function::Access, signing, json!({}), b"");
    refuse(&mut host, signing, &all);
    stop_at_gift(&mut host, signing);
    refuse(&mut host, signing, &[Function::Given, Function::Begin, Function::Failed]);
    host.answer(signing);
    refuse(&mut host, signing, &all);
    assert_eq!(host.drive(signing), "ready");
    refuse(&mut host, signing, &all);

    host.world.knobs.grant_types = None;
    stop_at_gift(&mut host, bringing);
    refuse(&mut host, bringing, &[Function::Unsigned, Function::Signed, Function::Locked]);
    host.answer(bringing);
    refuse(&mut host, bringing, &all);
    assert_eq!(host.drive(bringing), "ready");
}

#[test]
fn an_assertion_of_an_unknown_kind_is_refused() {
    let mut host = Host::new(&Knobs::machines(&[Grant::JwtBearer]));
    let session = host.open(&workload());
    stop_at_gift(&mut host, session);
    let before = host.state(session);
    for member in ["assertion", "now", "kind"] {
        let mut given = json!({ "assertion": "x", "kind": "saml2", "now": host.world.now });
        given[member] = if member == "kind" { "saml1".into() } else { Value::Null };
        assert_eq!(host.refused(Function::Given, session, given, b""), "input");
    }
    assert_eq!(host.state(session), before);
}
