//! A schema in PostgreSQL. Triggers write down each record that is stored, and who takes a lease; the server knows
//! processes by the names of their connections.

use std::process::Command;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep};

use crate::audit::{Held, Stored};
use crate::database::{Database, Way};
use crate::place::{Halt, Process};

pub(crate) struct Postgres {
    pub(crate) database: Database,
    /// If it is the server that is stopped and started, for one test at a time.
    crashing: Option<MutexGuard<'static, ()>>,
}

impl Postgres {
    pub(crate) async fn new(way: Way) -> Self {
        static ONE: Mutex<()> = Mutex::const_new(());
        let crashing = match way {
            Way::Crashing => Some(ONE.lock().await),
            _ => None,
        };
        let place = Self { database: Database::new(way).await, crashing };
        place.begin().await;
        place
    }

    fn name(&self, number: usize) -> String {
        format!("{}-{number}", self.database.schema)
    }

    pub(crate) fn process(&self, number: usize) -> Process {
        let url = match self.database.way {
            Way::Direct => "STORES_POSTGRES",
            Way::Pooled => "STORES_PGBOUNCER",
            Way::Crashing | Way::CrashingPooled => "STORES_CRASHING",
        };
        let url = std::env::var(url).unwrap();
        Process { name: self.name(number), place: self.database.schema.clone(), url, wait: None }
    }

    pub(crate) fn stop(&self, how: Halt) {
        let word = match how {
            Halt::Orderly => "fast",
            Halt::Killed => "immediate",
        };
        self.control(&["-m", word, "stop"]);
    }

    pub(crate) async fn start(&mut self) {
        self.control(&["start"]);
        self.database.reconnect().await;
    }

    /// With words of `pg_ctl`.
    fn control(&self, words: &[&str]) {
        assert!(self.crashing.is_some());
        let program = std::env::var("STORES_CRASHING_CONTROL").unwrap();
        assert!(Command::new(program).args(words).status().unwrap().success(), "{words:?}");
    }

    /// What the processes have asked, as long as they ask nothing more.
    pub(crate) async fn activity(&self) -> Vec<Vec<String>> {
        let sql = format!(
            "select application_name, max(query_start) from pg_stat_activity \
             where starts_with(application_name, '{}-') group by 1 order by 1",
            self.database.schema
        );
        self.database.sql(&sql).await
    }

    pub(crate) async fn leases(&self) -> usize {
        let count = self.database.value("select count(*) from mcp_oauth_lease").await;
        count.parse().unwrap()
    }

    async fn begin(&self) {
        let schema = &self.database.schema;
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
        self.database.sql(&sql).await;
    }

    /// What was stored for a user, one after the other.
    pub(crate) async fn stored(&self, user: &str) -> Vec<Stored> {
        let sql = format!(
            "select generation, refresh, starts_with(name, '{}-') from stored \
             where profile = '{user}' order by number",
            self.database.schema
        );
        let rows = self.database.sql(&sql).await;
        let stored = rows.into_iter().map(|row| Stored {
            generation: row[0].parse().unwrap(),
            refresh: Some(row[1].clone()).filter(|token| token != "null"),
            is_by_replica: row[2] == "t",
        });
        stored.collect()
    }

    /// The leases that a process has.
    pub(crate) async fn held(&self, number: usize) -> Vec<Held> {
        let name = self.name(number);
        let sql = format!(
            "select convert_from(profile, 'UTF8'), spending is not null \
             from mcp_oauth_lease join taken using (owner) join mcp_oauth_grant using (id) \
             where taken.name = '{name}' order by 1"
        );
        let rows = self.database.sql(&sql).await;
        let held =
            rows.into_iter().map(|row| Held { user: row[0].clone(), is_spending: row[1] == "t" });
        held.collect()
    }

    /// Lets the time pass after which the leases of a process are over that is dead or stopped, as a database sees it, and
    /// only of that. The number of its leases.
    pub(crate) async fn end_leases(&self, number: usize) -> usize {
        let name = self.name(number);
        let sql = format!(
            "update mcp_oauth_lease set until = clock_timestamp() - interval '1 second' \
             where owner in (select owner from taken where name = '{name}') returning 1"
        );
        self.database.sql(&sql).await.len()
    }

    /// Waits until the database has done all that a dead process has asked of it.
    pub(crate) async fn settle(&self, number: usize) {
        let name = self.name(number);
        let sql =
            format!("select count(*) from pg_stat_activity where application_name = '{name}'");
        let begun = Instant::now();
        while self.database.value(&sql).await != "0" {
            assert!(begun.elapsed() < LIMIT, "the database has not noticed that {name} is dead");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Many times what it takes.
const LIMIT: Duration = Duration::from_secs(20);
