//! What the server has forgotten, and what was answered and did not arrive.

use oauth_tokio::redis::redis::cmd;
use oauth_tokio::{Leases as _, Records as _, Written};

use crate::database::{Database, assert_quiet, key, record};
use crate::remote::{loaded, taken};
use crate::server::Server;
use crate::wired::Wire;

/// A server of its own: the others would have to send their scripts once more.
#[tokio::test]
async fn scripts_that_the_server_has_forgotten_are_sent_again() {
    let server = Server::start(&[]).await;
    let database = Database::at(&server.url(), <_>::default());
    let (store, key) = (database.store().await, key(""));
    let mut stored = 0;
    for number in 0..3 {
        let next = record(&number.to_string()).replacing(stored);
        let forget = async || database.run::<()>(cmd("SCRIPT").arg("FLUSH")).await;
        forget().await;
        let mut lease = taken(&store, &key).await.unwrap();
        forget().await;
        assert_eq!(store.extend(&key, &mut lease).await, Ok(true));
        forget().await;
        assert_eq!(store.save(&key, &next, stored).await, Ok(Written::Done));
        forget().await;
        store.release(&key, lease).await;
        stored = next.generation();
        forget().await;
        assert_eq!(loaded(&store, &key).await, Some(next));
    }
    store.erase(&key).await.unwrap();
    assert_eq!(database.keys("*").await, [""; 0]);
}

/// It says nothing about what was asked, and nothing is sent a second time.
#[tokio::test]
async fn a_save_whose_answer_is_lost_is_an_error_and_is_not_sent_again() {
    let (database, key) = (Database::new(), key(""));
    let wire = Wire::new(&database).await;
    let store = database.over(wire.clone()).await;
    let first = database.saved(&key).await;
    let (second, third) = (record("2").replacing(first.generation()), record("3"));
    // The server has the script then.
    let stale = store.save(&key, &second, 7).await;
    assert_eq!(stale, Ok(Written::Conflict { stored: first.generation() }));
    Wire::set(&wire.state.loses_answers, true);
    let before = wire.state.count.load(std::sync::atomic::Ordering::SeqCst);
    let error = store.save(&key, &second, first.generation()).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert_quiet(&error);
    assert_eq!(wire.state.count.load(std::sync::atomic::Ordering::SeqCst), before + 1);
    Wire::set(&wire.state.loses_answers, false);
    // Who asks again is told of a conflict, and looks.
    let conflict = Ok(Written::Conflict { stored: second.generation() });
    assert_eq!(store.save(&key, &second, first.generation()).await, conflict);
    assert_eq!(loaded(&store, &key).await, Some(second.clone()));
    let third = third.replacing(second.generation());
    assert_eq!(store.save(&key, &third, second.generation()).await, Ok(Written::Done));
}
