//! Grants without a user over sockets, with both adapters: no page, and one token for all who share a store.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oauth_blocking::{
    Adapter, Builder, MemoryTokenStorage, PrivateKey, SoftwareKey, TokenFile, WantedAssertion,
    WrittenIdentityProvider,
};
use oauth_core::SigningAlgorithm;
use oauth_core::client::Gift;
use oauth_core::wire::{KeyDescription, Unsigned};
use oauth_tests::serve::Served;
use oauth_tests::world::{
    AuthMethod, Grant, IDP_CLIENT_ID, Key, Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET, What,
};
use tokio_common::common::{self, LIST, assert_sound, serve};

/// A way to a token without a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Secret,
    Key,
    Workload,
    Enterprise,
}

impl Way {
    const ALL: [Self; 4] = [Self::Secret, Self::Key, Self::Workload, Self::Enterprise];

    const fn grant(self) -> Grant {
        match self {
            Self::Secret | Self::Key => Grant::ClientCredentials,
            Self::Workload | Self::Enterprise => Grant::JwtBearer,
        }
    }

    fn served(self) -> Served {
        let knobs = Knobs::machines(&[self.grant()]);
        serve(match self {
            Self::Key => Knobs {
                pre_method: AuthMethod::PrivateKeyJwt,
                token_auth_methods: Some(vec![AuthMethod::PrivateKeyJwt]),
                ..knobs
            },
            _ => knobs,
        })
    }

    /// What a host sets up; what it has for a workload lies in a file.
    fn set_up<A: Adapter>(self, builder: Builder<A>, served: &Served, file: &str) -> Builder<A> {
        match self {
            Self::Secret => builder.client_credentials(PRE_CLIENT_ID, PRE_CLIENT_SECRET),
            Self::Key => {
                let key = SoftwareKey::parse(&Key::p256(1).pem()).unwrap().with_key_id("key-1");
                builder.client_credentials_with_key(PRE_CLIENT_ID, key)
            }
            Self::Workload => builder.workload_identity(TokenFile::new(file)),
            Self::Enterprise => {
                let endpoint = served.world().idp_token_endpoint();
                let id_tokens = [(); 2].map(|()| served.world().id_token());
                let id_tokens = Arc::new(Mutex::new(Vec::from(id_tokens)));
                builder.client_id(PRE_CLIENT_ID).client_secret(PRE_CLIENT_SECRET).enterprise(
                    WrittenIdentityProvider::new(&endpoint, IDP_CLIENT_ID),
                    move |_: &WantedAssertion<'_>| {
                        id_tokens.lock().unwrap().pop().ok_or("nobody is signed in")
                    },
                )
            }
        }
    }
}

/// A platform writes the token of a workload anew.
fn write(served: &Served, file: &str) {
    let issuer = served.world().issuer();
    let token = served.world().workload_jwt(&issuer);
    fs::write(file, format!("{token}\n")).unwrap();
}

fn file(name: &str) -> String {
    let id = std::process::id();
    std::env::temp_dir().join(format!("oauth-token-{name}-{id}")).display().to_string()
}

fn assert_asked(served: &Served, way: Way, tokens: usize) {
    let world = served.world();
    assert_eq!(world.count(What::Token(way.grant())), tokens, "{way:?}");
    assert_eq!(world.count(What::Authorize) + world.count(What::Register), 0, "{way:?}");
    drop(world);
    assert_sound(served);
}

#[test]
fn threads_get_one_token_and_another_when_it_is_refused() {
    for way in Way::ALL {
        let (served, store) = (way.served(), MemoryTokenStorage::new());
        let file = file(&format!("threads-{way:?}"));
        write(&served, &file);
        let client = || way.set_up(common::builder(&served, &store), &served, &file);
        let (first, second) = (client().build().unwrap(), client().build().unwrap());
        for oauth in [&first, &second] {
            assert_eq!(common::call(oauth, &served, LIST).unwrap(), 200, "{way:?}");
        }
        assert!(first.quiet().initialize().unwrap().is_some());
        assert_asked(&served, way, 1);
        served.world().revoke_access_tokens();
        write(&served, &file);
        assert_eq!(common::call(&second.quiet(), &served, LIST).unwrap(), 200, "{way:?}");
        assert_asked(&served, way, 2);
        fs::remove_file(&file).unwrap();
    }
}

