//! Where the session is while nobody has it, and who waits for it: first come, first served. Whoever waited for a login
//! that was cancelled hears of that before the next one begins.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use oauth_core::session::Session;

/// The place of one session. A guard of a mutex could not go from thread to thread.
pub(crate) struct Slot(Mutex<Place>);

struct Place {
    session: Option<Session>,
    is_at_login: bool,
    /// Whose turn is next stands first.
    waiting: VecDeque<Waiting>,
    next: u64,
}

struct Waiting {
    number: u64,
    thread: Thread,
    /// Whether it waits for nobody's login.
    waits_beside: bool,
}

impl Slot {
    pub(super) fn new(session: Session) -> Self {
        let session = Some(session);
        Self(Mutex::new(Place { session, is_at_login: false, waiting: VecDeque::new(), next: 0 }))
    }

    pub(super) fn take(slot: &Arc<Self>) -> HeldSession {
        let mut place = slot.place();
        let number = place.wait(false);
        loop {
            if let Some(session) = place.take_turn(number) {
                return Self::hold(slot, session);
            }
            drop(place);
            thread::park();
            place = slot.place();
        }
    }

    /// Waits for that long at most.
    pub(super) fn take_within(slot: &Arc<Self>, limit: Duration) -> Option<HeldSession> {
        Self::wait_for(slot, limit, false)
    }

    /// The same, and for nobody's login.
    pub(super) fn take_beside(slot: &Arc<Self>, limit: Duration) -> Option<HeldSession> {
        Self::wait_for(slot, limit, true)
    }

    fn wait_for(slot: &Arc<Self>, limit: Duration, waits_beside: bool) -> Option<HeldSession> {
        let begun = Instant::now();
        let mut place = slot.place();
        let number = place.wait(waits_beside);
        loop {
            if let Some(session) = place.take_turn(number) {
                return Some(Self::hold(slot, session));
            }
            let left = limit.saturating_sub(begun.elapsed());
            if (waits_beside && place.is_at_login) || left.is_zero() {
                place.leave(number);
                return None;
            }
            drop(place);
            thread::park_timeout(left);
            place = slot.place();
        }
    }

    pub(super) fn try_take(slot: &Arc<Self>) -> Option<HeldSession> {
        let session = slot.place().session.take()?;
        Some(Self::hold(slot, session))
    }

    pub(super) fn set_at_login(&self, is_at_login: bool) {
        let mut place = self.place();
        place.is_at_login = is_at_login;
        let beside = place.waiting.iter().filter(|it| it.waits_beside);
        beside.for_each(|it| it.thread.unpark());
    }

    fn hold(slot: &Arc<Self>, session: Session) -> HeldSession {
        HeldSession { session: Some(session), slot: Arc::clone(slot) }
    }

    fn give_back(&self, session: Option<Session>) {
        let mut place = self.place();
        place.session = session;
        place.wake_next();
    }

    /// A panic elsewhere does no harm to the session: each of its turns is whole.
    fn place(&self) -> MutexGuard<'_, Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// This thread waits from now on, under the number that comes back.
    fn wait(&mut self, waits_beside: bool) -> u64 {
        let number = self.next;
        self.next += 1;
        self.waiting.push_back(Waiting { number, thread: thread::current(), waits_beside });
        number
    }

    /// The session, if it is there and nobody was first.
    fn take_turn(&mut self, number: u64) -> Option<Session> {
        if self.waiting.front().is_none_or(|first| first.number != number) {
            return None;
        }
        let session = self.session.take()?;
        self.waiting.pop_front();
        Some(session)
    }

    /// It waits no longer. It may have been this one that was told that the session is back.
    fn leave(&mut self, number: u64) {
        self.waiting.retain(|it| it.number != number);
        self.wake_next();
    }

    fn wake_next(&self) {
        if let Some(first) = self.waiting.front().filter(|_| self.session.is_some()) {
            first.thread.unpark();
        }
    }
}

/// The session in one thread's hands.
pub struct HeldSession {
    session: Option<Session>,
    slot: Arc<Slot>,
}

impl Deref for HeldSession {
    type Target = Session;

    fn deref(&self) -> &Session {
        match &self.session {
            Some(session) => session,
            None => unreachable!("it is taken out by the drop only"),
        }
    }
}

impl DerefMut for HeldSession {
    fn deref_mut(&mut self) -> &mut Session {
        match &mut self.session {
            Some(session) => session,
            None => unreachable!("it is taken out by the drop only"),
        }
    }
}

impl std::fmt::Debug for HeldSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HeldSession")
    }
}

impl Drop for HeldSession {
    fn drop(&mut self) {
        self.slot.give_back(self.session.take());
    }
}
