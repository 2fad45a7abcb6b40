//! Why a clause is not kept, or not known to be.

use alloc::string::String;

use crate::client::storage_contract::report::Verdict;

/// Where a clause ends before its end.
#[derive(Debug)]
pub(super) enum Finding {
    Broken(String),
    NotChecked(&'static str),
}

/// How a clause ends.
pub(super) type Kept = Result<(), Finding>;

impl From<Finding> for Verdict {
    fn from(finding: Finding) -> Self {
        match finding {
            Finding::Broken(how) => Self::Broken { how },
            Finding::NotChecked(why) => Self::NotChecked { why: why.into() },
        }
    }
}

/// Ends a clause as broken, unless that holds.
macro_rules! ensure {
    ($holds:expr, $($how:tt)+) => {
        if !$holds {
            return Err($crate::client::storage_contract::finding::Finding::Broken(
                alloc::format!($($how)+),
            ));
        }
    };
}
pub(super) use ensure;
