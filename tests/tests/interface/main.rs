//! The functions of the WebAssembly module, called as a host in another language calls them: in order,
//! and in any order. The same module as it is compiled has its tests in `tests/wasm`.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod bound;
mod chance;
mod device;
mod host;
mod machines;

use chance::Chance;
use host::{Host, NOW, SERVER_URL, settings};
use oauth_interface::{Function, MAX_INPUT};
use oauth_tests::drive::{assert_sound, challenges, mcp_request};
use oauth_tests::world::{Grant, Key, Knobs, PrmLocation, RefreshTokens, ScopePolicy, What};
use serde_json::{Value, json};

#[test]
fn a_host_logs_in_and_refreshes_and_logs_out() {
    let mut host = Host::new(&Knobs::default());
    let session = host.open(&settings());
    assert_eq!(host.fetch(session), 200);
    assert_eq!(host.world.count(What::Authorize), 1);

    let later = host.open(&settings());
    host.advance(3600);
    assert_eq!(host.fetch(later), 200);
    let refreshes = host.world.count(What::Token(Grant::Refresh));
    assert_eq!((refreshes, host.world.count(What::Authorize)), (1, 1));

    host.call(Function::Logout, later, json!({}), b"");
    assert_eq!(host.drive(later), "logged_out");
    assert_sound(&host.world);
}

#[test]
fn a_host_is_told_how_it_stands() {
    let mut host = Host::new(&Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() });
    let session = host.open(&settings());
    let status = |host: &mut Host, now: u64| {
        let said = host.call(Function::Status, session, json!({ "now": now }), b"");
        (said["status"].as_str().unwrap().to_owned(), said["expires_at"].as_u64())
    };
    assert_eq!(status(&mut host, NOW), ("not_needed".into(), None));
    host.call(Function::Access, session, json!({}), b"");
    while host.turn(session)["turn"] != "browser" {
        host.answer(session);
    }
    assert_eq!(status(&mut host, NOW), ("login_under_way".into(), None));
    assert_eq!(host.fetch(session), 200);
    assert_eq!(status(&mut host, NOW), ("logged_in".into(), Some(NOW + 3600)));
    assert_eq!(status(&mut host, NOW + 3600), ("login_needed".into(), None));
    let fixed = json!({ "server_url": SERVER_URL, "bearer": "fixed" });
    let fixed = host.open(&fixed);
    let said = host.call(Function::Status, fixed, json!({ "now": NOW }), b"");
    assert_eq!(said, json!({ "status": "bearer" }));
}

/// Also a session that was opened later, and has sent nothing yet.
#[test]
fn a_host_is_told_that_a_token_was_refused() {
    let mut host = Host::new(&Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() });
    let session = host.open(&settings());
    assert_eq!(host.fetch(session), 200);
    host.world.end_grants();
    // A new token would be given a moment.
    host.advance(20);
    assert_eq!(host.stop_at_login(session, "tools/list")["code"], "login_required");
    let other = host.open(&settings());
    host.call(Function::Access, other, json!({}), b"");
    while !["ready", "login"].contains(&host.turn(other)["turn"].as_str().unwrap()) {
        host.answer(other);
    }
    assert_eq!(host.turn(other)["turn"], "login");
    for session in [session, other] {
        let said = host.call(Function::Status, session, json!({ "now": NOW + 20 }), b"");
        assert_eq!(said["status"], "refused");
    }
}

#[test]
fn a_host_says_what_it_wants_of_a_login() {
    let mut host = Host::new(&Knobs::default());
    let session = host.open(&settings());
    assert_eq!(host.fetch(session), 200);
    let options = json!({
        "prompt": ["select_account", "login"], "login_hint": "ann@example.com", "scope": "mcp:write",
        "add_scope": "mcp:x",
    });
    host.call(Function::LogIn, session, options, b"");
    assert_eq!(host.drive(session), "ready");
    host.call(Function::LogIn, session, json!({}), b"");
    assert_eq!(host.drive(session), "ready");
    let asked = host.world.requests(What::Authorize);
    let said: Vec<_> = asked
        .into_iter()
        .map(|it| ["prompt", "login_hint", "scope"].map(|name| it.parameter(name)))
        .collect();
    let wanted = [Some("login select_account"), Some("ann@example.com"), Some("mcp:write mcp:x")];
    let again = "mcp:write mcp:x mcp:basic";
    assert_eq!(said, [[None, None, Some("mcp:basic")], wanted, [None, None, Some(again)]]);

    let planted = json!({ "login_hint": "planted\n" });
    assert_eq!(host.refused(Function::LogIn, session, planted, b""), "login_hint");
    let unknown = json!({ "prompt": ["none"] });
    assert_eq!(host.refused(Function::LogIn, session, unknown, b""), "input");
    assert_sound(&host.world);
}

