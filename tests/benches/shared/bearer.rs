//! The value of the `Authorization` field from the shared handle, when it is asked for the first time: later calls are
//! counted beside the same work done by hand in `machine`.

use std::hint::black_box;

use oauth_tokio::{BearerAuth, MemoryTokenStorage, OAuth};
use tokio::runtime::Builder;

use crate::heap::Heap;
use crate::held::Held;
use crate::prepared::{builder, logged_in, serve};
use crate::rows::Row;

pub(crate) fn measure() -> Vec<Row> {
    let bare = || {
        let held = Held::new();
        allocated(|| held.authorization())
    };
    let first = |client: OAuth| allocated(|| client.authorization());
    vec![
        Row::nothing(
            "bearer after a login: allocations of the first call",
            [first(after_login()), bare()],
        ),
        Row::nothing(
            "bearer that is fixed: allocations of the first call",
            [first(fixed()), bare()],
        ),
    ]
}

/// A client that has a token from a login.
pub(crate) fn after_login() -> OAuth {
    let served = serve();
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("there are sockets on this machine");
    runtime.block_on(logged_in(&served, &MemoryTokenStorage::new()))
}

/// A client with a token that does not expire, and no login.
fn fixed() -> OAuth {
    let token = BearerAuth::new("aB3_aB3_aB3_aB3_aB3_aB3_").expect("it is a token");
    let store = MemoryTokenStorage::new();
    builder(&serve(), &store).bearer(token).build().expect("the settings fit together")
}

fn allocated<T>(call: impl FnOnce() -> T) -> u64 {
    let before = Heap::now();
    drop(black_box(call()));
    Heap::now().allocations - before.allocations
}
