//! Who the client is to a server, where servers are choosy about it: how it authenticates, with which scopes
//! it is registered, and what is tried when that is refused. Each scenario also restarts before every turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_core::Error;
use oauth_core::flow::Settings;
use oauth_core::wire::AuthMethod as Chosen;
use oauth_tests::drive::{Callback, Event, Stage, User, play, play_later, settings};
use oauth_tests::world::{
    AuthMethod, Consent, Damage, Grant, Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET, RefreshTokens,
    RegisteredScopes, ScopePolicy, TokenForm, What,
};

const LIST: &str = "tools/list";
const HOUR: u64 = 3600;

/// Servers on the Python SDK: they look for the client id in the body, and list Basic all the same.
fn python_sdk() -> Knobs {
    Knobs {
        token_auth_methods: Some(vec![AuthMethod::Post, AuthMethod::Basic]),
        refused_methods: vec![AuthMethod::Basic],
        ..Knobs::default()
    }
}

/// How the client of the stored grant authenticates.
fn method(stage: &Stage) -> Option<Chosen> {
    stage.record().map(|record| record.binding().client().auth_method())
}

#[test]
fn servers_that_list_post_and_basic_and_refuse_basic_let_their_users_in() {
    let stage = play(&python_sdk(), &settings(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(HOUR);
        assert_eq!(stage.call(LIST), Ok(200), "refreshed");
        assert_eq!(method(stage), Some(Chosen::ClientSecretPost));
        stage.session_mut(0).logout();
        assert!(matches!(stage.run(0), Ok(Event::LoggedOut(_))));
    });
    assert_eq!(stage.world.grants_alive(), 0, "revoked");
    assert_eq!((stage.logins(), stage.world.count(What::Register)), (1, 1));
}

