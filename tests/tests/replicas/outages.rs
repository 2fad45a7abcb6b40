//! The database is stopped and started.

use std::process::Command;
use std::time::Duration;

use oauth_tests::world::{Grant, What};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::sleep;

use crate::database::{Database, Way};
use crate::fleet::{Fleet, Size};

/// A living token goes on, one that has ended is an error that passes, and nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away_living_tokens_go_on() {
    let server = Crashing::new().await;
    let mut fleet = Fleet::start(Database::new(Way::Crashing).await, SIZE).await;
    fleet.play(1, |_| true).await;
    for (number, word) in ["fast", "immediate"].into_iter().enumerate() {
        let round = fleet.groups[0].round;
        server.control(&["-m", word, "stop"]);
        for slot in 0..SIZE.processes {
            assert_eq!(fleet.call(slot, round).await, format!("got user-0 {round} 200"));
        }
        fleet.groups[0].served.world().revoke_access_tokens();
        fleet.may_fail = true;
        for slot in 0..SIZE.processes {
            let said = fleet.call(slot, round).await;
            assert!(said.starts_with("retryable"), "{said}");
            assert!(!said.contains("correct-horse-battery"), "{said}");
            println!("{word}: {said}");
        }
        assert_eq!(fleet.refreshes(), SIZE.users * round);
        server.control(&["start"]);
        fleet.may_fail = false;
        fleet.database.reconnect().await;
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
    let server = Crashing::new().await;
    let mut fleet = Fleet::start(Database::new(Way::Crashing).await, SIZE).await;
    for word in ["fast", "immediate"] {
        fleet.groups[0].served.delay_tokens(Duration::from_secs(1));
        let before = fleet.refreshes();
        fleet.begin_round(0);
        while fleet.refreshes() < before + SIZE.users {
            sleep(Duration::from_millis(10)).await;
        }
        server.control(&["-m", word, "stop"]);
        sleep(Duration::from_secs(3)).await;
        server.control(&["start"]);
        fleet.database.reconnect().await;
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

/// The server that is stopped and started, for one test at a time.
struct Crashing {
    _one: MutexGuard<'static, ()>,
}

impl Crashing {
    async fn new() -> Self {
        static ONE: Mutex<()> = Mutex::const_new(());
        Self { _one: ONE.lock().await }
    }

    /// With words of `pg_ctl`.
    fn control(&self, words: &[&str]) {
        let program = std::env::var("STORES_CRASHING_CONTROL").unwrap();
        assert!(Command::new(program).args(words).status().unwrap().success(), "{words:?}");
    }
}

const SIZE: Size = Size { processes: 2, users: 3, rounds: 0 };
