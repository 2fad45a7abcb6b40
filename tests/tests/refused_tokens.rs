//! A token that the MCP server refuses, and that no refresh replaces, is handed out to nobody any more: not here, not
//! in another process, not after a restart. Each scenario also restarts before every turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_core::Error;
use oauth_core::session::{Attempt, LoginReason, Record, Status, Turn, Verdict};
use oauth_tests::drive::{Broken, Event, Stage, User, missing, play_later, settings};
use oauth_tests::world::{Damage, Fault, Knobs, RefreshTokens, ScopePolicy, TokenForm, What};

const LIST: &str = "tools/list";
const CALL: &str = "tools/call";

/// How long no refresh is tried after one did not help.
const REST: u64 = 60;

/// The MCP server was restarted and knows no token any more, and there is nothing to refresh with; or there is, and the
/// authorization server refuses it.
const BOTH: [RefreshTokens; 2] = [RefreshTokens::Never, RefreshTokens::Always];

fn later(refresh_tokens: RefreshTokens, scenario: impl Fn(&mut Stage)) -> Stage {
    let knobs = Knobs { refresh_tokens, ..Knobs::default() };
    play_later(&knobs, &settings(), |stage| {
        stage.user = User::Absent;
        scenario(stage);
    })
}

/// A call finds out that the token is refused, and nobody is there to log in.
fn refuse(stage: &mut Stage) {
    stage.world.end_grants();
    assert_eq!(stage.call(LIST), Err(Error::LoginRequired));
}

/// What there is for a host that begins no login, without any request.
fn found(stage: &mut Stage, host: usize) -> Event {
    let before = stage.world.log.len();
    stage.session_mut(host).access();
    let event = stage.run(host).unwrap();
    assert_eq!(stage.world.log.len(), before);
    event
}

fn is_marked(stage: &Stage) -> bool {
    stage.record().as_ref().and_then(Record::refused_at).is_some()
}

#[test]
fn a_token_that_was_refused_is_handed_out_to_nobody() {
    for refresh_tokens in BOTH {
        later(refresh_tokens, |stage| {
            refuse(stage);
            for _ in 0..2 {
                assert_eq!(found(stage, 0), Event::Login);
            }
            let other = stage.add_host();
            assert_eq!(found(stage, other), Event::Login);
            stage.restart();
            assert_eq!(found(stage, 0), Event::Login);
            assert_eq!(stage.call(LIST), Err(Error::LoginRequired));
        });
    }
}

/// Who has it at hand sends it, is refused as well, and takes the word of the others for the refresh.
#[test]
fn a_refusal_is_written_down_once_for_all() {
    for refresh_tokens in BOTH {
        let stage = later(refresh_tokens, |stage| {
            let other = stage.add_host();
            assert_eq!(stage.call_from(other, LIST), Ok(200));
            let before = stage.store.written.len();
            refuse(stage);
            for _ in 0..3 {
                assert_eq!(stage.call_from(other, LIST), Err(Error::LoginRequired));
                assert_eq!(stage.call(LIST), Err(Error::LoginRequired));
            }
            assert_eq!(stage.store.written.len(), before + 1);
            assert!(is_marked(stage));
        });
        assert_eq!(stage.refreshes(), usize::from(refresh_tokens == RefreshTokens::Always));
    }
}

#[test]
fn it_is_shown_as_refused_by_whoever_looks() {
    later(RefreshTokens::Never, |stage| {
        let (settings, now) = (stage.settings().clone(), stage.now());
        let status = |stage: &Stage| Status::of(&settings, stage.record().as_ref(), now);
        assert!(matches!(status(stage), Status::LoggedIn(_)));
        refuse(stage);
        assert!(matches!(status(stage), Status::Refused(_)));
        assert!(matches!(stage.session(0).status(now), Status::Refused(_)));
        stage.session_mut(0).access();
        assert!(matches!(stage.session(0).status(now), Status::Refused(_)));
        let other = stage.add_host();
        assert_eq!(found(stage, other), Event::Login);
        assert!(matches!(stage.session(other).status(now), Status::Refused(_)));
        match stage.session_mut(other).turn() {
            Ok(Turn::Login(reply)) => assert_eq!(reply.reason(), LoginReason::Refused),
            turn => panic!("{turn:?}"),
        }
    });
}

