//! A thousand tasks that need a token at the moment when it has expired. Refresh tokens are good once, and the server takes
//! its time: how many requests it gets, and how many tasks have no token in the end.

use std::sync::Arc;

use oauth_core::client::Mode;
use tokio::task::JoinSet;

use crate::canned::{Canned, Place};
use crate::clients::{World, logged_in_on_tokio};
use crate::rmcp;
use crate::runtime::at_two_workers;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Crowd {
    pub(crate) requests: usize,
    pub(crate) failed: usize,
}

pub(crate) const TASKS: usize = 1_000;

pub(crate) fn ours() -> Crowd {
    at_two_workers().block_on(async {
        let world = World::new(Canned::rotating());
        let client = logged_in_on_tokio(&world).await;
        world.pass();
        let each = || {
            let client = Arc::clone(&client);
            async move { matches!(client.token(Mode::Quiet).await, Ok(Some(_))) }
        };
        crowd(&world.canned, each).await
    })
}

/// As its transport shares it.
pub(crate) fn rmcp_client() -> Crowd {
    at_two_workers().block_on(async {
        let canned = Arc::new(Canned::rotating());
        let handle = rmcp::expired(&canned).await;
        let each = || {
            let handle = handle.clone();
            async move { handle.get_access_token().await.is_ok() }
        };
        crowd(&canned, each).await
    })
}

/// As its HTTP client for other requests shares it.
pub(crate) fn rmcp_manager() -> Crowd {
    at_two_workers().block_on(async {
        let canned = Arc::new(Canned::rotating());
        let manager = Arc::new(rmcp::expired_manager(&canned).await);
        let each = || {
            let manager = Arc::clone(&manager);
            async move { manager.get_access_token().await.is_ok() }
        };
        crowd(&canned, each).await
    })
}

async fn crowd<F: Future<Output = bool> + Send + 'static>(
    canned: &Canned,
    each: impl Fn() -> F,
) -> Crowd {
    let before = canned.asked(Place::Token);
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        tasks.spawn(each());
    }
    let served = tasks.join_all().await.into_iter().filter(|is_served| *is_served).count();
    Crowd { requests: canned.asked(Place::Token) - before, failed: TASKS - served }
}
