//! Processes that call for all users while their tokens end again and again, undisturbed and while they are killed.

use std::time::Duration;

use crate::fleet::{Fleet, Size};
use crate::place::Kind;

#[tokio::test(flavor = "multi_thread")]
async fn each_generation_is_refreshed_once() {
    each_is_refreshed_once(Kind::Postgres, Size::of_rounds(ROUNDS)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_generation_is_refreshed_once_behind_a_pooler() {
    let size = Size { users: 10, ..Size::of_rounds(POOLED_ROUNDS) };
    each_is_refreshed_once(Kind::Pooled, size).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_generation_is_refreshed_once_in_redis() {
    each_is_refreshed_once(Kind::Redis, Size::of_rounds(ROUNDS)).await;
}

async fn each_is_refreshed_once(kind: Kind, size: Size) {
    let mut fleet = Fleet::start(kind, size).await;
    fleet.play(size.rounds, |_| true).await;
    let verdict = fleet.judge().await;
    assert_eq!(verdict.refreshes, size.users * size.rounds);
    assert_eq!((verdict.lost, verdict.reused, verdict.logins), (0, 0, 0));
    // A pooler's connections have its own name.
    if !matches!(kind, Kind::Pooled) {
        assert_eq!(verdict.writes, verdict.refreshes);
        fleet.assert_idle().await;
    }
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_killed_loses_only_what_it_had_spent_and_not_stored() {
    killed(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_killed_loses_only_what_it_had_spent_and_not_stored_in_redis() {
    killed(Kind::Redis).await;
}

async fn killed(kind: Kind) {
    let size = Size::of_rounds(KILLED_ROUNDS);
    let mut fleet = Fleet::start(kind, size).await;
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
    /// Who has nothing to do asks nothing of the server.
    async fn assert_idle(&self) {
        let before = self.place.activity().await;
        assert!(!before.is_empty());
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(self.place.activity().await, before);
        assert_eq!(self.place.leases().await, 0);
    }
}

const ROUNDS: usize = 20;
const POOLED_ROUNDS: usize = 10;
const KILLED_ROUNDS: usize = 8;

/// How many kills it takes at least.
const KILLS: usize = 40;
