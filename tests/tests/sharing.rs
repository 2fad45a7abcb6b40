//! Sessions that share a store. Each scenario also restarts before every turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_core::Error;
use oauth_core::flow::Settings;
use oauth_core::session::{Attempt, Lock, Turn, Verdict};
use oauth_tests::drive::{Event, Stage, User, assert_sound, missing, play, play_later, settings};
use oauth_tests::world::{Damage, Knobs, Rotation, ScopePolicy, TokenForm, What};

const LIST: &str = "tools/list";
const CALL: &str = "tools/call";

/// Longer than an access token lives.
const HOUR: u64 = 3600;

/// A scenario with nothing set up, in a world with these knobs.
fn act(knobs: &Knobs, scenario: impl Fn(&mut Stage)) -> Stage {
    play(knobs, &settings(), scenario)
}

/// The same after a first login, whose requests are not counted.
fn later(knobs: &Knobs, scenario: impl Fn(&mut Stage)) -> Stage {
    play_later(knobs, &settings(), scenario)
}

/// Two sessions with one store, whose token has expired.
fn two_hosts(knobs: &Knobs, scenario: impl Fn(&mut Stage, usize)) -> Stage {
    later(knobs, |stage| {
        let second = stage.add_host();
        assert_eq!(stage.call_from(second, LIST), Ok(200));
        stage.forget_log();
        stage.world.advance(HOUR);
        scenario(stage, second);
    })
}

#[test]
fn the_second_session_takes_over_what_the_first_refreshed() {
    let stage = two_hosts(&Knobs::default(), |stage, second| {
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(stage.call_from(second, LIST), Ok(200));
    });
    assert_eq!(stage.refreshes(), 1);
}

#[test]
fn a_refusal_of_a_token_that_others_have_replaced_costs_nothing() {
    let stage = later(&Knobs::default(), |stage| {
        let second = stage.add_host();
        assert_eq!(stage.call_from(second, LIST), Ok(200));
        stage.forget_log();
        stage.world.revoke_access_tokens();
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(stage.call_from(second, LIST), Ok(200));
    });
    assert_eq!(stage.world.oauth_requests(), 1);
}

/// Another thread has sent its request with the token that this one has replaced.
#[test]
fn a_refusal_of_a_token_that_was_replaced_meanwhile_needs_no_thought() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    assert_eq!(stage.call(LIST), Ok(200));
    let mut attempt = Attempt::new();
    attempt.sent_with(stage.session(0).authorization(stage.now()).as_ref());
    stage.world.revoke_access_tokens();
    assert_eq!(stage.call(LIST), Ok(200));
    let now = stage.now();
    for _ in 0..3 {
        let verdict = stage.session_mut(0).answered(&mut attempt, 401, [], now);
        assert_eq!(verdict, Ok(Verdict::Retry));
        assert_eq!(stage.step(0), Ok(Event::Ready));
    }
    // But not for ever: somebody forgets to say what he sends.
    let verdict = stage.session_mut(0).answered(&mut attempt, 401, [], now);
    assert_eq!(verdict, Ok(Verdict::Retry));
    assert_eq!(stage.step(0), Ok(Event::Progress));
}

/// The server revokes all tokens: the one in memory, the one in the store, and the one on its way there.
#[test]
fn tokens_of_others_that_are_refused_one_after_the_other_cost_no_login() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    let second = stage.add_host();
    assert_eq!(stage.call(LIST), Ok(200));
    let mut attempt = Attempt::new();
    for others in [1, 1, 0] {
        // None of them was issued just now.
        stage.world.advance(60);
        let now = stage.now();
        attempt.sent_with(stage.session(0).snapshot().token().as_ref());
        for _ in 0..others {
            stage.session_mut(second).access();
            assert_eq!(stage.run(second), Ok(Event::Ready));
            stage.session_mut(second).renew();
            assert_eq!(stage.run(second), Ok(Event::Ready));
        }
        let verdict = stage.session_mut(0).answered(&mut attempt, 401, [], now);
        assert_eq!(verdict, Ok(Verdict::Retry));
        assert_eq!(stage.run(0), Ok(Event::Ready));
    }
    assert_eq!(stage.logins(), 1);
}

