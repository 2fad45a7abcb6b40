//! The turns of a store's calls on tokio's blocking pool: each thread that has begun does what waits, one call after the
//! other, and no more threads begin than the store may use.
//!
//! A call that was given to the pool itself would take a new thread also when another is about to be free: it is not yet,
//! when whoever waited for its call goes on. So it came to hundreds, where a few work.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Handle, Id};

/// What waits, and how many threads are at it. The pool is that of the runtime on which a call was made, so that a
/// runtime that ends waits for its own calls, and for no others.
pub(super) struct Turns {
    threads: usize,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    at_work: usize,
    waiting: VecDeque<Job>,
}

struct Job {
    runtime: Handle,
    call: Box<dyn FnOnce() + Send>,
}

impl Turns {
    /// So many threads at most, at least one.
    pub(super) fn new(threads: usize) -> Self {
        Self { threads: threads.max(1), queue: Mutex::default() }
    }

    #[cfg(feature = "keyring")]
    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    /// Makes a call when it is its turn, which must not panic. It is dropped if the runtime ends before.
    pub(super) fn give(self: &Arc<Self>, call: impl FnOnce() + Send + 'static) {
        let job = Job { runtime: Handle::current(), call: Box::new(call) };
        let mut queue = self.lock();
        if queue.at_work == self.threads {
            queue.waiting.push_back(job);
            return;
        }
        queue.at_work += 1;
        drop(queue);
        Worker::start(Arc::clone(self), job);
    }

    /// A thread that panicked here left nothing half done.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the threads, from its first call until nothing waits. If its runtime ends before it has begun, it is only
/// dropped.
struct Worker {
    turns: Arc<Turns>,
    runtime: Id,
    first: Option<Job>,
}

impl Worker {
    fn start(turns: Arc<Turns>, first: Job) {
        let runtime = first.runtime.clone();
        let worker = Self { turns, runtime: runtime.id(), first: Some(first) };
        runtime.spawn_blocking(move || worker.work());
    }

    fn work(mut self) {
        while let Some(job) = self.first.take().or_else(|| self.next()) {
            (job.call)();
        }
    }

    /// The next call that was made on the same runtime.
    fn next(&self) -> Option<Job> {
        let mut queue = self.turns.lock();
        let at = queue.waiting.iter().position(|job| job.runtime.id() == self.runtime)?;
        queue.waiting.remove(at)
    }
}

/// Its place is for the next one that waits.
impl Drop for Worker {
    fn drop(&mut self) {
        let mut queue = self.turns.lock();
        if self.first.take().is_some() {
            // The runtime has ended, so these will never be made.
            let ended = self.runtime;
            queue.waiting.retain(|job| job.runtime.id() != ended);
        }
        match queue.waiting.pop_front() {
            Some(job) => {
                drop(queue);
                Self::start(Arc::clone(&self.turns), job);
            }
            None => queue.at_work -= 1,
        }
    }
}