/// The need for a login leads to one, also where another process has found out; that ends the refusal.
#[test]
fn a_login_ends_it_for_all() {
    for refresh_tokens in BOTH {
        let stage = later(refresh_tokens, |stage| {
            let other = stage.add_host();
            refuse(stage);
            stage.user = User::Consents;
            assert_eq!(stage.authenticate(other), Ok(()));
            assert!(!is_marked(stage));
            assert_eq!(found(stage, 0), Event::Ready);
            assert_eq!(stage.call(LIST), Ok(200));
            assert_eq!(stage.call_from(other, LIST), Ok(200));
        });
        assert_eq!(stage.logins(), 1);
    }
}

/// Servers refuse every token for a while when they start. Nobody has to log in for that who can refresh.
#[test]
fn a_refresh_is_tried_again_after_a_rest() {
    let stage = later(RefreshTokens::Always, |stage| {
        stage.world.knobs.mcp_damage = Damage::always(Fault::Status(401));
        assert_eq!(stage.call(LIST), Err(Error::LoginRequired));
        assert!(is_marked(stage));
        let other = stage.add_host();
        stage.world.advance(REST - 1);
        for host in [0, other] {
            assert_eq!(stage.call_from(host, LIST), Err(Error::LoginRequired));
        }
        assert_eq!(stage.refreshes(), 1);
        stage.world.knobs.mcp_damage = Damage::none();
        stage.world.advance(1);
        assert_eq!(stage.call_from(other, LIST), Ok(200));
        assert!(!is_marked(stage));
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((stage.refreshes(), stage.logins()), (2, 0));
}

/// An answer with a refresh token alone says nothing about the access token.
#[test]
fn a_refresh_token_that_comes_alone_does_not_bring_the_token_back() {
    let stage = later(RefreshTokens::Always, |stage| {
        stage.world.knobs.mcp_damage = Damage::always(Fault::Status(401));
        assert_eq!(stage.call(LIST), Err(Error::LoginRequired));
        stage.world.advance(REST);
        let before = stage.refresh_token();
        stage.world.knobs.token_form = Damage::times(TokenForm::NoAccessToken, 1);
        stage.session_mut(0).access();
        stage.run(0).unwrap_err();
        assert_ne!(stage.refresh_token(), before);
        assert!(is_marked(stage));
        let other = stage.add_host();
        stage.session_mut(other).access();
        stage.run(other).unwrap_err();
        stage.world.advance(REST);
        assert_eq!(stage.authenticate(other), Ok(()));
        assert!(!is_marked(stage));
    });
    assert_eq!((stage.refreshes(), stage.logins()), (3, 0));
}

/// A clock that was set back makes the rest no longer.
#[test]
fn a_clock_that_is_set_back_ends_the_rest() {
    let stage = later(RefreshTokens::Always, |stage| {
        stage.world.knobs.mcp_damage = Damage::always(Fault::Status(401));
        assert_eq!(stage.call(LIST), Err(Error::LoginRequired));
        stage.world.knobs.mcp_damage = Damage::none();
        stage.world.now -= 10;
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.refreshes(), 2);
}

#[test]
fn a_newer_token_of_another_process_wins() {
    later(RefreshTokens::Never, |stage| {
        let other = stage.add_host();
        stage.world.end_grants();
        stage.user = User::Consents;
        stage.session_mut(other).log_in();
        assert_eq!(stage.obtain(other), Ok(()));
        stage.user = User::Absent;
        assert_eq!(stage.call(LIST), Ok(200));
        assert!(!is_marked(stage));
    });
}

/// The other one stores it in the very moment in which the refusal is to be written.
#[test]
fn a_newer_token_wins_also_in_the_last_moment() {
    later(RefreshTokens::Never, |stage| {
        let other = stage.add_host();
        stage.world.end_grants();
        // A token that was issued a moment ago would be sent once more.
        stage.world.advance(20);
        let (mut attempt, now) = (Attempt::new(), stage.now());
        let session = stage.session_mut(0);
        attempt.sent_with(session.authorization(now).as_ref());
        assert_eq!(session.answered(&mut attempt, 401, [], now), Ok(Verdict::Retry));
        while !matches!(stage.session_mut(0).turn(), Ok(Turn::Save(_))) {
            assert_eq!(stage.step(0), Ok(Event::Progress));
        }
        stage.user = User::Consents;
        stage.session_mut(other).log_in();
        assert_eq!(stage.obtain(other), Ok(()));
        let written = stage.store.written.len();
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_eq!(stage.store.written.len(), written);
        assert!(!is_marked(stage));
        assert_eq!(stage.call(LIST), Ok(200));
    });
}

#[test]
fn a_token_that_lacks_a_scope_is_not_refused() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() };
    play_later(&knobs, &settings(), |stage| {
        stage.user = User::Absent;
        assert_eq!(stage.call(CALL), Err(missing("mcp:write")));
        assert!(!is_marked(stage));
        let other = stage.add_host();
        for host in [0, other] {
            assert_eq!(found(stage, host), Event::Ready);
            assert_eq!(stage.call_from(host, LIST), Ok(200));
        }
    });
}

/// Nobody knows whether a refresh helps, and the MCP server may be as much in trouble: the token is tried again.
#[test]
fn a_token_is_not_refused_for_good_while_the_authorization_server_is_in_trouble() {
    let stage = later(RefreshTokens::Always, |stage| {
        stage.world.revoke_access_tokens();
        stage.world.knobs.token_damage = Damage::always(Fault::Status(503));
        assert!(matches!(stage.call(LIST), Err(Error::Unreachable(_))));
        assert!(!is_marked(stage));
        stage.world.knobs.token_damage = Damage::none();
        stage.world.advance(10);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.logins(), 0);
}

/// What the server says is the answer. This session knows it, and writes it as soon as that is possible.
#[test]
fn a_store_that_fails_at_it_does_not_become_the_answer() {
    let save = Broken { save: true, ..Broken::default() };
    let lock = Broken { lock: true, ..Broken::default() };
    for (broken, refresh_tokens) in
        [(save, RefreshTokens::Never), (lock, RefreshTokens::Never), (save, RefreshTokens::Always)]
    {
        later(refresh_tokens, |stage| {
            if refresh_tokens == RefreshTokens::Always {
                // What a refresh that succeeds brings would have to be stored.
                stage.world.end_grants();
            }
            stage.store.broken = broken;
            refuse(stage);
            assert!(!is_marked(stage));
            assert_eq!(found(stage, 0), Event::Login);
            stage.store.broken = Broken::default();
            assert_eq!(found(stage, 0), Event::Login);
            assert!(is_marked(stage));
            let other = stage.add_host();
            assert_eq!(found(stage, other), Event::Login);
        });
    }
}

/// A program of before knows of no refusal, and writes what it knows of the same token.
#[test]
fn a_program_that_writes_over_it_brings_no_refused_token_back() {
    later(RefreshTokens::Never, |stage| {
        let unmarked = stage.record().unwrap();
        refuse(stage);
        let marked = stage.record().unwrap();
        let key = stage.key();
        let rewritten = unmarked.replacing(marked.generation());
        stage.store.save(&key, &rewritten, marked.generation()).unwrap();
        assert!(!is_marked(stage));
        assert_eq!(found(stage, 0), Event::Login);
        assert!(is_marked(stage));
    });
}

/// Power was cut after the store had said that the refusal is durable. Who has read of it knows it, and writes it again.
#[test]
fn a_refusal_that_was_read_outlasts_a_store_that_loses_it() {
    for refresh_tokens in BOTH {
        later(refresh_tokens, |stage| {
            let before = stage.record().unwrap().to_json();
            refuse(stage);
            let other = stage.add_host();
            assert_eq!(found(stage, other), Event::Login);
            let key = stage.key();
            stage.store.put(&key, &before);
            assert!(!is_marked(stage));
            assert_eq!(found(stage, other), Event::Login);
            assert!(is_marked(stage));
        });
    }
}

/// No token is sent to a server that is known to refuse it.
#[test]
fn a_call_with_a_refused_token_goes_out_without_it() {
    let stage = later(RefreshTokens::Never, |stage| {
        refuse(stage);
        stage.forget_log();
        assert_eq!(stage.call(LIST), Err(Error::LoginRequired));
        let calls = stage.world.requests(What::Mcp(LIST.into()));
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].note.as_deref(), Some("no token"));
    });
    assert_eq!(stage.world.oauth_requests(), 0);
}
