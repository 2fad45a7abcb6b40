//! Rows that are sealed: what a dump of the database gives away, and what somebody can do who writes into it.

use oauth_core::UnixTime;
use oauth_core::client::{LoginId, WaitingLogin};
use oauth_core::seal::{SealError, Sealing, SealingKey, SealingKeys};
use oauth_core::session::{Key, Record};
use oauth_tokio::postgres::PostgresStorage;
use oauth_tokio::{GrantQuery, Loaded, Records as _, StorageError, Written};

use crate::database::{APPLICATION, Database, SECRETS, assert_quiet, both, key, record};
use crate::remote::loaded;
use crate::sample::{VERIFIER, login};

fn new_key() -> SealingKey {
    SealingKey::new("2027", &[7; 32]).unwrap()
}

fn old_key() -> SealingKey {
    SealingKey::new("2026", &[6; 32]).unwrap()
}

fn with(key: SealingKey) -> Sealing {
    Sealing::with(SealingKeys::new(key))
}

fn sealed(database: &Database) -> PostgresStorage {
    database.store().sealed(with(new_key()))
}

/// Why a record is not read.
async fn refused(store: &PostgresStorage, key: &Key) -> SealError {
    match store.load(key).await {
        Err(error @ StorageError::Sealed { .. }) => {
            assert_quiet(&error);
            let StorageError::Sealed { why, .. } = error else { unreachable!() };
            why
        }
        other => panic!("{other:?}"),
    }
}

fn wrong() -> SealError {
    SealError::Wrong { key_id: "2027".into() }
}

/// Two records of a user, one after the other, and one of somebody else.
async fn saved(store: &PostgresStorage) -> (Record, Record, Record) {
    let first = record("1");
    let second = record("2").replacing(first.generation());
    let other = record("3");
    assert_eq!(store.save(&key("alice"), &first, 0).await, Ok(Written::Done));
    assert_eq!(store.save(&key("alice"), &second, first.generation()).await, Ok(Written::Done));
    assert_eq!(store.save(&key("mallory"), &other, 0).await, Ok(Written::Done));
    (first, second, other)
}

/// Each row of each table, as text: what a backup has. Bytes are hexadecimal digits there.
async fn dump(database: &Database) -> String {
    let names = "select quote_ident(table_name) from information_schema.tables \
                 where table_schema = current_schema() order by 1";
    let mut text = String::new();
    let tables = database.sql(names).await;
    assert_eq!(tables.len(), 4, "{tables:?}");
    for table in tables {
        for row in database.sql(&format!("select t::text from {} as t", table[0])).await {
            text.push_str(&row[0]);
            text.push('\n');
        }
    }
    text
}

fn is_in(dump: &str, secret: &str) -> bool {
    let digits: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    dump.contains(secret) || dump.contains(&digits)
}

/// All that nobody has touched, and nothing set aside.
async fn rows(database: &Database) -> Vec<Vec<String>> {
    assert_eq!(database.value("select count(*) from mcp_oauth_damaged").await, "0");
    database.sql("select * from mcp_oauth_grant order by id").await
}

#[tokio::test]
async fn no_secret_is_in_a_dump() {
    both(|database| async move {
        for is_sealed in [false, true] {
            let store = if is_sealed { sealed(&database) } else { database.store() };
            let (_, second, _) = saved(&store).await;
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
            let taken = store.take_login(APPLICATION, &id, UnixTime::from_secs(1)).await.unwrap();
            assert_eq!(taken.unwrap().connect_url(), login.connect_url());
            assert_eq!(loaded(&store, &key("alice")).await, Some(second));
            store.erase(&key("alice")).await.unwrap();
            store.erase(&key("mallory")).await.unwrap();
        }
    })
    .await;
}

/// What is done by SQL, and to whom the row belongs then.
const MOVES: [(&str, &[&str]); 3] = [
    (
        "update mcp_oauth_grant as one set body = other.body from mcp_oauth_grant as other \
         where one.id <> other.id",
        &["alice", "mallory"],
    ),
    (
        "update mcp_oauth_grant as one set body = other.body, generation = other.generation, \
         key_id = other.key_id from mcp_oauth_grant as other where one.id <> other.id",
        &["alice", "mallory"],
    ),
    (
        "update mcp_oauth_grant as one set body = other.body, generation = other.generation \
         from mcp_oauth_grant as other \
         where one.profile = 'mallory' and other.profile = 'alice'",
        &["mallory"],
    ),
];