/// Another session has written that the grant has ended, next to the token that was refused here.
#[test]
fn a_refused_token_is_not_sent_again_because_others_wrote_it_down() {
    let stage = later(&Knobs::default(), |stage| {
        let second = stage.add_host();
        assert_eq!(stage.call_from(second, LIST), Ok(200));
        stage.world.end_grants();
        stage.user = User::Absent;
        assert_eq!(stage.call_from(second, LIST), Err(Error::LoginRequired));
        stage.user = User::Consents;
        stage.forget_log();
        assert_eq!(stage.call(LIST), Ok(200));
    });
    let calls = stage.world.requests(What::Mcp(LIST.into()));
    assert_eq!(calls.iter().map(|call| call.status).collect::<Vec<_>>(), [401, 200]);
}

#[test]
fn a_login_waits_for_the_one_under_way_and_uses_it() {
    let stage = act(&Knobs::default(), |stage| {
        let second = stage.add_host();
        assert_eq!(stage.run(0), Ok(Event::Login));
        assert_eq!(stage.run(second), Ok(Event::Login));
        stage.begin(0);
        stage.begin(second);
        stage.user = User::Waits;
        assert_eq!(stage.run(0), Ok(Event::Page));
        assert_eq!(stage.step(second), Ok(Event::Blocked(Lock::Login)));
        stage.user = User::Consents;
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_eq!(stage.run(second), Ok(Event::Ready));
    });
    assert_eq!(stage.logins(), 1);
}

/// The login took so long to be noticed that its token has expired: it is refreshed.
#[test]
fn a_login_that_was_waited_for_too_long_is_refreshed() {
    let stage = act(&Knobs::default(), |stage| {
        let second = stage.add_host();
        for host in [0, second] {
            assert_eq!(stage.run(host), Ok(Event::Login));
            stage.begin(host);
        }
        assert_eq!(stage.run(0), Ok(Event::Ready));
        stage.world.advance(HOUR);
        assert_eq!(stage.run(second), Ok(Event::Ready));
    });
    assert_eq!((stage.logins(), stage.refreshes()), (1, 1));
}

/// The old token is refreshed while a person looks at the page that asks for more.
#[test]
fn a_refresh_does_not_wait_for_a_person() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() };
    let stage = later(&knobs, |stage| {
        let second = stage.add_host();
        assert_eq!(stage.call_from(second, LIST), Ok(200));
        stage.user = User::Absent;
        assert_eq!(stage.call(CALL), Err(missing("mcp:write")));
        stage.begin(0);
        stage.user = User::Waits;
        assert_eq!(stage.run(0), Ok(Event::Page));
        stage.world.advance(HOUR);
        assert_eq!(stage.call_from(second, LIST), Ok(200));
        stage.user = User::Consents;
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_eq!(stage.call(CALL), Ok(200));
        assert_eq!(stage.call_from(second, CALL), Ok(200));
    });
    assert_eq!(stage.refreshes(), 1);
    assert_eq!(stage.logins(), 1);
}

/// Every way in which two sessions can take turns, for as many turns as a refresh takes.
#[test]
fn two_sessions_refresh_once_however_they_take_turns() {
    let mut start = Stage::new(&Knobs::default(), &settings(), false);
    assert_eq!(start.call(LIST), Ok(200));
    let (world, key, text) = (start.world.clone(), start.key(), start.store.written.pop().unwrap());
    for schedule in 0..1_u32 << TURNS {
        let mut stage = Stage::new(&Knobs::default(), &settings(), false);
        stage.world = world.clone();
        stage.store.put(&key, &text);
        stage.add_host();
        stage.forget_log();
        stage.world.advance(HOUR);
        for turn in 0..TURNS {
            let host = usize::from(schedule >> turn & 1 == 1);
            let _ = stage.step(host).unwrap();
        }
        while !matches!((stage.step(0), stage.step(1)), (Ok(Event::Ready), Ok(Event::Ready))) {}
        assert_eq!(stage.world.oauth_requests(), 1, "{schedule:b}");
        assert_eq!(stage.store.written.len(), 2, "the old record, the new one");
        assert_sound(&stage.world);
    }
}

