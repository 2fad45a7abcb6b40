//! What a session does about servers that forget, move and stumble, and about stores that others write.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_core::error::{PeerIncompatible, PeerMisbehaved};
use oauth_core::session::{Lock, Record, Turn};
use oauth_core::{Endpoint, Error};
use oauth_tests::drive::{
    Broken, Event, Stage, User, play, play_later, restored, settings, stored,
};
use oauth_tests::world::{
    AuthMethod, Consent, Damage, IssuerPath, Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET, PrmServers,
    RefreshTokens, Registration, RegistrationForm, Rotation, ScopePolicy, TokenForm, What,
};

const LIST: &str = "tools/list";
const HOUR: u64 = 3600;

fn later(scenario: impl Fn(&mut Stage)) -> Stage {
    play_later(&Knobs::default(), &settings(), scenario)
}

/// Only `invalid_grant` says "never again".
#[test]
fn no_other_refusal_takes_the_refresh_token_away() {
    for code in ["blocked_by_waf", "invalid_request", "invalid_target", "rate_limit_exceeded", "é"]
    {
        let stage = later(|stage| {
            stage.world.advance(HOUR);
            stage.user = User::Absent;
            stage.world.knobs.token_form = Damage::times(TokenForm::Refuse(code.into()), 1);
            assert!(stage.call(LIST).is_err(), "{code}");
            stage.user = User::Consents;
            assert_eq!(stage.call(LIST), Ok(200), "{code}");
        });
        assert_eq!(stage.logins(), 0, "{code}: the next refresh does it");
    }
}

#[test]
fn a_token_endpoint_that_is_gone_leads_to_a_login_and_takes_nothing_away() {
    for body in ["<html>not found</html>", r#"{"error":"Not Found"}"#] {
        let stage = later(|stage| {
            stage.world.advance(HOUR);
            stage.user = User::Absent;
            stage.network.tamper = Some(if body.starts_with('<') { gone_html } else { gone_json });
            assert_eq!(stage.call(LIST), Err(Error::LoginRequired));
        });
        assert_eq!(stage.refresh_token().as_deref(), Some("rt-1-auth"), "{body}");
    }
}

fn gone_html(endpoint: Endpoint, response: &mut http::Response<Vec<u8>>) {
    gone(endpoint, response, b"<html>not found</html>");
}

