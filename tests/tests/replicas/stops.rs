//! A process that is stopped for longer than its lease leaves it, right before it spends the refresh token.

use std::time::Duration;

use oauth_tests::world::{Grant, What};
use tokio::time::sleep;

use crate::fleet::{Fleet, Size};
use crate::place::Kind;

/// By its own clock too little of the lease is left when it goes on, so it sends nothing, and finds what the other one
/// has stored.
#[tokio::test(flavor = "multi_thread")]
async fn who_wakes_too_late_spends_nothing() {
    wakes_too_late(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wakes_too_late_spends_nothing_in_redis() {
    wakes_too_late(Kind::Redis).await;
}

async fn wakes_too_late(kind: Kind) {
    let (mut fleet, refreshes) = stopped_for(kind, TOO_LONG).await;
    let said = fleet.hear_any(0, &["got user-0", "out user-0"]).await;
    assert_eq!((&*said, refreshes(&fleet)), ("got user-0 1 200", 1));
    let verdict = fleet.judge().await;
    assert_eq!((verdict.refreshes, verdict.writes, verdict.reused, verdict.logins), (1, 1, 0, 0));
    // It has let go of nothing that is another's, and the next refresh goes on.
    fleet.play(2, |_| true).await;
    assert_eq!(refreshes(&fleet), 2);
    assert_eq!(fleet.judge().await.reused, 0);
    fleet.stop().await;
}

/// Two processes and one user: the first one is stopped with a token that it is about to spend, its lease ends in the
/// database, the second one refreshes, and the first one goes on.
async fn stopped_for(kind: Kind, time: Duration) -> (Fleet, impl Fn(&Fleet) -> usize) {
    let size = Size { processes: 2, users: 1, rounds: 1 };
    let mut fleet = Fleet::start(kind, size).await;
    let refreshes = |fleet: &Fleet| {
        let world = fleet.groups[0].served.world();
        world.count(What::Token(Grant::Refresh))
    };
    let url = fleet.groups[0].served.server_url();
    fleet.groups[0].round = 1;
    fleet.groups[0].served.world().revoke_access_tokens();
    fleet.replicas[0].tell(&format!("hold {}", HOLD.as_millis()));
    fleet.replicas[0].tell(&format!("call user-0 {url} 1"));
    fleet.hear(0, "reserved user-0").await;
    fleet.replicas[0].signal("STOP");
    sleep(time).await;
    assert_eq!(refreshes(&fleet), 0);
    assert_eq!(fleet.place.end_leases(fleet.replicas[0].number).await, 1);
    fleet.replicas[1].tell(&format!("call user-0 {url} 1"));
    fleet.hear(1, "got user-0 1 200").await;
    assert_eq!(refreshes(&fleet), 1);
    fleet.replicas[0].tell("hold 0");
    fleet.replicas[0].signal("CONT");
    (fleet, refreshes)
}

/// Stopped while the connection for the request is opened, for longer than the lease lasts in the database, whose end
/// nobody hastens. The time to connect is over then, and that ends the request before it is sent.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes 92 seconds"]
async fn who_wakes_too_late_while_it_connects_spends_nothing() {
    wakes_too_late_while_it_connects(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes 92 seconds"]
async fn who_wakes_too_late_while_it_connects_spends_nothing_in_redis() {
    wakes_too_late_while_it_connects(Kind::Redis).await;
}

async fn wakes_too_late_while_it_connects(kind: Kind) {
    let size = Size { processes: 2, users: 1, rounds: 1 };
    let mut fleet = Fleet::start_at(kind, size, "localhost").await;
    fleet.play(1, |_| true).await;
    fleet.groups[0].served.world().revoke_access_tokens();
    fleet.may_fail = true;
    let url = fleet.groups[0].served.server_url();
    fleet.replicas[0].tell("slow 2000");
    fleet.replicas[0].tell(&format!("call user-0 {url} 1"));
    fleet.hear(0, "reserved user-0").await;
    fleet.hear(0, "looking up").await;
    fleet.replicas[0].signal("STOP");
    sleep(LEASE).await;
    fleet.replicas[1].tell(&format!("call user-0 {url} 1"));
    fleet.hear(1, "got user-0 1 200").await;
    fleet.replicas[0].tell("slow 0");
    fleet.replicas[0].signal("CONT");
    let said = fleet.hear_any(0, &["got user-0", "out user-0", "retryable user-0"]).await;
    println!("{said}");
    fleet.replicas[0].tell(&format!("call user-0 {url} 1"));
    fleet.hear(0, "got user-0 1 200").await;
    let verdict = fleet.judge().await;
    assert_eq!((verdict.refreshes, verdict.reused, verdict.logins), (2, 0, 0));
    fleet.stop().await;
}

/// Longer than the test takes to stop a process.
const HOLD: Duration = Duration::from_secs(2);

/// A lease of 90 seconds, without the 10 that are kept for the save and the 30 that the request may take.
const TOO_LONG: Duration = Duration::from_secs(52);

/// A little more than a lease.
const LEASE: Duration = Duration::from_secs(92);
