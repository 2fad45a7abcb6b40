//! What was acknowledged outlives the server that is killed right after it.

use oauth_core::UnixTime;
use oauth_core::client::{LoginId, WaitingLogin};
use oauth_core::session::Spend;
use oauth_tokio::redis::Terms;
use oauth_tokio::{Loaded, Lock, Records as _, TokenStorage as _, Written};

use crate::database::{APPLICATION, Database, key, record};
use crate::remote::{loaded, taken};
use crate::sample::login;
use crate::server::Server;

/// Each write is the last thing that happens before the crash.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_answered_is_lost() {
    let mut server = Server::start(&[]).await;
    let database = Database::at(&server.url(), Terms::strict());
    let (key, first) = (key(""), record("1"));
    let second = record("2").replacing(first.generation());
    let mut crash = async || {
        server.kill();
        server.start_again().await;
        database.store().await
    };

    let store = database.store().await;
    assert_eq!(store.save(&key, &first, 0).await, Ok(Written::Done));
    let store = crash().await;
    assert_eq!(loaded(&store, &key).await, Some(first.clone()));
    assert_eq!(store.list_all(&crate::lists::all()).await.unwrap().len(), 1);

    assert_eq!(store.save(&key, &second, first.generation()).await, Ok(Written::Done));
    let store = crash().await;
    assert_eq!(loaded(&store, &key).await, Some(second.clone()));

    let mut lease = taken(&store, &key).await.unwrap();
    let other = crash().await;
    assert!(taken(&other, &key).await.is_none());
    assert!(database.left(&key, Lock::Refresh).await > 60_000);
    let spend = Spend::new(second.generation(), 0);
    // The same lease, by a store that has a connection.
    assert_eq!(other.reserve(&key, &mut lease, spend).await, Ok(true));
    let store = crash().await;
    assert!(store.spending(&key).await.unwrap().is_some());

    let (id, login) = (LoginId::new(&key, "the-state"), login());
    store.put_login(&WaitingLogin { id, application: APPLICATION, login: &login }).await.unwrap();
    let store = crash().await;
    let now = UnixTime::from_secs(1);
    assert!(store.take_login(APPLICATION, &id, now).await.unwrap().is_some());
    let store = crash().await;
    assert!(store.take_login(APPLICATION, &id, now).await.unwrap().is_none());

    database.set(&key, "body", b"").await;
    assert!(matches!(store.load(&key).await, Ok(Loaded::Damaged { .. })));
    let store = crash().await;
    assert_eq!(loaded(&store, &key).await, None);

    assert_eq!(store.save(&key, &first, 0).await, Ok(Written::Done));
    assert_eq!(store.delete(&key, first.generation()).await, Ok(Written::Done));
    let store = crash().await;
    assert_eq!(loaded(&store, &key).await, None);
}

/// What it is worth: without the file, the record is gone, or the one before is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_file_loses_it() {
    let mut server = Server::start(&[("appendonly", "no")]).await;
    let database = Database::at(&server.url(), Terms::strict().accept_lost_saves());
    let saved = database.saved(&key("")).await;
    assert_eq!(loaded(&database.store().await, &key("")).await, Some(saved));
    server.kill();
    server.start_again().await;
    assert_eq!(loaded(&database.store().await, &key("")).await, None);
}