#[tokio::test]
async fn a_row_that_was_moved_to_another_user_is_refused() {
    both(|database| async move {
        for (sql, moved) in MOVES {
            let store = sealed(&database);
            saved(&store).await;
            database.sql(sql).await;
            let before = rows(&database).await;
            for profile in moved {
                assert_eq!(refused(&store, &key(profile)).await, wrong(), "{sql}");
            }
            let listed = store.list_all(&GrantQuery::new(APPLICATION)).await;
            assert!(matches!(listed, Err(StorageError::Sealed { .. })), "{sql}");
            assert_eq!(rows(&database).await, before);
            database.sql("delete from mcp_oauth_grant").await;
        }
        // That is what it is good for.
        let (_, second, _) = saved(&database.store()).await;
        database.sql(MOVES[2].0).await;
        assert_eq!(loaded(&database.store(), &key("mallory")).await, Some(second));
    })
    .await;
}

/// Somebody makes a row of their own, with all columns as they have to be.
#[tokio::test]
async fn a_body_under_another_key_is_refused() {
    both(|database| async move {
        for is_sealed in [true, false] {
            let store = if is_sealed { sealed(&database) } else { database.store() };
            let record = record("1");
            assert_eq!(store.save(&key("alice"), &record, 0).await, Ok(Written::Done));
            let copy = format!(
                "insert into mcp_oauth_grant \
                 select '\\x{}', kind, app, 'mallory', server_url, generation, format, key_id, body \
                 from mcp_oauth_grant",
                key("mallory").id()
            );
            database.sql(&copy).await;
            if is_sealed {
                assert_eq!(refused(&store, &key("mallory")).await, wrong());
                assert_eq!(rows(&database).await.len(), 2);
            } else {
                assert_eq!(loaded(&store, &key("mallory")).await, Some(record));
            }
            database.sql("delete from mcp_oauth_grant").await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_old_body_under_a_new_generation_is_refused() {
    both(|database| async move {
        let store = sealed(&database);
        let (first, second) = (record("1"), record("2"));
        let second = second.replacing(first.generation());
        assert_eq!(store.save(&key(""), &first, 0).await, Ok(Written::Done));
        database.sql("create table old as select * from mcp_oauth_grant").await;
        let written = store.save(&key(""), &second, first.generation()).await;
        assert_eq!(written, Ok(Written::Done));
        database.sql("update mcp_oauth_grant set body = old.body from old").await;
        let before = rows(&database).await;
        assert_eq!(refused(&store, &key("")).await, wrong());
        assert_eq!(rows(&database).await, before);
        // A whole row that is put back is one that was never replaced: no seal tells.
        database.sql("update mcp_oauth_grant set generation = old.generation from old").await;
        assert_eq!(loaded(&store, &key("")).await, Some(first));
        database.sql("drop table old").await;
    })
    .await;
}

#[tokio::test]
async fn who_has_no_key_or_another_one_is_told_so_and_nothing_is_set_aside() {
    both(|database| async move {
        let (_, second, _) = saved(&sealed(&database)).await;
        let (before, key) = (rows(&database).await, key("alice"));
        let key_id = || "2027".into();
        let other = SealingKey::new("2027", &[8; 32]).unwrap();
        for (sealing, why) in [
            (Sealing::none(), SealError::NoSeal { key_id: key_id() }),
            (with(old_key()), SealError::UnknownKey { key_id: key_id() }),
            (with(other), SealError::Wrong { key_id: key_id() }),
        ] {
            let store = database.store().sealed(sealing);
            assert_eq!(refused(&store, &key).await, why);
            let listed = store.list(&GrantQuery::new(APPLICATION)).await;
            assert!(matches!(listed, Err(StorageError::Sealed { .. })), "{listed:?}");
            let erased = store.erase(&key).await;
            assert!(matches!(erased, Err(StorageError::Sealed { .. })), "{erased:?}");
            let saved = store.save(&key, &record("4"), 0).await;
            assert_eq!(saved, Ok(Written::Conflict { stored: second.generation() }));
        }
        // Cut off before it says with which key.
        database.sql("update mcp_oauth_grant set body = substr(body, 1, 9)").await;
        assert_eq!(refused(&sealed(&database), &key).await, SealError::Malformed);
        database.sql("update mcp_oauth_grant set body = '\\x977365616c02'").await;
        assert_eq!(refused(&sealed(&database), &key).await, SealError::Newer { format: 2 });
        assert_eq!(rows(&database).await.len(), before.len());
    })
    .await;
}

#[tokio::test]
async fn several_keys_read_and_one_writes() {
    both(|database| async move {
        let (key, first) = (key(""), record("1"));
        let second = record("2").replacing(first.generation());
        let third = record("3").replacing(second.generation());
        let key_id = async || database.value("select key_id from mcp_oauth_grant").await;
        let is_read = async |sealing: Sealing, record: &Record| {
            let found = loaded(&database.store().sealed(sealing), &key).await;
            assert_eq!(found.as_ref(), Some(record));
        };
        let only = || Sealing::only(SealingKeys::new(new_key()));

        // A plain one is read, unless it must not be, and sealed at the next save.
        assert_eq!(database.store().save(&key, &first, 0).await, Ok(Written::Done));
        assert_eq!(key_id().await, "null");
        is_read(with(old_key()), &first).await;
        let store = database.store().sealed(only());
        assert_eq!(refused(&store, &key).await, SealError::NotSealed);
        assert_eq!(key_id().await, "null", "to read is not to write");
        let old = database.store().sealed(with(old_key()));
        assert_eq!(old.save(&key, &second, first.generation()).await, Ok(Written::Done));
        assert_eq!(key_id().await, "2026");

        let both = || Sealing::with(SealingKeys::new(new_key()).and_reading(old_key()));
        is_read(both(), &second).await;
        assert_eq!(key_id().await, "2026");
        let store = database.store().sealed(both());
        assert_eq!(store.save(&key, &third, second.generation()).await, Ok(Written::Done));
        assert_eq!(key_id().await, "2027");
        is_read(only(), &third).await;
        let unknown = SealError::UnknownKey { key_id: "2027".into() };
        assert_eq!(refused(&old, &key).await, unknown);
        assert_eq!(rows(&database).await.len(), 1);

        // Who goes back writes plain ones, and says so.
        let fourth = record("4").replacing(third.generation());
        let plain = database.store();
        assert_eq!(plain.save(&key, &fourth, third.generation()).await, Ok(Written::Done));
        assert_eq!(key_id().await, "null");
        is_read(with(new_key()), &fourth).await;
    })
    .await;
}

/// The column is for people: it proves nothing, and breaks nothing.
#[tokio::test]
async fn what_the_column_says_of_the_key_does_not_count() {
    both(|database| async move {
        let (_, second, _) = saved(&sealed(&database)).await;
        for said in ["null", "'2026'", "'gone'"] {
            database.sql(&format!("update mcp_oauth_grant set key_id = {said}")).await;
            assert_eq!(loaded(&sealed(&database), &key("alice")).await, Some(second.clone()));
        }
    })
    .await;
}

/// A login that cannot be opened stays for who can.
#[tokio::test]
async fn a_login_is_sealed_for_its_id_and_its_program() {
    both(|database| async move {
        let (store, login) = (sealed(&database), login());
        let ids = ["a", "b"].map(|state| LoginId::new(&key("alice"), state));
        let now = UnixTime::from_secs(1);
        for id in ids {
            let waiting = WaitingLogin { id, application: APPLICATION, login: &login };
            store.put_login(&waiting).await.unwrap();
        }
        let swap = "update mcp_oauth_login as one set body = other.body \
                    from mcp_oauth_login as other where one.id <> other.id";
        for (by, application, swaps) in [
            (&store, "Other", false),
            (&database.store(), APPLICATION, false),
            (&store, APPLICATION, true),
        ] {
            if swaps {
                database.sql(swap).await;
            }
            for id in &ids {
                let taken = by.take_login(application, id, now).await;
                assert!(matches!(taken, Err(StorageError::Sealed { .. })), "{taken:?}");
            }
        }
        database.sql(swap).await;
        for id in &ids {
            assert!(store.take_login(APPLICATION, id, now).await.unwrap().is_some());
        }
    })
    .await;
}

/// What was opened, and is no record: the key's name goes along.
#[tokio::test]
async fn what_is_damaged_in_its_seal_is_set_aside_as_it_is() {
    both(|database| async move {
        let (store, key) = (sealed(&database), key(""));
        let first = record("1");
        assert_eq!(store.save(&key, &first, 0).await, Ok(Written::Done));
        let subject =
            oauth_core::seal::SealSubject::Record { key: &key, generation: first.generation() };
        let body = with(new_key()).write(b"{", subject, [1; 24]).unwrap();
        let digits: String = body.iter().map(|byte| format!("{byte:02x}")).collect();
        database.sql(&format!("update mcp_oauth_grant set body = '\\x{digits}'")).await;
        assert!(matches!(store.load(&key).await, Ok(Loaded::Damaged { .. })));
        let kept = "select key_id, encode(body, 'hex') from mcp_oauth_damaged";
        assert_eq!(database.sql(kept).await, [["2027".to_owned(), digits]]);
    })
    .await;
}
