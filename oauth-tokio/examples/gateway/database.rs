//! The database, and its tables.

use std::sync::Arc;

use oauth_tokio::postgres::tokio_postgres::{Config, NoTls};
use oauth_tokio::postgres::{MIGRATION, PostgresStorage, Reconnecting, Statements as _};

use crate::failure::Failure;

/// Connects, and makes the tables if they are not there.
pub(crate) async fn open(url: &str) -> Result<(PostgresStorage, Arc<Reconnecting>), Failure> {
    // The URL has a password in it: nothing of it is repeated.
    let mut config: Config = url.parse().map_err(|_| Failure::DatabaseUrl)?;
    config.application_name("gateway example");
    let connection = Arc::new(Reconnecting::to(config, NoTls));
    connection.run(&migration(), &[]).await.map_err(Failure::Database)?;
    Ok((PostgresStorage::new(Arc::clone(&connection)), connection))
}

/// All tables in one statement, and so in one transaction.
///
/// `create table if not exists` does not survive another one that runs at the same moment: neither sees the other's
/// table, and one ends with a unique violation in `pg_type` or `pg_class`. So whoever comes second waits for the first
/// one's lock, and finds the tables. It is a lock of the transaction and goes with it: one of the session would stay
/// behind in a pooler's connection. Once the tables are there, it costs a look at the catalogue.
///
/// A host with a tool for migrations runs [`MIGRATION`] with that, by a role that may make tables.
fn migration() -> String {
    format!(
        "do $gateway$ begin\n\
         perform pg_advisory_xact_lock({LOCK});\n\
         {MIGRATION}\n{SESSIONS}\n\
         end $gateway$"
    )
}

/// Who is signed in. The key is the SHA-256 of what is in the browser's cookie, so that whoever reads the table has
/// nobody's session.
const SESSIONS: &str = "\
create table if not exists gateway_session (
  id bytea primary key,
  person text not null,
  until timestamptz not null
);
create index if not exists gateway_session_by_person on gateway_session (person);
";

/// Any number that nobody else locks in this database: `gateway` in ASCII.
const LOCK: i64 = 0x0067_6174_6577_6179;