fn gone_json(endpoint: Endpoint, response: &mut http::Response<Vec<u8>>) {
    gone(endpoint, response, br#"{"error":"Not Found"}"#);
}

fn gone(endpoint: Endpoint, response: &mut http::Response<Vec<u8>>, body: &[u8]) {
    if endpoint == Endpoint::Token {
        *response.status_mut() = http::StatusCode::NOT_FOUND;
        *response.body_mut() = body.to_vec();
    }
}

/// A name that is in a private network now may be back tomorrow, or be allowed by name.
#[test]
fn a_refresh_that_may_not_be_sent_takes_nothing_away() {
    let address = core::net::IpAddr::from([10, 0, 0, 1]);
    let stage = later(|stage| {
        stage.network.forbidden = Some((Endpoint::Token, address));
        stage.world.advance(HOUR - 30);
        assert_eq!(stage.call(LIST), Ok(200), "the old token lives");
        stage.world.advance(30);
        let url = "https://auth.example.com/token".into();
        let refused = PeerMisbehaved::PrivateAddress { endpoint: Endpoint::Token, url, address };
        assert_eq!(stage.call(LIST), Err(refused.into()));
        stage.network.forbidden = None;
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((stage.refreshes(), stage.logins()), (1, 0));
}

#[test]
fn a_client_that_is_refused_at_the_end_of_a_login_registers_anew() {
    let stage = play(&Knobs::default(), &settings(), |stage| {
        let refuse = TokenForm::Refuse("invalid_client".into());
        stage.world.knobs.token_form = Damage::times(refuse, 2);
        assert!(stage.call(LIST).is_err());
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.count(What::Register), 3);
}

#[test]
fn scopes_that_a_server_does_not_know_any_more_are_not_asked_for_again() {
    let knobs = Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() };
    let stage = play(&knobs, &settings(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(HOUR);
        stage.world.knobs.challenge_scope = Some("mcp:write".into());
        stage.world.knobs.consent = Consent::Error("invalid_scope".into());
        assert!(matches!(stage.call(LIST), Err(Error::Refused(_))));
        let _ = stage.call(LIST);
    });
    let asked = stage.world.scopes_asked();
    let both = Some("mcp:basic mcp:write");
    assert_eq!(asked, [Some("mcp:basic"), both, both, Some("mcp:write")]);
}

#[test]
fn scopes_that_are_set_up_win_over_those_of_earlier_logins() {
    let knobs = Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() };
    let stage = play(&knobs, &settings(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(HOUR);
        let own = stage.settings().clone().scope("mcp:basic mcp:write").unwrap();
        stage.restart_with(own);
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(HOUR);
        let own = stage.settings().clone().scope("mcp:basic").unwrap();
        stage.restart_with(own);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    let asked = stage.world.scopes_asked();
    assert_eq!(asked, [Some("mcp:basic"), Some("mcp:basic mcp:write"), Some("mcp:basic")]);
}

/// A document's URL may move to another server; the secret of another client may not come along.
#[test]
fn a_pre_registered_client_does_not_move_by_way_of_a_document() {
    let own = settings()
        .client_id(PRE_CLIENT_ID, Some(PRE_CLIENT_SECRET.into()))
        .and_then(|own| own.client_metadata_url("https://app.example.com/client.json"))
        .expect("sound settings");
    let knobs = Knobs {
        registration: Registration::CimdAndDcr,
        refresh_tokens: RefreshTokens::Never,
        ..Knobs::default()
    };
    let stage = play(&knobs, &own, |stage| {
        let client = |stage: &Stage| {
            stage.record().map(|record| record.binding().client().client_id().to_owned())
        };
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(client(stage).as_deref(), Some(PRE_CLIENT_ID));
        stage.world.knobs.prm_servers = PrmServers::Second;
        for path in [IssuerPath::Root, IssuerPath::Tenant] {
            stage.world.advance(HOUR);
            stage.world.knobs.issuer_path = path;
            assert_eq!(stage.call(LIST), Ok(200));
            assert_ne!(client(stage).as_deref(), Some(PRE_CLIENT_ID));
        }
    });
    assert_eq!(stage.world.violations, [""; 0]);
}

#[test]
fn the_issuer_of_a_client_id_counts_whatever_is_set_first() {
    let own = settings()
        .client_issuer("https://nobody.example.com")
        .client_id(PRE_CLIENT_ID, None)
        .expect("sound settings");
    let stage = play(&Knobs::default(), &own, |stage| {
        let error = stage.call(LIST).expect_err("the client belongs to another");
        let foreign = PeerIncompatible::ForeignClient {
            expected: "https://nobody.example.com".into(),
            found: "https://auth.example.com".into(),
        };
        assert_eq!(error, foreign.into());
    });
    assert_eq!(stage.world.count(What::Authorize), 0);
}

#[test]
fn a_new_client_secret_is_used_without_another_login() {
    let own = settings()
        .client_id(PRE_CLIENT_ID, Some(PRE_CLIENT_SECRET.into()))
        .expect("sound settings");
    let mut stage = Stage::new(&Knobs::default(), &own, false);
    assert_eq!(stage.call(LIST), Ok(200));
    let key = stage.key();
    let text = stage.record().expect("a login is stored").to_json();
    stage.store.put(&key, &text.replace(PRE_CLIENT_SECRET, "old-secret"));
    stage.restart();
    stage.world.advance(HOUR);
    assert_eq!(stage.call(LIST), Ok(200));
    assert_eq!(stage.logins(), 1);
}

#[test]
fn a_rotated_token_survives_a_host_that_starts_over_after_a_conflict() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    assert_eq!(stage.call(LIST), Ok(200));
    stage.world.advance(HOUR);
    stage.session_mut(0).access();
    while stage.refreshes() == 0 {
        assert_eq!(stage.step(0), Ok(Event::Progress));
    }
    let key = stage.key();
    let record = stage.record().expect("a login is stored");
    let mut other: serde_json::Value =
        serde_json::from_str(&record.to_json()).expect("a record is JSON");
    other["generation"] = (record.generation() + 5).into();
    stage.store.put(&key, &other.to_string());
    assert_eq!(stage.step(0), Ok(Event::Progress), "the save meets another record");
    stage.store.unlock(&key, Lock::Refresh, 0);
    stage.session_mut(0).access();
    assert!(matches!(stage.run(0), Ok(Event::Ready)));
    assert_eq!(stage.refresh_token().as_deref(), Some("rt-2-auth"));
    assert_eq!((stage.refreshes(), stage.world.reuses), (1, 0));
}

#[test]
fn a_rotated_token_survives_a_store_that_is_never_quiet() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    assert_eq!(stage.call(LIST), Ok(200));
    stage.world.advance(HOUR);
    stage.store.contested = true;
    stage.session_mut(0).access();
    assert_eq!(stage.run(0), Err(Error::Contended));
    stage.store.contested = false;
    stage.session_mut(0).access();
    assert_eq!(stage.run(0), Ok(Event::Ready));
    assert_eq!((stage.refreshes(), stage.world.reuses), (1, 0));
}

/// Whoever gets the lock next would spend the same refresh token.
#[test]
fn the_lock_is_kept_while_others_write_without_it() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    assert_eq!(stage.call(LIST), Ok(200));
    stage.world.advance(HOUR);
    stage.store.contested = true;
    stage.session_mut(0).access();
    let mut lost = 0;
    while lost < 10 {
        if matches!(stage.session_mut(0).turn(), Ok(Turn::Save(_))) {
            lost += 1;
        }
        assert_eq!(stage.step(0), Ok(Event::Progress));
        assert!(lost == 0 || stage.store.holds(&stage.key(), Lock::Refresh, 0), "{lost}");
    }
    stage.store.contested = false;
    assert_eq!(stage.run(0), Ok(Event::Ready));
    assert_eq!((stage.refreshes(), stage.world.reuses), (1, 0));
}

/// The process ends between the last try to store the token and the release of the lock.
#[test]
fn a_rotated_token_survives_a_process_that_ends_after_a_store_was_never_quiet() {
    let later = |end: fn(&mut Stage)| {
        let mut stage = Stage::new(&Knobs::default(), &settings(), false);
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(HOUR);
        stage.store.contested = true;
        stage.session_mut(0).access();
        while !matches!(stage.session_mut(0).turn(), Ok(Turn::Unlock(..))) {
            assert_eq!(stage.step(0), Ok(Event::Progress));
        }
        stage.store.contested = false;
        stage.stop(0);
        *stage.session_mut(0) = restored(&stored(stage.session(0)));
        end(&mut stage);
        assert_eq!((stage.refreshes(), stage.world.reuses), (1, 0));
    };
    later(|stage| {
        stage.session_mut(0).access();
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_eq!(stage.refresh_token().as_deref(), Some("rt-2-auth"));
    });
    later(|stage| {
        stage.session_mut(0).logout();
        assert!(matches!(stage.run(0), Ok(Event::LoggedOut(outcome)) if outcome.is_complete()));
        let revoked = stage.world.requests(What::Revoke)[0];
        assert_eq!(revoked.parameter("token"), Some("rt-2-auth"));
    });
}

#[test]
fn a_record_with_an_absurd_generation_is_damaged() {
    let mut stage = Stage::new(&Knobs::default(), &settings(), false);
    assert_eq!(stage.call(LIST), Ok(200));
    let text = stage.record().expect("a login is stored").to_json();
    for generation in [0, u64::MAX] {
        let mut value: serde_json::Value = serde_json::from_str(&text).expect("a record is JSON");
        value["generation"] = generation.into();
        assert!(Record::from_json(value.to_string().as_bytes()).is_err(), "{generation}");
    }
}

#[test]
fn an_issuer_that_cannot_be_used_hides_no_other() {
    let listed = ["http://auth.example.com".into(), "https://auth.example.com".into()];
    let knobs = Knobs { prm_servers: PrmServers::Listed(listed.into()), ..Knobs::default() };
    play(&knobs, &settings(), |stage| assert_eq!(stage.call(LIST), Ok(200)));
}

#[test]
fn a_method_that_an_answer_leaves_out_is_the_one_that_was_asked_for() {
    let knobs = Knobs {
        token_auth_methods: Some(vec![AuthMethod::Post]),
        assigned_method: Some(AuthMethod::Post),
        registration_form: Damage::always(RegistrationForm::NoMethod),
        ..Knobs::default()
    };
    let stage = play(&knobs, &settings(), |stage| assert_eq!(stage.call(LIST), Ok(200)));
    assert_eq!(stage.world.violations, [""; 0]);
}

/// There and back: neither server has to register the client twice.
#[test]
fn a_server_that_moves_back_finds_its_client_again() {
    let stage = later(|stage| {
        for servers in [PrmServers::Second, PrmServers::One, PrmServers::Second] {
            stage.world.knobs.prm_servers = servers;
            stage.world.end_grants();
            assert_eq!(stage.call(LIST), Ok(200));
        }
        let text = stage.record().map(|record| record.to_json()).unwrap_or_default();
        assert_eq!(text.matches("client_id").count(), 2, "{text}");
    });
    assert_eq!((stage.logins(), stage.world.count(What::Register)), (3, 1));
    assert_eq!(stage.world.violations, [""; 0]);
}

/// The server says so on its page only, and sends nobody back.
#[test]
fn a_client_that_is_forgotten_is_a_dead_page_once() {
    let knobs = Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() };
    let stage = play_later(&knobs, &settings(), |stage| {
        stage.world.forget_clients();
        stage.world.advance(HOUR);
        assert_eq!(stage.call(LIST), Err(Error::Cancelled));
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.count(What::Register), 1);
}

/// Programs that end at the page, one after the other, and web backends that hand out one login after
/// the other.
#[test]
fn a_client_that_is_forgotten_is_not_a_dead_page_for_ever() {
    let knobs = Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() };
    for hands_out in [false, true] {
        let mut stage = Stage::new(&knobs, &settings(), false);
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.forget_clients();
        stage.world.advance(HOUR);
        stage.user = User::Waits;
        for registrations in [1, 1, 2] {
            stage.restart();
            assert_eq!(stage.run(0), Ok(Event::Login));
            stage.begin(0);
            assert_eq!(stage.run(0), Ok(Event::Page));
            assert_eq!(stage.world.count(What::Register), registrations, "{hands_out}");
            if hands_out {
                let _ = stage.suspend(0);
            }
            stage.world.advance(200);
        }
        stage.restart();
        stage.user = User::Consents;
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(stage.world.count(What::Register), 2, "the new one is known");
    }
}

