//! Failures that callers share who waited for the same thing.
//!
//! A thousand tasks wait while one of them refreshes or logs in. If that fails, all of them have failed:
//! otherwise each would ask the server in trouble again, and show the user the page that they just closed.

use alloc::boxed::Box;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::client::error::ClientError;

/// The last failures of one client.
#[derive(Debug)]
pub(super) struct Failures<H: core::error::Error + 'static> {
    noted: Mutex<Noted<H>>,
}

#[derive(Debug)]
struct Noted<H: core::error::Error + 'static> {
    count: u64,
    /// Boxed, because they are rare.
    login: Option<Box<(u64, ClientError<H>)>>,
    refresh: Option<Box<(u64, ClientError<H>)>>,
}

/// A moment: what fails after it concerns those who waited since.
#[derive(Debug, Clone, Copy)]
pub(super) struct Epoch(u64);

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// What needs no user.
    Refresh,
    /// What does.
    Login,
}

impl<H: core::error::Error> Failures<H> {
    pub(super) fn new() -> Self {
        Self { noted: Mutex::new(Noted { count: 0, login: None, refresh: None }) }
    }

    pub(super) fn now(&self) -> Epoch {
        Epoch(self.noted().count)
    }

    /// A moment of its own: whoever begins to wait from now on waited for nothing that was before.
    pub(super) fn next(&self) -> Epoch {
        let mut noted = self.noted();
        noted.count += 1;
        Epoch(noted.count)
    }

    /// What failed at this moment of its own concerns nobody who came later.
    pub(super) fn note_at(&self, epoch: Epoch, work: Work, error: &ClientError<H>) {
        let Some(error) = error.share() else { return };
        self.noted().put(epoch.0, work, error);
    }

    pub(super) fn note(&self, work: Work, error: &ClientError<H>) {
        // Errors of the application's own requests are nobody else's.
        let Some(error) = error.share() else { return };
        let mut noted = self.noted();
        noted.count += 1;
        let at = noted.count;
        noted.put(at, work, error);
    }

    /// The last failure of this work, if it happened after that moment.
    pub(super) fn since(&self, epoch: Epoch, work: Work) -> Option<ClientError<H>> {
        let noted = self.noted();
        let (at, error) = match work {
            Work::Login => noted.login.as_deref()?,
            Work::Refresh => noted.refresh.as_deref()?,
        };
        if *at > epoch.0 { error.share() } else { None }
    }

    /// What failed before is of no concern any more; those who waited have it, or will succeed.
    pub(super) fn forget(&self, work: Work) {
        let mut noted = self.noted();
        match work {
            Work::Login => noted.login = None,
            Work::Refresh => noted.refresh = None,
        }
    }

    fn noted(&self) -> MutexGuard<'_, Noted<H>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<H: core::error::Error> Noted<H> {
    fn put(&mut self, at: u64, work: Work, error: ClientError<H>) {
        let entry = Some(Box::new((at, error)));
        match work {
            Work::Login => self.login = entry,
            Work::Refresh => self.refresh = entry,
        }
    }
}
