//! What the database saw: triggers write down each record that is stored, and who takes a lease.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::database::Database;
use crate::replica;

/// A record that was stored.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) generation: u64,
    /// Its refresh token, if it has one.
    pub(crate) refresh: Option<String>,
    /// Whether a process of the fleet wrote it, and not the test.
    pub(crate) is_by_replica: bool,
}

pub(crate) async fn begin(database: &Database) {
    let schema = &database.schema;
    let sql = format!(
        "create table stored (number bigint generated always as identity, profile text, \
           generation bigint, refresh text, name text);
         create table taken (owner uuid primary key, name text);
         create function note_stored() returns trigger language plpgsql as $$ begin
           insert into {schema}.stored (profile, generation, refresh, name) values (
             convert_from(new.profile, 'UTF8'), new.generation,
             convert_from(new.body, 'UTF8')::json #>> '{{tokens,refresh_token}}',
             current_setting('application_name'));
           return null; end $$;
         create function note_taken() returns trigger language plpgsql as $$ begin
           insert into {schema}.taken values (new.owner, current_setting('application_name'));
           return null; end $$;
         create trigger note after insert or update on mcp_oauth_grant for each row execute function note_stored();
         create trigger note after insert or update of owner on mcp_oauth_lease
           for each row execute function note_taken()"
    );
    database.sql(&sql).await;
}

/// What was stored for a user, one after the other.
pub(crate) async fn stored(database: &Database, user: &str) -> Vec<Stored> {
    let sql = format!(
        "select generation, refresh, starts_with(name, '{}-') from stored \
         where profile = '{user}' order by number",
        database.schema
    );
    let rows = database.sql(&sql).await;
    let stored = rows.into_iter().map(|row| Stored {
        generation: row[0].parse().unwrap(),
        refresh: Some(row[1].clone()).filter(|token| token != "null"),
        is_by_replica: row[2] == "t",
    });
    stored.collect()
}

/// A lease that a process has, and of whom.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) user: String,
    /// Whether it may have spent the refresh token.
    pub(crate) is_spending: bool,
}

/// The leases that a process has, as the database sees it.
pub(crate) async fn held(database: &Database, number: usize) -> Vec<Held> {
    let name = replica::name(database, number);
    let sql = format!(
        "select convert_from(profile, 'UTF8'), spending is not null \
         from mcp_oauth_lease join taken using (owner) join mcp_oauth_grant using (id) \
         where taken.name = '{name}' order by 1"
    );
    let rows = database.sql(&sql).await;
    let held =
        rows.into_iter().map(|row| Held { user: row[0].clone(), is_spending: row[1] == "t" });
    held.collect()
}

/// Lets the time pass after which the leases of a process are over that is dead or stopped, as a database sees it, and
/// only of that. The number of its leases.
pub(crate) async fn end_leases(database: &Database, number: usize) -> usize {
    let name = replica::name(database, number);
    let sql = format!(
        "update mcp_oauth_lease set until = clock_timestamp() - interval '1 second' \
         where owner in (select owner from taken where name = '{name}') returning 1"
    );
    database.sql(&sql).await.len()
}

/// Waits until the database has done all that a dead process has asked of it.
pub(crate) async fn settle(database: &Database, number: usize) {
    let name = replica::name(database, number);
    let sql = format!("select count(*) from pg_stat_activity where application_name = '{name}'");
    let begun = Instant::now();
    while database.value(&sql).await != "0" {
        assert!(begun.elapsed() < LIMIT, "the database has not noticed that {name} is dead");
        sleep(Duration::from_millis(5)).await;
    }
}

/// The number in the name of a token of the servers.
pub(crate) fn number_of(token: &str) -> Option<usize> {
    token.split('-').nth(1)?.parse().ok()
}

/// Many times what it takes.
const LIMIT: Duration = Duration::from_secs(20);