/// Programs that run once for each call, and ask for a wider scope while the token lives.
#[test]
fn a_client_that_is_forgotten_is_not_a_dead_page_for_each_program_that_asks_for_more() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() };
    let mut stage = Stage::new(&knobs, &settings(), false);
    assert_eq!(stage.call(LIST), Ok(200));
    stage.world.forget_clients();
    for _ in 0..2 {
        stage.restart();
        assert_eq!(stage.call("tools/call"), Err(Error::Cancelled));
        assert_eq!(stage.call(LIST), Ok(200), "what there was is kept");
        stage.world.advance(200);
    }
    stage.restart();
    assert_eq!(stage.call("tools/call"), Ok(200));
    assert_eq!((stage.logins(), stage.world.count(What::Register)), (4, 2));
}

/// Who was sent back has seen that the server knows the client.
#[test]
fn a_user_who_declines_more_costs_no_registration() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() };
    let stage = play_later(&knobs, &settings(), |stage| {
        stage.world.knobs.consent = Consent::Deny;
        assert!(matches!(stage.call("tools/call"), Err(Error::Refused(_))));
        stage.world.advance(600);
        stage.world.knobs.consent = Consent::Grant;
        assert_eq!(stage.call("tools/call"), Ok(200));
    });
    assert_eq!((stage.logins(), stage.world.count(What::Register)), (2, 0));
}

