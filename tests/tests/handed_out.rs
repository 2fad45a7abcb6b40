//! Logins that are handed out, and finished by another process. Each scenario also restarts before every
//! turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_core::Error;
use oauth_core::error::{Misuse, PeerMisbehaved};
use oauth_core::flow::Settings;
use oauth_core::session::{Lock, PendingLogin};
use oauth_tests::drive::{Event, PATIENCE, Stage, User, play, settings};
use oauth_tests::world::{Grant, Knobs, What};
use serde_json::Value;

const LIST: &str = "tools/list";

/// Longer than an access token lives.
const HOUR: u64 = 3600;

/// A scenario with nothing set up.
fn act(knobs: &Knobs, scenario: impl Fn(&mut Stage)) -> Stage {
    play(knobs, &settings(), scenario)
}

#[test]
fn a_login_is_handed_out_and_finished_in_another_process() {
    let stage = act(&Knobs::default(), |stage| {
        stage.user = User::Waits;
        let pending = hand_out(stage);
        stage.user = User::Consents;
        let other = stage.resume(pending).unwrap();
        assert_eq!(stage.obtain(other), Ok(()));
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.oauth_requests(), 5);
    assert_eq!(stage.store.written.len(), 2, "the client, the grant");
    assert_eq!(stage.store.tries, 2, "the process that resumes looks before it writes");
}

/// Begins a login, takes it out of the first host, and stores it for another process.
fn hand_out(stage: &mut Stage) -> PendingLogin {
    assert_eq!(stage.run(0), Ok(Event::Login));
    stage.begin(0);
    assert_eq!(stage.run(0), Ok(Event::Page));
    let pending = stage.suspend(0);
    assert_eq!(pending.expires_at(), stage.now() + PATIENCE);
    assert_eq!(stage.run(0), Err(Error::LoginRequired));
    assert_eq!(stage.store.held_by(0), [], "a login that is handed out");
    serde_json::from_str(&serde_json::to_string(&pending).unwrap()).unwrap()
}

#[test]
fn a_resumed_login_holds_the_login_lock_until_it_is_stored() {
    let stage = act(&Knobs::default(), |stage| {
        stage.user = User::Waits;
        let pending = hand_out(stage);
        stage.user = User::Consents;
        let other = stage.resume(pending).unwrap();
        while stage.refresh_token().is_none() {
            assert_eq!(stage.step(other), Ok(Event::Progress));
            assert_eq!(stage.store.held_by(other), [Lock::Login]);
        }
        assert_eq!(stage.obtain(other), Ok(()));
    });
    assert_eq!(stage.store.stray_unlocks, 0);
}

/// A server may end the whole grant when a code comes twice (RFC 6749 §4.1.2), so none is sent.
#[test]
fn a_login_that_was_finished_is_not_finished_again() {
    for refreshed in [false, true] {
        let stage = act(&Knobs::default(), |stage| {
            stage.user = User::Waits;
            let pending = hand_out(stage);
            stage.user = User::Consents;
            let other = stage.resume(pending.clone()).unwrap();
            assert_eq!(stage.obtain(other), Ok(()));
            if refreshed {
                stage.world.advance(HOUR);
                assert_eq!(stage.call(LIST), Ok(200));
            }
            let again = stage.resume(pending).unwrap();
            assert_eq!(stage.obtain(again), Err(Error::LoginUsed));
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!(stage.logins(), 1);
        assert_eq!(stage.world.count(What::Token(Grant::Code)), 1);
    }
}

#[test]
fn a_login_that_comes_back_too_late_is_not_finished() {
    let stage = act(&Knobs::default(), |stage| {
        stage.user = User::Waits;
        let pending = hand_out(stage);
        let expired_at = pending.expires_at();
        stage.user = User::Consents;
        stage.world.advance(PATIENCE.as_secs());
        let in_time = stage.resume(pending.clone()).unwrap();
        assert_eq!(stage.run(in_time), Ok(Event::Ready), "the last moment is in time");
        stage.world.advance(1);
        stage.store.delete(&stage.key());
        let late = stage.resume(pending).unwrap();
        assert_eq!(stage.obtain(late), Err(Error::LoginExpired { expired_at }));
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.logins(), 2, "and a new one can be begun");
}

/// Whatever is changed while it is stored: the redirect fits what was begun, and nothing else.
#[test]
fn a_login_that_was_changed_does_not_fit_its_redirect() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    stage.user = User::Waits;
    let pending = hand_out(&mut stage);
    let query = stage.world.visit(pending.connect_url().as_str()).unwrap();
    let original: Value = serde_json::to_value(&pending).unwrap();
    let mut changed = 0;
    for place in places(&original, String::new()) {
        let mut edited = original.clone();
        let value = edited.pointer_mut(&place).unwrap();
        *value = match value.take() {
            Value::String(text) if text.starts_with("https:") => (text + "x").into(),
            Value::String(text) => {
                let first = if text.starts_with('A') { "B" } else { "A" };
                (first.to_owned() + text.get(1..).unwrap_or_default()).into()
            }
            Value::Bool(value) => (!value).into(),
            Value::Number(number) => (number.as_u64().unwrap() + 1).into(),
            _ => "x".into(),
        };
        // What cannot be read, or is for somebody else, is refused before.
        let Ok(edited) = serde_json::from_value::<PendingLogin>(edited) else { continue };
        let Ok(other) = stage.resume(edited) else { continue };
        stage.user = User::ConsentsAfter(vec![query.clone(); 20]);
        stage.refused_redirects.clear();
        assert_eq!(stage.run(other), Err(Error::Cancelled), "{place}");
        assert_eq!(stage.refused_redirects[0], PeerMisbehaved::StateMismatch.into());
        changed += 1;
    }
    assert!(changed > 9, "{changed}");
    assert_eq!(stage.world.token_requests(), 0);
    stage.refused_redirects.clear();
    let sound = stage.resume(pending).unwrap();
    stage.user = User::ConsentsAfter(vec![query]);
    assert_eq!(stage.run(sound), Ok(Event::Ready));
}

/// Pointers to all values that are neither objects nor lists.
fn places(value: &Value, at: String) -> Vec<String> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, member)| places(member, format!("{at}/{name}")))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, item)| places(item, format!("{at}/{index}")))
            .collect(),
        _ => vec![at],
    }
}

