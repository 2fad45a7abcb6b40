//! The turns of a store's calls on tokio's blocking pool: each thread that has begun does what waits, one call after the
//! other, and no more threads begin than the store may use.
//!
//! A thread that has nothing more to do stays for a moment. Calls that were given to the pool one by one would wake a
//! thread each, or take a new one, also where another is about to be free: where calls are short and processors few, it
//! came to hundreds of threads for the work of two dozen.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::{Handle, Id};

/// What waits, and how many threads are at it. The pool is that of the runtime on which a call was made, so that a
/// runtime that ends waits for its own calls, and for no others.
pub(super) struct Turns {
    threads: usize,
    queue: Mutex<Queue>,
    /// Told to those who are idle when something waits.
    more: Condvar,
}

#[derive(Default)]
struct Queue {
    workers: usize,
    /// Workers with nothing to do. One that was told of a call is among them until it wakes, as is its call among those
    /// that wait.
    idle: usize,
    waiting: VecDeque<Job>,
}

struct Job {
    runtime: Handle,
    call: Box<dyn FnOnce() + Send>,
}

impl Turns {
    /// So many threads at most, at least one.
    pub(super) fn new(threads: usize) -> Self {
        Self { threads: threads.max(1), queue: Mutex::default(), more: Condvar::new() }
    }

    /// Makes a call when it is its turn, which must not panic. It is dropped if the runtime ends before.
    pub(super) fn give(self: &Arc<Self>, call: impl FnOnce() + Send + 'static) {
        let job = Job { runtime: Handle::current(), call: Box::new(call) };
        let mut queue = self.lock();
        if queue.idle > queue.waiting.len() || queue.workers == self.threads {
            queue.waiting.push_back(job);
            drop(queue);
            self.more.notify_one();
            return;
        }
        queue.workers += 1;
        drop(queue);
        Worker::start(Arc::clone(self), job);
    }

    /// A thread that panicked here left nothing half done.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the threads, from its first call until nothing waits for a moment. If its runtime ends before it has begun, it
/// is only dropped.
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
        for _ in 0..IN_A_ROW {
            let Some(job) = self.first.take().or_else(|| self.next()) else { break };
            (job.call)();
        }
    }

    /// The next call that was made on the same runtime; `None` if there is none for a moment, or there are only others'.
    fn next(&self) -> Option<Job> {
        let (mut queue, mut is_over) = (self.turns.lock(), false);
        loop {
            let own = queue.waiting.iter().position(|job| job.runtime.id() == self.runtime);
            if let Some(at) = own {
                return queue.waiting.remove(at);
            }
            if is_over || !queue.waiting.is_empty() {
                return None;
            }
            queue.idle += 1;
            let woken = self.turns.more.wait_timeout(queue, A_MOMENT);
            let timeout;
            (queue, timeout) = woken.unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
            is_over = timeout.timed_out();
        }
    }
}

/// Its place is for the next one that waits.
impl Drop for Worker {
    fn drop(&mut self) {
        let (ended, first) = (self.runtime, self.first.take());
        let mut queue = self.turns.lock();
        let mut never_made = VecDeque::new();
        if first.is_some() {
            // Its runtime has ended.
            let waiting = std::mem::take(&mut queue.waiting).into_iter();
            (never_made, queue.waiting) = waiting.partition(|job| job.runtime.id() == ended);
        }
        let next = queue.waiting.pop_front();
        queue.workers -= usize::from(next.is_none());
        drop(queue);
        // Whoever waits for them is told, which is nothing to do under the lock.
        drop((first, never_made));
        if let Some(next) = next {
            Self::start(Arc::clone(&self.turns), next);
        }
    }
}

/// How many calls a thread does before it gives way to what else waits for the pool.
const IN_A_ROW: usize = 1024;

/// How long a thread stays that has nothing to do: longer than it takes until whoever waited for a call makes the next
/// one, and no longer than anybody notices who ends a runtime.
const A_MOMENT: Duration = Duration::from_millis(10);