/// The store cannot be written when a wider scope is asked for: that is no reason to do nothing else first.
#[test]
fn a_doubt_that_could_not_be_stored_is_not_stored_later() {
    let stage = play_later(&Knobs::default(), &settings(), |stage| {
        stage.session_mut(0).log_in();
        assert_eq!(stage.run(0), Ok(Event::Login));
        stage.begin(0);
        stage.store.broken = Broken { save: true, ..Broken::default() };
        assert_eq!(stage.run(0), Ok(Event::Broken));
        stage.stop(0);
        let writes = stage.store.written.len();
        stage.store.broken = Broken { load: true, ..Broken::default() };
        stage.world.advance(HOUR - 30);
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(stage.store.written.len(), writes);
    });
    assert_eq!((stage.logins(), stage.refreshes()), (0, 0));
}

/// What is known of a token is known whatever else is written beside it.
#[test]
fn a_page_that_is_closed_makes_no_stranger_of_a_token() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() };
    play(&knobs, &settings(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        stage.user = User::GivesUp;
        assert_eq!(stage.call("tools/call"), Err(Error::Cancelled));
        let before = stage.now();
        stage.world.revoke_access_tokens();
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(stage.now(), before, "it was taken before, and is not given a moment now");
    });
}

/// Closing the page for a wider scope says nothing about the client.
#[test]
fn a_page_that_is_closed_costs_no_registration_while_the_grant_serves() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() };
    let stage = play_later(&knobs, &settings(), |stage| {
        stage.user = User::GivesUp;
        assert_eq!(stage.call("tools/call"), Err(Error::Cancelled));
        stage.world.advance(HOUR);
        assert_eq!(stage.call(LIST), Ok(200), "refreshed as before");
        stage.user = User::Consents;
        assert_eq!(stage.call("tools/call"), Ok(200));
    });
    assert_eq!((stage.world.count(What::Register), stage.refreshes()), (0, 1));
}

