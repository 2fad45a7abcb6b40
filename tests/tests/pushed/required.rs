//! When a request is pushed.

use oauth_core::error::PeerIncompatible;
use oauth_core::flow::{Diagnosis, Login, Probe, RedirectUri};
use oauth_core::{Error, HttpUrl, UnixTime};
use oauth_tests::drive::{CALLBACK, Network, entropy, play, play_later, settings};
use oauth_tests::world::{Grant, Knobs, Par, Registration, ScopePolicy, What, World};

use crate::{ISSUER, LIST, REFERENCE, Wish, asked, offered, required, said_to_pages};

#[test]
fn where_it_is_required_the_browser_shows_a_reference_and_nothing_else() {
    for par in [Wish::IfRequired, Wish::IfOffered] {
        let stage = play(&required(), &settings().par(par), |stage| {
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!(asked(&stage), [1, 1, 1]);
        assert_eq!(said_to_pages(&stage), [REFERENCE]);
        assert_eq!(stage.world.oauth_requests(), 6, "five as ever, and the push");
    }
}

#[test]
fn where_it_is_offered_the_host_chooses() {
    for (par, pushes) in [(Wish::IfRequired, 0), (Wish::IfOffered, 1), (Wish::Never, 0)] {
        let stage = play(&offered(), &settings().par(par), |stage| {
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!(asked(&stage), [pushes, 1, 1], "{par:?}");
        assert_eq!(said_to_pages(&stage)[0] == REFERENCE, pushes == 1, "{par:?}");
    }
    let stage = play(&Knobs::default(), &settings().par(Wish::IfOffered), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(asked(&stage), [0, 1, 1], "nothing can be pushed there");
}

#[test]
fn where_it_is_required_and_the_host_says_never_nothing_is_registered() {
    let stage = play(&required(), &settings().par(Wish::Never), |stage| {
        let error = stage.call(LIST).expect_err("it is required");
        let issuer = ISSUER.into();
        assert_eq!(error, Error::from(PeerIncompatible::PushedRequestsRequired { issuer }));
        assert!(error.advice().contains("`par`"), "{}", error.advice());
    });
    assert_eq!((asked(&stage), stage.world.count(What::Register)), ([0, 0, 0], 0));
}

/// The tokens' record has what a wider login needs, so that nothing is looked for again.
#[test]
fn a_step_up_is_pushed_as_well_and_nothing_is_looked_for_again() {
    for (knobs, par) in [(required(), Wish::IfRequired), (offered(), Wish::IfOffered)] {
        let knobs = Knobs { scopes: ScopePolicy::StepUp, ..knobs };
        let stage = play_later(&knobs, &settings().par(par), |stage| {
            assert_eq!(stage.call("tools/call"), Ok(200));
        });
        assert_eq!(asked(&stage), [1, 1, 1]);
        assert_eq!(stage.world.oauth_requests(), 3);
        assert_eq!(said_to_pages(&stage), [REFERENCE]);
    }
}

#[test]
fn a_host_that_says_never_later_gets_no_wider_token() {
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..required() };
    let stage = play_later(&knobs, &settings(), |stage| {
        stage.restart_with(settings().par(Wish::Never));
        let error = stage.call("tools/call").expect_err("it is required");
        assert_eq!(error.code(), "pushed_requests_required");
    });
    assert_eq!(asked(&stage), [0, 0, 0]);
}

/// Who asks nobody pushes nothing.
#[test]
fn grants_without_a_user_do_not_mind() {
    let grant = Grant::ClientCredentials;
    let knobs = Knobs { par: Par::Required, ..Knobs::machines(&[grant]) };
    for par in [Wish::IfRequired, Wish::Never] {
        let stage = play(&knobs, &crate::with_secret().client_credentials().par(par), |stage| {
            assert_eq!(stage.call(LIST), Ok(200));
        });
        assert_eq!((asked(&stage), stage.world.count(What::Token(grant))), ([0, 0, 0], 1));
    }
}

#[test]
fn a_look_ahead_says_that_it_would_be_pushed_and_pushes_nothing() {
    let document = settings().client_metadata_url(DOCUMENT).expect("a URL");
    let documents = Knobs { registration: Registration::CimdOnly, ..required() };
    for (knobs, settings, is_pushed) in [
        (required(), settings(), true),
        (documents, document, true),
        (offered(), settings(), false),
        (offered(), settings().par(Wish::IfOffered), true),
        (Knobs::default(), settings().par(Wish::IfOffered), false),
    ] {
        let mut world = World::new(knobs);
        let redirect_uri = RedirectUri::parse(CALLBACK).expect("a URI");
        let now = UnixTime::from_secs(world.now);
        let probe = Probe::new(&settings);
        let login = Login::new(settings.into(), redirect_uri, entropy(1), now);
        let mut diagnosis = Diagnosis::new(login, &probe);
        let network = Network::default();
        while let Some((request, reply)) = diagnosis.step() {
            reply.response(&network.send(&mut world, request).expect("an answer"), now);
        }
        let plan = diagnosis.login_plan().expect("a login can begin");
        assert_eq!(plan.pushed_to.map(HttpUrl::as_str), is_pushed.then_some(PUSHED_TO));
        let text = diagnosis.to_string();
        assert_eq!(text.contains(&format!("is pushed to {PUSHED_TO}")), is_pushed, "{text}");
        assert_eq!((world.count(What::Push), world.count(What::Register)), (0, 0));
    }
}

const DOCUMENT: &str = "https://app.example.com/client.json";

const PUSHED_TO: &str = "https://auth.example.com/par";
