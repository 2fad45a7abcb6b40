//! Machines that share the server: one spends the refresh token, and the others find what came of it.

use std::sync::Arc;

use oauth_tests::world::Knobs;
use tokio::task::JoinSet;

use super::{Server as _, each};
use crate::tokio_common::common::{HOUR, LIST, PATIENCE, assert_sound, logins, refreshes, serve};
use crate::tokio_common::{call, client, logged_in};

const MACHINES: usize = 4;
const TASKS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_refreshed_by_one_of_many_machines() {
    for server in each().await {
        let served = Arc::new(serve(Knobs::default()));
        drop(logged_in(&served, &server.open().await).await);
        let mut machines = Vec::new();
        for _ in 0..MACHINES {
            machines.push(client(&served, &server.open().await));
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
        assert_eq!(server.leases().await, 0);
        assert_sound(&served);
    }
}
