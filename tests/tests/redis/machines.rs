//! Machines that share the server: one spends the refresh token, and the others find what came of it.

use oauth_tests::world::Knobs;
use tokio::task::JoinSet;

use crate::database::Database;
use crate::tokio_common::common::{HOUR, LIST, PATIENCE, assert_sound, logins, refreshes, serve};
use crate::tokio_common::{call, client, logged_in};

const MACHINES: usize = 4;
const TASKS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_refreshed_by_one_of_many_machines() {
    let database = Database::new();
    let served = std::sync::Arc::new(serve(Knobs::default()));
    drop(logged_in(&served, &database.store().await).await);
    let mut machines = Vec::new();
    for _ in 0..MACHINES {
        machines.push(client(&served, &database.store().await));
    }
    for round in 1..=3 {
        served.advance(HOUR);
        let mut tasks = JoinSet::new();
        for machine in &machines {
            for _ in 0..TASKS {
                let (machine, served) = (machine.clone(), served.clone());
                tasks.spawn(async move { call(&machine, &served, LIST).await.unwrap() });
            }
        }
        assert_eq!(tasks.join_all().await, [200; MACHINES * TASKS]);
        assert_eq!(refreshes(&served), round);
    }
    for machine in &machines {
        assert!(machine.shutdown(PATIENCE).await);
    }
    assert_eq!(logins(&served), 0);
    for lock in ["*:refresh", "*:login", "*:client"] {
        assert_eq!(database.keys(lock).await, [""; 0]);
    }
    assert_sound(&served);
}
