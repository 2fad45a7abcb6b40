//! Logout: tokens end at the server, and here whatever the server says. Each scenario also restarts
//! before every turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_core::error::PeerMisbehaved;
use oauth_core::session::{Lock, LoggedOut, RevocationOutcome};
use oauth_core::{BearerAuth, Endpoint, Error};
use oauth_tests::drive::{Event, Stage, User, assert_sound, play, play_later, settings};
use oauth_tests::world::{Damage, Fault, Knobs, RefreshTokens, What};

const LIST: &str = "tools/list";

/// Longer than an access token lives.
const HOUR: u64 = 3600;

/// A scenario after a first login, whose requests are not counted.
fn later(knobs: &Knobs, scenario: impl Fn(&mut Stage)) -> Stage {
    play_later(knobs, &settings(), scenario)
}

/// What became of the tokens.
fn log_out(stage: &mut Stage, host: usize) -> LoggedOut {
    stage.session_mut(host).logout();
    match stage.run(host).unwrap() {
        Event::LoggedOut(outcome) => outcome,
        other => panic!("{other:?}"),
    }
}

const BOTH_REVOKED: LoggedOut = LoggedOut {
    refresh_token: RevocationOutcome::Revoked,
    access_token: RevocationOutcome::Revoked,
};

fn assert_gone(stage: &Stage) {
    let record = stage.record().unwrap();
    assert_eq!(record.tokens(), None);
    assert_eq!(record.binding().client().client_id(), "client-1", "for the next login");
    let text = stage.store.written.last().unwrap();
    for token in ["at-", "rt-"] {
        assert!(!text.contains(token), "{text}");
    }
}

/// What may not be sent is not, and the tokens are gone here all the same.
#[test]
fn a_revocation_that_may_not_be_sent_says_so() {
    let address = core::net::IpAddr::from([10, 0, 0, 1]);
    let endpoint = Endpoint::Revocation;
    later(&Knobs::default(), |stage| {
        stage.network.forbidden = Some((endpoint, address));
        let outcome = log_out(stage, 0);
        let url = "https://auth.example.com/revoke".into();
        let refused = PeerMisbehaved::PrivateAddress { endpoint, url, address };
        assert_eq!(outcome.refresh_token, RevocationOutcome::Alive(refused.into()));
        assert_gone(stage);
    });
}

#[test]
fn both_tokens_are_revoked_the_refresh_token_first() {
    let stage = later(&Knobs::default(), |stage| {
        let outcome = log_out(stage, 0);
        assert_eq!(outcome, BOTH_REVOKED);
        assert!(outcome.is_complete());
        assert_gone(stage);
    });
    let revocations = stage.world.requests(What::Revoke);
    let sent: Vec<_> = revocations
        .iter()
        .map(|it| (it.parameter("token"), it.parameter("token_type_hint")))
        .collect();
    let (refresh, access) =
        ((Some("rt-1-auth"), Some("refresh_token")), (Some("at-1-auth"), Some("access_token")));
    assert_eq!(sent, [refresh, access]);
    assert_sound(&stage.world);
}