#[test]
fn a_host_gets_a_token_that_lives_for_some_time() {
    let mut host = Host::new(&Knobs::default());
    let session = host.open(&settings());
    let ask = |host: &Host, seconds: u64| json!({ "seconds": seconds, "now": host.world.now });
    let input = ask(&host, 60);
    assert_eq!(host.refused(Function::LivesFor, session, input, b""), "login_required");
    assert_eq!(host.fetch(session), 200);
    host.advance(1800);
    let input = ask(&host, 1801);
    assert_eq!(host.refused(Function::LivesFor, session, input, b""), "token_too_short");
    let access_for = |host: &mut Host, seconds: u64| {
        host.call(Function::AccessFor, session, json!({ "seconds": seconds }), b"");
        assert_eq!(host.drive(session), "ready");
        host.world.count(What::Token(Grant::Refresh))
    };
    for (seconds, refreshes) in [(1800, 0), (1801, 1), (3600, 1)] {
        assert_eq!(access_for(&mut host, seconds), refreshes);
        let input = ask(&host, seconds);
        host.call(Function::LivesFor, session, input, b"");
    }
    assert_eq!(access_for(&mut host, 3601), 1);
    let input = ask(&host, 3601);
    assert_eq!(host.refused(Function::LivesFor, session, input, b""), "token_too_short");
    assert_eq!(host.fetch(session), 200);
    assert_sound(&host.world);
}

#[test]
fn a_host_ends_a_login_that_it_does_not_want_any_more() {
    let mut host = Host::new(&Knobs::default());
    let session = host.open(&settings());
    let cancel = |host: &mut Host| {
        host.call(Function::CancelLogin, session, json!({}), b"")["ends"].as_bool().unwrap()
    };
    assert!(!cancel(&mut host), "there is none");
    host.call(Function::LogIn, session, json!({}), b"");
    while host.turn(session)["turn"] != "browser" {
        host.answer(session);
    }
    assert!(cancel(&mut host));
    while host.turn_or_code(session) != "cancelled" {
        host.answer(session);
    }
    assert!(!cancel(&mut host), "it has ended");
    // It says nothing about the client, which is registered.
    host.call(Function::LogIn, session, json!({}), b"");
    assert_eq!(host.drive(session), "ready");
    assert_eq!(host.world.count(What::Register), 1);
    assert_sound(&host.world);
}

/// The client is stored under a key of its own, where other users find it.
#[test]
fn a_host_that_stores_clients_registers_one_for_all() {
    let each = json!({
        "server_url": SERVER_URL, "client_records": true, "registration_for_each_profile": true,
        "store_check_interval": 60,
    });
    let shared = json!({ "server_url": SERVER_URL, "client_records": true });
    for (settings, expected) in [(shared, 1), (each, 2), (settings(), 2)] {
        let mut host = Host::new(&Knobs::default());
        for _ in 0..2 {
            let user = host.open(&settings);
            assert_eq!(host.fetch(user), 200);
            // The next one is somebody else.
            host.stored.remove("null");
        }
        assert_eq!(host.world.count(What::Register), expected);
        assert_sound(&host.world);
    }
}

#[test]
fn a_login_is_handed_out_and_finished_by_another_session() {
    let mut host = Host::new(&Knobs::default());
    let session = host.open(&settings());
    host.call(Function::Access, session, json!({}), b"");
    while host.turn(session)["turn"] != "browser" {
        host.answer(session);
    }
    let until = json!({ "profile": "ann", "expires_at": NOW + 600 });
    let handed_out = host.call(Function::Suspend, session, until, b"");
    let query = host.world.visit(handed_out["url"].as_str().unwrap()).unwrap();

    assert!(handed_out["pending"].as_str().unwrap().len() < 1024, "it fits into a cookie");
    let pending: Value = serde_json::from_str(handed_out["pending"].as_str().unwrap()).unwrap();
    let mut resume = json!({ "settings": settings(), "profile": "ann", "pending": pending });
    let other = host.call(Function::Resume, 0, resume.clone(), b"")["session"].as_u64().unwrap();
    let other = u32::try_from(other).unwrap();
    while host.turn(other)["turn"] != "browser" {
        host.answer(other);
    }
    host.call(Function::Redirected, other, json!({ "query": query, "now": NOW }), b"");
    assert_eq!(host.drive(other), "ready");
    assert_sound(&host.world);

    resume["profile"] = "bob".into();
    assert_eq!(host.refused(Function::Resume, 0, resume, b""), "foreign_profile");
}

