//! One value that is many users' clients: which ones it keeps, what a user costs who is not connected, and the end of
//! all that a user has.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oauth_blocking::{
    Error, GrantPage, GrantQuery, Key, Loaded, MemoryTokenStorage, OAuth, Profiles, Record,
    Records, RevocationOutcome, Split, StorageError, Written,
};
use oauth_core::Error as ProtocolError;
use oauth_tests::serve::Served;
use oauth_tests::world::{Damage, Fault, Knobs, What};
use tokio_common::common::{self, APPLICATION, LIST, assert_sound, call, client, serve, statuses};

/// Records in memory, and how often they are looked at.
#[derive(Clone, Default)]
struct Looked {
    memory: MemoryTokenStorage,
    loads: Arc<AtomicUsize>,
    /// What somebody else does right before a record is deleted.
    before_delete: Arc<Mutex<Option<Meanwhile>>>,
}

impl Looked {
    fn store(&self) -> Split<Self, MemoryTokenStorage> {
        Split { records: self.clone(), leases: self.memory.clone() }
    }

    fn loads(&self) -> usize {
        self.loads.swap(0, Ordering::SeqCst)
    }
}

impl Records for Looked {
    fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.memory.load(key)
    }

    fn save(&self, key: &Key, record: &Record, expected: u64) -> Result<Written, StorageError> {
        self.memory.save(key, record, expected)
    }

    fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        let meanwhile = self.before_delete.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        self.memory.delete(key, expected)
    }

    fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        self.memory.list(query)
    }
}

type Meanwhile = Box<dyn FnOnce() + Send>;

fn connected(users: &Profiles, server: &OAuth, served: &Served, profile: &str) {
    assert_eq!(call(&users.of(server, profile), served, LIST).unwrap(), 200);
}

fn core_error<T: std::fmt::Debug>(result: Result<T, Error>) -> ProtocolError {
    match result.unwrap_err() {
        Error::OAuth { error, .. } => error,
        error => panic!("{error:?}"),
    }
}

fn alice_at(served: &Served) -> Key {
    Key::grant(APPLICATION, "alice", &served.server_url())
}

fn grants(store: &impl Records, profile: &str) -> usize {
    store.list_all(&GrantQuery::new(APPLICATION).profile(profile)).unwrap().len()
}

#[test]
fn a_users_client_is_kept_while_they_are_there() {
    let (served, looked) = (serve(Knobs::default()), Looked::default());
    let server = client(&served, &looked.store());
    let users = Profiles::new(server.clone());
    connected(&users, &server, &served, "alice");
    looked.loads();
    let again = users.of(&server, "alice");
    assert!(again.authorization().is_some(), "it knows what the first one has found");
    assert_eq!((looked.loads(), users.len()), (0, 1));
    assert!(users.of(&server, "bob").authorization().is_none());
    assert_eq!(users.len(), 2);
    assert!(users.of(&server.quiet(), "alice").authorization().is_some(), "the same client");
    assert_sound(&served);
}

#[test]
fn who_is_idle_is_forgotten_and_loses_nothing() {
    let (served, looked) = (serve(Knobs::default()), Looked::default());
    let server = client(&served, &looked.store());
    let users = Profiles::new(server.clone()).idle_after(Duration::ZERO);
    connected(&users, &server, &served, "alice");
    let in_use = users.of(&server, "bob");
    for _ in 0..3 {
        drop(users.of(&server, "carol"));
    }
    assert_eq!(users.len(), 2, "bob has a handle, and carol was asked for last: {users:?}");
    served.world().log.clear();
    assert!(users.of(&server, "alice").initialize().unwrap().is_some());
    assert_eq!(served.world().log.len(), 0, "the store has it");
    drop(in_use);
    for _ in 0..3 {
        drop(users.of(&server, "carol"));
    }
    assert_eq!(users.len(), 1);
}

#[test]
fn those_who_were_asked_for_last_stay() {
    let (served, looked) = (serve(Knobs::default()), Looked::default());
    let server = client(&served, &looked.store());
    let users = Profiles::new(server.clone()).at_most(10);
    connected(&users, &server, &served, "alice");
    for user in 0..100 {
        drop(users.of(&server, &user.to_string()));
        assert!(users.of(&server, "alice").authorization().is_some());
        assert!(users.len() <= 10);
    }
    let all: Vec<_> = (0..30).map(|user| users.of(&server, &user.to_string())).collect();
    assert!(users.len() >= all.len(), "who is in use is not forgotten");
    drop(all);
    for user in 0..60 {
        drop(users.of(&server, &user.to_string()));
    }
    assert!(users.len() <= 10, "{users:?}");
}

#[test]
fn a_user_who_is_not_connected_costs_a_look_and_no_discovery() {
    let (served, looked) = (serve(Knobs::default()), Looked::default());
    let server = client(&served, &looked.store()).quiet();
    let users = Profiles::new(server.clone());
    for _ in 0..2 {
        let nobody = users.of(&server, "nobody");
        assert_eq!(core_error(nobody.token()), ProtocolError::LoginRequired);
        assert_eq!((looked.loads(), served.world().log.len()), (1, 0));
        assert_eq!(core_error(call(&nobody, &served, LIST)), ProtocolError::LoginRequired);
        // Before it is sent, and after the refusal: they may have connected meanwhile.
        assert_eq!((looked.loads(), served.world().log.len()), (2, 1), "no discovery");
        assert_eq!(statuses(&served, LIST), [401]);
        served.world().log.clear();
    }
}

