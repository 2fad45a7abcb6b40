//! What a state found out: the same state goes on, or it is done and says with what. None names the next one.

use crate::error::Error;
use crate::timeline::Finding;

/// What became of a state after an answer, and what the answer was taken for.
pub(crate) enum Progress<S, F> {
    /// The state waits for another answer.
    Again(S, Finding),
    /// It has found out what there was to find out.
    Done(F, Finding),
}

/// The same, or the end of the login.
pub(crate) type Outcome<S, F> = Result<Progress<S, F>, Halt>;

/// What a state has found out that is answered once, or the end of the login.
pub(crate) type Once<F> = Result<(F, Finding), Halt>;

/// The end of a login.
pub(crate) struct Halt {
    pub(crate) error: Error,
    /// What the last answer was taken for; `None` if it is itself the reason.
    pub(crate) finding: Option<Finding>,
}

impl Halt {
    /// Nothing is left to try after this.
    pub(crate) fn after(finding: Finding, error: impl Into<Error>) -> Self {
        Self { error: error.into(), finding: Some(finding) }
    }
}

impl<E: Into<Error>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self { error: error.into(), finding: None }
    }
}
