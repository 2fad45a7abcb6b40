//! What a session makes of a 401 or 403: a refresh, a login, a login for more, or nothing. Each scenario
//! also restarts before every turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::time::Duration;

use oauth_core::error::PeerIncompatible;
use oauth_core::session::{Attempt, Verdict};
use oauth_core::{Error, UnixTime};
use oauth_tests::drive::{Stage, User, missing, play, play_later, settings};
use oauth_tests::world::{
    BadToken, Consent, Damage, Fault, Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET, Party, PrmServers,
    RefreshTokens, Registration, ScopePolicy, StepUpChallenge, TokenForm, What,
};

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

#[test]
fn a_refused_token_is_refreshed_whatever_its_expiry_says() {
    for bad_token in [BadToken::Challenged, BadToken::Unexplained] {
        let knobs = Knobs { bad_token, ..Knobs::default() };
        let stage = later(&knobs, |stage| {
            stage.world.revoke_access_tokens();
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!(stage.world.oauth_requests(), 1);
        assert_eq!(stage.refreshes(), 1);
    }
}

#[test]
fn a_refused_token_and_a_dead_grant_lead_to_a_login() {
    let stage = later(&Knobs::default(), |stage| {
        stage.world.end_grants();
        assert_eq!(stage.call(LIST), Ok(200));
    });
    // Refresh, both documents anew, authorize, token.
    assert_eq!(stage.world.oauth_requests(), 5);
    assert_eq!(stage.world.count(What::Mcp(LIST.into())), 2);
    assert_eq!(stage.world.count(What::Register), 0);
}

#[test]
fn other_refusals_are_the_applications() {
    for (knobs, status) in [
        (Knobs { plain_403: true, ..Knobs::default() }, 403),
        (Knobs { bad_token: BadToken::Forbidden, ..Knobs::default() }, 403),
        (Knobs { bad_token: BadToken::BadRequest, ..Knobs::default() }, 400),
        (Knobs { mcp_damage: Damage::always(Fault::Status(500)), ..Knobs::default() }, 500),
        (Knobs { mcp_damage: Damage::always(Fault::Status(404)), ..Knobs::default() }, 404),
    ] {
        let stage = act(&Knobs::default(), |stage| {
            assert_eq!(stage.call(LIST), Ok(200));
            stage.world.knobs = knobs.clone();
            stage.world.revoke_access_tokens();
            stage.forget_log();
            assert_eq!(stage.call(LIST), Ok(status));
        });
        assert_eq!(stage.world.log.len(), 1, "{status}");
    }
}

#[test]
fn a_missing_scope_takes_a_login_for_the_union_and_no_discovery() {
    let knobs = Knobs {
        scopes: ScopePolicy::StepUp,
        prm_scopes: Some(vec!["mcp:profile".into()]),
        ..Knobs::default()
    };
    for step_up_challenge in [StepUpChallenge::Full, StepUpChallenge::WithoutUrl] {
        let knobs = Knobs { step_up_challenge, ..knobs.clone() };
        let stage = act(&knobs, |stage| {
            assert_eq!(stage.call(LIST), Ok(200));
            assert_eq!(stage.call(CALL), Ok(200));
        });
        assert_eq!(stage.world.scopes_asked(), [Some("mcp:basic"), Some("mcp:basic mcp:write")]);
        assert_eq!(stage.world.oauth_requests(), 7);
    }
}

#[test]
fn a_missing_scope_is_asked_for_next_to_those_that_are_set_up() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() };
    let own = settings().scope("mcp:basic mcp:own").unwrap();
    let stage = play(&knobs, &own, |stage| {
        assert_eq!(stage.call(CALL), Ok(200));
    });
    assert_eq!(
        stage.world.scopes_asked(),
        [Some("mcp:basic mcp:own"), Some("mcp:basic mcp:own mcp:write")]
    );
}

#[test]
fn scopes_that_were_asked_for_are_asked_for_again_at_the_next_login() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() };
    let stage = act(&knobs, |stage| {
        assert_eq!(stage.call(CALL), Ok(200));
        stage.world.end_grants();
        stage.forget_log();
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.scopes_asked(), [Some("mcp:basic mcp:write")]);
}