#[test]
fn the_next_login_uses_the_same_client() {
    let stage = later(&Knobs::default(), |stage| {
        log_out(stage, 0);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((stage.logins(), stage.world.count(What::Register)), (1, 0));
    assert_sound(&stage.world);
}

#[test]
fn others_who_share_the_store_are_logged_out_too() {
    let stage = later(&Knobs::default(), |stage| {
        let other = stage.add_host();
        assert_eq!(stage.call_from(other, LIST), Ok(200));
        log_out(stage, 0);
        stage.user = User::Absent;
        assert_eq!(stage.call_from(other, LIST), Err(Error::LoginRequired));
    });
    assert_eq!(stage.refreshes(), 0, "a token that is gone is not tried");
    assert_sound(&stage.world);
}

#[test]
fn without_a_revocation_endpoint_the_tokens_are_gone_here_only() {
    let stage = later(&Knobs { revocation: false, ..Knobs::default() }, |stage| {
        let outcome = log_out(stage, 0);
        let (refresh_token, access_token) =
            (RevocationOutcome::NotRevocable, RevocationOutcome::NotRevocable);
        assert_eq!(outcome, LoggedOut { refresh_token, access_token });
        assert!(!outcome.is_complete());
        assert_gone(stage);
    });
    assert_eq!(stage.world.oauth_requests(), 0);
}

/// RFC 7009 §2.2.1
#[test]
fn a_kind_of_token_that_the_server_does_not_revoke_is_told_as_such() {
    later(&Knobs { revokes_access_tokens: false, ..Knobs::default() }, |stage| {
        let outcome = log_out(stage, 0);
        let (refresh_token, access_token) =
            (RevocationOutcome::Revoked, RevocationOutcome::NotRevocable);
        assert_eq!(outcome, LoggedOut { refresh_token, access_token });
        assert!(!outcome.is_complete());
        let shown = "refresh token: revoked; \
                     access token: lives until it expires, the server revokes none";
        assert_eq!(outcome.to_string(), shown);
        assert_gone(stage);
    });
}

#[test]
fn a_server_that_does_not_help_keeps_nobody_logged_in() {
    for (fault, refused) in [
        (Fault::Unavailable { retry_after: 9 }, false),
        (Fault::Status(500), false),
        (Fault::Status(404), true),
        (Fault::Redirect { status: 307, location: "https://evil.example/".into() }, true),
    ] {
        let stage = later(&Knobs::default(), |stage| {
            stage.world.knobs.revocation_damage = Damage::times(fault.clone(), 1);
            let outcome = log_out(stage, 0);
            assert_eq!(
                outcome.access_token,
                RevocationOutcome::Revoked,
                "the other one is still tried"
            );
            match outcome.refresh_token {
                RevocationOutcome::Alive(Error::Unreachable(_)) => assert!(!refused, "{fault:?}"),
                RevocationOutcome::Alive(Error::Malformed(_)) => assert!(refused, "{fault:?}"),
                other => panic!("{fault:?}: {other:?}"),
            }
            assert_gone(stage);
        });
        assert_eq!(stage.world.count(What::Revoke), 2);
    }
}

#[test]
fn an_unreachable_server_keeps_nobody_logged_in() {
    let stage = later(&Knobs::default(), |stage| {
        stage.network.silent = Some(Endpoint::Revocation);
        let outcome = log_out(stage, 0);
        let why = "may live until it expires, since the revocation endpoint";
        assert!(outcome.access_token.to_string().starts_with(why), "{outcome}");
        for fate in [outcome.refresh_token, outcome.access_token] {
            assert!(matches!(fate, RevocationOutcome::Alive(error) if error.is_retryable()));
        }
        assert_gone(stage);
    });
    assert_eq!(stage.world.oauth_requests(), 0);
}

#[test]
fn what_is_not_there_is_not_revoked() {
    let nothing = LoggedOut {
        refresh_token: RevocationOutcome::Absent,
        access_token: RevocationOutcome::Absent,
    };
    assert!(nothing.is_complete());
    let stage = play(&Knobs::default(), &settings(), |stage| {
        assert_eq!(log_out(stage, 0), nothing);
        assert_eq!(stage.record(), None);
    });
    assert_eq!(stage.world.log.len(), 0);

    let own = settings().bearer(BearerAuth::new("key").unwrap());
    let mut stage = Stage::new(&Knobs::default(), &own, false);
    stage.session_mut(0).logout();
    assert_eq!(stage.run(0), Ok(Event::LoggedOut(nothing)), "a fixed token is not ours to end");

    let knobs = Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() };
    let stage = later(&knobs, |stage| {
        let outcome = log_out(stage, 0);
        let (refresh_token, access_token) = (RevocationOutcome::Absent, RevocationOutcome::Revoked);
        assert_eq!(outcome, LoggedOut { refresh_token, access_token });
    });
    assert_eq!(stage.world.count(What::Revoke), 1);
}

/// What could not be stored is newer than what is.
#[test]
fn tokens_that_could_not_be_stored_are_revoked_instead_of_older_ones() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    assert_eq!(stage.call(LIST), Ok(200));
    stage.world.advance(HOUR);
    stage.store.contested = true;
    stage.session_mut(0).access();
    assert_eq!(stage.run(0), Err(Error::Contended));
    stage.store.contested = false;
    stage.forget_log();
    assert_eq!(log_out(&mut stage, 0), BOTH_REVOKED);
    let first = stage.world.requests(What::Revoke)[0];
    assert_eq!(first.parameter("token"), Some("rt-2-auth"));
    assert_gone(&stage);
    assert_sound(&stage.world);
}

