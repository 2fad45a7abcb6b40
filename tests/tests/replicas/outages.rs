//! The server of the store is stopped and started.

use std::time::Duration;

use oauth_tests::world::{Grant, What};
use tokio::time::sleep;

use crate::fleet::{Fleet, Size};
use crate::place::{Halt, Kind};

/// A living token goes on, one that has ended is an error that passes, and nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away_living_tokens_go_on() {
    living_tokens_go_on(Kind::Crashing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_living_tokens_go_on() {
    living_tokens_go_on(Kind::Redis).await;
}

async fn living_tokens_go_on(kind: Kind) {
    let mut fleet = Fleet::start(kind, SIZE).await;
    fleet.play(1, |_| true).await;
    for (number, how) in [Halt::Orderly, Halt::Killed].into_iter().enumerate() {
        let round = fleet.groups[0].round;
        fleet.place.stop(how).await;
        for slot in 0..SIZE.processes {
            assert_eq!(fleet.call(slot, round).await, format!("got user-0 {round} 200"));
        }
        fleet.groups[0].served.world().revoke_access_tokens();
        fleet.may_fail = true;
        for slot in 0..SIZE.processes {
            let said = fleet.call(slot, round).await;
            assert!(said.starts_with("retryable"), "{said}");
            assert!(!said.contains("correct-horse-battery"), "{said}");
            println!("{how:?}: {said}");
        }
        assert_eq!(fleet.refreshes(), SIZE.users * round);
        fleet.place.start().await;
        fleet.may_fail = false;
        fleet.play(round + 1, |_| true).await;
        assert_eq!(fleet.refreshes(), SIZE.users * (2 + number));
    }
    let verdict = fleet.judge().await;
    assert_eq!((verdict.lost, verdict.reused, verdict.logins), (0, 0, 0));
    fleet.stop().await;
}

/// The tokens that a refresh token was spent for are stored when the database is back.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_spent_when_the_database_went_away_is_stored_when_it_is_back() {
    what_was_spent_is_stored(Kind::Crashing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_spent_when_redis_went_away_is_stored_when_it_is_back() {
    what_was_spent_is_stored(Kind::Redis).await;
}

async fn what_was_spent_is_stored(kind: Kind) {
    let mut fleet = Fleet::start(kind, SIZE).await;
    for how in [Halt::Orderly, Halt::Killed] {
        fleet.groups[0].served.delay_tokens(Duration::from_secs(1));
        let before = fleet.refreshes();
        fleet.begin_round(0);
        while fleet.refreshes() < before + SIZE.users {
            sleep(Duration::from_millis(10)).await;
        }
        fleet.place.stop(how).await;
        sleep(Duration::from_secs(3)).await;
        fleet.place.start().await;
        fleet.calls_again = true;
        fleet.finish_round(0).await;
        fleet.calls_again = false;
        fleet.groups[0].served.delay_tokens(Duration::ZERO);
        let round = fleet.groups[0].round;
        fleet.play(round + 1, |_| true).await;
        assert_eq!(fleet.refreshes(), before + 2 * SIZE.users);
    }
    let verdict = fleet.judge().await;
    assert_eq!((verdict.lost, verdict.reused, verdict.logins), (0, 0, 0));
    fleet.stop().await;
}

impl Fleet {
    /// What comes of one call for the first user.
    async fn call(&mut self, slot: usize, round: usize) -> String {
        let url = self.groups[0].served.server_url();
        self.replicas[slot].tell(&format!("call user-0 {url} {round}"));
        let ends = ["got user-0", "out user-0", "retryable user-0", "error user-0"];
        self.hear_any(slot, &ends).await
    }

    fn refreshes(&self) -> usize {
        self.groups[0].served.world().count(What::Token(Grant::Refresh))
    }
}

const SIZE: Size = Size { processes: 2, users: 3, rounds: 0 };