#[test]
fn a_resumed_login_replaces_what_was_stored_meanwhile() {
    let stage = act(&Knobs::default(), |stage| {
        stage.user = User::Waits;
        let pending = hand_out(stage);
        stage.user = User::Consents;
        assert_eq!(stage.call(LIST), Ok(200));
        let other = stage.resume(pending).unwrap();
        assert_eq!(stage.obtain(other), Ok(()));
    });
    let record = stage.record().unwrap();
    assert_eq!(record.tokens().unwrap().access_token.token(), "at-2-auth");
}

#[test]
fn a_redirect_of_another_login_leaves_a_resumed_one_waiting() {
    let stage = act(&Knobs::default(), |stage| {
        stage.user = User::Waits;
        let pending = hand_out(stage);
        stage.user = User::ConsentsAfter(vec!["code=x&state=y".into()]);
        let other = stage.resume(pending).unwrap();
        assert_eq!(stage.obtain(other), Ok(()));
    });
    assert_eq!(stage.refused_redirects.len(), 1);
}

/// One callback serves the logins to several servers, so they can be mixed up.
#[test]
fn a_login_to_another_server_gives_no_token_for_this_one() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    stage.user = User::Waits;
    let pending = hand_out(&mut stage);
    stage.user = User::Consents;
    stage.restart_with(Settings::new("https://other.example.com/mcp").unwrap());
    assert!(stage.resume(pending).is_err());
}

/// Whoever mixes up his users gives nobody the tokens of another.
#[test]
fn a_login_of_one_profile_is_not_finished_for_another() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    stage.user = User::Waits;
    let pending = hand_out(&mut stage);
    assert_eq!(pending.profile(), "");
    let settings = stage.session(0).settings().clone();
    let refused = oauth_core::session::Session::resume(settings, "bert", pending).unwrap_err();
    let (expected, found) = ("".into(), "bert".into());
    assert_eq!(refused, Misuse::ForeignProfile { expected, found }.into());
}
