//! What work is run on, and how it is counted.

use tokio::runtime::{Builder, Runtime};

use crate::measure::{Side, Work};

/// One thread, so that it can be counted.
pub(crate) fn at_one_thread() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("there are sockets on this machine")
}

/// As many workers as a small machine has.
pub(crate) fn at_two_workers() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().expect("there are threads on this machine")
}

/// Work that has nothing beside it.
pub(crate) const fn only(operations: usize, side: Side) -> Work {
    Work { operations, machine: side, bare: side }
}
