//! What goes wrong in a login over sockets: each failure has its type, says what helps, loses nothing
//! that was stored, and is over once its cause is.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::time::Duration;

use common::{
    CALL, LIST, assert_sound, builder, call, client, end_pause, key, logged_in, logins,
    registrations, serve, statuses, stored, stored_token, visitor,
};
use oauth_blocking::{Error, MemoryTokenStorage, OAuth, UserAgentError};
use oauth_core::error::{Actor, Malformed, PeerIncompatible, PeerMisbehaved, Refusal, Unreachable};
use oauth_core::{Endpoint, Policy, Tolerance};
use oauth_tests::serve::Served;
use oauth_tests::world::{
    AuthMethod, CodeParameter, Consent, Damage, Fault, IssParameter, Knobs, MetadataForm,
    MetadataLocation, PkceSupport, PrmLocation, PrmResource, PrmServers, Registration,
    RegistrationForm, ScopePolicy, StateParameter, TokenForm,
};

/// Fails the first login of a world with this defect, mends it, and logs in.
fn fails_at_first(defect: impl Fn(&mut Knobs)) -> oauth_core::Error {
    fails_first_and_then(&defect, |_, _| {})
}

/// The same; then ends the grant, and does all again with a client that is registered already.
fn fails(defect: impl Fn(&mut Knobs)) -> oauth_core::Error {
    fails_first_and_then(&defect, |served, store| {
        let oauth = client(served, store);
        assert_eq!(call(&oauth, served, LIST).unwrap(), 200);
        let before = stored(store, &key(served)).unwrap();
        served.world().end_grants();
        defect(&mut served.world().knobs);
        core_error(call(&oauth, served, LIST));
        let after = stored(store, &key(served)).unwrap();
        let client_id = before.binding().client().client_id();
        assert_eq!(after.binding().client().client_id(), client_id);
        served.world().knobs = Knobs::default();
        end_pause(store, &key(served));
        assert_eq!(call(&oauth, served, LIST).unwrap(), 200);
        assert_eq!(registrations(served), 0, "the client was known already");
    })
}

fn fails_first_and_then(
    defect: &dyn Fn(&mut Knobs),
    then: impl Fn(&Served, &MemoryTokenStorage),
) -> oauth_core::Error {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let oauth = client(&served, &store);
    defect(&mut served.world().knobs);
    let error = core_error(call(&oauth, &served, LIST));
    assert_eq!(stored_token(&store, &key(&served)), None);
    served.world().knobs = Knobs::default();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200, "mended");
    served.world().log.clear();
    then(&served, &store);
    assert_sound(&served);
    error
}

fn core_error<T: std::fmt::Debug>(result: Result<T, Error>) -> oauth_core::Error {
    match result.unwrap_err() {
        error @ Error::OAuth { .. } => {
            let advice = error.advice();
            let Error::OAuth { error, .. } = error else { unreachable!("matched above") };
            assert_eq!(advice, error.advice());
            error
        }
        error => panic!("{error:?}"),
    }
}

fn misbehaved(error: oauth_core::Error) -> PeerMisbehaved {
    assert_eq!(error.actor(), Actor::ServerOperator);
    assert!(!error.is_retryable());
    match error {
        oauth_core::Error::PeerMisbehaved(problem) => problem,
        error => panic!("{error:?}"),
    }
}

/// The problem, and that the advice names the setting that would help.
fn incompatible(error: oauth_core::Error, setting: &str) -> PeerIncompatible {
    assert_eq!(error.actor(), Actor::Developer);
    problem_of(error, setting)
}

/// The problem, and that the advice has these words.
fn problem_of(error: oauth_core::Error, advice: &str) -> PeerIncompatible {
    assert!(error.advice().contains(advice), "{}", error.advice());
    match error {
        oauth_core::Error::PeerIncompatible(problem) => problem,
        error => panic!("{error:?}"),
    }
}

fn refused(error: oauth_core::Error) -> Refusal {
    match error {
        oauth_core::Error::Refused(refusal) => refusal,
        error => panic!("{error:?}"),
    }
}