/// Its metadata is where only the answer to a POST says, behind a redirect.
#[test]
fn a_host_asks_as_the_core_does_whether_a_login_is_needed() {
    let knobs = Knobs { prm_location: PrmLocation::Custom, ..Knobs::default() };
    let mut host = Host::new(&knobs);
    let elsewhere = json!({ "server_url": format!("{SERVER_URL}/") });
    let session = host.open(&elsewhere);
    host.call(Function::Access, session, json!({}), b"");
    while host.turn(session)["turn"] != "login" {
        host.answer(session);
    }
    let mut asked = Vec::new();
    while host.turn(session)["lacks_challenge"] == true {
        let request = host.call(Function::Probe, session, json!({}), b"");
        assert_eq!(host.call(Function::Probe, session, json!({}), b""), request);
        let url = request["url"].as_str().unwrap().to_owned();
        assert_eq!(request["body"], r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
        asked.push((request["method"].clone(), url.clone()));
        let answer = if url == SERVER_URL {
            let refusal = host.world.handle(&mcp_request(SERVER_URL, "tools/list"));
            let challenges = challenges(&refusal);
            let headers: Vec<_> =
                challenges.iter().map(|value| json!(["www-authenticate", value])).collect();
            json!({ "status": refusal.status().as_u16(), "headers": headers })
        } else {
            json!({ "status": 308, "headers": [["location", SERVER_URL]] })
        };
        host.call(Function::Probed, session, answer, b"");
    }
    let post = || Value::from("POST");
    assert_eq!(asked, [(post(), format!("{SERVER_URL}/")), (post(), SERVER_URL.into())]);
    assert_eq!(host.refused(Function::Probe, session, json!({}), b""), "out_of_turn");
    assert_eq!(host.drive(session), "ready");
    assert_sound(&host.world);
}

/// The tokens are stored; what is known of the client is not.
/// It stops where a login would begin, and is told why; what was missing is asked for when somebody is there.
#[test]
fn a_host_that_asks_nobody_is_told_what_is_missing() {
    let scopes = ScopePolicy::StepUp;
    let mut host = Host::new(&Knobs { scopes, prm_scopes: None, ..Knobs::default() });
    let session = host.open(&settings());
    let turn = host.stop_at_login(session, "tools/list");
    assert_eq!((&turn["code"], &turn["reason"]), (&json!("login_required"), &json!("first")));
    assert_eq!(turn.get("issuer"), None);
    assert_eq!(host.world.oauth_requests(), 0);
    assert_eq!(host.drive(session), "ready");
    let turn = host.stop_at_login(session, "tools/call");
    assert_eq!((&turn["code"], &turn["missing"]), (&json!("scope_required"), &json!("mcp:write")));
    assert_eq!(
        (&turn["reason"], &turn["issuer"]),
        (&json!("step_up"), &json!(host.world.issuer()))
    );
    host.call(Function::LogIn, session, json!({}), b"");
    assert_eq!(host.drive(session), "ready");
    assert_eq!(host.world.scopes_asked(), [Some("mcp:basic"), Some("mcp:basic mcp:write")]);
}

#[test]
fn a_host_whose_store_fails_is_told_whether_that_matters() {
    let mut host = Host::new(&Knobs::default());
    let settings = json!({ "server_url": SERVER_URL, "client_records": true });
    let session = host.open(&settings);
    let mut spared = Vec::new();
    host.call(Function::LogIn, session, json!({}), b"");
    loop {
        let turn = host.turn(session);
        match turn["turn"].as_str().unwrap() {
            "ready" => break,
            // What a code was spent for would be used, and be stored later.
            "load" | "save" if turn["spent"] == false => {
                let now = json!({ "now": host.world.now });
                let answer = host.call(Function::Failed, session, now, b"");
                if answer["goes_on"] == true {
                    spared.push(turn["client"]["kind"].clone());
                    continue;
                }
                assert_eq!(host.turn(session), turn, "it still waits");
            }
            _ => {}
        }
        host.answer(session);
    }
    assert_eq!(spared, ["client"]);
    assert_sound(&host.world);

    // A lock that somebody else holds is not waited for while the token lives.
    host.advance(3550);
    let later = host.open(&settings);
    host.call(Function::Access, later, json!({}), b"");
    while host.turn(later)["turn"] != "lock" {
        host.answer(later);
    }
    let now = json!({ "now": host.world.now });
    let spared = (json!({ "goes_on": true }), json!({ "turn": "ready" }));
    let answer = host.call(Function::HeldElsewhere, later, now.clone(), b"");
    assert_eq!((answer, host.turn(later)), spared);

    // Nor is a refresh token spent that nobody could keep the successor of, or whose lock was lost.
    for (function, next) in [(Function::Lost, "load"), (Function::Failed, "ready")] {
        host.advance(6);
        host.call(Function::Access, later, json!({}), b"");
        while host.turn(later)["turn"] != "reserve" {
            host.answer(later);
        }
        host.call(function, later, now.clone(), b"");
        assert_eq!(host.turn(later), json!({ "turn": "unlock", "lock": "refresh" }));
        host.answer(later);
        assert_eq!(host.turn(later)["turn"], next);
    }
}

#[test]
fn settings_that_nobody_knows_are_refused() {
    let mut host = Host::new(&Knobs::default());
    let mut typo = settings();
    typo["clientid"] = "client".into();
    assert_eq!(host.refused(Function::Open, 0, json!({ "settings": typo }), b""), "input");
    let mut secret = settings();
    secret["client_secret"] = "secret".into();
    let answer = host.refused(Function::Open, 0, json!({ "settings": secret }), b"");
    assert_eq!(answer, "secret_without_id");
}

#[test]
fn a_host_cannot_open_sessions_without_end_nor_lose_its_requests() {
    let mut host = Host::new(&Knobs::default());
    let sessions: Vec<u32> = (0..1024).map(|_| host.open(&settings())).collect();
    let open = json!({ "settings": settings() });
    assert_eq!(host.refused(Function::Open, 0, open.clone(), b""), "full");
    host.call(Function::Close, sessions[7], json!({}), b"");
    host.call(Function::Open, 0, open, b"");

    // Requests that were never answered make room for new ones.
    let attach = json!({ "method": "POST", "url": SERVER_URL, "now": NOW });
    for _ in 0..1000 {
        host.call(Function::Attach, sessions[0], attach.clone(), b"");
    }
    let answer = json!({ "attempt": 1, "status": 200, "now": NOW });
    assert_eq!(host.refused(Function::Answered, sessions[0], answer, b""), "no_such");
}

#[test]
fn an_input_that_is_too_long_is_refused() {
    let mut host = Host::new(&Knobs::default());
    let long = vec![b' '; MAX_INPUT + 1];
    assert_eq!(host.refused_raw(Function::Open, 0, &long), "input");
}

/// Whatever is called, and whatever is passed in: there is an answer, a mistake changes nothing, and what
/// is passed in is in no error.
#[test]
fn calls_in_any_order_are_answered() {
    let mut calls = 0;
    let mut reached = std::collections::BTreeMap::<String, u32>::new();
    for seed in 0..40 {
        let mut chance = Chance::new(seed);
        let (knobs, settings) = match seed % 6 {
            0 => (machines::of_keys(&Key::p256(1)), machines::with_key("ES256")),
            1 => (Knobs::machines(&[Grant::JwtBearer]), machines::workload()),
            2 => (Knobs::bound(), settings()),
            3 => (device::knobs(), device::settings()),
            _ => (Knobs::default(), settings()),
        };
        let mut host = Host::new(&knobs);
        let mut sessions = [(); 3].map(|()| host.open(&settings));
        for _ in 0..2000 {
            let at = chance.below(3);
            let mut session = sessions[at];
            if let Ok(turn) = host.try_call(Function::Turn, session, b"") {
                let turn = turn["turn"].as_str().unwrap_or_default();
                *reached.entry(turn.into()).or_default() += 1;
            }
            calls += 1;
            match chance.below(10) {
                0..4 => host.try_to_answer(session),
                4 if chance.below(20) == 0 => host.advance(1800),
                4 => {
                    host.try_call(Function::Access, session, b"").unwrap();
                }
                _ => {
                    if chance.below(20) == 0 {
                        session = chance.any();
                    }
                    let (function, input) = chance.call(&host.last_query);
                    let before = host.state(session);
                    if let Err(error) = host.try_call(function, session, &input) {
                        let text = error.to_string();
                        assert!(!text.contains("planted"), "{function:?}: {text}");
                        // The machine's own errors may be news: a login that failed.
                        if MISTAKES.contains(&error["code"].as_str().unwrap()) {
                            assert_eq!(host.state(session), before, "{function:?}: {text}");
                        }
                    }
                    if host.state(session).is_none() && session == sessions[at] {
                        sessions[at] = host.open(&settings);
                    }
                }
            }
        }
    }
    assert!(calls >= 80_000);
    for turn in [
        "load",
        "lock",
        "reserve",
        "save",
        "unlock",
        "http",
        "login",
        "key",
        "sign",
        "assertion",
        "prepare",
        "browser",
        "device",
        "wait",
        "ready",
        "logged_out",
    ] {
        assert!(reached.get(turn).is_some_and(|times| *times > 50), "{turn}: {reached:?}");
    }
}

/// What the interface says by itself.
const MISTAKES: [&str; 6] =
    ["no_such", "full", "out_of_turn", "input", "record_is_newer", "record_is_damaged"];
