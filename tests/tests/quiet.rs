//! What a session keeps that nobody logged in for: the next login asks for it. Each scenario also restarts
//! before every turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_core::Error;
use oauth_core::session::Turn;
use oauth_tests::drive::{Event, Stage, User, missing, play, play_later, settings};
use oauth_tests::world::{Consent, Knobs, PrmServers, RefreshTokens, ScopePolicy, What};

const LIST: &str = "tools/list";
const CALL: &str = "tools/call";

/// Longer than an access token lives.
const HOUR: u64 = 3600;

const UNION: &str = "mcp:basic mcp:write";

fn steps_up() -> Knobs {
    // A login asks for what a resource lists: here, for what it was asked for.
    Knobs { scopes: ScopePolicy::StepUp, prm_scopes: None, ..Knobs::default() }
}

fn later(knobs: &Knobs, scenario: impl Fn(&mut Stage)) -> Stage {
    play_later(knobs, &settings(), scenario)
}

/// Nobody is there, and a call for which more is needed says so.
fn refuse_quietly(stage: &mut Stage) {
    stage.user = User::Absent;
    assert_eq!(stage.call(CALL), Err(missing("mcp:write")));
}

/// Somebody asks for a login, and is there for it.
fn log_in(stage: &mut Stage) -> Result<(), Error> {
    stage.user = User::Consents;
    stage.session_mut(0).log_in();
    stage.obtain(0)
}

#[test]
fn what_nobody_logged_in_for_is_asked_for_by_the_next_login_and_by_no_later_one() {
    let stage = later(&steps_up(), |stage| {
        refuse_quietly(stage);
        assert_eq!(log_in(stage), Ok(()));
        assert_eq!(stage.call(CALL), Ok(200));
        assert!(!format!("{:?}", stage.session(0)).contains("Unmet"));
    });
    assert_eq!(stage.world.scopes_asked(), [Some(UNION)]);
}

/// Neither does the refusal end the token, nor do other calls and refreshes end the refusal.
#[test]
fn a_token_is_used_for_what_it_is_good_for_until_then() {
    let stage = later(&steps_up(), |stage| {
        refuse_quietly(stage);
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(HOUR);
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!((stage.refreshes(), stage.logins()), (1, 0));
        assert_eq!(log_in(stage), Ok(()));
    });
    assert_eq!(stage.world.scopes_asked(), [Some(UNION)]);
}

#[test]
fn several_refusals_are_asked_for_together() {
    let stage = later(&steps_up(), |stage| {
        stage.world.knobs.scopes = ScopePolicy::EverMore;
        stage.user = User::Absent;
        for level in ["mcp:level-1", "mcp:level-2", "mcp:level-3"] {
            assert_eq!(stage.call(LIST), Err(missing(level)));
        }
        stage.forget_log();
        assert_eq!(log_in(stage), Ok(()));
    });
    let all = "mcp:basic mcp:level-1 mcp:level-2 mcp:level-3";
    assert_eq!(stage.world.scopes_asked(), [Some(all)]);
}

/// As far as a host sets scopes up, they stay; what is missing joins them.
#[test]
fn what_is_missing_joins_the_scopes_that_are_set_up() {
    let own = settings().scope("mcp:basic mcp:own").unwrap();
    let stage = play_later(&steps_up(), &own, |stage| {
        refuse_quietly(stage);
        assert_eq!(log_in(stage), Ok(()));
    });
    assert_eq!(stage.world.scopes_asked(), [Some("mcp:basic mcp:own mcp:write")]);
}

/// Another process has it: this one finds it in the store.
#[test]
fn a_login_of_somebody_else_that_asked_for_it_is_enough() {
    let stage = later(&steps_up(), |stage| {
        refuse_quietly(stage);
        stage.user = User::Consents;
        let other = stage.add_host();
        assert_eq!(stage.call_from(other, CALL), Ok(200));
        stage.user = User::Absent;
        stage.session_mut(0).access();
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_eq!(stage.call(CALL), Ok(200));
        assert!(!format!("{:?}", stage.session(0)).contains("Unmet"));
    });
    assert_eq!(stage.logins(), 1);
}

/// Who closes the page may want to come back to it; who says no has answered.
#[test]
fn a_user_who_says_no_is_not_asked_again_unless_the_server_wants_it_again() {
    for (consent, user, asked) in
        [(Consent::Deny, User::Consents, "mcp:basic"), (Consent::Grant, User::GivesUp, UNION)]
    {
        let stage = later(&steps_up(), |stage| {
            refuse_quietly(stage);
            stage.world.knobs.consent = consent.clone();
            stage.user = user.clone();
            stage.session_mut(0).log_in();
            stage.obtain(0).unwrap_err();
            stage.world.knobs.consent = Consent::Grant;
            stage.forget_log();
            assert_eq!(log_in(stage), Ok(()));
            assert_eq!(stage.call(CALL), Ok(200));
        });
        assert_eq!(stage.world.scopes_asked().first(), Some(&Some(asked)));
        assert_eq!(stage.world.scopes_asked().last(), Some(&Some(UNION)));
    }
}

#[test]
fn whoever_logs_in_after_a_logout_is_asked_for_what_is_needed_then() {
    let stage = later(&steps_up(), |stage| {
        refuse_quietly(stage);
        stage.session_mut(0).logout();
        assert!(matches!(stage.run(0), Ok(Event::LoggedOut(_))));
        stage.user = User::Consents;
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.scopes_asked(), [Some("mcp:basic")]);
}

/// A server may answer other requests without a token, and the one that was refused said where its metadata
/// is.
#[test]
fn what_a_refusal_said_is_known_to_a_later_login() {
    let knobs = Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() };
    let stage = later(&knobs, |stage| {
        stage.world.end_grants();
        stage.user = User::Absent;
        assert_eq!(stage.call(LIST), Err(Error::LoginRequired));
        for asks in [oauth_core::session::Session::access, oauth_core::session::Session::log_in] {
            asks(stage.session_mut(0));
            stage.run(0).unwrap();
            if let Ok(Turn::Login(reply)) = stage.session_mut(0).turn() {
                assert!(!reply.lacks_challenge());
            }
        }
        assert_eq!(log_in(stage), Ok(()));
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.count(What::Mcp("initialize".into())), 0);
}

/// A server that has moved since is asked where it is now, whatever was missing before.
#[test]
fn a_missing_scope_leads_no_later_login_past_the_metadata() {
    let stage = later(&steps_up(), |stage| {
        refuse_quietly(stage);
        stage.world.knobs.prm_servers = PrmServers::Second;
        stage.world.end_grants();
        stage.user = User::Consents;
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(stage.call(CALL), Ok(200));
    });
    assert_eq!(stage.logins(), 1, "it asked for both");
    assert_eq!(stage.world.count(What::ResourceMetadata), 1);
}

/// Nothing was granted yet: all that is asked for is missing.
#[test]
fn nothing_is_asked_or_locked_while_nobody_logs_in() {
    let stage = play(&steps_up(), &settings(), |stage| {
        stage.user = User::Absent;
        assert_eq!(stage.call(LIST), Err(Error::LoginRequired));
        assert_eq!(stage.call(CALL), Err(Error::LoginRequired));
        assert_eq!(stage.store.held_by(0), []);
    });
    assert_eq!(stage.world.oauth_requests(), 0);
}
