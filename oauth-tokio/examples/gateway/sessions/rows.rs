//! Sessions in the database, for processes of many machines. Their end is by its clock.

use oauth_tokio::postgres::{Cell, Parameter, Reconnecting, StatementError, Statements as _};

use super::LIFETIME;

pub(super) async fn put(
    connection: &Reconnecting,
    id: &str,
    user: &str,
) -> Result<(), StatementError> {
    let seconds = LIFETIME.as_secs().try_into().unwrap_or(i64::MAX);
    let parameters =
        [Parameter::Bytes(id.as_bytes()), Parameter::Text(user), Parameter::Number(seconds)];
    connection.run(PUT, &parameters).await.map(drop)
}

pub(super) async fn find(
    connection: &Reconnecting,
    id: &str,
) -> Result<Option<String>, StatementError> {
    let rows = connection.run(FIND, &[Parameter::Bytes(id.as_bytes())]).await?;
    Ok(rows.first().and_then(|row| match row.cells() {
        [Cell::Text(user)] => Some(user.clone()),
        _ => None,
    }))
}

pub(super) async fn remove(connection: &Reconnecting, id: &str) -> Result<(), StatementError> {
    connection.run(REMOVE, &[Parameter::Bytes(id.as_bytes())]).await.map(drop)
}

pub(super) async fn remove_all(
    connection: &Reconnecting,
    user: &str,
) -> Result<(), StatementError> {
    connection.run(REMOVE_ALL, &[Parameter::Text(user)]).await.map(drop)
}

/// Those that have ended go with the next one that begins.
const PUT: &str = "\
with ended as (delete from gateway_session where until <= now())
insert into gateway_session (id, person, until)
values (sha256($1), $2, now() + $3 * interval '1 second')";

const FIND: &str = "select person from gateway_session where id = sha256($1) and until > now()";

const REMOVE: &str = "delete from gateway_session where id = sha256($1)";

const REMOVE_ALL: &str = "delete from gateway_session where person = $1";
