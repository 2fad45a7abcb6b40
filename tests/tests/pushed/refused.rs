//! Answers to a push that are no reference: what is left to try, and what ends a login. It is never asked in the browser
//! instead.

use oauth_core::error::{Malformed, Refusal};
use oauth_core::{Endpoint, Error};
use oauth_tests::drive::{Stage, play, settings};
use oauth_tests::world::{
    AuthMethod, Damage, Fault, Knobs, ParForm, RegisteredScopes, Registration, What,
};

use crate::{LIST, asked, of_secrets, required, with_secret};

/// What the first call came to where the answer to each push is that.
fn ends(form: ParForm) -> Error {
    let knobs = Knobs { par_form: Damage::always(form), ..required() };
    let stage = play(&knobs, &settings(), |stage| {
        stage.call(LIST).expect_err("nothing is pushed");
    });
    assert_eq!(asked(&stage)[1..], [0, 0], "nobody is sent to a page");
    stage.calls[0].clone().expect_err("as above")
}

#[test]
fn a_refusal_ends_the_login() {
    for code in [
        "invalid_request",
        "invalid_target",
        "unsupported_response_type",
        "access_denied",
        "invalid_redirect_uri",
        "server_error",
        "some_other_code",
    ] {
        let error = ends(ParForm::Refuse(code.into()));
        let Error::Refused(Refusal { endpoint, code: found, .. }) = &error else {
            panic!("{code}: {error:?}")
        };
        assert_eq!((*endpoint, &**found), (Endpoint::PushedAuthorization, code));
    }
}

#[test]
fn an_answer_without_a_reference_ends_it_as_well() {
    for (form, member) in [
        (ParForm::NoRequestUri, "request_uri"),
        (ParForm::EmptyRequestUri, "request_uri"),
        (ParForm::LongRequestUri, "request_uri"),
    ] {
        let error = ends(form.clone());
        let Error::Malformed(Malformed { endpoint, defect, .. }) = &error else {
            panic!("{form:?}: {error:?}")
        };
        assert_eq!(*endpoint, Endpoint::PushedAuthorization);
        assert!(defect.to_string().contains(member), "{form:?}: {defect}");
    }
}

#[test]
fn answers_that_can_be_read_are_tolerated_by_name() {
    for (form, tolerance) in [
        (ParForm::Status200, Some("pushed_status")),
        (ParForm::OddRequestUri, None),
        (ParForm::NoExpiresIn, None),
        (ParForm::ExpiresInText, Some("textual_lifetime")),
        (ParForm::ExpiresInZero, Some("misshapen_members")),
    ] {
        let knobs = Knobs { par_form: Damage::always(form.clone()), ..required() };
        let stage = play(&knobs, &settings(), |stage| assert_eq!(stage.call(LIST), Ok(200)));
        assert_eq!(asked(&stage), [1, 1, 1], "{form:?}");
        let record = stage.record().expect("a record");
        let tolerated = record.binding().tolerated();
        let names: Vec<_> = tolerated.iter().map(|it| it.name().to_owned()).collect();
        assert_eq!(names, Vec::from_iter(tolerance.map(str::to_owned)), "{form:?}");
    }
}

