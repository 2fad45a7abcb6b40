//! Many users at a server that nobody here wrote, through three processes that are killed and stopped: `oidc-provider`,
//! whose access tokens last for five seconds, whose token answers take one and a half, and which ends a grant whose
//! refresh token comes twice.

mod counts;
mod load;
mod users;
mod verdict;

use std::time::Duration;

use counts::Counts;
use load::Load;

use crate::database::Way;
use crate::place::postgres::Postgres;
use crate::server::Server;

/// What a process that is killed has taken is free again when its leases end, and nobody hastens that.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes three minutes, and `oidc-provider`"]
async fn a_minute_at_oidc_provider_logs_out_only_whom_a_kill_has() {
    let place = Postgres::new(Way::Direct).await;
    let database = &place.database;
    let server = Server::oidc_provider(&SERVER);
    let users = users::log_in(&server, database, USERS).await;
    let counts = Counts::begin(database).await;
    let mut load = Load::start(&place, &server, users);

    load.go_on(Duration::from_secs(3)).await;
    load.kill(0).await;
    load.go_on(Duration::from_secs(2)).await;
    load.stop_for(1, Duration::from_secs(20)).await;
    load.go_on(Duration::from_secs(3)).await;
    load.stop_for(2, Duration::from_secs(40)).await;
    load.go_on_after_the_kill(LEASE).await;
    load.come_to_rest().await;

    let busy = counts.since(database).await;
    let verdict = load.judge().await;
    busy.print(&format!("{} refreshes", verdict.refreshes), verdict.refreshes);
    let counts = Counts::begin(database).await;
    tokio::time::sleep(IDLE).await;
    let idle = counts.since(database).await;
    idle.print("an idle minute", 1);
    assert_eq!(idle.all(), 0, "who has nothing to do asks nothing of the database");
    load.end().await;
}

const SERVER: [&str; 4] = ["--lifetime", "5", "--token-delay", "1500"];

const USERS: usize = 50;

/// A lease, and until the last one has looked whether it has ended, and refreshed.
const LEASE: Duration = Duration::from_secs(95);

const IDLE: Duration = Duration::from_secs(60);
