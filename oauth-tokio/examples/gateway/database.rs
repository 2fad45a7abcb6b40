//! The database, and its tables.

use std::sync::Arc;

use oauth_tokio::postgres::tokio_postgres::{Config, NoTls};
use oauth_tokio::postgres::{PostgresStorage, Reconnecting, Statements as _};

use crate::failure::Failure;

/// Connects, and makes the tables if they are not there.
///
/// A host with a tool for migrations runs `postgres::MIGRATION` with that, by a role that may make tables.
pub(crate) async fn open(url: &str) -> Result<(PostgresStorage, Arc<Reconnecting>), Failure> {
    // The URL has a password in it: nothing of it is repeated.
    let mut config: Config = url.parse().map_err(|_| Failure::DatabaseUrl)?;
    config.application_name("gateway example");
    let connection = Arc::new(Reconnecting::to(config, NoTls));
    let store = PostgresStorage::new(Arc::clone(&connection));
    store.create_tables().await.map_err(Failure::Tables)?;
    connection.run(SESSIONS, &[]).await.map_err(Failure::Database)?;
    Ok((store, connection))
}

/// Who is signed in. The key is the SHA-256 of what is in the browser's cookie, so that whoever reads the table has
/// nobody's session.
///
/// One process at a time, as `create_tables` does it: two that make a table at the same moment do not see each other's,
/// and one would end with a unique violation.
const SESSIONS: &str = "\
do $gateway$ begin
perform pg_advisory_xact_lock(hashtext('gateway_session'));
create table if not exists gateway_session (
  id bytea primary key,
  person text not null,
  until timestamptz not null
);
create index if not exists gateway_session_by_person on gateway_session (person);
end $gateway$";
