//! What somebody has to see to: each error says what, and nothing secret.

use oauth_tokio::postgres::{PostgresStorage, Reconnecting, Tables};
use oauth_tokio::{Records as _, StorageError, Written};
use tokio_postgres::{Config, NoTls};

use crate::database::{Database, Way, assert_quiet, both, key, record};
use crate::remote::taken;

async fn failure(store: &PostgresStorage) -> StorageError {
    let error = store.load(&key("")).await.unwrap_err();
    assert_quiet(&error);
    error
}

fn over(config: Config) -> PostgresStorage {
    PostgresStorage::new(Reconnecting::to(config, NoTls))
}

#[track_caller]
fn assert_refused(error: &StorageError, words: &str) {
    assert!(error.to_string().contains(words), "{error}");
    assert!(!error.is_retryable(), "{error}");
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    for way in [Way::Direct, Way::Pooled] {
        let mut config = way.config();
        config.password("refresh-secret");
        assert_refused(&failure(&over(config)).await, "the role, its password");
    }
}

#[tokio::test]
async fn a_password_that_is_missing_is_refused() {
    let theirs = Way::Direct.config();
    let mut config = Config::new();
    config.host("127.0.0.1").port(theirs.get_ports()[0]).user("owner").dbname("postgres");
    assert_refused(&failure(&over(config)).await, "password missing");
}

#[tokio::test]
async fn a_database_that_is_missing_is_refused() {
    let mut config = Way::Direct.config();
    config.dbname("nothing");
    assert_refused(&failure(&over(config)).await, "see to the name of the database");
}

#[tokio::test]
async fn tables_that_are_missing_are_refused() {
    both(|database| async move {
        let tables = database.tables().with_prefix("nothing").unwrap();
        let store = database.store().tables(tables);
        let words = "make the tables of `oauth_tokio::postgres::MIGRATION`";
        assert_refused(&failure(&store).await, words);
        let error = store.save(&key(""), &record("1"), 0).await.unwrap_err();
        assert_refused(&error, words);
        let elsewhere = Tables::default().in_schema("nowhere").unwrap();
        assert_refused(&failure(&database.store().tables(elsewhere)).await, words);
        database.sql("alter table mcp_oauth_grant drop column format").await;
        assert_refused(&failure(&database.store()).await, "those of another version");
    })
    .await;
}

/// A role with the rights that the documentation says, and with none.
#[tokio::test]
async fn a_role_needs_four_rights_on_four_tables() {
    let database = Database::new(Way::Direct).await;
    let role = format!("{}_role", database.schema);
    database
        .sql(&format!(
            "create role {role} login password 'access-secret'; \
             grant usage on schema {} to {role}",
            database.schema
        ))
        .await;
    let mut config = Way::Direct.config();
    config.user(&role).password("access-secret");
    let store = over(config).tables(database.tables());
    assert_refused(&failure(&store).await, "the role needs select, insert");
    assert!(store.create_tables().await.is_err());

    let tables = ["grant", "lease", "login", "damaged"].map(|table| format!("mcp_oauth_{table}"));
    let tables = tables.join(", ");
    database.sql(&format!("grant select, insert, update, delete on {tables} to {role}")).await;
    let (key, first) = (key(""), record("1"));
    let second = record("2").replacing(first.generation());
    assert_eq!(store.save(&key, &first, 0).await, Ok(Written::Done));
    assert_eq!(store.save(&key, &second, first.generation()).await, Ok(Written::Done));
    assert_eq!(store.delete(&key, second.generation()).await, Ok(Written::Done));
    let lease = taken(&store, &key).await.unwrap();
    oauth_tokio::Leases::release(&store, &key, lease).await;
    assert_eq!(store.save(&key, &first, 0).await, Ok(Written::Done));
    database.sql("update mcp_oauth_grant set body = ''").await;
    assert!(matches!(store.load(&key).await, Ok(oauth_tokio::Loaded::Damaged { .. })));
}

#[tokio::test]
async fn what_a_host_says_wrongly_is_refused_and_not_shown() {
    let store = PostgresStorage::new(Reconnecting::new(|| async {
        let config: Config = "postgres://owner:access-secret@localhost:refresh-secret/x".parse()?;
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok::<_, tokio_postgres::Error>(client)
    }));
    assert_refused(&failure(&store).await, "invalid connection string");
    let said = format!("{store:?} {:?}", Reconnecting::to(Way::Direct.config(), NoTls));
    assert!(!said.contains("correct-horse"), "{said}");
}

/// A server that says it has no TLS, by an address that is called another machine's.
#[tokio::test]
async fn a_server_that_has_to_have_tls_and_has_not_is_refused() {
    let mut config = Way::Direct.config();
    config.ssl_mode(tokio_postgres::config::SslMode::Require);
    assert_refused(&failure(&over(config)).await, "TLS");
}
