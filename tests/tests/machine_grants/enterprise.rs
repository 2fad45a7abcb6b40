//! An identity provider says who the user is.

use oauth_core::flow::IdentityProvider;
use oauth_tests::drive::Subject;
use oauth_tests::world::{Damage, IdpForm, World};

use super::*;

const GRANT: Grant = Grant::JwtBearer;

fn enterprise(knobs: &Knobs) -> Settings {
    let world = World::new(knobs.clone());
    let provider =
        IdentityProvider::new(&world.idp_token_endpoint(), oauth_tests::world::IDP_CLIENT_ID, None);
    let client = settings().client_id(PRE_CLIENT_ID, Some(Secret::from(PRE_CLIENT_SECRET)));
    client
        .expect("a client")
        .client_issuer(ISSUER)
        .enterprise_managed(provider.expect("a provider"))
}

#[test]
fn a_token_takes_two_requests_with_an_id_token_or_a_refresh_token() {
    let knobs = Knobs { idp_takes_refresh_tokens: true, ..machines(GRANT) };
    for subject in [Subject::IdToken, Subject::RefreshToken] {
        let stage = play(&knobs, &enterprise(&knobs), |stage| {
            stage.gifts.subject = subject;
            assert_eq!(stage.call("tools/list"), Ok(200));
            stage.world.advance(knobs.access_lifetime);
            assert_eq!(stage.call("tools/list"), Ok(200));
        });
        assert_eq!((asked(&stage, GRANT), stage.world.token_requests()), ([1, 1, 2], 4));
        for sent in stage.world.presented() {
            assert!(stage.store.written.iter().all(|record| !record.contains(&sent)), "{sent}");
        }
    }
}

#[test]
fn what_is_no_id_jag_or_for_somebody_else_goes_nowhere() {
    for form in [
        IdpForm::OtherIssuedType,
        IdpForm::NoIssuedType,
        IdpForm::BearerType,
        IdpForm::ForeignAudience,
        IdpForm::ForeignClient,
    ] {
        let knobs = Knobs { idp_form: Damage::always(form.clone()), ..machines(GRANT) };
        let stage = play(&knobs, &enterprise(&knobs), |stage| {
            stage.call("tools/list").expect_err("it is not passed on");
        });
        assert_eq!(asked(&stage, GRANT)[2], 0, "{form:?}");
    }
}

#[test]
fn what_is_only_unusual_is_passed_on() {
    for form in [
        IdpForm::LowerCaseType,
        IdpForm::NoExpiresIn,
        IdpForm::NoScope,
        IdpForm::NoResourceClaim,
        IdpForm::Opaque,
    ] {
        let knobs = Knobs { idp_form: Damage::always(form.clone()), ..machines(GRANT) };
        let stage = play(&knobs, &enterprise(&knobs), |stage| {
            assert_eq!(stage.call("tools/list"), Ok(200), "{form:?}");
        });
        assert_eq!(asked(&stage, GRANT)[2], 1);
    }
}

#[test]
fn a_provider_that_refuses_is_final_and_one_that_wants_a_new_sign_in_says_so() {
    for (form, code) in [
        (IdpForm::Refuse("invalid_grant".into()), "refused_identity_provider_invalid_grant"),
        (IdpForm::StepUp("insufficient_user_authentication".into()), "sign_in_required"),
    ] {
        let knobs = Knobs { idp_form: Damage::always(form), ..machines(GRANT) };
        let stage = play(&knobs, &enterprise(&knobs), |stage| {
            let refused = stage.call("tools/list").expect_err("the provider refuses");
            assert_eq!(refused.code(), code, "{refused}");
        });
        assert_eq!((asked(&stage, GRANT)[2], stage.world.token_requests()), (0, 1));
    }
}