/// Refused and registered again, the user is sent once more; the next login does not have to.
#[test]
fn a_client_that_is_refused_at_once_is_registered_with_the_next_method() {
    use AuthMethod::{Basic, None as Public, Post};
    for (listed, refused, works, asked) in [
        (Some(vec![Basic, Public, Post]), vec![Public], Chosen::ClientSecretPost, [PUBLIC, POST]),
        (Some(vec![Basic, Post]), vec![Post], Chosen::ClientSecretBasic, [POST, BASIC]),
        (Some(vec![Public, Basic]), vec![Public], Chosen::ClientSecretBasic, [PUBLIC, BASIC]),
        // Without a list a secret goes into the header (RFC 8414 §2).
        (None, vec![Public], Chosen::ClientSecretBasic, [PUBLIC, BASIC]),
    ] {
        let knobs = Knobs {
            token_auth_methods: listed,
            refused_methods: refused,
            refresh_tokens: RefreshTokens::Never,
            ..Knobs::default()
        };
        let stage = play(&knobs, &settings(), |stage| {
            assert_eq!(stage.call(LIST), Ok(200));
            assert_eq!((stage.logins(), method(stage)), (2, Some(works)));
            stage.world.advance(HOUR);
            stage.restart();
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!(registered(&stage, "token_endpoint_auth_method"), asked.map(Some));
        assert_eq!((stage.logins(), stage.world.token_requests()), (3, 3));
    }
}

/// A verifier that could be read in an address bar would be none.
#[test]
fn each_visit_of_a_login_has_a_state_and_a_verifier_of_its_own() {
    let knobs = Knobs { refused_methods: vec![AuthMethod::None], ..Knobs::default() };
    let stage = play(&knobs, &settings(), |stage| assert_eq!(stage.call(LIST), Ok(200)));
    let said = |what, name: &str| {
        let requests = stage.world.requests(what).into_iter();
        requests.map(|it| it.parameter(name).unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (states, verifiers) = (said(What::Authorize, "state"), said(CODE, "code_verifier"));
    assert_eq!((states.len(), verifiers.len()), (2, 2));
    let all: std::collections::BTreeSet<_> = states.iter().chain(&verifiers).collect();
    assert_eq!(all.len(), 4);
}

const CODE: What = What::Token(Grant::Code);

/// What each registration said in a member.
fn registered<'a>(stage: &'a Stage, member: &str) -> Vec<Option<&'a str>> {
    stage.world.requests(What::Register).into_iter().map(|it| it.json[member].as_str()).collect()
}

const PUBLIC: &str = "none";
const POST: &str = "client_secret_post";
const BASIC: &str = "client_secret_basic";

#[test]
fn a_client_that_is_refused_whatever_it_registers_is_registered_twice_and_no_more() {
    use AuthMethod::{Basic, None as Public, Post};
    for (listed, tried) in [
        (vec![Basic, Public, Post], "none, client_secret_post"),
        (vec![Public], "none"),
        (vec![Post], "client_secret_post"),
    ] {
        let times = tried.split(", ").count();
        let refuse = TokenForm::Refuse("incorrect_client_credentials".into());
        let knobs = Knobs {
            token_auth_methods: Some(listed),
            token_form: Damage::always(refuse),
            ..Knobs::default()
        };
        let stage = play(&knobs, &settings(), |stage| {
            let error = stage.call(LIST).unwrap_err();
            assert_eq!(error.code(), "registered_client_refused");
            assert!(error.to_string().ends_with(&format!("by {tried}")), "{error}");
            let refusal = error.refusal().unwrap();
            assert_eq!(refusal.description.as_deref(), Some("As the test says"));
        });
        assert_eq!((stage.logins(), stage.world.count(What::Register)), (times, times));
    }
}

/// A registration that was made by a version that preferred Basic.
#[test]
fn a_client_of_an_earlier_login_that_is_refused_is_registered_anew_in_the_same_login() {
    for listed in [vec![AuthMethod::Post, AuthMethod::Basic], vec![AuthMethod::Basic]] {
        let knobs = Knobs {
            token_auth_methods: Some(vec![AuthMethod::Basic]),
            refresh_tokens: RefreshTokens::Never,
            ..Knobs::default()
        };
        let stage = play_later(&knobs, &settings(), |stage| {
            stage.world.advance(HOUR);
            stage.world.knobs.token_auth_methods = Some(listed.clone());
            let refuse = TokenForm::Refuse("invalid_client".into());
            stage.world.knobs.token_form = Damage::times(refuse, 1);
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!((stage.logins(), stage.world.count(What::Register)), (2, 1), "{listed:?}");
    }
}

fn pre_registered() -> Settings {
    settings().client_id(PRE_CLIENT_ID, Some(PRE_CLIENT_SECRET.into())).unwrap()
}

/// No code is spent by a request whose client is refused, so its user is not sent again.
#[test]
fn a_secret_is_sent_by_the_next_method_that_is_listed_and_then_by_the_one_that_worked() {
    let knobs = Knobs {
        pre_method: AuthMethod::Post,
        refresh_tokens: RefreshTokens::Never,
        scopes: ScopePolicy::StepUp,
        ..python_sdk()
    };
    let stage = play(&knobs, &pre_registered(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!((stage.logins(), stage.world.token_requests()), (1, 2));
        assert_eq!(method(stage), Some(Chosen::ClientSecretPost));
        assert_eq!(stage.call("tools/call"), Ok(200), "a wider login");
        stage.world.advance(HOUR);
        stage.restart();
        assert_eq!(stage.call(LIST), Ok(200), "a login with discovery");
    });
    assert_eq!((stage.logins(), stage.world.token_requests()), (3, 4));
}

#[test]
fn a_secret_that_no_method_helps_is_an_error_that_says_what_was_tried() {
    let refuse = TokenForm::Refuse("invalid_client".into());
    let knobs = Knobs { token_form: Damage::always(refuse), ..Knobs::default() };
    let stage = play(&knobs, &pre_registered(), |stage| {
        let error = stage.call(LIST).unwrap_err();
        assert_eq!(error.code(), "client_refused");
        let tried = "by client_secret_basic, client_secret_post";
        assert!(error.to_string().ends_with(tried), "{error}");
        assert!(error.advice().contains("`client_secret`"));
    });
    assert_eq!((stage.logins(), stage.world.token_requests()), (1, 2));
}

/// Servers of the Python SDK without default scopes know no scope that was not registered.
#[test]
fn a_server_that_wants_its_scopes_registered_gets_them_in_the_same_login() {
    let knobs = Knobs {
        registered_scopes: RegisteredScopes::Named,
        refresh_tokens: RefreshTokens::Never,
        ..Knobs::default()
    };
    let stage = play(&knobs, &settings(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(stage.logins(), 2);
        let record = stage.record().unwrap();
        assert_eq!(record.binding().client().scope().unwrap().as_str(), "mcp:basic");
        stage.world.advance(HOUR);
        stage.restart();
        assert_eq!(stage.call(LIST), Ok(200), "the next login knows it");
    });
    assert_eq!(registered(&stage, "scope"), [None, Some("mcp:basic")]);
    assert_eq!(stage.logins(), 3);
    assert!(stage.world.scopes_asked().iter().all(|asked| *asked == Some("mcp:basic")));
}

/// What was registered is not asked in vain: the wider client is registered before the user is sent.
#[test]
fn a_wider_scope_is_registered_before_the_user_is_sent() {
    let knobs = Knobs {
        registered_scopes: RegisteredScopes::Named,
        scopes: ScopePolicy::StepUp,
        ..Knobs::default()
    };
    let stage = play_later(&knobs, &settings(), |stage| {
        assert_eq!(stage.call("tools/call"), Ok(200));
    });
    assert_eq!(registered(&stage, "scope"), [Some("mcp:basic mcp:write")]);
    assert_eq!(stage.logins(), 1);
}

/// Whether a server has scopes of its own for a client is known only when it refuses others.
#[test]
fn a_step_up_beyond_the_scopes_that_the_server_registered_registers_the_union() {
    for registered_scopes in
        [RegisteredScopes::Default("mcp:basic".into()), RegisteredScopes::OnlyIfNamed]
    {
        let binds = registered_scopes != RegisteredScopes::OnlyIfNamed;
        let knobs = Knobs { registered_scopes, scopes: ScopePolicy::StepUp, ..Knobs::default() };
        let stage = play_later(&knobs, &settings(), |stage| {
            assert_eq!(stage.call("tools/call"), Ok(200));
        });
        let expected: &[_] = if binds { &[Some("mcp:basic mcp:write")] } else { &[] };
        assert_eq!(registered(&stage, "scope"), expected);
        assert_eq!(stage.logins(), if binds { 2 } else { 1 });
    }
}

/// The callback has moved, and the new registration names the scopes of the old one at once.
#[test]
fn scopes_that_had_to_be_named_are_named_in_later_registrations() {
    let knobs = Knobs {
        registered_scopes: RegisteredScopes::Named,
        refresh_tokens: RefreshTokens::Never,
        ..Knobs::default()
    };
    let stage = play_later(&knobs, &settings(), |stage| {
        stage.world.advance(HOUR);
        stage.callback = Callback::At("http://127.0.0.1:49153/callback");
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(registered(&stage, "scope"), [Some("mcp:basic")]);
    assert_eq!(stage.logins(), 1);
}

#[test]
fn scopes_that_are_refused_although_they_are_registered_end_the_login() {
    let knobs = Knobs { consent: Consent::Error("invalid_scope".into()), ..Knobs::default() };
    let stage = play(&knobs, &settings(), |stage| {
        let error = stage.call(LIST).unwrap_err();
        assert_eq!(error.refusal().map(|it| &*it.code), Some("invalid_scope"));
    });
    assert_eq!((stage.logins(), stage.world.count(What::Register)), (2, 2));
}

/// A server without registration: what it refuses is refused.
#[test]
fn no_client_is_registered_for_a_scope_where_one_is_set_up() {
    let knobs = Knobs { consent: Consent::Error("invalid_scope".into()), ..Knobs::default() };
    let stage = play(&knobs, &pre_registered(), |stage| {
        assert!(matches!(stage.call(LIST), Err(Error::Refused(_))));
    });
    assert_eq!((stage.logins(), stage.world.count(What::Register)), (1, 0));
}

/// Each for its own reason, and each once.
#[test]
fn a_server_that_is_choosy_about_both_is_asked_three_times() {
    let knobs = Knobs {
        registered_scopes: RegisteredScopes::Named,
        refused_methods: vec![AuthMethod::None],
        ..Knobs::default()
    };
    let stage = play(&knobs, &settings(), |stage| assert_eq!(stage.call(LIST), Ok(200)));
    assert_eq!(registered(&stage, "scope"), [None, Some("mcp:basic"), Some("mcp:basic")]);
    assert_eq!(
        registered(&stage, "token_endpoint_auth_method"),
        [Some(PUBLIC), Some(PUBLIC), Some(POST)]
    );
    assert_eq!(stage.logins(), 3);
}

/// Who closes the page then has not to register again.
#[test]
fn the_second_client_is_written_down_before_the_user_is_sent_to_it() {
    let knobs = Knobs { refused_methods: vec![AuthMethod::None], ..Knobs::default() };
    let stage = play(&knobs, &settings(), |stage| {
        assert_eq!(stage.run(0), Ok(Event::Login));
        stage.begin(0);
        while stage.world.count(What::Register) < 2 {
            assert_eq!(stage.step(0), Ok(Event::Progress));
        }
        stage.user = User::GivesUp;
        assert_eq!(stage.run(0), Err(Error::Cancelled));
        stage.restart();
        stage.user = User::Consents;
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((stage.logins(), stage.world.count(What::Register)), (2, 2));
}

/// The process that finishes it registers anew, and hands it out once more.
#[test]
fn a_login_that_was_handed_out_and_whose_client_is_refused_is_handed_out_again() {
    let knobs = Knobs { refused_methods: vec![AuthMethod::None], ..Knobs::default() };
    let stage = play(&knobs, &settings(), |stage| {
        stage.user = User::Waits;
        assert_eq!(stage.run(0), Ok(Event::Login));
        stage.begin(0);
        assert_eq!(stage.run(0), Ok(Event::Page));
        let first = stage.suspend(0);
        assert_eq!(stage.run(0), Err(Error::LoginRequired));
        let query = stage.world.visit(first.connect_url().as_str()).unwrap();
        let other = stage.resume(first).unwrap();
        stage.user = User::ConsentsAfter(vec![query]);
        while stage.world.token_requests() == 0 {
            assert_eq!(stage.step(other), Ok(Event::Progress));
        }
        stage.user = User::Waits;
        assert_eq!(stage.run(other), Ok(Event::Page));
        let second = stage.suspend(other);
        assert_eq!(stage.run(other), Err(Error::LoginRequired));
        let query = stage.world.visit(second.connect_url().as_str()).unwrap();
        let last = stage.resume(second).unwrap();
        stage.user = User::ConsentsAfter(vec![query]);
        assert_eq!(stage.obtain(last), Ok(()));
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((stage.logins(), stage.world.count(What::Register)), (2, 2));
    assert_eq!(method(&stage), Some(Chosen::ClientSecretPost));
}
