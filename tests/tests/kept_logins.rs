//! Logins that are kept in the token store while their users are away: finished once, by their own user, anywhere.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use oauth_blocking::oauth_core::seal::{Sealing, SealingKey, SealingKeys};
use oauth_blocking::{
    AuthenticationError, Error, FileTokenStorage, LoginId, MemoryTokenStorage, OAuth, StorageError,
    TokenStorage, WaitingLogin,
};
use oauth_core::Error as ProtocolError;
use oauth_tests::files;
use oauth_tests::serve::Served;
use oauth_tests::world::Knobs;
use tokio_common::common::{
    LIST, assert_sound, call, handed_out, headless, key, logins, redirect, serve, stored,
};
use tokio_common::{Directory, redirect as visit};

/// A login that was handed out to a user, and kept.
fn kept(served: &Served, store: &(impl TokenStorage + Clone + 'static)) -> AuthenticationError {
    let oauth = headless(served, store);
    let login = handed_out(oauth.authenticate());
    oauth.keep_login(&login.pending).unwrap();
    login
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> ProtocolError {
    match result.unwrap_err() {
        Error::OAuth { error, .. } => error,
        other => panic!("{other:?}"),
    }
}

/// The same in memory, in files and in sealed files.
fn each_store(test: impl Fn(&dyn Fn() -> Box<dyn AnyStore>)) {
    let memory = MemoryTokenStorage::new();
    test(&|| Box::new(memory.clone()));
    for is_sealed in [false, true] {
        let directory = Directory::new();
        test(&|| Box::new(files_in(&directory, is_sealed)));
    }
}

fn files_in(directory: &Directory, is_sealed: bool) -> FileTokenStorage {
    let store = FileTokenStorage::in_dir(directory.store().directory());
    let key = SealingKey::new("1", &[7; 32]).unwrap();
    match is_sealed {
        true => store.sealed(Sealing::only(SealingKeys::new(key))),
        false => store,
    }
}

/// A store and what a client is built with.
trait AnyStore {
    fn client(&self, served: &Served) -> OAuth;
    fn put(&self, waiting: &WaitingLogin<'_>);
    fn take(&self, id: &LoginId, after: Duration) -> bool;
}

impl<S: TokenStorage + Clone + 'static> AnyStore for S {
    fn client(&self, served: &Served) -> OAuth {
        headless(served, self)
    }

    fn put(&self, waiting: &WaitingLogin<'_>) {
        self.put_login(waiting).unwrap();
    }

    fn take(&self, id: &LoginId, after: Duration) -> bool {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let now = oauth_core::UnixTime::from_secs((now + after).as_secs());
        self.take_login("", id, now).unwrap().is_some()
    }
}

#[test]
fn a_login_is_finished_once_by_any_client_of_its_user() {
    each_store(|store| {
        let served = serve(Knobs::default());
        let first = store().client(&served);
        let login = handed_out(first.authenticate());
        first.keep_login(&login.pending).unwrap();
        let query = redirect(&login.connect_url);
        let second = store().client(&served);
        assert_eq!(
            refused(second.for_profile("mallory").resume_kept(&query)),
            ProtocolError::LoginNotWaiting
        );
        for query in ["code=c", "code=c&state=guessed", "code=c&state=a&state=b", ""] {
            assert_eq!(refused(second.resume_kept(query)), ProtocolError::LoginNotWaiting);
        }
        second.resume_kept(&query).unwrap();
        assert_eq!(call(&first, &served, LIST).unwrap(), 200);
        assert_eq!(refused(second.resume_kept(&query)), ProtocolError::LoginUsed);
        assert_eq!(
            refused(second.for_profile("mallory").resume_kept(&query)),
            ProtocolError::LoginNotWaiting
        );
        assert_eq!(logins(&served), 1);
        assert_sound(&served);
    });
}

#[test]
fn of_those_who_bring_it_back_at_once_one_gets_it() {
    each_store(|store| {
        let served = serve(Knobs::default());
        let login = handed_out(store().client(&served).authenticate());
        store().client(&served).keep_login(&login.pending).unwrap();
        let clients: Vec<_> = (0..8).map(|_| store().client(&served)).collect();
        let (start, query) = (Barrier::new(clients.len()), redirect(&login.connect_url));
        let (start, query) = (&start, &*query);
        let won = thread::scope(|scope| {
            let each = clients.iter().map(|client| {
                scope.spawn(move || {
                    start.wait();
                    client.resume_kept(query).is_ok()
                })
            });
            let all: Vec<_> = each.collect();
            all.into_iter().map(|it| it.join().unwrap()).filter(|it| *it).count()
        });
        assert_eq!((won, logins(&served)), (1, 1));
    });
}

#[test]
fn a_login_whose_end_has_come_is_gone() {
    each_store(|store| {
        let served = serve(Knobs::default());
        let login = handed_out(store().client(&served).authenticate());
        let id = LoginId::new(&key(&served), login.connect_url.state());
        let waiting = WaitingLogin { id, application: "", login: &login.pending };
        store().put(&waiting);
        assert!(!store().take(&id, Duration::from_secs(24 * 60 * 60)));
        store().put(&waiting);
        assert!(store().take(&id, Duration::ZERO));
        assert!(!store().take(&id, Duration::ZERO), "once");
    });
}

/// Who reads the directory can finish no login with what is there.
#[test]
fn neither_state_nor_verifier_is_found_in_sealed_files() {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    let login = kept(&served, &files_in(&directory, true));
    let pending = serde_json::to_value(&login.pending).unwrap();
    let mut secrets = vec![login.connect_url.state().to_owned()];
    texts(&pending, &mut |text| {
        if text.len() == 43 {
            secrets.push(text.to_owned());
        }
    });
    assert!(secrets.len() > 1, "{pending}");
    for path in files::below(directory.store().directory()) {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        let all = format!("{} {text}", path.display());
        assert!(secrets.iter().all(|secret| !all.contains(&**secret)), "{all}");
    }
}

fn texts(value: &serde_json::Value, found: &mut impl FnMut(&str)) {
    match value {
        serde_json::Value::String(text) => found(text),
        serde_json::Value::Array(all) => all.iter().for_each(|it| texts(it, found)),
        serde_json::Value::Object(all) => all.values().for_each(|it| texts(it, found)),
        _ => {}
    }
}

#[test]
fn a_store_that_keeps_none_says_so() {
    let served = serve(Knobs::default());
    let store = tokio_common::common::Brittle::default();
    let oauth = headless(&served, &store);
    let login = handed_out(oauth.authenticate());
    match oauth.keep_login(&login.pending).unwrap_err() {
        Error::Storage(error @ StorageError::Unavailable { is_retryable: false, .. }) => {
            assert!(error.to_string().contains("keeps no logins"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_login_is_kept_and_finished_on_tokio() {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    let first = tokio_common::headless(&served, &directory.store());
    let login = tokio_common::handed_out(first.authenticate().await);
    first.keep_login(&login.pending).await.unwrap();
    let query = visit(&login.connect_url).await;
    let second = tokio_common::headless(&served, &files_in(&directory, false));
    let error = tokio_common::core_error(second.for_profile("mallory").resume_kept(&query).await);
    assert_eq!(error, ProtocolError::LoginNotWaiting);
    let token = second.resume_kept(&query).await.unwrap();
    let record = stored(&directory.store(), &key(&served)).unwrap();
    assert_eq!(record.tokens().unwrap().access_token, token);
}
