//! Sessions against the simulated world: when a token is used, refreshed or replaced, and how a login
//! goes. Each scenario also restarts before every turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_core::error::PeerMisbehaved;
use oauth_core::flow::Settings;
use oauth_core::wire::RegistrationKind;
use oauth_core::{BearerAuth, Endpoint, Error, OAuthClientProvider};
use oauth_tests::drive::{Callback, Event, Network, Stage, User, play, play_later, settings};
use oauth_tests::world::{
    Consent, Damage, Fault, Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET, RefreshTokens, Registration,
    Rotation, ScopePolicy, StateParameter, TokenForm, What,
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
fn a_first_call_costs_five_requests_and_asks_the_server_first() {
    let stage = act(&Knobs::default(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.oauth_requests(), 5);
    assert_eq!(stage.world.count(What::Mcp(LIST.into())), 2);
}

#[test]
fn a_server_without_authorization_is_left_alone() {
    let stage = act(&Knobs { open_initialize: true, ..Knobs::default() }, |stage| {
        assert_eq!(stage.call("initialize"), Ok(200))
    });
    assert_eq!(stage.world.log.len(), 1);
}

#[test]
fn a_token_at_hand_costs_nothing() {
    let stage = later(&Knobs::default(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(stage.call(CALL), Ok(200));
    });
    assert_eq!(stage.world.oauth_requests(), 0);
    assert_eq!(stage.world.log.len(), 2);
}

#[test]
fn a_valid_token_in_the_store_costs_nothing() {
    let stage = later(&Knobs::default(), |stage| {
        stage.world.knobs.metadata_off = true;
        stage.restart();
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.oauth_requests(), 0);
}

#[test]
fn an_expired_token_costs_one_request() {
    for restart in [false, true] {
        let stage = later(&Knobs::default(), |stage| {
            stage.world.knobs.metadata_off = true;
            stage.world.advance(HOUR);
            if restart {
                stage.restart();
            }
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!(stage.world.oauth_requests(), 1);
        assert_eq!(stage.refreshes(), 1);
    }
}

#[test]
fn a_token_is_renewed_a_minute_before_it_expires() {
    for (seconds_left, refreshed) in [(61, 0), (60, 1), (1, 1)] {
        let stage = later(&Knobs::default(), |stage| {
            stage.world.advance(HOUR - seconds_left);
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!(stage.refreshes(), refreshed, "{seconds_left} s left");
    }
}

#[test]
fn a_short_lived_token_is_used_for_most_of_its_life() {
    let knobs = Knobs { access_lifetime: 30, ..Knobs::default() };
    let stage = later(&knobs, |stage| {
        stage.world.advance(23);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.oauth_requests(), 0);
}

#[test]
fn a_token_that_cannot_be_refreshed_is_used_to_its_end() {
    let knobs = Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() };
    for (seconds, logins_needed) in [(HOUR - 1, 0), (HOUR, 1)] {
        let stage = later(&knobs, |stage| {
            stage.world.advance(seconds);
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!(stage.logins(), logins_needed);
    }
}

#[test]
fn a_token_without_a_lifetime_is_used_until_it_is_refused() {
    let knobs = Knobs { token_form: Damage::always(TokenForm::NoExpiresIn), ..Knobs::default() };
    let stage = later(&knobs, |stage| {
        stage.world.advance(HOUR - 1);
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(1);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.oauth_requests(), 1);
    assert_eq!(stage.refreshes(), 1);
}

#[test]
fn a_token_that_is_said_to_be_expired_at_once_is_used_once() {
    let knobs = Knobs { token_form: Damage::always(TokenForm::ExpiresInZero), ..Knobs::default() };
    let stage = act(&knobs, |stage| assert_eq!(stage.call(LIST), Ok(200)));
    assert_eq!(stage.world.oauth_requests(), 5);
}

#[test]
fn a_rotated_refresh_token_takes_the_place_of_the_old_one() {
    let stage = later(&Knobs::default(), |stage| {
        for _ in 0..3 {
            stage.world.advance(HOUR);
            assert_eq!(stage.call(LIST), Ok(200));
        }
    });
    assert_eq!(stage.refreshes(), 3);
    assert_eq!(stage.refresh_token().as_deref(), Some("rt-4-auth"));
}

#[test]
fn a_refresh_token_that_is_not_rotated_stays() {
    let knobs = Knobs { rotation: Rotation::Keep, ..Knobs::default() };
    let stage = later(&knobs, |stage| {
        stage.world.advance(HOUR);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.refresh_token().as_deref(), Some("rt-1-auth"));
}

#[test]
fn granted_scopes_stay_when_a_refresh_says_nothing_about_them() {
    let knobs =
        Knobs { consent: Consent::GrantLess("mcp:basic mcp:other".into()), ..Knobs::default() };
    let stage = later(&knobs, |stage| {
        stage.world.knobs.token_form = Damage::always(TokenForm::NoScope);
        stage.world.advance(HOUR);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    let record = stage.record().unwrap();
    let scope = record.tokens().unwrap().scope.as_ref();
    assert_eq!(scope.map(oauth_core::Scopes::as_str), Some("mcp:basic mcp:other"));
}

/// Nothing transient ends a grant: the old token serves as long as it lives.
#[test]
fn a_refresh_that_fails_for_now_leaves_the_old_token_in_use() {
    for fault in [
        Fault::Status(500),
        Fault::Unavailable { retry_after: 5 },
        Fault::TooMany { retry_after: 5 },
        Fault::Html,
        Fault::Empty,
        Fault::Status(404),
    ] {
        let stage = later(&Knobs::default(), |stage| {
            stage.world.knobs.token_damage = Damage::always(fault.clone());
            stage.world.advance(HOUR - 50);
            assert_eq!(stage.call(LIST), Ok(200), "{fault:?}");
        });
        assert_eq!(stage.refresh_token().as_deref(), Some("rt-1-auth"));
        assert_eq!(stage.logins(), 0);
    }
}

#[test]
fn an_authorization_server_in_trouble_is_asked_again_after_a_pause() {
    for (fault, pause) in [(Fault::Status(500), 30), (Fault::Unavailable { retry_after: 5 }, 5)] {
        let stage = later(&Knobs::default(), |stage| {
            stage.world.knobs.token_damage = Damage::times(fault.clone(), 1);
            stage.world.advance(HOUR - 50);
            for _ in 0..3 {
                assert_eq!(stage.call(LIST), Ok(200));
            }
            assert_eq!(stage.refreshes(), 1, "{fault:?}");
            stage.world.advance(pause);
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!(stage.refreshes(), 2, "{fault:?}");
    }
}

#[test]
fn a_pause_that_outlasts_the_token_says_how_long_it_is() {
    let stage = later(&Knobs::default(), |stage| {
        let later = Fault::Unavailable { retry_after: 600 };
        stage.world.knobs.token_damage = Damage::times(later, 1);
        stage.world.advance(HOUR - 50);
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(50);
        let Err(Error::Unreachable(unreachable)) = stage.call(LIST) else { panic!("in the pause") };
        assert_eq!(unreachable.retry_after.map(|pause| pause.as_secs()), Some(550));
        stage.world.advance(550);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.count(What::Mcp(LIST.into())), 2, "none refused");
}

#[test]
fn a_refusal_for_now_does_not_end_a_grant() {
    for code in ["server_error", "temporarily_unavailable", "slow_down"] {
        let stage = later(&Knobs::default(), |stage| {
            let refuse = TokenForm::Refuse(code.into());
            stage.world.knobs.token_form = Damage::times(refuse, 1);
            stage.world.advance(HOUR);
            assert!(stage.call(LIST).is_err());
            stage.world.advance(7);
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!(stage.refreshes(), 2, "{code}");
        assert_eq!(stage.logins(), 0);
    }
}

/// The server has rotated and the new token is lost on the way: the old one looks stolen.
#[test]
fn a_lost_answer_to_a_refresh_costs_a_login_and_no_more() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    assert_eq!(stage.call(LIST), Ok(200));
    stage.world.advance(HOUR);
    stage.network.lossy = Some(Endpoint::Token);
    assert!(stage.call(LIST).unwrap_err().is_retryable());
    stage.network = Network::default();
    assert_eq!(stage.call(LIST), Ok(200));
    assert_eq!((stage.world.reuses, stage.logins()), (1, 2));
}

#[test]
fn an_unreachable_refresh_keeps_everything_and_can_be_tried_again() {
    let stage = later(&Knobs::default(), |stage| {
        stage.world.advance(HOUR);
        stage.network.silent = Some(Endpoint::Token);
        assert!(stage.call(LIST).unwrap_err().is_retryable());
        stage.network = Network::default();
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.oauth_requests(), 1);
    assert_eq!(stage.logins(), 0);
}

#[test]
fn a_refresh_that_is_refused_leads_to_a_login() {
    let stage = later(&Knobs::default(), |stage| {
        stage.world.advance(HOUR);
        stage.world.end_grants();
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.refreshes(), 1);
    assert_eq!(stage.logins(), 1);
    assert_eq!(stage.world.count(What::Register), 0, "the client is known");
}

#[test]
fn a_refresh_that_is_refused_early_leaves_the_old_token_in_use() {
    let stage = later(&Knobs::default(), |stage| {
        stage.world.advance(HOUR - 50);
        let refuse = TokenForm::Refuse("invalid_grant".into());
        stage.world.knobs.token_form = Damage::always(refuse);
        for _ in 0..3 {
            assert_eq!(stage.call(LIST), Ok(200));
        }
    });
    assert_eq!(stage.refreshes(), 1, "a dead refresh token is not sent again");
    assert_eq!(stage.logins(), 0);
    assert_eq!(stage.refresh_token(), None);
}

#[test]
fn a_grant_that_has_ended_is_not_tried_again_after_a_restart() {
    let stage = later(&Knobs::default(), |stage| {
        stage.user = User::Absent;
        stage.world.advance(HOUR);
        stage.world.end_grants();
        assert_eq!(stage.call(LIST), Err(Error::LoginRequired));
        stage.restart();
        assert_eq!(stage.call(LIST), Err(Error::LoginRequired));
    });
    assert_eq!(stage.refreshes(), 1);
}

#[test]
fn a_client_that_is_forgotten_registers_anew() {
    let stage = later(&Knobs::default(), |stage| {
        stage.world.forget_clients();
        stage.world.advance(HOUR);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.refreshes(), 1);
    assert_eq!(stage.world.count(What::Register), 1);
}

/// Its users see a page about that, and nobody comes back, whatever the page was for.
#[test]
fn a_client_that_is_forgotten_while_its_token_lives_costs_one_dead_page() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() };
    let stage = later(&knobs, |stage| {
        stage.world.forget_clients();
        assert_eq!(stage.call(CALL), Err(Error::Cancelled));
        assert_eq!(stage.call(LIST), Ok(200), "what there was is kept");
        assert_eq!(stage.call(CALL), Ok(200));
    });
    assert_eq!(stage.world.count(What::Register), 1);
    assert_eq!(stage.logins(), 2);
}

#[test]
fn tokens_that_come_through_a_client_end_the_doubt_about_it() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() };
    let stage = later(&knobs, |stage| {
        stage.user = User::GivesUp;
        assert_eq!(stage.call(CALL), Err(Error::Cancelled));
        stage.world.advance(HOUR);
        assert_eq!(stage.call(LIST), Ok(200));
        stage.user = User::Consents;
        assert_eq!(stage.call(CALL), Ok(200));
    });
    assert_eq!((stage.refreshes(), stage.world.count(What::Register)), (1, 0));
}

#[test]
fn a_token_can_be_had_before_there_is_anything_to_call() {
    let stage = act(&Knobs::default(), |stage| {
        assert_eq!(stage.authenticate(0), Ok(()));
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.forget_clients();
        stage.world.advance(HOUR);
        stage.forget_log();
        assert_eq!(stage.authenticate(0), Ok(()));
    });
    assert_eq!(stage.refreshes(), 1);
    assert_eq!(stage.world.count(What::Register), 1);
}

#[test]
fn a_token_is_renewed_on_request() {
    let stage = later(&Knobs::default(), |stage| {
        stage.session_mut(0).renew();
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.oauth_requests(), 1);
    assert_eq!(stage.refresh_token().as_deref(), Some("rt-2-auth"));
}

#[test]
fn a_client_whose_callback_has_changed_registers_anew() {
    for (registration, settings, registrations) in [
        (Registration::Dcr, settings(), 2),
        (
            Registration::CimdOnly,
            settings().client_metadata_url("https://app.example.com/client.json").unwrap(),
            0,
        ),
        (
            Registration::None,
            settings().client_id(PRE_CLIENT_ID, Some(PRE_CLIENT_SECRET.into())).unwrap(),
            0,
        ),
    ] {
        let knobs = Knobs { registration, scopes: ScopePolicy::StepUp, ..Knobs::default() };
        let stage = play(&knobs, &settings, |stage| {
            assert_eq!(stage.call(LIST), Ok(200));
            stage.callback = Callback::At("http://127.0.0.1:49153/callback");
            assert_eq!(stage.call(CALL), Ok(200));
        });
        assert_eq!(stage.world.count(What::Register), registrations);
        let record = stage.record().unwrap();
        let redirect_uri = record.binding().client().redirect_uri();
        assert_eq!(redirect_uri, "http://127.0.0.1:49153/callback");
    }
}

#[test]
fn a_client_secret_that_has_expired_is_not_used() {
    let knobs = Knobs {
        token_auth_methods: Some(vec![oauth_tests::world::AuthMethod::Basic]),
        secret_lifetime: Some(60),
        ..Knobs::default()
    };
    let stage = later(&knobs, |stage| {
        stage.world.advance(HOUR);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.refreshes(), 0);
    assert_eq!(stage.world.count(What::Register), 1);
}

#[test]
fn nothing_is_discovered_of_a_provider() {
    let provider: OAuthClientProvider = serde_json::from_value(serde_json::json!({
        "id": "example",
        "display_name": "Example",
        "metadata": {
            "issuer": "https://auth.example.com",
            "authorization_endpoint": "https://auth.example.com/authorize",
            "token_endpoint": "https://auth.example.com/token",
            "registration_endpoint": "https://auth.example.com/register",
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
        },
    }))
    .unwrap();
    let knobs = Knobs { metadata_off: true, ..Knobs::default() };
    let settings = settings().provider(&provider).unwrap().without_discovery();
    let stage = play(&knobs, &settings, |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.end_grants();
        assert_eq!(stage.call(LIST), Ok(200));
    });
    // Three and, with the client known, refresh, authorize, token.
    assert_eq!(stage.world.oauth_requests(), 6);
}

#[test]
fn a_static_token_is_sent_and_its_refusal_delivered() {
    let settings: Settings = settings().bearer(BearerAuth::new("an-api-key").unwrap());
    let stage = play(&Knobs::default(), &settings, |stage| {
        assert_eq!(stage.call(LIST), Ok(401));
        stage.session_mut(0).renew();
        assert_eq!(stage.run(0), Ok(Event::Ready));
    });
    assert_eq!(stage.world.log.len(), 1);
    assert_eq!(stage.store.written, [""; 0]);
}

#[test]
fn a_denied_login_is_the_users_no() {
    let knobs = Knobs { consent: Consent::Deny, ..Knobs::default() };
    let stage = act(&knobs, |stage| {
        let Err(Error::Refused(refusal)) = stage.call(LIST) else { panic!("{:?}", stage.calls) };
        assert!(refusal.is_denied_by_user());
        stage.world.knobs.consent = Consent::Grant;
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.count(What::Register), 1, "the client stays known");
}

#[test]
fn scopes_that_were_asked_for_in_vain_are_not_asked_for_again() {
    let knobs = Knobs { consent: Consent::Deny, ..Knobs::default() };
    let stage = act(&knobs, |stage| {
        stage.world.knobs.challenge_scope = Some("mcp:basic mcp:other".into());
        assert!(stage.call(LIST).is_err());
        stage.world.knobs.challenge_scope = Some("mcp:basic".into());
        assert!(stage.call(LIST).is_err());
    });
    assert_eq!(stage.world.scopes_asked().last(), Some(&Some("mcp:basic")));
}

#[test]
fn a_login_for_more_that_is_given_up_leaves_the_old_token_in_use() {
    // The client, the grant, and that the client is doubted if it is the grant's.
    let elsewhere = Callback::At("http://127.0.0.1:49153/callback");
    for (callback, writes) in [(Callback::Registered, 3), (elsewhere, 2)] {
        let knobs = Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() };
        let stage = later(&knobs, |stage| {
            stage.user = User::GivesUp;
            stage.callback = callback.clone();
            assert_eq!(stage.call(CALL), Err(Error::Cancelled));
            stage.restart();
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!(stage.store.written.len(), writes);
    }
}

#[test]
fn a_login_that_was_given_up_can_begin_again() {
    let stage = act(&Knobs::default(), |stage| {
        stage.user = User::GivesUp;
        assert_eq!(stage.call(LIST), Err(Error::Cancelled));
        stage.user = User::Consents;
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.count(What::Register), 1, "the client stays known");
}

#[test]
fn the_client_is_stored_before_the_user_is_sent_off() {
    let stage = act(&Knobs::default(), |stage| {
        stage.user = User::GivesUp;
        assert_eq!(stage.call(LIST), Err(Error::Cancelled));
    });
    let record = stage.record().unwrap();
    assert_eq!(record.binding().client().kind(), RegistrationKind::Dynamic);
    assert_eq!(record.tokens(), None);
}

#[test]
fn a_login_that_nobody_makes_leaves_nothing_behind() {
    let stage = act(&Knobs::default(), |stage| {
        stage.user = User::Absent;
        assert_eq!(stage.call(LIST), Err(Error::LoginRequired));
    });
    assert_eq!(stage.world.oauth_requests(), 0);
    assert_eq!(stage.store.written, [""; 0]);
}

#[test]
fn a_redirect_of_another_login_leaves_this_one_waiting() {
    let stray =
        ["code=code-1-auth&state=state-of-another", "error=access_denied&state=", "code=x", ""];
    let stage = act(&Knobs::default(), |stage| {
        stage.user = User::ConsentsAfter(stray.map(Into::into).to_vec());
        assert_eq!(stage.call(LIST), Ok(200));
    });
    let mismatch = || Error::from(PeerMisbehaved::StateMismatch);
    assert_eq!(stage.refused_redirects, [mismatch(), mismatch(), mismatch(), mismatch()]);
    assert_eq!(stage.world.oauth_requests(), 5);
}

#[test]
fn a_server_that_confuses_states_logs_nobody_in() {
    let knobs = Knobs { state: StateParameter::Wrong, ..Knobs::default() };
    let stage = act(&knobs, |stage| {
        assert_eq!(stage.call(LIST), Err(Error::Cancelled));
    });
    assert_eq!(stage.world.token_requests(), 0);
}

#[test]
fn a_server_in_trouble_can_be_asked_again() {
    for endpoint in [
        Endpoint::ResourceMetadata,
        Endpoint::ServerMetadata,
        Endpoint::Registration,
        Endpoint::Token,
    ] {
        let stage = act(&Knobs::default(), |stage| {
            stage.network.silent = Some(endpoint);
            assert!(stage.call(LIST).unwrap_err().is_retryable());
            stage.network = Network::default();
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!(stage.world.count(What::Register), 1, "{endpoint}");
    }
}