#[test]
fn tokens_that_others_stored_meanwhile_are_revoked_as_well() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    assert_eq!(stage.call(LIST), Ok(200));
    stage.world.advance(HOUR);
    stage.store.lockless = true;
    let other = stage.add_host();
    stage.session_mut(0).logout();
    // The lock, the record; then somebody refreshes who does not respect the lock.
    assert_eq!(stage.step(0), Ok(Event::Progress));
    assert_eq!(stage.step(0), Ok(Event::Progress));
    assert_eq!(stage.obtain(other), Ok(()));
    assert!(matches!(stage.run(0), Ok(Event::LoggedOut(_))));
    assert_gone(&stage);
    stage.user = User::Absent;
    assert_eq!(stage.call_from(other, LIST), Err(Error::LoginRequired));
}

#[test]
fn a_refresh_under_way_is_waited_for() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    assert_eq!(stage.call(LIST), Ok(200));
    stage.world.advance(HOUR);
    let other = stage.add_host();
    stage.session_mut(other).access();
    while stage.refreshes() == 0 {
        assert_eq!(stage.step(other), Ok(Event::Progress));
    }
    stage.session_mut(0).logout();
    assert_eq!(stage.step(0), Ok(Event::Blocked(Lock::Refresh)));
    assert_eq!(stage.run(other), Ok(Event::Ready));
    assert!(matches!(stage.run(0), Ok(Event::LoggedOut(outcome)) if outcome == BOTH_REVOKED));
    assert_gone(&stage);
    assert_sound(&stage.world);
}

#[test]
fn a_process_may_end_before_any_turn_of_a_logout() {
    for turns in 0.. {
        let mut stage = Stage::new(&Knobs::default(), &settings(), false);
        assert_eq!(stage.call(LIST), Ok(200));
        stage.session_mut(0).logout();
        let ended = (0..turns).any(|_| matches!(stage.step(0).unwrap(), Event::LoggedOut(_)));
        stage.store.release_all(0);
        stage.restart();
        assert!(log_out(&mut stage, 0).is_complete(), "{turns}");
        assert_gone(&stage);
        assert_eq!(stage.call(LIST), Ok(200), "{turns}");
        assert_eq!(stage.world.violations, [""; 0]);
        if ended {
            return assert!(turns > 4);
        }
    }
}

/// The first has refreshed and its store has failed; meanwhile the second logs out, and the first goes on.
fn a_logout_while_tokens_are_unsaved(knobs: &Knobs, between: impl Fn(&mut Stage, usize)) -> Stage {
    later(knobs, |stage| {
        let other = stage.add_host();
        stage.world.advance(HOUR);
        stage.session_mut(0).access();
        while stage.refreshes() == 0 {
            assert_eq!(stage.step(0), Ok(Event::Progress));
        }
        stage.store.broken.save = true;
        assert_eq!(stage.run(0), Ok(Event::Ready));
        stage.store.broken.save = false;
        log_out(stage, other);
        between(stage, other);
        stage.session_mut(0).access();
        assert_eq!(stage.run(0), Ok(Event::Login));
        assert_eq!(stage.record().unwrap().tokens(), None);
    })
}

#[test]
fn a_logout_is_not_undone_by_what_was_refreshed_before_it() {
    let stage = a_logout_while_tokens_are_unsaved(&Knobs::default(), |_, _| {});
    let last = stage.world.requests(What::Revoke).pop().unwrap().parameter("token").map(Into::into);
    assert_eq!(last, Some("rt-2-auth".to_owned()), "what was dropped is revoked");
    let knobs = Knobs { revocation: false, ..Knobs::default() };
    let stage = a_logout_while_tokens_are_unsaved(&knobs, |_, _| {});
    assert_eq!(stage.world.oauth_requests(), 1);
}

/// A login that was begun since then, and not finished, has written down its client.
#[test]
fn a_logout_is_not_undone_after_a_login_was_given_up() {
    a_logout_while_tokens_are_unsaved(&Knobs::default(), |stage, other| {
        stage.user = User::GivesUp;
        for _ in 0..3 {
            assert_eq!(stage.call_from(other, LIST), Err(Error::Cancelled));
        }
    });
}

/// Whoever logs in afterwards has not logged out.
#[test]
fn tokens_that_could_not_be_stored_after_a_new_login_are_stored_later() {
    later(&Knobs::default(), |stage| {
        log_out(stage, 0);
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(HOUR);
        stage.session_mut(0).access();
        let refreshes = stage.refreshes();
        while stage.refreshes() == refreshes {
            assert_eq!(stage.step(0), Ok(Event::Progress));
        }
        stage.store.broken.save = true;
        assert_eq!(stage.run(0), Ok(Event::Ready));
        stage.store.broken.save = false;
        stage.session_mut(0).access();
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(stage.refresh_token().as_deref(), Some("rt-3-auth"));
    });
}
