//! What users of OAuth clients suffer from when a client becomes known to a server: one test for each pain
//! that no other file is about. The README of the tests has the whole list. Each scenario also restarts
//! before every turn.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use oauth_core::Error;
use oauth_core::flow::Settings;
use oauth_core::wire::RegistrationKind;
use oauth_tests::drive::{CALLBACK, Callback, Stage, User, play, play_later, settings};
use oauth_tests::world::{
    Damage, Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET, RefreshTokens, Registration, ScopePolicy,
    TokenForm, What,
};
use serde_json::json;

const LIST: &str = "tools/list";
const CALL: &str = "tools/call";

/// Longer than an access token lives.
const HOUR: u64 = 3600;

const DOCUMENT_URL: &str = "https://app.example.com/client.json";

/// Where the user comes back to if the usual port is taken.
const ELSEWHERE: &str = "http://127.0.0.1:49153/callback";

fn pre_registered() -> Settings {
    settings().client_id(PRE_CLIENT_ID, Some(PRE_CLIENT_SECRET.into())).unwrap()
}

/// How the client came by its id.
fn kind(stage: &Stage) -> RegistrationKind {
    stage.record().unwrap().binding().client().kind()
}

/// Registration is offered all the time, and whatever happens it is not used.
#[test]
fn a_client_id_that_is_given_is_never_registered_dynamically() {
    let refuse = |times| Damage::times(TokenForm::Refuse("invalid_client".into()), times);
    let knobs = Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() };
    let stage = play(&knobs, &pre_registered(), |stage| {
        stage.world.knobs.token_form = refuse(2);
        let refused = stage.call(LIST).map_err(|error| error.code());
        assert_eq!(refused, Err("client_refused"), "at the end of a login");
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(HOUR);
        stage.world.knobs.token_form = refuse(1);
        assert_eq!(stage.call(LIST), Ok(200), "refused at a refresh");
        stage.callback = Callback::At(ELSEWHERE);
        assert_eq!(stage.call(CALL), Ok(200), "another port, and more scopes");
        stage.user = User::GivesUp;
        stage.world.end_grants();
        assert_eq!(stage.call(LIST), Err(Error::Cancelled), "nobody came back");
        stage.user = User::Consents;
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(kind(stage), RegistrationKind::PreRegistered);
    });
    assert_eq!(stage.world.count(What::Register), 0);
}

/// The server takes the redirect URIs that it knows, and shows a dead page for all others.
#[test]
fn a_port_that_changed_registers_again() {
    let knobs = Knobs { refresh_tokens: RefreshTokens::Never, ..Knobs::default() };
    let stage = play_later(&knobs, &settings(), |stage| {
        for (callback, registrations) in [(CALLBACK, 0), (ELSEWHERE, 1), (ELSEWHERE, 1)] {
            stage.callback = Callback::At(callback);
            stage.world.advance(HOUR);
            stage.restart();
            assert_eq!(stage.call(LIST), Ok(200), "{callback}");
            assert_eq!(stage.world.count(What::Register), registrations);
        }
    });
    assert_eq!(stage.logins(), 3);
    let record = stage.record().unwrap();
    assert_eq!(record.binding().client().redirect_uri(), ELSEWHERE);
}

/// The way out that needs no knowledge of files, if a server never says that it forgot the client.
#[test]
fn what_is_deleted_registers_again() {
    let stage = play_later(&Knobs::default(), &settings(), |stage| {
        stage.world.forget_clients();
        stage.store.delete(&stage.key());
        stage.restart();
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!((stage.world.count(What::Register), stage.logins()), (1, 1));
}

/// Some servers take the redirect URIs of a client's document to the letter, ports included.
#[test]
fn a_document_is_used_with_the_port_that_it_names() {
    let own = settings().client_metadata_url(DOCUMENT_URL).unwrap();
    let knobs = Knobs { registration: Registration::CimdAndDcr, ..Knobs::default() };
    let stage = play(&knobs, &own, |stage| {
        let document = json!({
            "client_id": DOCUMENT_URL,
            "client_name": "My editor",
            "redirect_uris": [CALLBACK],
        });
        stage.world.publish(DOCUMENT_URL, &document);
        stage.callback = Callback::At(CALLBACK);
        assert_eq!(stage.call(LIST), Ok(200));
        assert_eq!(kind(stage), RegistrationKind::MetadataDocument);
    });
    assert_eq!(stage.world.count(What::Register), 0);
    let asked = stage.world.requests(What::Authorize);
    assert_eq!(asked[0].parameter("redirect_uri"), Some(CALLBACK));
}
