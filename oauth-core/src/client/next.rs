//! What a driver does next, as far as it concerns whoever waits.

use crate::session::{Lock, Turn};

/// What a turn is part of.
pub(super) enum Next {
    Step,
    /// A refresh, from here to the release of its lock.
    Refresh,
    /// A login that has not begun.
    Login,
    /// A login that has.
    Page,
    Ready,
    LoggedOut,
}

impl Next {
    pub(super) fn of(turn: &Turn<'_>) -> Self {
        match turn {
            Turn::Load(_)
            | Turn::Reserve(_)
            | Turn::Save(_)
            | Turn::Unlock(..)
            | Turn::Http(..)
            | Turn::Sign(_)
            | Turn::Assertion(_)
            | Turn::Key(_) => Self::Step,
            Turn::Lock(Lock::Login | Lock::Client, _) => Self::Step,
            Turn::Lock(Lock::Refresh, _) => Self::Refresh,
            Turn::Login(_) => Self::Login,
            Turn::Prepare(_) | Turn::Browser(..) | Turn::Device(..) | Turn::Wait(..) => Self::Page,
            Turn::Ready(_) => Self::Ready,
            Turn::LoggedOut(_) => Self::LoggedOut,
        }
    }
}
