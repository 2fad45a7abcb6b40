//! Processes that call for all users while their tokens end again and again, undisturbed and while they are killed.

use std::time::Duration;

use crate::database::{Database, Way};
use crate::fleet::{Fleet, Size};

#[tokio::test(flavor = "multi_thread")]
async fn each_generation_is_refreshed_once() {
    let size = Size::of_rounds(ROUNDS);
    let mut fleet = Fleet::start(Database::new(Way::Direct).await, size).await;
    fleet.play(size.rounds, |_| true).await;
    let verdict = fleet.judge().await;
    assert_eq!(verdict.refreshes, size.users * size.rounds);
    assert_eq!(verdict.writes, verdict.refreshes);
    assert_eq!((verdict.lost, verdict.reused, verdict.logins), (0, 0, 0));
    fleet.assert_idle().await;
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_generation_is_refreshed_once_behind_a_pooler() {
    let size = Size { users: 10, ..Size::of_rounds(POOLED_ROUNDS) };
    let mut fleet = Fleet::start(Database::new(Way::Pooled).await, size).await;
    fleet.play(size.rounds, |_| true).await;
    let verdict = fleet.judge().await;
    assert_eq!(verdict.refreshes, size.users * size.rounds);
    assert_eq!((verdict.lost, verdict.reused, verdict.logins), (0, 0, 0));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_killed_loses_only_what_it_had_spent_and_not_stored() {
    let size = Size::of_rounds(KILLED_ROUNDS);
    let mut fleet = Fleet::start(Database::new(Way::Direct).await, size).await;
    fleet.plan_kill();
    fleet.play(size.rounds, |fleet| fleet.kills.all.len() >= KILLS).await;
    // Whatever the last ones have left shows up.
    fleet.end_kills();
    fleet.play(size.rounds, |_| true).await;
    let verdict = fleet.judge().await;
    let left: usize = fleet.kills.all.iter().map(|killed| killed.leases).sum();
    println!("{left} leases were left by who was killed");
    assert!(verdict.lost > 0, "no kill has hit the moment that matters");
    fleet.stop().await;
}

impl Fleet {
    /// Who has nothing to do asks nothing of the database.
    async fn assert_idle(&self) {
        let sql = format!(
            "select application_name, max(query_start) from pg_stat_activity \
             where starts_with(application_name, '{}-') group by 1 order by 1",
            self.database.schema
        );
        let before = self.database.sql(&sql).await;
        assert_eq!(before.len(), self.replicas.len());
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(self.database.sql(&sql).await, before);
        assert_eq!(self.database.value("select count(*) from mcp_oauth_lease").await, "0");
    }
}

const ROUNDS: usize = 20;
const POOLED_ROUNDS: usize = 10;
const KILLED_ROUNDS: usize = 8;

/// How many kills it takes at least.
const KILLS: usize = 40;