/// Without a scope there is nothing to ask for, without the error code it is no matter of scopes.
#[test]
fn a_403_that_names_no_missing_scope_is_the_applications() {
    for step_up_challenge in [StepUpChallenge::WithoutScope, StepUpChallenge::WithoutError] {
        let knobs = Knobs { scopes: ScopePolicy::StepUp, step_up_challenge, ..Knobs::default() };
        let stage = act(&knobs, |stage| {
            assert_eq!(stage.call(LIST), Ok(200));
            assert_eq!(stage.call(CALL), Ok(403));
        });
        assert_eq!(stage.logins(), 1, "{step_up_challenge:?}");
    }
}

#[test]
fn a_scope_that_does_not_help_is_asked_for_once() {
    let knobs = Knobs { scopes: ScopePolicy::AlwaysInsufficient, ..Knobs::default() };
    let stage = act(&knobs, |stage| assert_eq!(stage.call(LIST), Ok(403)));
    assert_eq!(stage.logins(), 2);
}

#[test]
fn a_scope_that_the_user_did_not_grant_is_not_asked_for_on_and_on() {
    let knobs = Knobs {
        scopes: ScopePolicy::StepUp,
        consent: Consent::GrantLess("mcp:basic".into()),
        ..Knobs::default()
    };
    let stage = act(&knobs, |stage| {
        assert_eq!(stage.call(CALL), Ok(403));
        assert_eq!(stage.call(CALL), Ok(403));
    });
    assert_eq!(stage.logins(), 2);
}

#[test]
fn a_server_that_wants_ever_more_gets_three_logins() {
    let knobs = Knobs { scopes: ScopePolicy::EverMore, ..Knobs::default() };
    let stage = act(&knobs, |stage| {
        let expected = PeerIncompatible::StillRefused {
            authorizations: 3,
            refreshes: 0,
            error: Some("insufficient_scope".into()),
        };
        assert_eq!(stage.call(LIST), Err(expected.into()));
    });
    assert_eq!(stage.logins(), 3);
}

/// One of each, since a login whose token is refused at once is not made again.
#[test]
fn a_server_that_refuses_every_token_gets_one_refresh_and_a_few_logins() {
    let stage = later(&Knobs::default(), |stage| {
        stage.world.knobs.mcp_damage = Damage::always(Fault::Status(401));
        // Two seconds are for what the refresh brought.
        let until = stage.now() + Duration::from_secs(62);
        let expected = PeerIncompatible::LoginInVain { logins: 1, until, error: None };
        assert_eq!(stage.call(LIST), Err(expected.into()));
    });
    assert_eq!((stage.refreshes(), stage.logins()), (1, 1));
}

/// The budget is that of one request: the next one has its own.
#[test]
fn a_session_that_gave_up_a_request_goes_on_with_the_next() {
    let stage = later(&Knobs::default(), |stage| {
        // The token, the refreshed one twice, and that of the login.
        stage.world.knobs.mcp_damage = Damage::times(Fault::Status(401), 4);
        assert!(stage.call(LIST).is_err());
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.refreshes(), 1);
}

/// Resource metadata, server metadata, register, authorize and token, at either server.
#[test]
fn a_server_that_moves_takes_ten_requests() {
    let knobs =
        Knobs { migrate_after: Some(1), refresh_tokens: RefreshTokens::Never, ..Knobs::default() };
    let stage = act(&knobs, |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.oauth_requests(), 10);
    assert_eq!(stage.world.count_at(Party::AuthServer2), 4);
    let record = stage.record().unwrap();
    assert_eq!(record.binding().server().issuer().as_str(), stage.world.issuer2());
}

/// The refresh goes where the token came from, and the request is tried once more in between.
#[test]
fn a_server_that_moves_gets_nothing_of_the_old_one() {
    let knobs = Knobs { migrate_after: Some(1), ..Knobs::default() };
    let stage = later(&knobs, |stage| assert_eq!(stage.call(LIST), Ok(200)));
    assert_eq!(stage.refreshes(), 1);
    assert_eq!(stage.world.oauth_requests(), 6);
    let record = stage.record().unwrap();
    assert_eq!(record.binding().server().issuer().as_str(), stage.world.issuer2());
}

#[test]
fn scopes_of_the_old_server_are_not_asked_for_at_the_new_one() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, migrate_after: Some(2), ..Knobs::default() };
    let stage = act(&knobs, |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(stage.call(CALL), Ok(200));
        stage.forget_log();
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.scopes_asked(), [Some("mcp:basic")]);
}

