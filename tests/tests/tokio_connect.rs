//! The connect URL: a login that one client hands out and another one finishes.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use oauth_core::error::{Misuse, PeerMisbehaved};
use oauth_tests::world::{Consent, Knobs, ScopePolicy};
use oauth_tokio::{FileTokenStorage, MemoryTokenStorage, NeedsConsent, PendingLogin};
use tokio_common::common::{
    CALL, LIST, assert_sound, key, logins, registrations, serve, statuses, stored, stored_token,
};
use tokio_common::{
    Directory, call, client, core_error, handed_out, headless, logged_in, redirect,
};

/// What another process gets.
fn written(pending: &PendingLogin) -> String {
    serde_json::to_string(pending).unwrap()
}

fn read(pending: &str) -> PendingLogin {
    serde_json::from_str(pending).unwrap()
}

#[tokio::test]
async fn a_login_is_handed_out_and_finished_by_another_client() {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    let first = headless(&served, &directory.store());
    let error = handed_out(call(&first, &served, LIST).await);
    assert_eq!(error.pending.connect_url(), error.connect_url);
    assert_eq!(NeedsConsent::connect_url(&error), Some(error.connect_url.as_str()));
    let (pending, connect_url) = (written(&error.pending), error.connect_url);
    let query = redirect(&connect_url).await;

    let second = headless(&served, &FileTokenStorage::in_dir(directory.store().directory()));
    let token = second.resume(read(&pending), &query).await.unwrap();
    let stored = stored_token(&directory.store(), &key(&served));
    assert_eq!(stored.as_deref(), Some(token.token()));

    assert_eq!(call(&first, &served, LIST).await.unwrap(), 200);
    assert_eq!(call(&second, &served, LIST).await.unwrap(), 200);
    assert_eq!(statuses(&served, LIST), [401, 200, 200]);
    assert_eq!(logins(&served), 1);
    assert_eq!(served.world().oauth_requests(), 5);
    assert_sound(&served);
}

#[tokio::test]
async fn a_login_that_was_finished_cannot_be_finished_again() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let oauth = headless(&served, &store);
    let error = handed_out(oauth.authenticate().await);
    let pending = written(&error.pending);
    let query = redirect(&error.connect_url).await;
    let token = oauth.resume(read(&pending), &query).await.unwrap();
    let record = stored(&store, &key(&served));

    let again = core_error(oauth.resume(read(&pending), &query).await);
    assert_eq!(again, oauth_core::Error::LoginUsed);
    assert_eq!(served.world().token_requests(), 1, "the code is not sent again");
    assert_eq!(stored(&store, &key(&served)), record);
    assert_eq!(oauth.initialize().await.unwrap(), Some(token));
}

#[tokio::test]
async fn a_login_to_another_server_is_not_finished_here() {
    let (served, other) = (serve(Knobs::default()), serve(Knobs::default()));
    let store = MemoryTokenStorage::new();
    let oauth = logged_in(&served, &store).await;
    let record = stored(&store, &key(&served));
    let error = handed_out(headless(&other, &store).authenticate().await);
    let pending = written(&error.pending);
    let query = redirect(&error.connect_url).await;

    match core_error(oauth.resume(error.pending, &query).await) {
        oauth_core::Error::Misuse(Misuse::ForeignLogin { server, resource }) => {
            assert_eq!(*server, *served.server_url());
            assert_eq!(*resource, *other.server_url());
        }
        error => panic!("{error:?}"),
    }
    assert_eq!(stored(&store, &key(&served)), record);
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    // Where it belongs, it is as good as before.
    headless(&other, &store).resume(read(&pending), &query).await.unwrap();
    assert_eq!(other.world().token_requests(), 1);
    assert_sound(&served);
}