#[tokio::test]
async fn tasks_get_one_token_and_another_when_it_is_refused() {
    for way in Way::ALL {
        let (served, store) = (way.served(), MemoryTokenStorage::new());
        let file = file(&format!("tasks-{way:?}"));
        write(&served, &file);
        let client = || way.set_up(tokio_common::builder(&served, &store), &served, &file);
        let (first, second) = (client().build().unwrap(), client().build().unwrap());
        let calls = [&first, &second, &first, &second].map(|oauth| {
            let (oauth, served) = (oauth.clone(), &served);
            async move { tokio_common::call(&oauth, served, LIST).await }
        });
        for status in futures_of(calls).await {
            assert_eq!(status.unwrap(), 200, "{way:?}");
        }
        assert_asked(&served, way, 1);
        served.world().revoke_access_tokens();
        write(&served, &file);
        assert_eq!(tokio_common::call(&second.quiet(), &served, LIST).await.unwrap(), 200);
        assert_asked(&served, way, 2);
        fs::remove_file(&file).unwrap();
    }
}

/// All at the same time.
async fn futures_of<F: Future<Output = T>, T>(all: [F; 4]) -> [T; 4] {
    let [a, b, c, d] = all;
    let (a, b, c, d) = tokio::join!(a, b, c, d);
    [a, b, c, d]
}

#[test]
fn a_source_without_a_token_says_which_file_it_is() {
    let (way, store) = (Way::Workload, MemoryTokenStorage::new());
    let served = way.served();
    let file = file("missing");
    let oauth = way.set_up(common::builder(&served, &store), &served, &file).build().unwrap();
    let error = common::call(&oauth, &served, LIST).unwrap_err();
    assert_eq!(error.code(), "no_assertion");
    assert!(error.to_string().contains(&file) && error.is_retryable(), "{error}");
    for (content, why) in [("  \n", "it is empty"), (&"x".repeat(70_000), "it is too long")] {
        fs::write(&file, content).unwrap();
        let error = common::call(&oauth, &served, LIST).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    write(&served, &file);
    assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
    fs::remove_file(&file).unwrap();
    assert_asked(&served, way, 1);
}

#[test]
fn a_logout_ends_what_is_stored_and_the_next_call_asks_again() {
    let (way, store) = (Way::Secret, MemoryTokenStorage::new());
    let served = way.served();
    let oauth = way.set_up(common::builder(&served, &store), &served, "").build().unwrap();
    assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
    oauth.logout().unwrap();
    assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
    oauth.login().unwrap();
    assert_asked(&served, way, 3);
}

/// A key in a service that does not answer.
struct Unanswering;

impl PrivateKey for Unanswering {
    fn describe(&self) -> KeyDescription {
        KeyDescription { key_id: None, algorithms: SigningAlgorithm::Es256.into() }
    }

    fn sign<'a>(&'a self, _: &'a Unsigned) -> Gift<'a, Vec<u8>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_key_that_never_signs_holds_nobody_up_for_longer_than_a_request() {
    let (way, store) = (Way::Key, MemoryTokenStorage::new());
    let served = way.served();
    let stuck = tokio_common::builder(&served, &store)
        .client_credentials_with_key(PRE_CLIENT_ID, Unanswering)
        .request_limit(Duration::from_secs(1))
        .build()
        .unwrap();
    let error = tokio_common::call(&stuck, &served, LIST).await.unwrap_err();
    assert_eq!(error.code(), "no_signature");
    assert!(error.to_string().contains("too long"), "{error}");
    let other = way.set_up(tokio_common::builder(&served, &store), &served, "").build().unwrap();
    assert_eq!(tokio_common::call(&other, &served, LIST).await.unwrap(), 200);
    assert_asked(&served, way, 1);
}