#[test]
fn a_pre_registered_client_does_not_move() {
    let secret = || Some(PRE_CLIENT_SECRET.into());
    let unbound = settings().client_id(PRE_CLIENT_ID, secret()).unwrap();
    let bound = unbound.clone().client_issuer("https://auth.example.com");
    for settings in [unbound, bound] {
        let knobs = Knobs { migrate_after: Some(1), ..Knobs::default() };
        let stage = play(&knobs, &settings, |stage| {
            assert_eq!(stage.call(LIST), Ok(200));
            let expected = PeerIncompatible::ForeignClient {
                expected: "https://auth.example.com".into(),
                found: "https://auth2.example.com".into(),
            };
            assert_eq!(stage.call(LIST), Err(expected.into()));
        });
        assert_eq!(stage.logins(), 1);
    }
}

/// The first authorization server has forgotten the client: that makes nobody else its owner.
#[test]
fn a_pre_registered_client_that_was_refused_does_not_move_either() {
    let secret = Some(PRE_CLIENT_SECRET.into());
    let settings = settings().client_id(PRE_CLIENT_ID, secret).unwrap();
    let stage = play(&Knobs::default(), &settings, |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        let refuse = TokenForm::Refuse("invalid_client".into());
        stage.world.knobs.token_form = Damage::always(refuse);
        stage.world.knobs.prm_servers = PrmServers::Second;
        stage.world.advance(HOUR);
        assert!(stage.call(LIST).is_err());
    });
    assert_eq!(stage.logins(), 1);
}

#[test]
fn a_client_metadata_document_moves() {
    let knobs = Knobs {
        registration: Registration::CimdOnly,
        migrate_after: Some(1),
        refresh_tokens: RefreshTokens::Never,
        ..Knobs::default()
    };
    let settings = settings().client_metadata_url("https://app.example.com/client.json").unwrap();
    let stage = play(&knobs, &settings, |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.oauth_requests(), 8);
}

