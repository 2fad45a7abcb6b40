//! One registered client for all profiles of a store, over sockets, with both adapters: a gateway with one
//! callback URL.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use oauth_blocking::{
    AuthConfig, GrantPage, GrantQuery, Key, Lease, Leases, Loaded, Lock, LoopbackBrowser,
    MemoryTokenStorage, OAuthBuilder, Record, Records, Spend, StorageError, TokenStorage, Written,
};
use oauth_tests::serve::Served;
use oauth_tests::world::{Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET};
use oauth_tokio::{Blocking, FileTokenStorage, SharedStorage};
use tokio_common::Directory;
use tokio_common::common::{
    self, APPLICATION, Events, LIST, assert_sound, browser, builder, call, logins, registrations,
    serve, visitor,
};

const PROFILES: [&str; 4] = ["ann", "bo", "cy", "di"];

fn assert_registered(served: &Served, expected: usize) {
    assert_eq!((registrations(served), logins(served)), (expected, PROFILES.len()));
    assert_sound(served);
}

#[test]
fn threads_register_once_over_files() {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    let store = directory.store();
    let gateway = builder(&served, &store).user_agent(visitor()).build().unwrap();
    std::thread::scope(|scope| {
        for profile in PROFILES {
            let (oauth, served) = (gateway.for_profile(profile), &served);
            scope.spawn(move || assert_eq!(call(&oauth, served, LIST).unwrap(), 200));
        }
    });
    assert_registered(&served, 1);
    // Nobody sees the client among the grants, and it is found by another process.
    assert_eq!(store.list_all(&GrantQuery::new(APPLICATION)).unwrap().len(), PROFILES.len());
    let another = builder(&served, &FileTokenStorage::in_dir(store.directory()));
    let another = another.profile("ed").user_agent(visitor()).build().unwrap();
    assert_eq!(call(&another, &served, LIST).unwrap(), 200);
    assert_eq!(registrations(&served), 1);
}