#[tokio::test]
async fn a_redirect_of_another_login_does_not_finish_one() {
    let served = serve(Knobs::default());
    let oauth = headless(&served, &MemoryTokenStorage::new());
    let error = handed_out(oauth.authenticate().await);
    let pending = written(&error.pending);
    let mismatch = core_error(oauth.resume(error.pending, "code=stolen&state=guessed").await);
    assert_eq!(mismatch, PeerMisbehaved::StateMismatch.into());
    assert_eq!(served.world().token_requests(), 0);
    let query = redirect(&error.connect_url).await;
    oauth.resume(read(&pending), &query).await.unwrap();
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_sound(&served);
}

#[tokio::test]
async fn a_login_that_the_user_denied_is_typed_and_can_be_begun_anew() {
    let served = serve(Knobs { consent: Consent::Deny, ..Knobs::default() });
    let oauth = headless(&served, &MemoryTokenStorage::new());
    let error = handed_out(oauth.authenticate().await);
    let query = redirect(&error.connect_url).await;
    match core_error(oauth.resume(error.pending, &query).await) {
        oauth_core::Error::Refused(refusal) => assert_eq!(&*refusal.code, "access_denied"),
        error => panic!("{error:?}"),
    }
    served.world().knobs.consent = Consent::Grant;
    let error = handed_out(oauth.authenticate().await);
    let query = redirect(&error.connect_url).await;
    oauth.resume(error.pending, &query).await.unwrap();
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_eq!(registrations(&served), 1);
    assert_sound(&served);
}

#[tokio::test]
async fn a_damaged_login_cannot_be_read() {
    let served = serve(Knobs::default());
    let oauth = headless(&served, &MemoryTokenStorage::new());
    let pending = written(&handed_out(oauth.authenticate().await).pending);
    for damaged in ["", "{}", "null", &pending[..pending.len() / 2]] {
        assert!(serde_json::from_str::<PendingLogin>(damaged).is_err(), "{damaged}");
    }
}

/// The old token serves until the new one is there.
#[tokio::test]
async fn a_step_up_that_was_handed_out_is_used_as_soon_as_it_is_finished() {
    let served = serve(Knobs { scopes: ScopePolicy::StepUp, ..Knobs::default() });
    let store = MemoryTokenStorage::new();
    drop(logged_in(&served, &store).await);
    let (oauth, another) = (headless(&served, &store), client(&served, &store));
    assert_eq!(call(&another, &served, LIST).await.unwrap(), 200);
    let error = handed_out(call(&oauth, &served, CALL).await);
    assert_eq!(call(&oauth, &served, LIST).await.unwrap(), 200);
    let query = redirect(&error.connect_url).await;
    oauth.resume(error.pending, &query).await.unwrap();
    served.world().log.clear();
    assert_eq!(call(&oauth, &served, CALL).await.unwrap(), 200);
    assert_eq!(statuses(&served, CALL), [200]);
    // A process that knows the old one only finds it.
    assert_eq!(call(&another, &served, CALL).await.unwrap(), 200);
    assert_eq!(served.world().oauth_requests(), 0);
    assert_sound(&served);
}

/// One key per user: what one of them does is not the other's.
#[tokio::test]
async fn a_login_of_one_user_is_not_anothers() {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    let user = |name: &str| {
        let redirect_uri = "https://host.example.com/callback";
        let redirect_uri = oauth_tokio::RedirectUri::parse(redirect_uri).unwrap();
        tokio_common::builder(&served, &directory.store())
            .user_agent(oauth_tokio::NoUserAgent::new(redirect_uri))
            .profile(name)
            .build()
            .unwrap()
    };
    let error = handed_out(call(&user("user-1/gmail"), &served, LIST).await);
    let query = redirect(&error.connect_url).await;
    user("user-1/gmail").resume(error.pending, &query).await.unwrap();
    handed_out(call(&user("user-2/gmail"), &served, LIST).await);
    assert_eq!(call(&user("user-1/gmail"), &served, LIST).await.unwrap(), 200);
    assert_sound(&served);
}