#[test]
fn what_is_only_for_now_may_be_tried_again() {
    for fault in [Fault::TooMany { retry_after: 9 }, Fault::Status(502)] {
        let knobs = Knobs { par_damage: Damage::times(fault.clone(), 1), ..required() };
        let stage = play(&knobs, &settings(), |stage| {
            let error = stage.call(LIST).expect_err("not now");
            assert!(error.is_retryable(), "{error}");
            assert!(matches!(error, Error::Unreachable(_)), "{error}");
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!((asked(&stage), stage.world.count(What::Register)), ([2, 1, 1], 1), "{fault:?}");
    }
}

/// Nothing of it is spent, so the same request is pushed once more, authenticated in the next way.
#[test]
fn a_client_that_is_refused_tries_the_other_way_that_the_server_lists() {
    let knobs = Knobs {
        pre_method: AuthMethod::Post,
        token_auth_methods: Some(vec![AuthMethod::Basic, AuthMethod::Post]),
        refused_methods: vec![AuthMethod::Basic],
        ..of_secrets()
    };
    let stage = play(&knobs, &with_secret(), |stage| assert_eq!(stage.call(LIST), Ok(200)));
    assert_eq!(asked(&stage), [2, 1, 1], "the code comes with the way that has worked");
    let knobs = Knobs {
        par_form: Damage::always(ParForm::Refuse("invalid_client".into())),
        token_auth_methods: Some(vec![AuthMethod::Basic, AuthMethod::Post]),
        ..of_secrets()
    };
    let stage = play(&knobs, &with_secret(), |stage| {
        let error = stage.call(LIST).expect_err("it is not known");
        assert_eq!(error.code(), "client_refused", "{error}");
    });
    assert_eq!(asked(&stage), [2, 0, 0]);
}

#[test]
fn a_client_that_the_server_has_forgotten_is_registered_anew_and_pushed_anew() {
    let stage = play(&required(), &settings(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.forget_clients();
        stage.world.end_grants();
        stage.world.revoke_access_tokens();
        stage.world.advance(60);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    let ends = stage.world.count(What::Register);
    assert_eq!((ends, stage.logins()), (2, 2), "no page is wasted on a client that is not known");
}

#[test]
fn another_registration_is_another_request() {
    let refused = Damage::times(ParForm::Refuse("invalid_client".into()), 1);
    let methods = Some(vec![AuthMethod::None, AuthMethod::Post]);
    let knobs = Knobs { par_form: refused, token_auth_methods: methods, ..required() };
    let stage = play(&knobs, &settings(), |stage| assert_eq!(stage.call(LIST), Ok(200)));
    assert_eq!((asked(&stage), stage.world.count(What::Register)), ([2, 1, 1], 2));
    let [one, two] = &pushed(&stage, "state")[..] else { panic!("two") };
    assert_ne!(one, two);
    let [one, two] = &pushed(&stage, "code_challenge")[..] else { panic!("two") };
    assert_ne!(one, two);
}

#[test]
fn a_server_that_wants_scopes_named_gets_them_named() {
    let knobs = Knobs { registered_scopes: RegisteredScopes::Named, ..required() };
    let stage = play(&knobs, &settings(), |stage| assert_eq!(stage.call(LIST), Ok(200)));
    assert_eq!((asked(&stage), stage.world.count(What::Register)), ([2, 1, 1], 2));
}

/// A document that the server does not take, where it registers as well.
#[test]
fn a_document_that_is_refused_gives_way_to_a_registration() {
    let refused = Damage::times(ParForm::Refuse("invalid_client".into()), 1);
    let knobs = Knobs { par_form: refused, registration: Registration::CimdAndDcr, ..required() };
    let own = settings().client_metadata_url("https://app.example.com/client.json").expect("a URL");
    let scenario = |stage: &mut Stage| assert_eq!(stage.call(LIST), Ok(200));
    let stage = play(&knobs, &own, scenario);
    assert_eq!((asked(&stage), stage.world.count(What::Register)), ([2, 1, 1], 1));
}

#[test]
fn what_says_no_without_a_word_of_oauth_is_named() {
    let moved = Fault::Redirect { status: 307, location: "https://evil.example/par".into() };
    for (fault, words) in [
        (Fault::Status(413), "JSON"),
        (Fault::Html, "HTML"),
        (Fault::BrokenJson, "JSON"),
        (moved, "redirect"),
    ] {
        let knobs = Knobs { par_damage: Damage::always(fault.clone()), ..required() };
        let stage = play(&knobs, &settings(), |stage| {
            let Error::Malformed(error) = stage.call(LIST).expect_err("it says no") else {
                panic!("{fault:?}")
            };
            assert_eq!(error.endpoint, Endpoint::PushedAuthorization);
            assert!(error.to_string().contains(words), "{error}");
        });
        assert_eq!(asked(&stage), [1, 0, 0], "{fault:?}");
    }
}

/// The values of a parameter, push by push.
fn pushed<'a>(stage: &'a Stage, name: &str) -> Vec<Option<&'a str>> {
    stage.world.requests(What::Push).into_iter().map(|it| it.parameter(name)).collect()
}
