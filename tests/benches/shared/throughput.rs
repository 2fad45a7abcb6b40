//! How fast many tasks get the value from the shared handle, beside the same work done by hand: both
//! sides take turns in short rounds, so that whatever else runs on the machine slows down both.

use std::hint::black_box;
use std::time::Instant;

use http::HeaderValue;
use tokio::runtime::Runtime;
use tokio::task::{JoinSet, yield_now};

use crate::Size;
use crate::bearer::after_login;
use crate::held::Held;
use crate::prepared::{WORKERS, runtime};
use crate::rows::Row;

const TASKS: usize = 8;

pub(crate) fn measure(size: Size) -> Vec<Row> {
    let runtime = runtime();
    let (client, held) = (after_login(), Held::new());
    let get_ours = || {
        let client = client.clone();
        move || client.authorization()
    };
    let get_bare = || {
        let held = held.clone();
        move || held.authorization()
    };
    // The first rounds fill caches.
    round(&runtime, size.calls, get_ours);
    round(&runtime, size.calls, get_bare);
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for at in 0..size.rounds {
        // Neither is always the first.
        if at % 2 == 0 {
            ours.push(round(&runtime, size.calls, get_ours));
            bare.push(round(&runtime, size.calls, get_bare));
        } else {
            bare.push(round(&runtime, size.calls, get_bare));
            ours.push(round(&runtime, size.calls, get_ours));
        }
    }
    let name = format!("bearer after a login: {TASKS} tasks, {WORKERS} workers");
    vec![Row::speed(name, &ours, &bare, 0.9)]
}

/// Nanoseconds for each of all calls, over the time that all tasks took together.
fn round<G>(runtime: &Runtime, calls: usize, getter: impl Fn() -> G) -> f64
where
    G: Fn() -> Option<HeaderValue> + Send + 'static,
{
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        let begun = Instant::now();
        for _ in 0..TASKS {
            let get = getter();
            tasks.spawn(async move {
                for _ in 0..calls / BETWEEN_YIELDS {
                    for _ in 0..BETWEEN_YIELDS {
                        assert!(black_box(get()).is_some());
                    }
                    yield_now().await;
                }
            });
        }
        tasks.join_all().await;
        begun.elapsed().as_nanos() as f64 / (TASKS * calls) as f64
    })
}

/// Calls of one task before another one has its turn.
const BETWEEN_YIELDS: usize = 100;