/// Each login has a listener of its own, at any port.
#[test]
fn listeners_take_the_port_of_the_client_that_is_registered() {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    for profile in PROFILES {
        // As programs that are started one after the other.
        let oauth = builder(&served, &directory.store()).profile(profile).build().unwrap();
        assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    }
    assert_registered(&served, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_of_tasks_take_the_port_of_the_client_that_is_registered() {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    for profile in PROFILES {
        let store = SharedStorage::from(Blocking::new(directory.store()));
        let oauth = tokio_common::builder(&served, &store);
        let oauth = oauth.user_agent(LoopbackBrowser::new().open_with(browser)).profile(profile);
        let oauth = oauth.build().unwrap();
        assert_eq!(tokio_common::call(&oauth, &served, LIST).await.unwrap(), 200);
    }
    assert_registered(&served, 1);
}

/// The port of a page that is still open is not waited for: its user may have closed the tab. Whoever comes
/// next uses the client that was registered last.
#[test]
fn a_page_that_is_open_holds_up_no_other_listener() {
    let (served, store) = (Arc::new(serve(Knobs::default())), MemoryTokenStorage::new());
    let others = (served.clone(), store.clone());
    let open = move |url: &str| {
        let (served, store) = &others;
        for profile in ["bo", "cy"] {
            let oauth = builder(served, store).profile(profile).build().unwrap();
            assert_eq!(call(&oauth, served, LIST).unwrap(), 200);
        }
        browser(url)
    };
    let first = builder(&served, &store).user_agent(LoopbackBrowser::new().open_with(open));
    let first = first.profile("ann").build().unwrap();
    assert_eq!(call(&first, &served, LIST).unwrap(), 200);
    assert_eq!((registrations(&served), logins(&served)), (2, 3));
    assert_sound(&served);
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_register_once() {
    let served = Arc::new(serve(Knobs::default()));
    let gateway = tokio_common::client(&served, &MemoryTokenStorage::new());
    let mut tasks = tokio::task::JoinSet::new();
    for profile in PROFILES {
        let (oauth, served) = (gateway.for_profile(profile), served.clone());
        tasks.spawn(async move { tokio_common::call(&oauth, &served, LIST).await.unwrap() });
    }
    assert_eq!(tasks.join_all().await, [200; PROFILES.len()]);
    assert_registered(&served, 1);
}

/// In code and in a configuration file.
#[test]
fn one_after_the_other_they_register_once_and_those_who_want_it_each() {
    let config = |text: &str| serde_json::from_str::<AuthConfig>(text).unwrap();
    type Set = fn(OAuthBuilder, AuthConfig) -> OAuthBuilder;
    let as_configured: Set = |builder, config| builder.config(config).unwrap();
    let in_code: Set = |builder, _| builder.registration_for_each_profile();
    for (set, config, expected) in [
        (as_configured, config("{}"), 1),
        (in_code, config("{}"), PROFILES.len()),
        (as_configured, config(r#"{"registration_for_each_profile": true}"#), PROFILES.len()),
    ] {
        let served = serve(Knobs::default());
        let builder = builder(&served, &MemoryTokenStorage::new()).user_agent(visitor());
        let gateway = set(builder, config).build().unwrap();
        for profile in PROFILES {
            assert_eq!(call(&gateway.for_profile(profile), &served, LIST).unwrap(), 200);
        }
        assert_registered(&served, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_tokio_those_who_want_it_register_one_each() {
    let served = serve(Knobs::default());
    let store = SharedStorage::from(Blocking::new(MemoryTokenStorage::new()));
    let gateway = tokio_common::builder(&served, &store).registration_for_each_profile();
    let gateway = gateway.build().unwrap();
    for profile in PROFILES {
        let oauth = gateway.for_profile(profile);
        assert_eq!(tokio_common::call(&oauth, &served, LIST).await.unwrap(), 200);
    }
    assert_registered(&served, PROFILES.len());
}

/// A store that loses sight of clients once there are tokens.
#[derive(Clone, Debug, Default)]
struct NoClients {
    inner: MemoryTokenStorage,
    only_saves: bool,
    is_broken: Arc<AtomicBool>,
}

impl NoClients {
    fn check(&self, key: &Key, saves: bool) -> Result<(), StorageError> {
        let is_broken = self.is_broken.load(Ordering::SeqCst) && (saves || !self.only_saves);
        match is_broken && !key.kind.is_grant() {
            true => Err(StorageError::refused("out of order")),
            false => Ok(()),
        }
    }
}

impl Records for NoClients {
    fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        self.check(key, false)?;
        self.inner.load(key)
    }

    fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Written, StorageError> {
        self.check(key, true)?;
        let saved = self.inner.save(key, record, expected)?;
        self.is_broken.fetch_or(record.tokens().is_some(), Ordering::SeqCst);
        Ok(saved)
    }

    fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        self.inner.delete(key, expected)
    }

    fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        self.inner.list(query)
    }
}

impl Leases for NoClients {
    fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError> {
        self.inner.try_lock(key, lock)
    }

    fn extend(&self, key: &Key, lease: &mut Lease) -> Result<bool, StorageError> {
        self.inner.extend(key, lease)
    }
}

impl TokenStorage for NoClients {
    fn reserve(
        &self,
        key: &Key,
        lease: &mut Lease,
        spend: Spend<'_>,
    ) -> Result<bool, StorageError> {
        self.inner.reserve(key, lease, spend)
    }
}

/// A client whose tokens are stored, and whether it brings its own secret.
const CASES: [(bool, bool); 3] = [(false, false), (true, false), (true, true)];

#[test]
fn tokens_that_are_stored_count_whatever_becomes_of_what_is_known_of_the_client() {
    for (brings_secret, only_saves) in CASES {
        let (served, store) =
            (serve(Knobs::default()), NoClients { only_saves, ..NoClients::default() });
        let events = Events::default();
        let user = || events.watch(builder(&served, &store).user_agent(visitor()));
        let user = || match brings_secret {
            true => user().client_id(PRE_CLIENT_ID).client_secret(PRE_CLIENT_SECRET),
            false => user(),
        };
        assert_eq!(call(&user().build().unwrap(), &served, LIST).unwrap(), 200);
        common::expire(&store.inner, &common::key(&served));
        assert_eq!(call(&user().build().unwrap(), &served, LIST).unwrap(), 200);
        assert_eq!((logins(&served), common::refreshes(&served)), (1, 1));
        let told = events.names().iter().filter(|name| name.starts_with("ClientNotStored")).count();
        assert_eq!(told, 2, "{brings_secret} {only_saves}: the login, the refresh");
        assert_sound(&served);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_tokio_tokens_that_are_stored_count_whatever_becomes_of_the_client() {
    for (brings_secret, only_saves) in CASES {
        let (served, store) =
            (serve(Knobs::default()), NoClients { only_saves, ..NoClients::default() });
        let shared = SharedStorage::from(Blocking::new(store.clone()));
        let user = || match brings_secret {
            true => tokio_common::builder(&served, &shared)
                .client_id(PRE_CLIENT_ID)
                .client_secret(PRE_CLIENT_SECRET),
            false => tokio_common::builder(&served, &shared),
        };
        let first = user().build().unwrap();
        assert_eq!(tokio_common::call(&first, &served, LIST).await.unwrap(), 200);
        common::expire(&store.inner, &common::key(&served));
        let second = user().build().unwrap();
        assert_eq!(tokio_common::call(&second, &served, LIST).await.unwrap(), 200);
        assert_eq!((logins(&served), common::refreshes(&served)), (1, 1));
        assert_sound(&served);
    }
}

#[test]
fn two_programs_register_one_each() {
    let (served, store) = (serve(Knobs::default()), MemoryTokenStorage::new());
    for application in ["editor", "terminal"] {
        let oauth = builder(&served, &store).application(application).user_agent(visitor());
        assert_eq!(call(&oauth.build().unwrap(), &served, LIST).unwrap(), 200);
    }
    assert_eq!(registrations(&served), 2);
}