fn malformed(error: oauth_core::Error) -> Malformed {
    assert_eq!(error.actor(), Actor::ServerOperator);
    match error {
        oauth_core::Error::Malformed(malformed) => malformed,
        error => panic!("{error:?}"),
    }
}

fn unreachable(error: oauth_core::Error) -> Unreachable {
    assert_eq!(error.actor(), Actor::Nobody);
    assert!(error.is_retryable());
    match error {
        oauth_core::Error::Unreachable(unreachable) => unreachable,
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_denied_consent_is_the_users_decision() {
    let error = fails(|knobs| knobs.consent = Consent::Deny);
    assert_eq!(error.actor(), Actor::User);
    assert!(!error.to_string().contains("<b>"), "the server's own words");
    let refusal = refused(error);
    assert!(refusal.is_denied_by_user());
    assert_eq!(refusal.description.as_deref(), Some("The user said <b>no</b>"));
}

#[test]
fn a_denied_step_up_leaves_the_old_token_at_work() {
    let served = serve(Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() });
    let store = MemoryTokenStorage::new();
    let oauth = logged_in(&served, &store);
    let token = stored_token(&store, &key(&served));
    served.world().knobs.consent = Consent::Deny;
    let refusal = refused(core_error(call(&oauth, &served, CALL)));
    assert!(refusal.is_denied_by_user());
    assert_eq!(stored_token(&store, &key(&served)), token);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(statuses(&served, LIST), [200]);
    served.world().knobs.consent = Consent::Grant;
    assert_eq!(call(&oauth, &served, CALL).unwrap(), 200);
    assert_sound(&served);
}

#[test]
fn a_failure_of_the_authorization_server_is_nobodys_to_mend() {
    let error = fails(|knobs| knobs.consent = Consent::ServerError);
    assert_eq!(error.actor(), Actor::Nobody);
    assert_eq!(&*refused(error).code, "server_error");
}

#[test]
fn a_wrong_iss_ends_the_login() {
    let error = fails(|knobs| knobs.iss = IssParameter::Wrong);
    assert!(matches!(misbehaved(error), PeerMisbehaved::WrongIss { .. }));
}

#[test]
fn a_promised_iss_that_is_missing_ends_the_login() {
    let error = fails(|knobs| knobs.iss = IssParameter::Missing);
    assert!(matches!(misbehaved(error), PeerMisbehaved::MissingIss { .. }));
}

#[test]
fn a_code_that_comes_twice_ends_the_login() {
    let error = fails(|knobs| knobs.code = CodeParameter::Twice);
    assert!(matches!(misbehaved(error), PeerMisbehaved::RepeatedParameter { .. }));
}

#[test]
fn a_redirect_without_an_answer_ends_the_login() {
    let error = fails(|knobs| knobs.code = CodeParameter::Missing);
    assert!(matches!(misbehaved(error), PeerMisbehaved::NoAnswer));
}

#[test]
fn no_word_about_s256_can_be_overruled_by_a_setting() {
    let defect = |knobs: &mut Knobs| knobs.pkce = PkceSupport::Absent;
    let problem = incompatible(fails(defect), "Tolerance::UnlistedS256");
    assert!(matches!(problem, PeerIncompatible::NoS256 { advertised: false, .. }));

    let served = serve(Knobs::default());
    defect(&mut served.world().knobs);
    let policy = Policy::default().tolerate(Tolerance::UnlistedS256);
    let oauth = OAuth::with_policy(&served.server_url(), policy)
        .unwrap()
        .token_storage(MemoryTokenStorage::new())
        .user_agent(visitor())
        .build()
        .unwrap();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
}

#[test]
fn a_server_without_s256_is_refused() {
    let error = fails(|knobs| knobs.pkce = PkceSupport::PlainOnly);
    assert_eq!(error.actor(), Actor::ServerOperator);
    let problem = problem_of(error, "S256");
    assert!(matches!(problem, PeerIncompatible::NoS256 { advertised: true, .. }));
}

#[test]
fn a_web_page_in_place_of_server_metadata_is_none() {
    let error = fails(|knobs| knobs.metadata_damage = Damage::always(Fault::Html));
    let problem = incompatible(error, "`provider`");
    assert!(matches!(problem, PeerIncompatible::NoServerMetadata { .. }));
}

#[test]
fn a_web_page_in_place_of_resource_metadata_is_none() {
    let error = fails(|knobs| knobs.prm_damage = Damage::always(Fault::Html));
    let problem = incompatible(error, "`provider`");
    assert!(matches!(problem, PeerIncompatible::NoResourceMetadata { .. }));
}

#[test]
fn a_web_page_in_place_of_a_registration_is_malformed() {
    let error = fails_at_first(|knobs| knobs.registration_damage = Damage::always(Fault::Html));
    let malformed = malformed(error);
    assert_eq!((malformed.endpoint, malformed.status), (Endpoint::Registration, 200));
}

#[test]
fn a_web_page_in_place_of_tokens_is_malformed() {
    let error = fails(|knobs| knobs.token_damage = Damage::always(Fault::Html));
    let malformed = malformed(error);
    assert_eq!((malformed.endpoint, malformed.status), (Endpoint::Token, 200));
}

#[test]
fn a_server_that_is_busy_can_be_tried_again() {
    let fault = Fault::Unavailable { retry_after: 7 };
    let error = fails(|knobs| knobs.token_damage = Damage::always(fault.clone()));
    let unreachable = unreachable(error);
    assert_eq!(unreachable.endpoint, Endpoint::Token);
    assert_eq!(unreachable.status, Some(503));
    assert_eq!(unreachable.retry_after, Some(Duration::from_secs(7)));
}

#[test]
fn a_mismatched_issuer_ends_the_login() {
    let form = MetadataForm::IssuerForeign;
    let error = fails(|knobs| knobs.metadata_form = Damage::always(form));
    match misbehaved(error) {
        PeerMisbehaved::IssuerMismatch { found, .. } => {
            assert_eq!(&*found, "https://honest.example.com");
        }
        problem => panic!("{problem:?}"),
    }
}

#[test]
fn an_endpoint_that_is_a_script_ends_the_login() {
    let form = MetadataForm::ScriptAuthorizationEndpoint;
    let error = fails(|knobs| knobs.metadata_form = Damage::always(form));
    assert!(matches!(misbehaved(error), PeerMisbehaved::UnsafeUrl { .. }));
}

#[test]
fn metadata_of_a_foreign_resource_ends_the_login() {
    let error = fails(|knobs| knobs.prm_resource = PrmResource::Foreign);
    match misbehaved(error) {
        PeerMisbehaved::ForeignResource { found, .. } => {
            assert_eq!(&*found, "https://evil.example.com/mcp");
        }
        problem => panic!("{problem:?}"),
    }
}

#[test]
fn no_resource_metadata_can_be_made_up_for_by_a_setting() {
    let error = fails(|knobs| knobs.prm_location = PrmLocation::Nowhere);
    let problem = incompatible(error, "Tolerance::Legacy20250326");
    assert!(matches!(problem, PeerIncompatible::NoResourceMetadata { .. }));
}

#[test]
fn no_server_metadata_can_be_made_up_for_by_a_setting() {
    let error = fails(|knobs| knobs.metadata_location = MetadataLocation::Nowhere);
    let problem = incompatible(error, "`provider`");
    assert!(matches!(problem, PeerIncompatible::NoServerMetadata { .. }));
}

#[test]
fn no_authorization_server_can_be_made_up_for_by_a_setting() {
    let error = fails(|knobs| knobs.prm_servers = PrmServers::Empty);
    let problem = incompatible(error, "`provider`");
    assert!(matches!(problem, PeerIncompatible::NoAuthorizationServer { .. }));
}

#[test]
fn no_way_to_register_names_the_two_settings_that_help() {
    let defect = |knobs: &mut Knobs| knobs.registration = Registration::None;
    let error = fails_at_first(defect);
    assert!(error.advice().contains("`client_metadata_url`"));
    let problem = incompatible(error, "`client_id`");
    assert!(matches!(problem, PeerIncompatible::NoWayToRegister { .. }));
}

#[test]
fn a_redirect_uri_that_is_not_registered_names_the_port() {
    let form = RegistrationForm::OtherRedirectUris;
    let error = fails_at_first(|knobs| knobs.registration_form = Damage::always(form));
    let problem = incompatible(error, "`callback_port`");
    assert!(matches!(problem, PeerIncompatible::RedirectUriNotRegistered { .. }));
}

#[test]
fn a_refused_redirect_uri_names_the_port() {
    let form = RegistrationForm::RefuseRedirectUri;
    let error = fails_at_first(|knobs| knobs.registration_form = Damage::always(form));
    assert_eq!(error.actor(), Actor::Developer);
    assert!(error.advice().contains("`callback_port`"), "{}", error.advice());
    assert_eq!(&*refused(error).code, "invalid_redirect_uri");
}

#[test]
fn a_secret_that_no_method_takes_is_incompatible() {
    let served =
        serve(Knobs { token_auth_methods: Some(vec![AuthMethod::None]), ..Knobs::default() });
    let oauth = builder(&served, &MemoryTokenStorage::new())
        .client_id("pre-client")
        .client_secret("pre-secret")
        .build()
        .unwrap();
    let error = core_error(call(&oauth, &served, LIST));
    let problem = incompatible(error, "`client_secret`");
    assert!(matches!(problem, PeerIncompatible::NoSecretMethod { .. }));
}

#[test]
fn a_client_id_of_another_issuer_is_not_used() {
    let served = serve(Knobs::default());
    let oauth = builder(&served, &MemoryTokenStorage::new())
        .client_id("pre-client")
        .client_issuer("https://honest.example.com")
        .build()
        .unwrap();
    let error = core_error(call(&oauth, &served, LIST));
    let problem = incompatible(error, "`client_issuer`");
    assert!(matches!(problem, PeerIncompatible::ForeignClient { .. }));
    assert_eq!(logins(&served), 0);
}

#[test]
fn a_client_id_that_the_server_does_not_know_names_the_settings() {
    let form = TokenForm::Refuse("invalid_client".into());
    let error = fails_at_first(|knobs| knobs.token_form = Damage::always(form.clone()));
    let problem = incompatible(error, "`client_id`");
    assert!(matches!(problem, PeerIncompatible::RegisteredClientRefused { .. }));
}

#[test]
fn a_token_of_another_type_is_incompatible() {
    let error = fails(|knobs| knobs.token_form = Damage::always(TokenForm::MacType));
    assert_eq!(error.actor(), Actor::Maintainer);
    let problem = problem_of(error, "not supported");
    assert!(matches!(problem, PeerIncompatible::TokenType { .. }));
}

#[test]
fn a_server_that_refuses_every_token_is_given_up() {
    let served = serve(Knobs { scopes: ScopePolicy::EverMore, ..Knobs::default() });
    let oauth = client(&served, &MemoryTokenStorage::new());
    let problem = incompatible(core_error(call(&oauth, &served, LIST)), "permission");
    assert!(matches!(problem, PeerIncompatible::StillRefused { .. }));
    assert!(logins(&served) <= 4, "{} logins", logins(&served));
}

#[test]
fn a_redirect_with_a_wrong_state_does_not_end_the_wait() {
    let served = serve(Knobs { state: StateParameter::Wrong, ..Knobs::default() });
    let store = MemoryTokenStorage::new();
    let wait = Duration::from_millis(300);
    let oauth = builder(&served, &store).wait(wait).build().unwrap();
    let error = call(&oauth, &served, LIST).unwrap_err();
    let timed_out = matches!(error, Error::UserAgent(UserAgentError::TimedOut { .. }));
    assert!(timed_out, "{error:?}");
    assert_eq!(served.world().token_requests(), 0);
    served.world().knobs.state = StateParameter::Right;
    let oauth = client(&served, &store);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(registrations(&served), 1);
    assert_sound(&served);
}

#[test]
fn a_wrong_state_from_a_user_agent_of_the_host_is_typed() {
    let served = serve(Knobs { state: StateParameter::Wrong, ..Knobs::default() });
    let oauth = builder(&served, &MemoryTokenStorage::new()).user_agent(visitor()).build().unwrap();
    let error = core_error(call(&oauth, &served, LIST));
    assert_eq!(error, PeerMisbehaved::StateMismatch.into());
    assert_eq!(served.world().token_requests(), 0);
    served.world().knobs.state = StateParameter::Right;
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_sound(&served);
}