#[test]
fn a_client_of_an_earlier_server_that_forgot_it_is_registered_anew() {
    let knobs = Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() };
    let stage = play_later(&knobs, &settings(), |stage| {
        stage.world.knobs.prm_servers = PrmServers::Second;
        stage.world.advance(HOUR);
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.knobs.prm_servers = PrmServers::One;
        stage.world.advance(HOUR);
        stage.world.forget_clients();
        assert_eq!(stage.call(LIST), Err(Error::Cancelled), "the page sends nobody back");
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.count(What::Register), 2);
}

/// The access token is good to its end, whoever has forgotten what.
#[test]
fn a_living_token_is_used_although_its_client_is_forgotten() {
    let stage = later(|stage| {
        stage.world.advance(HOUR - 30);
        stage.world.forget_clients();
        stage.user = User::Absent;
        assert_eq!(stage.call(LIST), Ok(200));
        stage.restart();
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.logins(), 0);
}

/// The secret may be expired by this clock only.
#[test]
fn a_login_that_is_given_up_costs_no_refresh_token_even_if_the_secret_is_expired() {
    let knobs = Knobs {
        assigned_method: Some(AuthMethod::Basic),
        secret_lifetime: Some(2 * HOUR),
        ..Knobs::default()
    };
    let stage = play_later(&knobs, &settings(), |stage| {
        stage.world.advance(3 * HOUR);
        stage.user = User::GivesUp;
        assert_eq!(stage.call(LIST), Err(Error::Cancelled));
    });
    assert_eq!(stage.refresh_token().as_deref(), Some("rt-1-auth"));
}

/// With a lock that does not work, the news that a refresh token is dead meet a newer access token.
#[test]
fn the_end_of_a_grant_takes_no_newer_token_away() {
    let knobs = Knobs { rotation: Rotation::Keep, ..Knobs::default() };
    let mut stage = Stage::new(&knobs, &settings(), false);
    assert_eq!(stage.call(LIST), Ok(200));
    stage.world.advance(HOUR);
    let second = stage.add_host();
    stage.store.lockless = true;
    stage.session_mut(0).access();
    while stage.world.token_requests() == 1 {
        assert_eq!(stage.step(0), Ok(Event::Progress));
    }
    let refuse = TokenForm::Refuse("invalid_grant".into());
    stage.world.knobs.token_form = Damage::times(refuse, 1);
    stage.session_mut(second).access();
    while stage.world.token_requests() == 2 {
        assert_eq!(stage.step(second), Ok(Event::Progress));
    }
    // The third look, before the first host has saved.
    assert_eq!(stage.step(second), Ok(Event::Progress));
    assert_eq!(stage.run(0), Ok(Event::Ready));
    assert_eq!(stage.run(second), Ok(Event::Ready));
    let record = stage.record().expect("a login is stored");
    let token = record.tokens().map(|tokens| tokens.access_token.token());
    assert_eq!(token, Some("at-2-auth"));
}
