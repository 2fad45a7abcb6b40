//! Why a login is needed, as the machine says it: each reason once, with what is known by then.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_core::session::{LoginReason, Turn};
use oauth_core::{Error, Scopes};
use oauth_tests::drive::{Event, Stage, User, missing, play, settings};
use oauth_tests::world::{Knobs, RefreshTokens, ScopePolicy, What};

const LIST: &str = "tools/list";
const CALL: &str = "tools/call";

/// Longer than an access token lives.
const HOUR: u64 = 3600;

struct Case {
    name: &'static str,
    knobs: fn() -> Knobs,
    /// What has happened, until a login is needed.
    until: fn(&mut Stage),
    reason: fn() -> LoginReason,
    is_issuer_known: bool,
}

const CASES: [Case; 8] = [
    Case {
        name: "nobody has logged in",
        knobs: Knobs::default,
        until: |stage| need(stage),
        reason: || LoginReason::First,
        is_issuer_known: false,
    },
    Case {
        name: "the user has logged out",
        knobs: Knobs::default,
        until: |stage| {
            log_in(stage);
            stage.session_mut(0).logout();
            assert!(matches!(stage.run(0), Ok(Event::LoggedOut(_))));
            need(stage);
        },
        reason: || LoginReason::First,
        is_issuer_known: true,
    },
    Case {
        name: "the token has expired, and there is nothing to refresh with",
        knobs: no_refresh_tokens,
        until: |stage| {
            log_in(stage);
            stage.world.advance(HOUR);
            need(stage);
        },
        reason: || LoginReason::Expired,
        is_issuer_known: true,
    },
    Case {
        name: "the token has expired, and the grant as well",
        knobs: Knobs::default,
        until: |stage| {
            log_in(stage);
            stage.world.end_grants();
            stage.world.advance(HOUR);
            need(stage);
        },
        reason: || LoginReason::Expired,
        is_issuer_known: true,
    },
    Case {
        name: "the server refuses the token, and the authorization server the refresh",
        knobs: Knobs::default,
        until: |stage| {
            log_in(stage);
            stage.world.advance(HOUR / 2);
            stage.world.end_grants();
            stage.user = User::Absent;
            assert_eq!(stage.call(LIST), Err(Error::LoginRequired));
        },
        reason: || LoginReason::Refused,
        is_issuer_known: true,
    },
    Case {
        name: "the server refuses the token, and there is nothing to refresh with",
        knobs: no_refresh_tokens,
        until: |stage| {
            log_in(stage);
            stage.world.advance(HOUR / 2);
            stage.world.revoke_access_tokens();
            stage.user = User::Absent;
            assert_eq!(stage.call(LIST), Err(Error::LoginRequired));
        },
        reason: || LoginReason::Refused,
        is_issuer_known: true,
    },
    Case {
        name: "a scope is missing",
        knobs: || Knobs { scopes: ScopePolicy::StepUp, prm_scopes: None, ..Knobs::default() },
        until: |stage| {
            log_in(stage);
            stage.user = User::Absent;
            assert_eq!(stage.call(CALL), Err(missing("mcp:write")));
        },
        reason: || LoginReason::StepUp { missing: Scopes::parse("mcp:write").unwrap() },
        is_issuer_known: true,
    },
    Case {
        name: "the host wants it",
        knobs: Knobs::default,
        until: |stage| {
            log_in(stage);
            stage.session_mut(0).log_in();
            assert_eq!(stage.run(0), Ok(Event::Login));
        },
        reason: || LoginReason::AskedFor,
        is_issuer_known: true,
    },
];

fn no_refresh_tokens() -> Knobs {
    Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() }
}

fn log_in(stage: &mut Stage) {
    assert_eq!(stage.call(LIST), Ok(200));
}

fn need(stage: &mut Stage) {
    stage.session_mut(0).access();
    assert_eq!(stage.run(0), Ok(Event::Login));
}

#[test]
fn each_reason_is_told_where_a_login_is_decided() {
    for case in CASES {
        play(&(case.knobs)(), &settings(), |stage| {
            (case.until)(stage);
            let (before, issuer) = (stage.world.log.len(), stage.world.issuer());
            assert_eq!(stage.session(0).moved_issuer(), None, "{}", case.name);
            let Ok(Turn::Login(reply)) = stage.session_mut(0).turn() else {
                panic!("{}: no login is needed", case.name)
            };
            assert_eq!(reply.reason(), (case.reason)(), "{}", case.name);
            let known = case.is_issuer_known.then_some(&*issuer);
            assert_eq!(reply.issuer(), known, "{}", case.name);
            assert_eq!(stage.world.log.len(), before);
        });
    }
}

/// One that is set up is known before the first login.
#[test]
fn an_issuer_that_was_set_up_is_the_one_that_is_named() {
    let settings =
        settings().client_id("client", None).unwrap().client_issuer("https://own.example");
    play(&Knobs::default(), &settings, |stage| {
        need(stage);
        let Ok(Turn::Login(reply)) = stage.session_mut(0).turn() else { panic!("no login") };
        assert_eq!(reply.issuer(), Some("https://own.example"));
    });
}

#[test]
fn a_server_that_has_moved_is_told_of_before_a_client_is_registered_there() {
    let knobs = Knobs { migrate_after: Some(1), ..no_refresh_tokens() };
    play(&knobs, &settings(), |stage| {
        log_in(stage);
        stage.world.advance(HOUR);
        stage.user = User::Waits;
        need(stage);
        stage.begin(0);
        while stage.session(0).moved_issuer().is_none() {
            assert_eq!(stage.step(0), Ok(Event::Progress));
        }
        assert_eq!(stage.world.count(What::Register), 1, "only at the old one");
        let moved = LoginReason::Moved {
            from: stage.world.issuer().into(),
            to: stage.world.issuer2().into(),
        };
        loop {
            assert_eq!(stage.session(0).moved_issuer().as_ref(), Some(&moved));
            if stage.step(0) == Ok(Event::Page) {
                break;
            }
        }
        assert_eq!(stage.world.count(What::Register), 2);
        // It is left by whoever refuses: the next login knows nothing else.
        stage.stop(0);
        need(stage);
        let Ok(Turn::Login(reply)) = stage.session_mut(0).turn() else { panic!("no login") };
        assert_ne!(reply.reason(), moved);
    });
}
