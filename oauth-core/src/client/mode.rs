//! Calls that may ask for a person, and calls that never do.
//!
//! ```text
//!  interactive ─▶ waits for the session, also while another call is at its login ─▶ a token, through a login if need be
//!  quiet ───────▶ waits for a refresh, and for no login ─┬─ the session is had ──▶ a token, or why there is none
//!                                                        └─ it is at a login ────▶ the same with a session of its own
//! ```
//!
//! A session of its own knows what is stored, as another process would, and refreshes under the same lock.

use crate::client::deadline::Deadline;

/// Whether a person may be asked for what a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// They may: a call that needs a login begins one, or waits for the one that is under way.
    Interactive,
    /// They may not: a call that needs a login fails at once, whoever is at a login.
    Quiet,
}

impl Mode {
    pub(super) fn login(self) -> Login {
        match self {
            Self::Interactive => Login::Allowed,
            Self::Quiet => Login::Never(Quiet::default()),
        }
    }
}

/// Whether a drive may begin a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Login {
    /// Yes, if one is needed.
    Allowed,
    /// The host wants one. Its user has to be back by then, if it says so.
    Wanted(Option<Deadline>),
    /// No: only what can be had without a person.
    Never(Quiet),
}

impl Login {
    /// The same with the session that was taken for it.
    pub(super) fn with(self, quiet: Quiet) -> Self {
        match self {
            Self::Never(_) => Self::Never(quiet),
            login => login,
        }
    }

    /// Until when its user has to be back, or others are waited for, if the caller says so.
    pub(super) fn until(self) -> Option<Deadline> {
        match self {
            Self::Allowed => None,
            Self::Wanted(until) => until,
            Self::Never(quiet) => quiet.patience,
        }
    }

    pub(super) fn is_never(self) -> bool {
        matches!(self, Self::Never(_))
    }

    /// Whether it is done with a session beside another call's login.
    pub(super) fn is_beside(self) -> bool {
        matches!(self, Self::Never(Quiet { is_own: true, .. }))
    }
}

/// How a call works that asks nobody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Quiet {
    /// Whether its session is one of its own, beside another call's login.
    pub(super) is_own: bool,
    /// Until when it waits for others, those before it and those of other processes, if it says so.
    pub(super) patience: Option<Deadline>,
}