#[test]
fn two_sessions_log_in_once_however_they_take_turns() {
    for schedule in 0..1_u32 << TURNS {
        let mut stage = Stage::new(&Knobs::default(), &settings(), false);
        stage.add_host();
        for host in [0, 1] {
            assert_eq!(stage.run(host), Ok(Event::Login));
            stage.begin(host);
        }
        for turn in 0..TURNS {
            let host = usize::from(schedule >> turn & 1 == 1);
            let _ = stage.step(host).unwrap();
        }
        while !matches!((stage.step(0), stage.step(1)), (Ok(Event::Ready), Ok(Event::Ready))) {}
        assert_eq!(stage.logins(), 1, "{schedule:b}");
        assert_sound(&stage.world);
    }
}

/// A refresh takes six turns, of which the last two can no longer matter to the other.
const TURNS: u32 = 10;

/// A lock that does not work costs a request, never a token.
#[test]
fn a_broken_lock_lets_nobody_overwrite_a_newer_token() {
    let knobs = Knobs { rotation: Rotation::Keep, ..Knobs::default() };
    let stage = two_hosts(&knobs, |stage, second| {
        stage.store.lockless = true;
        stage.session_mut(0).access();
        stage.session_mut(second).access();
        while stage.refreshes() == 0 {
            assert_eq!(stage.step(0), Ok(Event::Progress));
        }
        assert_eq!(stage.run(second), Ok(Event::Ready));
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_eq!(stage.session(0).record(), stage.record().as_ref());
    });
    let record = stage.record().unwrap();
    assert_eq!(record.tokens().unwrap().access_token.token(), "at-3-auth");
}

/// Who only raises the generation, with the refresh token that is spent by now, takes nothing away.
#[test]
fn a_writer_without_a_lock_costs_no_rotated_token() {
    let stage = two_hosts(&Knobs::default(), |stage, _| {
        stage.session_mut(0).access();
        while stage.refreshes() == 0 {
            assert_eq!(stage.step(0), Ok(Event::Progress));
        }
        let key = stage.key();
        let mut stored: serde_json::Value =
            serde_json::from_str(&stage.record().unwrap().to_json()).unwrap();
        stored["generation"] = (stage.record().unwrap().generation() + 5).into();
        stage.store.put(&key, &stored.to_string());
        assert_eq!(stage.run(0), Ok(Event::Ready));
    });
    let record = stage.record().unwrap();
    assert_eq!(record.tokens().unwrap().access_token.token(), "at-2-auth");
    assert_eq!(stage.refreshes(), 1);
}

/// A write of which nobody heard that it had succeeded: the refresh token in it is spent by then.
#[test]
fn a_login_that_was_stored_when_that_seemed_to_fail_does_not_replace_what_became_of_it() {
    let stage = act(&Knobs::default(), |stage| {
        let second = stage.add_host();
        stage.session_mut(0).log_in();
        let login = loop {
            if let Ok(Turn::Save(reply)) = stage.session_mut(0).turn()
                && reply.record().tokens().is_some()
            {
                break reply.record().to_json();
            }
            if stage.step(0) == Ok(Event::Login) {
                stage.begin(0);
            }
        };
        stage.store.put(&stage.key(), &login);
        stage.world.advance(HOUR);
        assert_eq!(stage.call_from(second, LIST), Ok(200));
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_eq!(stage.session(0).record(), stage.record().as_ref());
        assert_eq!(stage.call(LIST), Ok(200));
    });
    let record = stage.record().unwrap();
    assert_eq!(record.tokens().unwrap().access_token.token(), "at-2-auth");
    assert_eq!((stage.refreshes(), stage.logins()), (1, 1));
}

#[test]
fn a_refused_refresh_takes_what_others_have_stored_meanwhile() {
    let stage = two_hosts(&Knobs::default(), |stage, second| {
        stage.store.lockless = true;
        let refuse = TokenForm::Refuse("invalid_grant".into());
        stage.world.knobs.token_form = Damage::times(refuse, 1);
        stage.session_mut(0).access();
        while stage.refreshes() == 0 {
            assert_eq!(stage.step(0), Ok(Event::Progress));
        }
        assert_eq!(stage.call_from(second, LIST), Ok(200));
        assert_eq!(stage.run(0), Ok(Event::Ready));
    });
    assert_eq!(stage.world.oauth_requests(), 2);
}

