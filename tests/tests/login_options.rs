//! Logins that a host wants in a certain way: another account, other scopes. Each scenario also restarts before every
//! turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_core::Error;
use oauth_core::flow::{AuthorizationOptions, ScopeSource};
use oauth_core::session::Lock;
use oauth_core::wire::Prompt;
use oauth_tests::drive::{Event, Stage, User, play, play_later, settings};
use oauth_tests::world::{Damage, Knobs, PrmServers, RefreshTokens, ScopePolicy, TokenForm, What};

const LIST: &str = "tools/list";
const CALL: &str = "tools/call";

/// Longer than an access token lives.
const HOUR: u64 = 3600;

fn other_account() -> AuthorizationOptions {
    AuthorizationOptions::new().prompt(Prompt::SelectAccount).login_hint("ann@example.com").unwrap()
}

fn log_in(stage: &mut Stage, options: AuthorizationOptions) -> Result<(), Error> {
    stage.session_mut(0).log_in_with(options);
    stage.obtain(0)
}

/// The values of a parameter in each authorization request.
fn said<'a>(stage: &'a Stage, name: &str) -> Vec<Vec<&'a str>> {
    let of = |all: &'a [(String, String)]| {
        all.iter().filter(|(it, _)| it == name).map(|(_, value)| &**value).collect()
    };
    stage.world.requests(What::Authorize).into_iter().map(|it| of(&it.parameters)).collect()
}

/// What happens before a login.
type Happens = fn(&mut Stage);

#[test]
fn a_wish_goes_with_each_page_of_its_login_and_with_no_later_one() {
    let refused = |stage: &mut Stage| {
        let refuse = TokenForm::Refuse("invalid_client".into());
        stage.world.knobs.token_form = Damage::times(refuse, 1);
    };
    let moved = |stage: &mut Stage| stage.world.knobs.prm_servers = PrmServers::Second;
    let plain = |_: &mut Stage| ();
    let cases: [(Happens, _, _); 3] = [(plain, 1, 0), (refused, 2, 1), (moved, 1, 1)];
    for (happens, pages, registrations) in cases {
        let stage = play_later(&Knobs::default(), &settings(), |stage| {
            happens(stage);
            assert_eq!(log_in(stage, other_account()), Ok(()));
            assert_eq!(stage.world.count(What::Register), registrations);
            stage.session_mut(0).log_in();
            assert_eq!(stage.obtain(0), Ok(()));
        });
        let mut expected = vec![vec!["select_account"]; pages];
        expected.push(vec![]);
        assert_eq!(said(&stage, "prompt"), expected);
        let expected = [vec![vec!["ann@example.com"]; pages], vec![vec![]]].concat();
        assert_eq!(said(&stage, "login_hint"), expected);
    }
}

#[test]
fn the_prompt_of_the_settings_is_replaced_for_one_login() {
    let own = settings().authorization_parameter("prompt", "login").unwrap();
    let own = own.authorization_parameter("login_hint", "bob@example.com").unwrap();
    let stage = play(&Knobs::default(), &own, |stage| {
        assert_eq!(log_in(stage, other_account()), Ok(()));
        stage.session_mut(0).log_in();
        assert_eq!(stage.obtain(0), Ok(()));
    });
    assert_eq!(said(&stage, "prompt"), [["select_account"], ["login"]]);
    assert_eq!(said(&stage, "login_hint"), [["ann@example.com"], ["bob@example.com"]]);
}

/// It is for the refresh token, whoever logs in.
#[test]
fn the_consent_for_a_refresh_token_stays() {
    let refresh_tokens = RefreshTokens::OnlyWithOfflineAccess;
    let knobs = Knobs { offline_access: true, refresh_tokens, ..Knobs::default() };
    let stage = play(&knobs, &settings(), |stage| {
        assert_eq!(log_in(stage, other_account().scope("mcp:basic").unwrap()), Ok(()));
        assert!(stage.refresh_token().is_some());
    });
    assert_eq!(said(&stage, "prompt"), [["select_account consent"]]);
    assert_eq!(stage.world.scopes_asked(), [Some("mcp:basic offline_access")]);
}