#[test]
fn all_that_a_user_has_is_ended_at_all_servers() {
    let looked = Looked::default();
    let store = looked.store();
    let [first, second, third] = [(); 3].map(|()| serve(Knobs::default()));
    let [one, two, unknown] = [&first, &second, &third].map(|it| client(it, &store));
    let users = Profiles::new(one.clone());
    users.add(two.clone());
    for (server, served) in [(&one, &first), (&two, &second)] {
        connected(&users, server, served, "alice");
        connected(&users, server, served, "bob");
    }
    connected(&Profiles::new(unknown.clone()), &unknown, &third, "alice");
    let alice = users.of(&one, "alice");
    let ended = users.off_board("alice").unwrap();
    assert!(ended.is_complete(), "{ended}");
    assert_eq!((ended.grants.len(), ended.to_string().lines().count()), (3, 3), "{ended}");
    for served in [&first, &second, &third] {
        assert_eq!(served.world().count(What::Revoke), 2);
        assert_sound(served);
    }
    assert_eq!((grants(&looked, "alice"), grants(&looked, "bob")), (0, 2));
    for served in [&first, &second, &third] {
        assert_eq!(looked.load(&alice_at(served)).unwrap(), Loaded::Nothing, "no record is left");
    }
    assert_eq!(alice.authorization(), None, "a handle that was there before has no token");
    assert_eq!(core_error(alice.token()), ProtocolError::LoginRequired);
    assert!(users.of(&one, "bob").initialize().unwrap().is_some());
    let again = users.off_board("alice").unwrap();
    assert_eq!((again.grants.len(), again.to_string().as_str()), (0, "there were no grants"));
    connected(&users, &one, &first, "alice");
    assert_sound(&first);
}

#[test]
fn what_stays_alive_is_said_and_erased_all_the_same() {
    let looked = Looked::default();
    let store = looked.store();
    let [first, second] = [(); 2].map(|()| serve(Knobs::default()));
    let [one, two] = [&first, &second].map(|it| client(it, &store));
    let users = Profiles::new(one.clone());
    users.add(two.clone());
    connected(&users, &one, &first, "alice");
    connected(&users, &two, &second, "alice");
    first.world().knobs.revocation_damage = Damage::times(Fault::Unavailable { retry_after: 1 }, 9);
    let ended = users.off_board("alice").unwrap();
    assert!(!ended.is_complete());
    let alive: Vec<_> = ended.grants.iter().filter(|it| !it.is_complete()).collect();
    assert_eq!(alive.len(), 1, "{ended}");
    assert_eq!(*alive[0].key.server_url, *first.server_url());
    let outcome = alive[0].outcome.as_ref().unwrap();
    assert!(
        matches!(&outcome.refresh_token, RevocationOutcome::Alive(error) if error.is_retryable())
    );
    assert!(ended.to_string().contains("may live until it expires"), "{ended}");
    assert_eq!(grants(&looked, "alice"), 0);
}

#[test]
fn who_logs_in_meanwhile_is_logged_out_again_and_what_stayed_alive_is_not_forgotten() {
    let (served, looked) = (Arc::new(serve(Knobs::default())), Looked::default());
    let server = client(&served, &looked.store());
    let users = Profiles::new(server.clone());
    connected(&users, &server, &served, "alice");
    served.world().knobs.revocation_damage =
        Damage::times(Fault::Unavailable { retry_after: 1 }, 1);
    let (elsewhere, there) = (client(&served, &looked.store()), Arc::clone(&served));
    *looked.before_delete.lock().unwrap() = Some(Box::new(move || {
        assert_eq!(call(&elsewhere.for_profile("alice"), &there, LIST).unwrap(), 200);
    }));
    let ended = users.off_board("alice").unwrap();
    let outcome = ended.grants[0].outcome.as_ref().unwrap();
    assert!(matches!(outcome.refresh_token, RevocationOutcome::Alive(_)), "{ended}");
    assert_eq!((common::logins(&served), served.world().count(What::Revoke)), (2, 4));
    assert_eq!(looked.load(&alice_at(&served)).unwrap(), Loaded::Nothing);
    assert_sound(&served);
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_of_one_user_meet_in_one_client() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let server = tokio_common::client(&served, &store);
    let user = server.for_profile("alice");
    assert_eq!(tokio_common::call(&user, &served, LIST).await.unwrap(), 200);
    common::expire(&store, &alice_at(&served));
    let users = Arc::new(oauth_tokio::Profiles::new(server.clone()));
    let url = served.server_url();
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let (users, server, url) = (Arc::clone(&users), server.clone(), url.clone());
            tokio::spawn(async move {
                let user = users.of(&server, "alice");
                tokio_common::post(&user, &url, LIST).await.map(|(status, _)| status)
            })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), 200);
    }
    assert_eq!(common::refreshes(&served), 1);
    assert!(users.shutdown(Duration::from_secs(5)).await);
    let ended = users.off_board("alice").await.unwrap();
    assert!(ended.is_complete() && ended.grants.len() == 1, "{ended}");
    assert!(store.list_all(&GrantQuery::new(APPLICATION)).unwrap().is_empty());
    assert_sound(&served);
}
