//! A token that the MCP server refuses because it is new: it is given a moment, before anything else is done.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_core::session::{Attempt, Verdict};
use oauth_core::{Endpoint, Finding, Remedy};
use oauth_tests::drive::{Stage, User, play, play_later, settings};
use oauth_tests::world::{BadToken, Knobs, ScopePolicy, What};

const LIST: &str = "tools/list";

/// Longer than an access token lives.
const HOUR: u64 = 3600;

/// A server that knows new tokens only after this many seconds.
fn slow(seconds: u64) -> Knobs {
    Knobs { young_for: seconds, ..Knobs::default() }
}

/// What was done about refusals.
fn remedies(stage: &Stage) -> Vec<Remedy> {
    let entries = stage.session(0).timeline().entries().iter();
    let of = |finding: &Finding| match finding {
        Finding::Refused { remedy, .. } => Some(*remedy),
        _ => None,
    };
    entries
        .filter(|it| it.endpoint == Endpoint::Resource)
        .filter_map(|it| of(&it.finding))
        .collect()
}

#[test]
fn a_token_of_a_login_that_is_refused_for_its_first_second_costs_one_page() {
    let stage = play(&slow(2), &settings(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(remedies(stage), [Remedy::Login, Remedy::Wait]);
    });
    assert_eq!((stage.logins(), stage.refreshes()), (1, 0));
    // Without a token, with a new one, with the same one.
    assert_eq!(stage.world.count(What::Mcp(LIST.into())), 3);
}

#[test]
fn a_token_of_a_refresh_is_given_a_moment_as_well() {
    let stage = play_later(&slow(2), &settings(), |stage| {
        stage.world.advance(HOUR);
        stage.user = User::Absent;
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((stage.logins(), stage.refreshes()), (0, 1));
}

#[test]
fn one_moment_is_given_and_no_second_one() {
    let stage = play(&slow(HOUR), &settings(), |stage| {
        assert!(stage.call(LIST).is_err());
        let expected = [Remedy::Login, Remedy::Wait, Remedy::Refresh, Remedy::Login];
        assert!(remedies(stage).starts_with(&expected), "{:?}", remedies(stage));
        let waits = remedies(stage).into_iter().filter(|it| *it == Remedy::Wait).count();
        assert_eq!(waits, 1);
    });
    assert_eq!(stage.world.violations, [""; 0]);
}

/// Those who ask one by one wait once, those who ask at the same time wait side by side.
#[test]
fn a_token_that_was_given_a_moment_is_given_none_for_the_next_request() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    stage.authenticate(0).unwrap();
    let now = stage.now();
    let refused = |stage: &mut Stage, now| {
        let mut attempt = Attempt::new();
        attempt.sent_with(stage.session(0).snapshot().token().as_ref());
        stage.session_mut(0).answered(&mut attempt, 401, [("www-authenticate", "Bearer")], now)
    };
    for _ in 0..3 {
        assert!(
            matches!(refused(&mut stage, now), Ok(Verdict::Wait(pause)) if pause.as_secs() == 2)
        );
    }
    stage.world.advance(2);
    let now = stage.now();
    assert_eq!(refused(&mut stage, now), Ok(Verdict::Retry));
}

#[test]
fn a_token_that_was_accepted_or_is_old_is_given_none() {
    let stage = play_later(&Knobs::default(), &settings(), |stage| {
        stage.world.revoke_access_tokens();
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(remedies(stage), [Remedy::Refresh]);
    });
    assert_eq!((stage.logins(), stage.refreshes()), (0, 1));
    let stage = play(&Knobs::default(), &settings(), |stage| {
        stage.authenticate(0).unwrap();
        stage.world.advance(11);
        stage.world.revoke_access_tokens();
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(remedies(stage), [Remedy::Refresh]);
    });
    assert_eq!((stage.logins(), stage.refreshes()), (1, 1));
}

#[test]
fn neither_a_missing_scope_nor_a_403_is_a_matter_of_time() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() };
    let stage = play(&knobs, &settings(), |stage| {
        stage.authenticate(0).unwrap();
        drop(stage.call("tools/call"));
        assert!(!remedies(stage).contains(&Remedy::Wait));
    });
    drop(stage);
    let knobs = Knobs { bad_token: BadToken::Forbidden, ..slow(2) };
    let stage = play(&knobs, &settings(), |stage| {
        assert_eq!(stage.call(LIST), Ok(403));
    });
    drop(stage);
}

/// The clock of the one who stored it is ahead: that says nothing about its age.
#[test]
fn a_token_from_the_future_is_given_none() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    stage.authenticate(0).unwrap();
    let mut attempt = Attempt::new();
    attempt.sent_with(stage.session(0).snapshot().token().as_ref());
    let earlier = oauth_core::UnixTime::from_secs(stage.now().as_secs() - 1);
    let verdict =
        stage.session_mut(0).answered(&mut attempt, 401, [("www-authenticate", "Bearer")], earlier);
    assert_eq!(verdict, Ok(Verdict::Retry));
}