#[test]
fn the_old_grant_is_used_until_the_new_one_is_there_and_is_not_revoked() {
    let stage = play_later(&Knobs::default(), &settings(), |stage| {
        let other = stage.add_host();
        let old = stage.refresh_token();
        stage.session_mut(0).log_in_with(other_account());
        assert_eq!(stage.run(0), Ok(Event::Login));
        stage.begin(0);
        stage.user = User::Waits;
        assert_eq!(stage.run(0), Ok(Event::Page));
        assert_eq!(stage.call_from(other, LIST), Ok(200));
        assert_eq!(stage.refresh_token(), old);
        stage.user = User::Consents;
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert!(stage.refresh_token() != old);
        assert_eq!(stage.call_from(0, LIST), Ok(200));
    });
    assert_eq!(stage.world.count(What::Revoke), 0);
}

#[test]
fn a_login_that_was_given_up_leaves_the_old_grant() {
    let stage = play_later(&Knobs::default(), &settings(), |stage| {
        let old = stage.refresh_token();
        stage.user = User::GivesUp;
        assert_eq!(log_in(stage, other_account()), Err(Error::Cancelled));
        stage.user = User::Absent;
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(stage.refresh_token(), old);
        stage.world.advance(HOUR);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((stage.refreshes(), stage.world.count(What::Revoke)), (1, 0));
}

/// What the other one brings may be of another account.
#[test]
fn a_login_for_an_account_waits_for_the_one_under_way_and_has_its_own_page() {
    let one = || AuthorizationOptions::new().login_hint("bob@example.com").unwrap();
    for first in [AuthorizationOptions::new(), other_account(), one()] {
        let stage = play(&Knobs::default(), &settings(), |stage| {
            let second = stage.add_host();
            stage.session_mut(0).log_in_with(first.clone());
            stage.session_mut(second).log_in_with(other_account());
            for host in [0, second] {
                assert_eq!(stage.run(host), Ok(Event::Login));
                stage.begin(host);
            }
            stage.user = User::Waits;
            assert_eq!(stage.run(0), Ok(Event::Page));
            assert_eq!(stage.step(second), Ok(Event::Blocked(Lock::Login)));
            stage.user = User::Consents;
            assert_eq!(stage.run(0), Ok(Event::Ready));
            assert_eq!(stage.run(second), Ok(Event::Ready));
        });
        assert_eq!(said(&stage, "login_hint").last().unwrap(), &["ann@example.com"]);
        assert_eq!(stage.logins(), 2);
    }
}

/// Who asks for nothing in particular takes what comes.
#[test]
fn a_login_for_any_account_takes_what_one_for_an_account_brings() {
    let stage = play(&Knobs::default(), &settings(), |stage| {
        let second = stage.add_host();
        stage.session_mut(0).log_in_with(other_account());
        stage.session_mut(second).log_in_with(AuthorizationOptions::new());
        for host in [0, second] {
            assert_eq!(stage.run(host), Ok(Event::Login));
            stage.begin(host);
        }
        assert_eq!(stage.run(0), Ok(Event::Ready));
        assert_eq!(stage.run(second), Ok(Event::Ready));
    });
    assert_eq!(stage.logins(), 1);
}

#[test]
fn scopes_of_one_login_replace_or_join_the_others() {
    let only = |scope| AuthorizationOptions::new().scope(scope).unwrap();
    let also = |scope| AuthorizationOptions::new().add_scope(scope).unwrap();
    let set_up = || settings().scope("mcp:basic").unwrap();
    let (host, earlier) = (ScopeSource::Settings, ScopeSource::EarlierLogin);
    let both = only("mcp:write").add_scope("mcp:x").unwrap();
    let knobs = Knobs { prm_scopes: None, ..Knobs::default() };
    for (settings, options, asked, by, next) in [
        (settings(), only("mcp:write"), "mcp:write", host, "mcp:write"),
        (settings(), also("mcp:write"), "mcp:basic mcp:write", host, "mcp:basic mcp:write"),
        (settings(), also("mcp:basic"), "mcp:basic", host, "mcp:basic"),
        (settings(), both, "mcp:write mcp:x", host, "mcp:write mcp:x"),
        (settings(), only(""), "mcp:basic", earlier, "mcp:basic"),
        (set_up(), only("mcp:write"), "mcp:write", host, "mcp:basic"),
        (set_up(), also("mcp:write"), "mcp:basic mcp:write", host, "mcp:basic"),
    ] {
        let stage = play_later(&knobs, &settings, |stage| {
            assert_eq!(log_in(stage, options.clone()), Ok(()));
            let found = stage.record().unwrap().binding().requested_by();
            assert_eq!(found, Some(by), "{options:?}");
            stage.session_mut(0).log_in();
            assert_eq!(stage.obtain(0), Ok(()));
        });
        assert_eq!(stage.world.scopes_asked(), [Some(asked), Some(next)], "{options:?}");
    }
}

/// What was missing once is not lost by it.
#[test]
fn scopes_in_addition_join_those_of_an_earlier_step_up() {
    let own = settings().scope("mcp:basic").unwrap();
    let knobs = Knobs { scopes: ScopePolicy::StepUp, prm_scopes: None, ..Knobs::default() };
    let stage = play_later(&knobs, &own, |stage| {
        assert_eq!(stage.call(CALL), Ok(200));
        let options = AuthorizationOptions::new().add_scope("mcp:x").unwrap();
        assert_eq!(log_in(stage, options), Ok(()));
    });
    let asked = [Some("mcp:basic mcp:write"), Some("mcp:basic mcp:write mcp:x")];
    assert_eq!(stage.world.scopes_asked(), asked);
}

/// The host knows what it wants; a call that still lacks something says so again.
#[test]
fn a_login_for_fewer_scopes_asks_for_nothing_that_was_missing() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, prm_scopes: None, ..Knobs::default() };
    for (options, asked) in [
        (AuthorizationOptions::new().scope("mcp:basic").unwrap(), "mcp:basic"),
        (AuthorizationOptions::new().add_scope("mcp:x").unwrap(), "mcp:basic mcp:write mcp:x"),
        (other_account(), "mcp:basic mcp:write"),
    ] {
        let stage = play_later(&knobs, &settings(), |stage| {
            stage.user = User::Absent;
            stage.call(CALL).unwrap_err();
            stage.user = User::Consents;
            assert_eq!(log_in(stage, options.clone()), Ok(()));
        });
        assert_eq!(stage.world.scopes_asked(), [Some(asked)]);
    }
}

#[test]
fn a_login_that_is_handed_out_takes_its_wish_along() {
    let stage = play_later(&Knobs::default(), &settings(), |stage| {
        stage.session_mut(0).log_in_with(other_account());
        assert_eq!(stage.run(0), Ok(Event::Login));
        stage.begin(0);
        stage.user = User::Waits;
        assert_eq!(stage.run(0), Ok(Event::Page));
        let pending = serde_json::to_string(&stage.suspend(0)).unwrap();
        assert_eq!(stage.run(0), Err(Error::LoginRequired));
        stage.user = User::Consents;
        let other = stage.resume(serde_json::from_str(&pending).unwrap()).unwrap();
        // Its client is refused, so that its user has to go there once more.
        let refuse = TokenForm::Refuse("invalid_client".into());
        stage.world.knobs.token_form = Damage::times(refuse, 1);
        assert_eq!(stage.obtain(other), Ok(()));
    });
    assert_eq!(said(&stage, "prompt"), [["select_account"], ["select_account"]]);
}
