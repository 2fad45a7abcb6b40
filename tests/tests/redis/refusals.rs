//! What somebody has to see to: each error says what, and nothing secret.

use oauth_tokio::redis::redis::{self, cmd};
use oauth_tokio::redis::{CommandError, RedisStorage, Terms};
use oauth_tokio::{Leases as _, Loaded, Records as _, StorageError, Written};

use crate::database::{Database, assert_quiet, connection, key, record};
use crate::remote::taken;
use crate::server::Server;

#[track_caller]
fn assert_refused(error: &StorageError, words: &str) {
    assert_quiet(error);
    assert!(error.to_string().contains(words), "{error}");
    assert!(!error.is_retryable(), "{error}");
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let server = Server::start(&[]).await;
    let (host, port) = server.address();
    let url = format!("redis://:refresh-secret@{host}:{port}/");
    let error = connection(&url).await.err().unwrap();
    let error = CommandError::from(error);
    assert_refused(&error.into(), "see to the user and its password");
}

#[tokio::test]
async fn a_password_that_is_missing_is_refused() {
    let server = Server::start(&[]).await;
    let (host, port) = server.address();
    let client = redis::Client::open(format!("redis://{host}:{port}/")).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let error = RedisStorage::open(connection.clone(), Terms::strict()).await.unwrap_err();
    assert_refused(&error.into(), "(NOAUTH); see to the user and its password");
}

/// A user with the rights that the documentation says, and with none.
#[tokio::test]
async fn a_user_needs_few_rights_on_keys_of_the_prefix() {
    let server = Server::start(&[]).await;
    let database = Database::at(&server.url(), Terms::strict());
    let (host, port) = server.address();
    let url = format!("redis://poor:access-secret@{host}:{port}/");
    let allow = async |rights: &[&str]| {
        let mut command = cmd("ACL");
        command.arg(&["SETUSER", "poor", "reset", "on", ">access-secret"]).arg(rights);
        database.run::<()>(&command).await;
    };
    allow(&["+ping", "+client"]).await;
    let error = RedisStorage::open(connection(&url).await.unwrap(), Terms::strict()).await;
    let error = StorageError::from(error.unwrap_err());
    assert_refused(&error, "allow the user `CONFIG GET`, or vouch");
    let vouched = Terms::strict().vouch_for_untold_configuration();
    let store = RedisStorage::open(connection(&url).await.unwrap(), vouched).await.unwrap();
    let store = store.prefix(&database.prefix).unwrap();
    assert_refused(&store.load(&key("")).await.unwrap_err(), "(NOPERM); the user needs");

    let keys = format!("~{}:*", database.prefix);
    let documented = "+ping +client +evalsha +eval +set +del +get +hget +hmget +hset +hdel +exists +pexpire \
                      +rename +zadd +zrem +zrangebylex +time";
    let mut rights: Vec<&str> = documented.split(' ').collect();
    rights.push(&keys);
    allow(&rights).await;
    let store = RedisStorage::open(connection(&url).await.unwrap(), vouched).await.unwrap();
    // Another program's keys are not this user's.
    assert_refused(&store.load(&key("")).await.unwrap_err(), "(NOPERM); the user needs");
    let store = store.prefix(&database.prefix).unwrap();
    let (key, first) = (key(""), record("1"));
    let second = record("2").replacing(first.generation());
    assert_eq!(store.save(&key, &first, 0).await, Ok(Written::Done));
    assert_eq!(store.save(&key, &second, first.generation()).await, Ok(Written::Done));
    assert_eq!(store.list_all(&crate::lists::all()).await.unwrap().len(), 1);
    assert_eq!(store.delete(&key, second.generation()).await, Ok(Written::Done));
    let mut lease = taken(&store, &key).await.unwrap();
    assert_eq!(store.extend(&key, &mut lease).await, Ok(true));
    store.release(&key, lease).await;
    crate::sealed::login_goes_and_comes(&store).await;
    assert_eq!(store.save(&key, &first, 0).await, Ok(Written::Done));
    database.set(&key, "body", b"").await;
    assert!(matches!(store.load(&key).await, Ok(Loaded::Damaged { .. })));
    // Within a script as well.
    rights.push("-hset");
    allow(&rights).await;
    assert_refused(&store.save(&key, &first, 0).await.unwrap_err(), "the user needs");
}

#[tokio::test]
async fn what_another_program_has_under_a_key_is_refused() {
    let database = Database::new();
    let store = database.store().await;
    let record = database.record_of(&key(""));
    database.run::<()>(cmd("SET").arg(record).arg("access-secret")).await;
    assert_refused(&store.load(&key("")).await.unwrap_err(), "another program has a key");
    let error = store.save(&key(""), &self::record("1"), 0).await.unwrap_err();
    assert_refused(&error, "another program has a key");
}

#[tokio::test]
async fn what_a_host_says_wrongly_is_not_shown() {
    let database = Database::new();
    let store = database.store().await;
    let said = format!("{store:?}");
    assert!(said.contains(&database.prefix), "{said}");
    assert!(!said.contains("correct-horse"), "{said}");
    assert!(store.prefix("{").is_err());
}
