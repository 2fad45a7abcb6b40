//! What came of it: which clauses a store keeps.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// One of the things that a store promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Clause {
    /// Its name, which stays.
    pub name: &'static str,
    /// What is promised, in a sentence.
    pub says: &'static str,
}

/// Whether a clause is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It is, as far as could be seen.
    Kept,
    /// It is not.
    Broken {
        /// What was seen, in a sentence.
        how: String,
    },
    /// It could not be tried, or not all of it; what was tried of it is kept.
    NotChecked {
        /// What the stage, or the store, cannot do.
        why: String,
    },
}

/// A clause that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// The clause.
    pub clause: Clause,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of all clauses. Shown, it is a line for each that is broken or was not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a store that breaks its contract is told by nothing else"]
pub struct Report {
    pub(super) checked: Vec<Checked>,
}

impl Report {
    /// Whether no clause is broken. Some may not have been [checked](Self::not_checked).
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.broken().next().is_none()
    }

    /// The clauses that are broken.
    pub fn broken(&self) -> impl Iterator<Item = &Checked> {
        self.checked.iter().filter(|it| matches!(it.verdict, Verdict::Broken { .. }))
    }

    /// The clauses that could not be tried, or not to the end.
    pub fn not_checked(&self) -> impl Iterator<Item = &Checked> {
        self.checked.iter().filter(|it| matches!(it.verdict, Verdict::NotChecked { .. }))
    }

    /// All of them, in their order.
    #[must_use]
    pub fn all(&self) -> &[Checked] {
        &self.checked
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (all, broken) = (self.checked.len(), self.broken().count());
        let unseen = self.not_checked().count();
        write!(f, "{all} clauses: {broken} broken, {unseen} not checked")?;
        self.broken().chain(self.not_checked()).try_for_each(|it| write!(f, "\n{it}"))
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Clause { name, says } = self.clause;
        match &self.verdict {
            Verdict::Kept => write!(f, "kept: {name}"),
            Verdict::Broken { how } => write!(f, "broken: {name} ({says}) {how}"),
            Verdict::NotChecked { why } => write!(f, "not checked: {name}: {why}"),
        }
    }
}