/// Two renew a token early. One learns that the grant has ended, the other finds that written down.
#[test]
fn a_token_whose_grant_was_found_to_have_ended_is_used_to_its_end_by_all() {
    let stage = later(&Knobs::default(), |stage| {
        let second = stage.add_host();
        assert_eq!(stage.call_from(second, LIST), Ok(200));
        stage.forget_log();
        stage.world.advance(HOUR - 30);
        stage.world.end_grants();
        for host in [0, second] {
            stage.session_mut(host).access();
            // Up to the lock.
            assert_eq!(stage.step(host), Ok(Event::Progress));
        }
        assert_eq!(stage.run(second), Ok(Event::Ready));
        assert_eq!(stage.run(0), Ok(Event::Ready));
    });
    assert_eq!((stage.refreshes(), stage.logins()), (1, 0));
}

#[test]
fn a_store_that_failed_gets_the_tokens_before_anything_else() {
    let stage = later(&Knobs::default(), |stage| {
        stage.world.advance(HOUR);
        stage.session_mut(0).access();
        while stage.refreshes() == 0 {
            assert_eq!(stage.step(0), Ok(Event::Progress));
        }
        // The disk is full: the host stops, releases its locks, and comes back later.
        let key = stage.key();
        stage.store.unlock(&key, Lock::Refresh, 0);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.oauth_requests(), 1);
    assert_eq!(stage.refresh_token().as_deref(), Some("rt-2-auth"));
}

#[test]
fn a_snapshot_serves_those_who_must_not_wait() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    assert!(stage.session(0).snapshot().record().is_none());
    assert_eq!(stage.call(LIST), Ok(200));
    let snapshot = stage.session(0).snapshot();
    for (seconds, fresh, alive) in [(0, true, true), (3570, false, true), (30, false, false)] {
        stage.world.advance(seconds);
        let now = stage.now();
        assert_eq!(snapshot.authorization(now).is_some(), fresh);
        assert_eq!(snapshot.living_authorization(now).is_some(), alive);
    }
}

#[test]
fn a_record_that_others_deleted_is_gone() {
    let stage = later(&Knobs::default(), |stage| {
        stage.world.advance(HOUR);
        let key = stage.key();
        stage.store.delete(&key);
        stage.user = User::Absent;
        assert_eq!(stage.call(LIST), Err(Error::LoginRequired));
    });
    assert_eq!(stage.world.oauth_requests(), 0);
}

/// Somebody logged out and in again: what is stored then is not what was refused here.
#[test]
fn a_record_that_was_deleted_and_made_anew_is_another_one() {
    let stage = later(&Knobs::default(), |stage| {
        let key = stage.key();
        stage.store.delete(&key);
        stage.world.revoke_access_tokens();
        stage.world.advance(1);
        let second = stage.add_host();
        assert_eq!(stage.call_from(second, LIST), Ok(200));
        stage.forget_log();
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.oauth_requests(), 0);
}

#[test]
fn a_record_of_another_server_gives_no_token_for_this_one() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    assert_eq!(stage.call(LIST), Ok(200));
    let text = stage.store.written.pop().unwrap();
    stage.restart_with(Settings::new("https://other.example.com/mcp").unwrap());
    let key = stage.key();
    stage.store.put(&key, &text);
    assert_ne!(stage.run(0), Ok(Event::Ready));
}

#[test]
fn tokens_go_to_their_own_server_only() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    assert_eq!(stage.call(LIST), Ok(200));
    let authorization = stage.session(0).authorization(stage.now()).unwrap();
    for (url, fits) in [
        ("https://mcp.example.com/mcp", true),
        ("https://mcp.example.com/other?x", true),
        ("https://MCP.example.com:443/mcp", true),
        ("https://mcp.example.com", true),
        ("http://mcp.example.com/mcp", false),
        ("https://mcp.example.com:8443/mcp", false),
        ("https://mcp.example.com.evil.example/mcp", false),
        ("https://mcp.example.com@evil.example/mcp", false),
        ("https://evil.example/mcp", false),
        ("/mcp", false),
        ("", false),
    ] {
        assert_eq!(authorization.attach("POST", url).is_ok(), fits, "{url}");
    }
}
