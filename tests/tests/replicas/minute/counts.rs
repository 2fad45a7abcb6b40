//! What the database was asked by all processes, those that are dead among them; it counts that itself.

use std::collections::BTreeMap;

use crate::database::Database;
use crate::statements;

/// Statements on the tables of the store, by what they are for.
#[derive(Debug, Default)]
pub(super) struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    pub(super) async fn begin(database: &Database) -> Self {
        let sql = "create extension if not exists pg_stat_statements with schema public";
        database.sql(sql).await;
        Self::now(database).await
    }

    async fn now(database: &Database) -> Self {
        // The names of the tables are quoted where a store asks, and only there.
        let sql = format!(
            "select calls, query from public.pg_stat_statements where query like '%\"{}\".%'",
            database.schema
        );
        let mut counts = BTreeMap::new();
        for row in database.sql(&sql).await {
            *counts.entry(statements::kind(&row[1])).or_default() += row[0].parse::<u64>().unwrap();
        }
        Self(counts)
    }

    /// What has been asked since this was.
    pub(super) async fn since(&self, database: &Database) -> Self {
        let mut now = Self::now(database).await;
        for (kind, before) in &self.0 {
            *now.0.get_mut(kind).unwrap() -= before;
        }
        now.0.retain(|_, count| *count > 0);
        now
    }

    pub(super) fn all(&self) -> u64 {
        self.0.values().sum()
    }

    pub(super) fn print(&self, of_what: &str, by: usize) {
        let by = |count: u64| count as f64 / by as f64;
        let kinds = self.0.iter().map(|(kind, count)| format!("{kind} {:.2}", by(*count)));
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        println!("{of_what}: {} statements, {:.2} each: {kinds}", self.all(), by(self.all()));
    }
}
