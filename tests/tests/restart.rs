//! Processes that end: with a machine written down before any step, or with nothing but the store.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use alloc::sync::Arc;

use http::Response;
use oauth_core::flow::{Flow, Grant, Login, RedirectUri, Step};
use oauth_core::session::Record;
use oauth_core::{Endpoint, Error, UnixTime};
use oauth_tests::drive::{
    CALLBACK, Event, MAX_STEPS, Network, Stage, User, assert_sound, entropy, missing, restored,
    settings, stored, walk,
};
use oauth_tests::world::{self, Knobs, ScopePolicy, What, World};
use serde_json::Value;

extern crate alloc;

const LIST: &str = "tools/list";
const HOUR: u64 = 3600;

fn now(world: &World) -> UnixTime {
    UnixTime::from_secs(world.now)
}

fn login(world: &World) -> Flow {
    let redirect_uri = RedirectUri::parse(CALLBACK).unwrap();
    Flow::login(Login::new(Arc::new(settings()), redirect_uri, entropy(1), now(world))).unwrap()
}

/// One step in a process of its own.
fn in_a_process(flow: &str, world: &mut World) -> (String, Result<Option<Grant>, Error>) {
    let mut flow: Flow = restored(flow);
    let done = match flow.step() {
        Err(error) => Err(error),
        Ok(Step::Done(grant)) => Ok(Some(grant.clone())),
        Ok(Step::Http { request, reply }) => {
            let response = Network::default().send(world, request).unwrap();
            reply.response(&response, now(world));
            Ok(None)
        }
        Ok(Step::Sign(_) | Step::Assertion(_) | Step::Key(_)) => panic!("a user logs in"),
        Ok(Step::Device { .. } | Step::Wait { .. }) => panic!("there is a browser"),
        Ok(Step::Browser { url, reply }) => {
            reply.redirect(&world.visit(url.as_str()).unwrap()).unwrap();
            Ok(None)
        }
    };
    (stored(&flow), done)
}

/// The step is asked for, and the process ends before it has an answer: the next one asks the same.
#[test]
fn a_login_asks_the_same_in_every_process() {
    let mut world = World::new(Knobs::default());
    let mut flow = stored(&login(&world));
    for _ in 0..MAX_STEPS {
        let ask = || match restored::<Flow>(&flow).step().unwrap() {
            Step::Http { request, .. } => format!("{request:?} {:?}", request.body()),
            Step::Browser { url, .. } => url.as_str().into(),
            Step::Sign(_) | Step::Assertion(_) | Step::Key(_) => panic!("a user logs in"),
            Step::Device { .. } | Step::Wait { .. } => panic!("there is a browser"),
            Step::Done(grant) => stored(grant),
        };
        assert_eq!(ask(), ask());
        let (next, done) = in_a_process(&flow, &mut world);
        if done.unwrap().is_some() {
            assert_eq!(next, flow, "a login that is complete stays so");
            return assert_sound(&world);
        }
        flow = next;
    }
    panic!("a login that never ends");
}

/// Some servers say when a token expires in a member of their own.
#[test]
fn a_login_survives_whatever_members_an_answer_has() {
    fn add(endpoint: Endpoint, response: &mut Response<Vec<u8>>) {
        if endpoint == Endpoint::Token {
            let mut answer: Value = serde_json::from_slice(response.body()).unwrap();
            for name in ["expires_at", "format", "generation", "tokens", "binding", "other"] {
                answer[name] = 7.into();
            }
            *response.body_mut() = answer.to_string().into_bytes();
        }
    }
    let network = Network { tamper: Some(add), ..Network::default() };
    let walk = walk(&Knobs::default(), &settings(), &network);
    let grant: Grant = restored(&stored(walk.grant()));
    assert_eq!(&grant, walk.grant());
}

/// What could be read once can be read again, wherever it is stored.
#[test]
fn a_login_survives_however_deep_an_answer_is() {
    fn deepen(endpoint: Endpoint, response: &mut Response<Vec<u8>>) {
        if endpoint == Endpoint::Token {
            // One level less than the reader of JSON bears.
            let deep = format!("{}{}", "[".repeat(126), "]".repeat(126));
            let body = format!(r#"{{"access_token":"at","token_type":"Bearer","x":{deep}}}"#);
            *response.body_mut() = body.into_bytes();
        }
    }
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    stage.network.tamper = Some(deepen);
    let _ = stage.authenticate(0);
    for text in &stage.store.written {
        let record = Record::from_json(text.as_bytes());
        assert!(record.is_ok(), "{record:?}");
    }
}

#[test]
fn an_error_sticks_in_every_process() {
    let mut world =
        World::new(Knobs { prm_location: world::PrmLocation::Nowhere, ..Knobs::default() });
    let mut flow = stored(&login(&world));
    let error = loop {
        let (next, done) = in_a_process(&flow, &mut world);
        flow = next;
        if let Err(error) = done {
            break error;
        }
    };
    for _ in 0..3 {
        let (next, done) = in_a_process(&flow, &mut world);
        assert_eq!(done, Err(error.clone()));
        flow = next;
    }
}

/// Nothing but the store survives; locks end with their process.
fn crash(stage: &mut Stage) {
    stage.store.release_all(0);
    stage.restart();
}

#[test]
fn a_process_may_end_before_any_turn_of_a_login() {
    for turns in 0.. {
        let mut stage = Stage::new(&Knobs::default(), &settings(), false);
        assert_eq!(stage.run(0), Ok(Event::Login));
        stage.begin(0);
        let ended = (0..turns).any(|_| stage.step(0).unwrap() == Event::Ready);
        crash(&mut stage);
        assert_eq!(stage.call(LIST), Ok(200), "{turns}");
        assert_sound(&stage.world);
        assert!(stage.world.count(What::Register) <= 2, "{turns}");
        assert!(stage.world.count(What::Authorize) <= 2, "{turns}");
        if ended {
            return assert!(turns > 9);
        }
    }
}

/// What is stored before the user is sent off spares the next process a registration.
#[test]
fn a_process_that_ends_at_the_page_leaves_its_client_behind() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    stage.user = User::Waits;
    assert_eq!(stage.run(0), Ok(Event::Login));
    stage.begin(0);
    assert_eq!(stage.run(0), Ok(Event::Page));
    crash(&mut stage);
    stage.user = User::Consents;
    assert_eq!(stage.call(LIST), Ok(200));
    assert_eq!(stage.world.count(What::Register), 1);
}

