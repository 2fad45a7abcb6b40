//! Names of members, to be reported.

use alloc::boxed::Box;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::http::clean_code;
use crate::tolerance::{Tolerance, Tolerances};

/// The names of members of an answer that are not as the specification says: each was read as what it
/// must mean, or counts as left out.
///
/// The names may be a server's own words: of those only what may stand in an error code is kept, and only
/// a few. They are written as one text with single spaces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemberNames(Box<str>);

impl MemberNames {
    /// The names, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|name| !name.is_empty())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What has to be tolerated for them.
    pub(crate) fn tolerance(&self) -> Tolerances {
        (!self.is_empty()).then_some(Tolerance::MisshapenMembers).into_iter().collect()
    }

    pub(crate) fn extend(&mut self, others: &Self) {
        others.iter().for_each(|name| self.insert(name));
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.iter().any(|own| own == name)
    }

    pub(crate) fn insert(&mut self, name: &str) {
        let name = clean_code(name);
        let name = if name.is_empty() { "?" } else { &*name };
        if self.contains(name) || self.iter().count() >= MAX_NAMES {
            return;
        }
        let mut names = core::mem::take(&mut self.0).into_string();
        if !names.is_empty() {
            names.push(' ');
        }
        names.push_str(name);
        self.0 = names.into();
    }
}

/// Behind a tolerance: ` (scope, expires_in)`; nothing if there are none.
impl fmt::Display for MemberNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.iter().enumerate() {
            write!(f, "{}{name}", if at == 0 { " (" } else { ", " })?;
        }
        f.write_str(if self.is_empty() { "" } else { ")" })
    }
}

/// How many names are kept: enough to see what is wrong with a server.
const MAX_NAMES: usize = 8;

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn names_are_kept_once_and_only_what_is_harmless_of_them() {
        let mut names = MemberNames::default();
        assert_eq!((names.to_string(), names.tolerance()), ("".into(), Tolerances::NONE));
        for name in ["scope", "a b\u{1b}[2J\n\u{202e}", "scope", ""] {
            names.insert(name);
        }
        assert_eq!(names.to_string(), " (scope, ab[2J, ?)");
        assert!(names.tolerance().contains(Tolerance::MisshapenMembers));
        (0..100).for_each(|i| names.insert(&alloc::format!("{i}").repeat(100)));
        assert_eq!(names.iter().count(), MAX_NAMES);
        assert!(names.iter().all(|name| name.len() <= 64));
        let stored = serde_json::to_string(&names).unwrap_or_default();
        assert_eq!(serde_json::from_str(&stored).ok(), Some(names));
    }
}
