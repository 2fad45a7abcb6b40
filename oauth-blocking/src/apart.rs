//! Work on a thread of its own, so that whoever waits for it can leave.

use std::io;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use crate::adapter::parked;

/// Work that has begun. Dropped, it goes on to its end, and nobody hears of it.
pub(crate) struct Apart<T> {
    heard: Receiver<T>,
    thread: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Apart<T> {
    /// Begins work that says something, or several things one after the other, to the thread that this is.
    pub(crate) fn begin(work: impl FnOnce(&Says<T>) + Send + 'static) -> io::Result<Self> {
        let (says, heard) = channel();
        let says = Says { says: Some(says), to: thread::current() };
        let run = move || work(&says);
        let thread = thread::Builder::new().name("oauth".into()).spawn(run)?;
        Ok(Self { heard, thread: Some(thread) })
    }

    /// The next thing that it says: `None` if `limit` is over before. If it has ended without a word, that is an error;
    /// if it has panicked, so does this thread.
    pub(crate) async fn next(&mut self, limit: Option<Duration>) -> Option<io::Result<T>> {
        let until = limit.and_then(|limit| Instant::now().checked_add(limit));
        let heard = &mut self.heard;
        let heard = parked(until, move || match heard.try_recv() {
            Ok(said) => Some(Ok(said)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(io::ErrorKind::UnexpectedEof.into())),
        });
        let heard = heard.await?;
        if heard.is_err()
            && let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
        {
            resume_unwind(panic)
        }
        Some(heard)
    }

    /// Waits for its end, for `limit` at most; what it says is not heard.
    pub(crate) fn end_within(&self, limit: Duration) {
        let begun = Instant::now();
        loop {
            match self.heard.try_recv() {
                Ok(_) => continue,
                Err(TryRecvError::Disconnected) => return,
                Err(TryRecvError::Empty) => {}
            }
            let Some(left) = limit.checked_sub(begun.elapsed()) else { return };
            thread::park_timeout(left);
        }
    }
}

/// What work says, to the thread that waits for it.
pub(crate) struct Says<T> {
    says: Option<Sender<T>>,
    to: Thread,
}

impl<T> Says<T> {
    pub(crate) fn say(&self, said: T) {
        if let Some(says) = &self.says {
            // Whoever waited may have left.
            drop(says.send(said));
            self.to.unpark();
        }
    }
}

/// Also where the work has panicked.
impl<T> Drop for Says<T> {
    fn drop(&mut self) {
        self.says = None;
        self.to.unpark();
    }
}