/// There is one bad moment that no client can avoid: the server has rotated, and nothing is stored yet.
#[test]
fn a_process_may_end_before_any_turn_of_a_refresh() {
    for turns in 0.. {
        let mut stage = Stage::new(&Knobs::default(), &settings(), false);
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(HOUR);
        stage.session_mut(0).access();
        let written = stage.store.written.len();
        let ended = (0..turns).any(|_| stage.step(0).unwrap() == Event::Ready);
        let is_spent = stage.world.count(What::Token(world::Grant::Refresh)) == 1;
        let is_stored = stage.store.written.len() > written;
        crash(&mut stage);
        assert_eq!(stage.call(LIST), Ok(200), "{turns}");
        assert_eq!(stage.world.violations, [""; 0]);
        let is_lost = is_spent && !is_stored;
        assert_eq!(stage.world.reuses, u32::from(is_lost), "{turns}");
        let logins = stage.world.count(What::Authorize);
        assert_eq!(logins, 1 + usize::from(is_lost), "{turns}");
        if ended {
            return assert!(turns > 4);
        }
    }
}

#[test]
fn a_process_may_end_before_any_turn_of_a_step_up() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() };
    for turns in 0.. {
        let mut stage = Stage::new(&knobs, &settings(), false);
        assert_eq!(stage.call(LIST), Ok(200));
        stage.user = User::Absent;
        assert_eq!(stage.call("tools/call"), Err(missing("mcp:write")));
        stage.user = User::Consents;
        stage.begin(0);
        let ended = (0..turns).any(|_| stage.step(0).unwrap() == Event::Ready);
        crash(&mut stage);
        assert_eq!(stage.call(LIST), Ok(200), "the old token serves: {turns}");
        assert_eq!(stage.call("tools/call"), Ok(200), "{turns}");
        assert_sound(&stage.world);
        assert_eq!(stage.world.count(What::Register), 1);
        if ended {
            return assert!(turns > 4);
        }
    }
}

/// Issue after issue of a server in trouble, each at another place, and a new process each time.
#[test]
fn a_login_goes_on_after_any_silence() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    for silent in [
        Endpoint::ResourceMetadata,
        Endpoint::ServerMetadata,
        Endpoint::Registration,
        Endpoint::Token,
    ] {
        stage.network.silent = Some(silent);
        assert!(stage.call(LIST).unwrap_err().is_retryable());
        crash(&mut stage);
    }
    stage.network = Network::default();
    assert_eq!(stage.call(LIST), Ok(200));
    assert_sound(&stage.world);
}

/// What is stored, now and without what was added later. If this fails, the number of the format has to
/// change.
#[test]
fn a_stored_record_stays_readable() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    assert_eq!(stage.call(LIST), Ok(200));
    // The number is as it was when it was the time, and the next one.
    let number = format!(r#""generation":{}"#, stage.record().unwrap().generation());
    let written = stage.store.written.last().unwrap();
    assert_eq!(written.replace(&number, r#""generation":1900000001"#), STORED);
    let unmarked = STORED.replace(r#""lineage":397950624,"#, "");
    let untried = unmarked.replace(r#""past":{"trial":{"since":1900000000,"logins":1}},"#, "");
    for stored in
        [STORED, &unmarked, &untried, &untried.replace(r#","requested_by":"challenge""#, "")]
    {
        let record = Record::from_json(stored.as_bytes()).unwrap();
        assert_eq!(record.to_json(), stored);
    }
}

const STORED: &str = concat!(
    r#"{"format":1,"generation":1900000001,"issued_at":1900000000,"#,
    r#""binding":{"server":{"issuer":"https://auth.example.com","#,
    r#""authorization_endpoint":"https://auth.example.com/authorize","#,
    r#""token_endpoint":"https://auth.example.com/token","#,
    r#""registration_endpoint":"https://auth.example.com/register","#,
    r#""revocation_endpoint":"https://auth.example.com/revoke","provenance":"discovered","#,
    r#""auth_methods":["none","client_secret_basic","client_secret_post"],"promises_iss":true,"metadata_documents":false,"offline_access":false},"#,
    r#""client":{"client_id":"client-1","auth_method":"none","#,
    r#""redirect_uri":"http://127.0.0.1:49152/callback","kind":"dynamic"},"#,
    r#""resource":"https://mcp.example.com/mcp","requested":"mcp:basic","requested_by":"challenge"},"#,
    r#""past":{"lineage":397950624,"trial":{"since":1900000000,"logins":1}},"#,
    r#""tokens":{"access_token":"at-1-auth","token_type":"Bearer","expires_at":1900003600,"#,
    r#""refresh_token":"rt-1-auth","scope":"mcp:basic","x_unknown_member":null}}"#,
);
