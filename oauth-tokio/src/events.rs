//! What happens, as a stream: every reader has a queue of its own, and who is slow is told what they missed.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use oauth_core::client::{Event, Happened};
use oauth_core::session::Key;

/// What happens from now on, in its order; made by [`OAuth::events`](crate::OAuth::events).
///
/// It holds back nobody: a reader that is more than 256 events behind misses the oldest ones, and is told how many
/// ([`Missed`]) before the next one. It ends when the client and all that were made from it are gone.
#[derive(Debug)]
#[must_use = "what happens is lost unless it is read"]
pub struct Events(Arc<Mutex<Queue>>);

/// So many events were dropped before the next one, because they were not read in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} events were missed")]
pub struct Missed(pub u64);

impl Events {
    /// The next event, which is waited for; `None` when there can be no more. Dropped before it is there, it loses
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`Missed`] if some were dropped before it.
    pub async fn next(&mut self) -> Option<Result<Happened, Missed>> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &Context<'_>) -> Poll<Option<Result<Happened, Missed>>> {
        let mut queue = lock(&self.0);
        if queue.missed > 0 {
            return Poll::Ready(Some(Err(Missed(std::mem::take(&mut queue.missed)))));
        }
        match queue.waiting.pop_front() {
            Some(happened) => Poll::Ready(Some(Ok(happened))),
            None if queue.is_closed => Poll::Ready(None),
            None => {
                queue.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Stream for Events {
    type Item = Result<Happened, Missed>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll(context)
    }
}

/// Whoever reads, of a client and of all that were made from it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readers(Arc<Hub>);

#[derive(Debug, Default)]
struct Hub(Mutex<Vec<Weak<Mutex<Queue>>>>);

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Happened>,
    missed: u64,
    is_closed: bool,
    waker: Option<Waker>,
}

impl Readers {
    pub(crate) fn subscribe(&self) -> Events {
        let queue = Arc::default();
        lock(&self.0.0).push(Arc::downgrade(&queue));
        Events(queue)
    }

    /// Costs next to nothing where nobody reads.
    pub(crate) fn tell(&self, key: &Key, event: &Event<'_>) {
        let mut readers = lock(&self.0.0);
        readers.retain(|reader| reader.strong_count() > 0);
        if readers.is_empty() {
            return;
        }
        let happened = Happened::new(key, event);
        for queue in readers.iter().filter_map(Weak::upgrade) {
            lock(&queue).push(happened.clone());
        }
    }
}

impl Queue {
    fn push(&mut self, happened: Happened) {
        if self.waiting.len() >= CAPACITY {
            self.waiting.pop_front();
            self.missed += 1;
        }
        self.waiting.push_back(happened);
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        for queue in lock(&self.0).iter().filter_map(Weak::upgrade) {
            let mut queue = lock(&queue);
            queue.is_closed = true;
            queue.wake();
        }
    }
}

/// Whoever panicked has left a queue that is whole: each change is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A login tells of some twenty things, and of one a second while it waits for its user.
const CAPACITY: usize = 256;

#[cfg(test)]
mod tests {
    use oauth_core::client::OwnedEvent;
    use oauth_core::session::LoginReason;

    use super::*;

    fn key() -> Key {
        Key::grant("app", "alice", "https://mcp.example/mcp?secret")
    }

    fn next(events: &mut Events) -> Poll<Option<Result<u16, Missed>>> {
        let next = events.poll(&Context::from_waker(Waker::noop()));
        next.map_ok(|happened| match happened.event {
            OwnedEvent::PortBusy { port } => port,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn every_reader_gets_all_from_its_beginning_on_and_an_end() {
        let readers = Readers::default();
        let mut first = readers.subscribe();
        readers.tell(&key(), &Event::PortBusy { port: 1 });
        let mut second = readers.subscribe();
        readers.tell(&key(), &Event::PortBusy { port: 2 });
        assert_eq!(next(&mut first), Poll::Ready(Some(Ok(1))));
        assert_eq!(next(&mut first), Poll::Ready(Some(Ok(2))));
        assert_eq!(next(&mut first), Poll::Pending);
        drop(readers);
        assert_eq!(next(&mut first), Poll::Ready(None));
        assert_eq!(next(&mut second), Poll::Ready(Some(Ok(2))));
        assert_eq!(next(&mut second), Poll::Ready(None));
    }

    #[test]
    fn a_slow_reader_is_told_how_many_it_has_missed() {
        let readers = Readers::default();
        let mut events = readers.subscribe();
        for port in 0..300 {
            readers.tell(&key(), &Event::PortBusy { port });
        }
        assert_eq!(next(&mut events), Poll::Ready(Some(Err(Missed(44)))));
        for port in 44..300 {
            assert_eq!(next(&mut events), Poll::Ready(Some(Ok(port))));
        }
        assert_eq!(next(&mut events), Poll::Pending);
    }

    #[test]
    fn it_is_said_whose_event_it_is_without_the_query_of_the_url() {
        let happened = Happened::new(&key(), &Event::LoginNeeded { reason: &LoginReason::First });
        assert_eq!((&*happened.server, &*happened.profile), ("https://mcp.example/mcp", "alice"));
    }
}
