//! One reference, one visit: what comes back fits what was pushed, and a login that is handed out says how long its page
//! is good for.

use core::time::Duration;

use oauth_core::Error;
use oauth_core::error::PeerMisbehaved;
use oauth_core::session::{Lock, PendingLogin, Turn};
use oauth_tests::drive::{Event, PATIENCE, Stage, User, play, settings};
use oauth_tests::world::{AuthMethod, Consent, Damage, Knobs, TokenForm, What};
use serde_json::Value;

use crate::{LIST, REFERENCE, asked, of_secrets, required, said_to_pages, with_secret};

/// For how long a reference is good, at these servers.
const LIFETIME: Duration = Duration::from_secs(60);

/// Begins a login, takes it out of the first host, and stores it for another process.
fn hand_out(stage: &mut Stage) -> PendingLogin {
    assert_eq!(stage.run(0), Ok(Event::Login));
    stage.begin(0);
    assert_eq!(stage.run(0), Ok(Event::Page));
    let pending = stage.suspend(0);
    assert_eq!(stage.run(0), Err(Error::LoginRequired));
    let stored = serde_json::to_string(&pending).expect("it serializes");
    serde_json::from_str(&stored).expect("it is read again")
}

/// Its page says no `state`, and the redirect is found by it all the same.
#[test]
fn a_login_is_handed_out_and_finished_in_another_process() {
    let stage = play(&required(), &settings(), |stage| {
        stage.user = User::Waits;
        let pending = hand_out(stage);
        let url = pending.connect_url();
        let pushed = stage.world.requests(What::Push)[0].parameter("state").map(str::to_owned);
        assert_eq!(Some(url.state()), pushed.as_deref());
        assert!(!url.as_str().contains(url.state()), "{}", url.as_str());
        stage.user = User::Consents;
        let other = stage.resume(pending.clone()).expect("it is for this server");
        assert_eq!(stage.obtain(other), Ok(()));
        let again = stage.resume(pending).expect("it is for this server");
        assert_eq!(stage.obtain(again), Err(Error::LoginUsed));
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(asked(&stage), [1, 1, 1]);
    assert_eq!(said_to_pages(&stage), [REFERENCE]);
}

#[test]
fn it_says_until_when_its_user_has_to_be_there() {
    let visit_by = |stage: &Stage, lifetime| stage.now() + lifetime;
    for (knobs, lifetime) in [
        (required(), LIFETIME),
        (Knobs { par_lifetime: 2 * PATIENCE.as_secs(), ..required() }, PATIENCE),
        (Knobs::default(), PATIENCE),
    ] {
        play(&knobs, &settings(), |stage| {
            stage.user = User::Waits;
            let pending = hand_out(stage);
            assert_eq!(pending.expires_at(), visit_by(stage, PATIENCE));
            assert_eq!(pending.visit_by(), visit_by(stage, lifetime));
        });
    }
}

/// Who is there in time may take their time.
#[test]
fn a_login_whose_user_came_in_time_is_finished_until_it_expires() {
    let come = |stage: &mut Stage, after: Duration| {
        stage.user = User::Waits;
        let pending = hand_out(stage);
        let query = stage.world.visit(pending.connect_url().as_str()).expect("in time");
        stage.world.advance(after.as_secs());
        stage.user = User::ConsentsAfter(vec![query]);
        let other = stage.resume(pending.clone()).expect("it is for this server");
        (stage.obtain(other), pending.expires_at())
    };
    for restart in [false, true] {
        let mut stage = Stage::new(&required(), &settings(), restart);
        assert_eq!(come(&mut stage, LIFETIME * 3).0, Ok(()));
        let mut stage = Stage::new(&required(), &settings(), restart);
        let (late, expired_at) = come(&mut stage, PATIENCE + Duration::from_secs(1));
        assert_eq!(late, Err(Error::LoginExpired { expired_at }));
        stage.user = User::Consents;
        assert_eq!(stage.call(LIST), Ok(200), "and a new one can be begun");
    }
}

/// Whatever was pushed is in the seal. What came after is not: whose the login is and how long it may take is the host's
/// word alone.
#[test]
fn a_login_that_was_changed_does_not_fit_its_redirect() {
    let mut stage = Stage::new(&required(), &settings(), false);
    stage.user = User::Waits;
    let pending = hand_out(&mut stage);
    let query = stage.world.visit(pending.connect_url().as_str()).expect("in time");
    let original: Value = serde_json::to_value(&pending).expect("it serializes");
    let token_endpoint = "/consent/binding/server/token_endpoint";
    let mut edited = original.clone();
    *edited.pointer_mut(token_endpoint).expect("it is there") = "https://evil.example/t".into();
    let edited: PendingLogin = serde_json::from_value(edited).expect("a login");
    let state = edited.connect_url().state().to_owned();
    assert!(!query.contains(&state));
    let other = stage.resume(edited).expect("it is for this server");
    assert_eq!(stage.run(other), Ok(Event::Page));
    let now = stage.now();
    let Ok(Turn::Browser(_, reply)) = stage.session_mut(other).turn() else { panic!("no page") };
    assert_eq!(reply.redirect(&query, now), Err(PeerMisbehaved::StateMismatch.into()));
    assert_eq!(stage.world.token_requests(), 0);
}

/// The second visit of one login: the client was refused when it brought its code.
#[test]
fn a_login_that_is_shown_again_is_pushed_again() {
    let knobs =
        Knobs { token_auth_methods: Some(vec![AuthMethod::None, AuthMethod::Post]), ..required() };
    let stage = play(&knobs, &settings(), |stage| {
        let refused = TokenForm::Refuse("invalid_client".into());
        stage.world.knobs.token_form = Damage::times(refused, 1);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(asked(&stage), [2, 2, 2]);
    let visits = stage.world.requests(What::Authorize);
    let [one, two] = &visits[..] else { panic!("two") };
    assert_ne!(one.parameter("request_uri"), two.parameter("request_uri"));
}

/// The same in another process than the one that began.
#[test]
fn a_login_that_was_handed_out_and_refused_is_pushed_again() {
    let methods = Some(vec![AuthMethod::None, AuthMethod::Post]);
    let knobs = Knobs { token_auth_methods: methods, ..required() };
    let stage = play(&knobs, &settings(), |stage| {
        stage.user = User::Waits;
        let pending = hand_out(stage);
        stage.user = User::Consents;
        let refused = TokenForm::Refuse("invalid_client".into());
        stage.world.knobs.token_form = Damage::times(refused, 1);
        let other = stage.resume(pending).expect("it is for this server");
        assert_eq!(stage.obtain(other), Ok(()));
    });
    assert_eq!(asked(&stage), [2, 2, 2]);
}

#[test]
fn a_user_who_says_no_has_said_it() {
    let knobs = Knobs { consent: Consent::Deny, ..required() };
    let stage = play(&knobs, &settings(), |stage| {
        let error = stage.call(LIST).expect_err("they say no");
        assert_eq!(error.code(), "refused_authorization_access_denied", "{error}");
    });
    assert_eq!(asked(&stage), [1, 1, 0]);
}

#[test]
fn a_login_is_cancelled_before_and_after_its_push() {
    for restart in [false, true] {
        for pushes in [0, 1] {
            let mut stage = Stage::new(&required(), &settings(), restart);
            stage.user = User::Waits;
            assert_eq!(stage.run(0), Ok(Event::Login));
            stage.begin(0);
            while stage.world.count(What::Register) < 1 || stage.world.count(What::Push) < pushes {
                assert_eq!(stage.step(0), Ok(Event::Progress));
            }
            // The registration is written down first.
            while stage.session(0).record().is_none() {
                assert_eq!(stage.step(0), Ok(Event::Progress));
            }
            assert!(stage.session_mut(0).cancel_login());
            assert_eq!(stage.run(0), Err(Error::Cancelled));
            assert_eq!(stage.store.held_by(0), [] as [Lock; 0]);
            stage.user = User::Consents;
            assert_eq!(stage.call(LIST), Ok(200));
            assert_eq!(stage.world.count(What::Push), pushes + 1);
            assert_eq!(stage.world.count(What::Register), 1);
        }
    }
}

/// A reference shows the request to whoever has it.
#[test]
fn what_is_pushed_is_shown_to_nobody() {
    for restart in [false, true] {
        let mut stage = Stage::new(&of_secrets(), &with_secret(), restart);
        stage.user = User::Waits;
        let pending = hand_out(&mut stage);
        let url = pending.connect_url();
        let secrets = [url.state().to_owned(), "request_uri:par-1".to_owned()];
        for text in [format!("{pending:?}"), format!("{url:?}"), format!("{:?}", stage.session(0))]
        {
            assert!(secrets.iter().all(|secret| !text.contains(secret)), "{text}");
        }
        assert_eq!(asked(&stage), [1, 0, 0]);
    }
}
