//! Servers that are choosy about who the client is, over sockets, with both adapters: the user is sent once
//! more, and comes back to the same place.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use oauth_blocking::{MemoryTokenStorage, NeedsConsent};
use oauth_tests::serve::Served;
use oauth_tests::world::{AuthMethod, Knobs, RegisteredScopes, What};
use oauth_tokio::LoopbackBrowser;
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
