//! Servers that are choosy about who the client is, over sockets, with both adapters: the user is sent once
//! more, and comes back to the same place.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use oauth_blocking::{AuthConfig, MemoryTokenStorage, NeedsConsent};
use oauth_tests::serve::Served;
use oauth_tests::world::{
    AuthMethod, Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET, RegisteredScopes, What,
};
use oauth_tokio::{Blocking, LoopbackBrowser, SharedStorage};
use serde_json::json;
use tokio_common::common::{
    LIST, assert_sound, browser, builder, call, handed_out, headless, redirect, serve,
};

fn choosy() -> Served {
    serve(Knobs {
        refused_methods: vec![AuthMethod::None],
        registered_scopes: RegisteredScopes::Named,
        ..Knobs::default()
    })
}

fn assert_sent_three_times(served: &Served) {
    let world = served.world();
    assert_eq!((world.count(What::Authorize), world.count(What::Register)), (3, 3));
    drop(world);
    assert_sound(served);
}

#[test]
fn the_user_is_sent_as_often_as_the_client_has_to_register() {
    let served = choosy();
    let oauth = builder(&served, &MemoryTokenStorage::new()).build().unwrap();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_sent_three_times(&served);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_is_sent_as_often_on_tokio() {
    let served = choosy();
    let user_agent = LoopbackBrowser::new().open_with(browser);
    let store = MemoryTokenStorage::new();
    let oauth = tokio_common::builder(&served, &store).user_agent(user_agent).build().unwrap();
    assert_eq!(tokio_common::call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_sent_three_times(&served);
}

/// A login whose client is refused by the process that finishes it has a connect URL once more.
#[test]
fn a_login_that_was_handed_out_is_handed_out_again() {
    let served = serve(Knobs { refused_methods: vec![AuthMethod::None], ..Knobs::default() });
    let store = MemoryTokenStorage::new();
    let oauth = headless(&served, &store);
    let first = handed_out(oauth.authenticate());
    let error = oauth.resume(first.pending, &redirect(&first.connect_url)).unwrap_err();
    assert!(error.needs_consent());
    let oauth_blocking::Error::Authentication(second) = error else { panic!("{error}") };
    assert_ne!(second.connect_url.as_str(), first.connect_url.as_str());
    headless(&served, &store).resume(second.pending, &redirect(&second.connect_url)).unwrap();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_sound(&served);
}

/// What a host sets is sent, whichever way it sets it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_up_about_the_client_reaches_the_server_from_both_adapters() {
    let permit = "planted-permit";
    let knobs = Knobs { registration_permit: Some(permit.into()), ..Knobs::default() };
    let set = json!({
        "client_metadata": { "client_uri": "https://app.example", "contacts": ["a@app.example"] },
        "initial_access_token": permit,
        "token_endpoint_auth_method": "client_secret_post",
    });
    for on_tokio in [false, true] {
        let served = serve(knobs.clone());
        let config: AuthConfig = serde_json::from_value(set.clone()).unwrap();
        let store = MemoryTokenStorage::new();
        let url = served.server_url();
        if on_tokio {
            let oauth = tokio_common::builder(&served, &SharedStorage::from(Blocking::new(store)));
            let oauth = oauth.config(config).unwrap().build().unwrap();
            assert_eq!(tokio_common::call(&oauth, &served, LIST).await.unwrap(), 200, "{url}");
        } else {
            let oauth = builder(&served, &store).config(config).unwrap().build().unwrap();
            assert_eq!(call(&oauth, &served, LIST).unwrap(), 200, "{url}");
        }
        let said = served.world().requests(What::Register)[0].json.clone();
        assert_eq!(said["client_uri"], "https://app.example");
        assert_eq!(said["contacts"], json!(["a@app.example"]));
        assert_eq!(said["token_endpoint_auth_method"], "client_secret_post");
        assert_sound(&served);
    }
}

#[test]
fn a_configuration_names_the_issuer_of_its_client() {
    let served = serve(Knobs::default());
    let set = json!({
        "client_id": PRE_CLIENT_ID,
        "client_secret": PRE_CLIENT_SECRET,
        "client_issuer": "https://elsewhere.example",
    });
    let config: AuthConfig = serde_json::from_value(set).unwrap();
    let oauth = builder(&served, &MemoryTokenStorage::new()).config(config).unwrap();
    let error = call(&oauth.build().unwrap(), &served, LIST).unwrap_err();
    assert_eq!(error.code(), "foreign_client");
    assert_eq!(served.world().count(What::Authorize), 0);
}
