//! Records that are sealed: what a dump of the server gives away, and what somebody can do who writes into it.

use oauth_core::UnixTime;
use oauth_core::client::{LoginId, WaitingLogin};
use oauth_core::seal::{SealError, Sealing, SealingKey, SealingKeys};
use oauth_core::session::Key;
use oauth_tokio::redis::RedisStorage;
use oauth_tokio::redis::redis::{Value, cmd};
use oauth_tokio::{GrantQuery, Records as _, StorageError, Written};

use crate::database::{APPLICATION, Database, SECRETS, assert_quiet, key, record};
use crate::remote::loaded;
use crate::sample::{VERIFIER, login};

pub(crate) fn with(id: &str) -> Sealing {
    let key = SealingKey::new(id, &[id.len().try_into().unwrap(); 32]).unwrap();
    Sealing::with(SealingKeys::new(key))
}

/// A login is put and taken once.
pub(crate) async fn login_goes_and_comes(store: &RedisStorage) {
    let (id, login) = (LoginId::new(&key("alice"), "the-state"), login());
    let now = UnixTime::from_secs(1);
    store.put_login(&WaitingLogin { id, application: APPLICATION, login: &login }).await.unwrap();
    let taken = store.take_login(APPLICATION, &id, now).await.unwrap();
    assert_eq!(taken.unwrap().connect_url(), login.connect_url());
    assert!(store.take_login(APPLICATION, &id, now).await.unwrap().is_none());
}

/// All keys with all that is under them.
async fn dump(database: &Database) -> Vec<u8> {
    let mut all = Vec::new();
    for key in database.keys("*").await {
        all.extend(key.as_bytes());
        let kind: String = database.run(cmd("TYPE").arg(&key)).await;
        let read = match &*kind {
            "hash" => cmd("HGETALL").arg(&key).clone(),
            "zset" => cmd("ZRANGE").arg(&key).arg(0).arg(-1).clone(),
            _ => cmd("GET").arg(&key).clone(),
        };
        flatten(database.run(&read).await, &mut all);
    }
    all
}

fn flatten(value: Value, all: &mut Vec<u8>) {
    match value {
        Value::BulkString(bytes) => all.extend(bytes),
        Value::Array(values) => values.into_iter().for_each(|it| flatten(it, all)),
        other => panic!("{other:?}"),
    }
}

fn is_in(dump: &[u8], secret: &str) -> bool {
    dump.windows(secret.len()).any(|part| part == secret.as_bytes())
}

#[tokio::test]
async fn no_secret_is_in_a_dump() {
    for is_sealed in [false, true] {
        let database = Database::new();
        let sealing = if is_sealed { with("2027") } else { Sealing::none() };
        let store = database.store().await.sealed(sealing);
        let first = record("1");
        let second = record("2").replacing(first.generation());
        assert_eq!(store.save(&key("alice"), &first, 0).await, Ok(Written::Done));
        let saved = store.save(&key("alice"), &second, first.generation()).await;
        assert_eq!(saved, Ok(Written::Done));
        let login = login();
        let id = LoginId::new(&key("alice"), "the-state");
        let waiting = WaitingLogin { id, application: APPLICATION, login: &login };
        store.put_login(&waiting).await.unwrap();
        let dump = dump(&database).await;
        for secret in SECRETS.iter().skip(1).chain(&[VERIFIER]) {
            assert_eq!(is_in(&dump, secret), !is_sealed, "{secret}");
        }
        // Neither as it is nor sealed, and whose it is is no secret.
        assert!(!is_in(&dump, SECRETS[0]) && !is_in(&dump, "the-state"));
        assert!(is_in(&dump, "alice"));
        assert_eq!(loaded(&store, &key("alice")).await, Some(second));
        let taken = store.take_login(APPLICATION, &id, UnixTime::from_secs(1)).await.unwrap();
        assert_eq!(taken.unwrap().connect_url(), login.connect_url());
    }
}

async fn refused(store: &RedisStorage, key: &Key) -> SealError {
    match store.load(key).await {
        Err(error @ StorageError::Sealed { .. }) => {
            assert_quiet(&error);
            let StorageError::Sealed { why, .. } = error else { unreachable!() };
            why
        }
        other => panic!("{other:?}"),
    }
}

/// Somebody copies a record with all that stands beside it, but for whose it is.
#[tokio::test]
async fn a_record_that_was_moved_to_another_user_is_refused() {
    for is_sealed in [true, false] {
        let database = Database::new();
        let sealing = if is_sealed { with("2027") } else { Sealing::none() };
        let store = database.store().await.sealed(sealing);
        let record = record("1");
        assert_eq!(store.save(&key("alice"), &record, 0).await, Ok(Written::Done));
        let (from, to) = (database.record_of(&key("alice")), database.record_of(&key("mallory")));
        let _: bool = database.run(cmd("COPY").arg(from).arg(&to)).await;
        database.set(&key("mallory"), "profile", b"mallory").await;
        if is_sealed {
            let wrong = SealError::Wrong { key_id: "2027".into() };
            assert_eq!(refused(&store, &key("mallory")).await, wrong);
            assert_eq!(database.keys("*:damaged:*").await, [""; 0]);
            // An old one does not come back under a new generation either.
            database.set(&key("alice"), "generation", b"1999999999").await;
            assert_eq!(refused(&store, &key("alice")).await, wrong);
        } else {
            assert_eq!(loaded(&store, &key("mallory")).await, Some(record));
        }
    }
}

#[tokio::test]
async fn a_key_that_is_missing_is_no_damage() {
    let database = Database::new();
    let (store, key) = (database.store().await, key(""));
    let saved = record("1");
    let sealed = store.clone().sealed(with("2027"));
    assert_eq!(sealed.save(&key, &saved, 0).await, Ok(Written::Done));
    let unknown = SealError::UnknownKey { key_id: "2027".into() };
    assert_eq!(refused(&store.clone().sealed(with("other")), &key).await, unknown);
    let listed = store.sealed(with("other")).list_all(&GrantQuery::new(APPLICATION)).await;
    assert!(matches!(listed, Err(StorageError::Sealed { .. })), "{listed:?}");
    assert_eq!(loaded(&sealed, &key).await, Some(saved));
}

/// A login that cannot be opened stays for who can, and one whose end has come is nobody's.
#[tokio::test]
async fn a_login_is_sealed_for_its_id_and_ends() {
    let database = Database::new();
    let plain = database.store().await;
    let (store, login) = (plain.clone().sealed(with("2027")), login());
    let id = LoginId::new(&key("alice"), "state");
    let waiting = WaitingLogin { id, application: APPLICATION, login: &login };
    store.put_login(&waiting).await.unwrap();
    let now = UnixTime::from_secs(1);
    for (by, application) in [(&store, "Other"), (&plain, APPLICATION)] {
        let taken = by.take_login(application, &id, now).await;
        assert!(matches!(taken, Err(StorageError::Sealed { .. })), "{taken:?}");
    }
    let late = UnixTime::from_secs(login.expires_at().as_secs() + 1);
    assert!(store.take_login(APPLICATION, &id, late).await.unwrap().is_none());
    assert!(store.take_login(APPLICATION, &id, now).await.unwrap().is_some());

    store.put_login(&waiting).await.unwrap();
    let name = format!("{}:login:{id}", database.prefix);
    let end: i64 = database.run(cmd("EXPIRETIME").arg(name)).await;
    assert_eq!(end, i64::try_from(login.expires_at().as_secs()).unwrap() + 3600);
}