#[test]
fn a_server_that_is_still_listed_among_others_has_not_moved() {
    let stage = act(&Knobs::default(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.knobs.prm_servers = PrmServers::BothSecondFirst;
        stage.world.end_grants();
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.count_at(Party::AuthServer2), 0);
}

/// The step-up has nothing to do with it: the refresh token is as good as before.
#[test]
fn a_token_that_is_refused_after_a_step_up_that_nobody_made_is_refreshed() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() };
    let stage = later(&knobs, |stage| {
        stage.user = User::Absent;
        assert_eq!(stage.call(CALL), Err(missing("mcp:write")));
        stage.world.revoke_access_tokens();
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((stage.refreshes(), stage.logins()), (1, 0));
}

/// Whether or not there is a refresh token: what it would bring is issued expired as well.
#[test]
fn a_token_that_is_issued_expired_is_sent_until_it_is_refused() {
    for form in [TokenForm::ExpiresInZero, TokenForm::ExpiresInNegative] {
        for refresh_tokens in [RefreshTokens::Never, RefreshTokens::Always] {
            let token_form = Damage::always(form.clone());
            let knobs = Knobs { token_form, refresh_tokens, ..Knobs::default() };
            let stage = act(&knobs, |stage| {
                for _ in 0..10 {
                    assert_eq!(stage.call(LIST), Ok(200));
                }
                let host = stage.add_host();
                assert_eq!(stage.call_from(host, LIST), Ok(200));
                assert_eq!((stage.logins(), stage.refreshes()), (1, 0), "{form:?}");
                stage.world.end_grants();
                assert_eq!(stage.call(LIST), Ok(200));
            });
            assert_eq!(stage.logins(), 2, "{form:?}");
        }
    }
}

/// The answer to each call of a server that takes no token, and how many logins there were.
fn in_vain(stage: &mut Stage, host: usize) -> usize {
    let outcome = stage.call_from(host, LIST);
    let in_vain =
        |it: &_| matches!(it, PeerIncompatible::LoginInVain { until, .. } if *until > stage.now());
    assert!(matches!(&outcome, Err(Error::PeerIncompatible(it)) if in_vain(it)), "{outcome:?}");
    stage.logins()
}

/// Until when no other login is made.
fn until(stage: &Stage) -> UnixTime {
    match stage.calls.last() {
        Some(Err(Error::PeerIncompatible(PeerIncompatible::LoginInVain { until, .. }))) => *until,
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn a_login_whose_token_is_refused_at_once_is_not_made_again_before_a_pause_that_grows() {
    for refresh_tokens in [RefreshTokens::Never, RefreshTokens::Always] {
        let mcp_damage = Damage::always(Fault::Status(401));
        let knobs = Knobs { mcp_damage, refresh_tokens, ..Knobs::default() };
        let stage = act(&knobs, |stage| {
            let mut logins = 0;
            for pause in [60, 300, 1500, 3600, 3600] {
                logins += 1;
                let begun = stage.now();
                for _ in 0..5 {
                    assert_eq!(in_vain(stage, 0), logins, "{refresh_tokens:?}");
                }
                // A new token, before the login or after it, is given two seconds.
                let until = until(stage).since(begun).as_secs();
                assert!((pause..=pause + 2).contains(&until), "{until}");
                let passed = stage.now().since(begun).as_secs();
                stage.world.advance(until - passed - 1);
                assert_eq!(in_vain(stage, 0), logins, "{refresh_tokens:?}");
                stage.world.advance(1);
            }
        });
        // One after each login, one before the next, and one of what expires in each of the two pauses that
        // are as long as a token lives.
        assert!(stage.refreshes() <= 5 + 4 + 2, "{}", stage.refreshes());
    }
}

/// They cannot know whether the server took the token meanwhile; their logins do not undo each other's pauses.
#[test]
fn each_session_tries_a_login_for_itself() {
    let stage = act(&Knobs::default(), |stage| {
        stage.world.knobs.mcp_damage = Damage::always(Fault::Status(401));
        let another = stage.add_host();
        for _ in 0..5 {
            in_vain(stage, 0);
            in_vain(stage, another);
        }
    });
    assert_eq!(stage.logins(), 2);
}

/// The server took the tokens of a process that was killed, and ended its grants: nobody has to wait.
#[test]
fn the_login_of_another_session_holds_up_nobody() {
    let stage = later(&Knobs::default(), |stage| {
        stage.world.end_grants();
        let another = stage.add_host();
        assert_eq!(stage.call_from(another, LIST), Ok(200));
    });
    assert_eq!(stage.logins(), 1);
}

/// What counts is that the server took a token, not when the login was.
#[test]
fn a_login_whose_token_was_taken_is_made_again_whenever_the_token_is_refused() {
    let knobs = Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() };
    let stage = act(&knobs, |stage| {
        for _ in 0..5 {
            assert_eq!(stage.call(LIST), Ok(200));
            stage.world.end_grants();
        }
    });
    assert_eq!(stage.logins(), 5);
}

/// Whoever asks for a login gets one, and so does whoever has seen that it helps to wait.
#[test]
fn a_login_that_is_asked_for_waits_for_no_pause() {
    let stage = act(&Knobs::default(), |stage| {
        stage.world.knobs.mcp_damage = Damage::always(Fault::Status(401));
        assert_eq!(in_vain(stage, 0), 1);
        stage.session_mut(0).log_in();
        assert_eq!(stage.obtain(0), Ok(()));
        assert_eq!(in_vain(stage, 0), 2);
        // The pause goes on growing, and two seconds of it have passed.
        stage.world.advance(297);
        assert_eq!(in_vain(stage, 0), 2);
        stage.world.knobs.mcp_damage = Damage::none();
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(3);
        stage.world.end_grants();
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.logins(), 3);
}

/// Scopes that grow with each answer are asked for three times; then there is a pause as well.
#[test]
fn a_server_that_wants_ever_more_gets_no_login_at_the_next_call() {
    let knobs = Knobs { scopes: ScopePolicy::EverMore, ..Knobs::default() };
    let stage = act(&knobs, |stage| {
        for _ in 0..5 {
            stage.call(LIST).unwrap_err();
        }
    });
    assert_eq!(stage.logins(), 3);
}

/// What one call takes, and another refuses: that the login helps the one says nothing about the other.
#[test]
fn a_token_that_one_call_takes_and_another_refuses_brings_no_page_for_each() {
    for refresh_tokens in [RefreshTokens::Never, RefreshTokens::Always] {
        let knobs = Knobs { refuses_calls: true, refresh_tokens, ..Knobs::default() };
        let stage = act(&knobs, |stage| {
            let mut logins = 1;
            for pause in [60, 300, 1500] {
                assert_eq!(stage.call(LIST), Ok(200));
                logins += 1;
                for _ in 0..6 {
                    stage.call(CALL).unwrap_err();
                    assert_eq!(stage.call(LIST), Ok(200));
                }
                assert_eq!(stage.logins(), logins, "{refresh_tokens:?}");
                stage.world.advance(pause);
            }
        });
        assert!(stage.refreshes() <= 2 * 3, "{}", stage.refreshes());
    }
}

/// The other call's success comes between the login and the refusal.
#[test]
fn a_success_in_between_does_not_undo_the_pause() {
    let knobs = Knobs { refuses_calls: true, ..Knobs::default() };
    let stage = act(&knobs, |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        let mut attempt = Attempt::new();
        for _ in 0..3 {
            attempt.sent_with(stage.session(0).snapshot().token().as_ref());
            let (now, challenges) =
                (stage.now(), [("www-authenticate", "Bearer error=\"invalid_token\"")]);
            let verdict = stage.session_mut(0).answered(&mut attempt, 401, challenges, now);
            if let (Ok(Verdict::Wait(_) | Verdict::Retry), Ok(())) = (&verdict, stage.obtain(0)) {
                assert_eq!(stage.call(LIST), Ok(200));
            }
        }
        assert_eq!(stage.logins(), 2);
        stage.call(CALL).unwrap_err();
    });
    assert_eq!(stage.logins(), 2);
}

/// Nor does it give each call that wants ever more its three pages.
#[test]
fn a_success_does_not_undo_the_pause_of_scopes_that_grow() {
    let knobs = Knobs { scopes: ScopePolicy::EverMore, ..Knobs::default() };
    let stage = act(&knobs, |stage| {
        for _ in 0..5 {
            stage.call(CALL).unwrap_err();
            assert_eq!(stage.call("initialize"), Ok(200));
        }
    });
    assert_eq!(stage.logins(), 3);
}

/// A token that was refused once, and taken then, is one that was taken as soon as the pause is over.
#[test]
fn a_token_that_was_taken_in_the_end_is_replaced_at_once_when_it_is_refused_much_later() {
    let knobs = Knobs { refuses_calls: true, ..Knobs::default() };
    let stage = act(&knobs, |stage| {
        stage.call(CALL).unwrap_err();
        stage.world.knobs.refuses_calls = false;
        assert_eq!(stage.call(CALL), Ok(200));
        stage.world.advance(60);
        stage.world.end_grants();
        assert_eq!(stage.call(CALL), Ok(200));
    });
    assert_eq!(stage.logins(), 2);
}

/// A clock that was set back by a year must not stop logins for a year.
#[test]
fn a_clock_that_is_set_back_ends_the_pause() {
    let knobs = Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() };
    let stage = act(&knobs, |stage| {
        stage.world.knobs.mcp_damage = Damage::always(Fault::Status(401));
        assert_eq!(in_vain(stage, 0), 1);
        stage.world.now -= HOUR;
        stage.call(LIST).unwrap_err();
    });
    assert_eq!(stage.logins(), 2);
}
