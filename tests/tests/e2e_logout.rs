//! Logout, and the list of what is stored: both adapters, over sockets.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::sync::atomic::Ordering;

use oauth_blocking::{
    Error, GrantQuery, MemoryTokenStorage, Records, RevocationOutcome, StoredGrant, TokenStorage,
};
use oauth_tests::files;
use oauth_tests::world::{Damage, Fault, Knobs, What};
use tokio_common::Directory;
use tokio_common::common::{
    self, APPLICATION, Brittle, LIST, assert_sound, key, logins, registrations, serve, stored,
    stored_token,
};

#[test]
fn a_logout_ends_the_tokens_here_and_at_the_server() {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    let store = directory.store();
    let oauth = common::logged_in(&served, &store);
    let outcome = oauth.logout().unwrap();
    assert_eq!(
        (&outcome.refresh_token, &outcome.access_token),
        (&RevocationOutcome::Revoked, &RevocationOutcome::Revoked)
    );
    assert_eq!(served.world().count(What::Revoke), 2);
    assert_eq!(stored_token(&store, &key(&served)), None);
    assert_eq!((oauth.authorization(), oauth.initialize().unwrap()), (None, None));
    assert_eq!(oauth.logout().unwrap().refresh_token, RevocationOutcome::Absent);
    assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!((logins(&served), registrations(&served)), (1, 0));
    assert_sound(&served);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_ends_the_tokens_here_and_at_the_server_on_tokio() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let oauth = tokio_common::logged_in(&served, &store).await;
    served.world().knobs.revocation_damage =
        Damage::times(Fault::Unavailable { retry_after: 1 }, 1);
    let outcome = oauth.logout().await.unwrap();
    assert!(
        matches!(outcome.refresh_token, RevocationOutcome::Alive(error) if error.is_retryable())
    );
    assert_eq!(outcome.access_token, RevocationOutcome::Revoked);
    assert_eq!(stored_token(&store, &key(&served)), None);
    assert_eq!(oauth.authorization(), None);
    assert_eq!(tokio_common::call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_sound(&served);
}

#[test]
fn a_logout_that_could_not_be_stored_is_made_up_for() {
    let served = serve(Knobs::default());
    let store = Brittle::default();
    let oauth = common::logged_in(&served, &store);
    store.no_save.store(true, Ordering::SeqCst);
    assert!(matches!(oauth.logout(), Err(Error::Storage(_))));
    store.no_save.store(false, Ordering::SeqCst);
    assert!(oauth.logout().unwrap().is_complete());
    assert_eq!(stored(&store, &key(&served)).unwrap().tokens(), None);
    assert_sound(&served);
}

#[test]
fn what_is_stored_can_be_listed_without_secrets() {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    let (files, memory) = (directory.store(), MemoryTokenStorage::new());
    assert_eq!(files.list_all(&GrantQuery::new(APPLICATION)).unwrap(), []);
    let stores: [&dyn TokenStorage; 2] = [&files, &memory];
    for oauth in [common::client(&served, &files), common::client(&served, &memory)] {
        for profile in ["", "user-2/gmail", "user-1/gmail"] {
            let oauth = oauth.for_profile(profile);
            assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
        }
        oauth.for_profile("user-2/gmail").logout().unwrap();
    }
    for store in stores {
        let mut grants = store.list_all(&GrantQuery::new(APPLICATION)).unwrap();
        grants.sort_by(|a, b| a.key.cmp(&b.key));
        let profiles: Vec<_> = grants.iter().map(|grant| &*grant.key.profile).collect();
        assert_eq!(profiles, ["", "user-1/gmail"]);
        let StoredGrant { key, issuer, scopes, expires_at, has_refresh_token, refused_at, .. } =
            &grants[0];
        assert_eq!(*key.server_url, *served.server_url());
        assert_eq!(**issuer, served.world().issuer());
        assert_eq!(scopes.as_ref().unwrap().as_str(), "mcp:basic");
        assert!(expires_at.is_some() && *has_refresh_token && refused_at.is_none());
        let shown = format!("{grants:?}");
        assert!(!served.world().secrets().iter().any(|secret| shown.contains(secret)), "{shown}");
    }
    assert_sound(&served);
}

/// Somebody's notes, a record under another's name, one that was cut short.
#[test]
fn what_is_no_grant_is_not_listed() {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    let store = directory.store();
    drop(common::logged_in(&served, &store));
    let grants = store.list_all(&GrantQuery::new(APPLICATION)).unwrap();
    let own = files::below(store.directory());
    let own = own.into_iter().find(|path| files::is_grant(path)).unwrap();
    let text = std::fs::read(&own).unwrap();
    for (name, text) in [
        ("notes.txt", &b"hello"[..]),
        ("notes.json", b"{}"),
        ("other.json", &text),
        ("short.json", &text[..text.len() / 2]),
    ] {
        let copy = own.with_file_name(name);
        // With the permissions of the original.
        std::fs::copy(&own, &copy).unwrap();
        std::fs::write(&copy, text).unwrap();
    }
    assert_eq!(store.list_all(&GrantQuery::new(APPLICATION)).unwrap(), grants);
}
