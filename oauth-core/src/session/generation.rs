//! The numbers of records: they grow, and do not repeat.
//!
//! A store that loses a write which it has acknowledged, or whose record is deleted and made anew, would give
//! one number to two records if numbers were only counted; then who made theirs from one of them would
//! replace the other. So a part of each number is a digest of what is written: the same number means the
//! same record.

use crate::session::digest::digest;
use crate::session::record::Record;

impl Record {
    /// The record with the number under which it replaces that one; 0 for none.
    pub(crate) fn numbered(mut self, replaced: u64) -> Self {
        self.generation = replaced;
        let drawn = digest(&self);
        self.generation = match replaced {
            // Also where nothing is stored, somebody may still work on what was deleted.
            0 => (self.issued_at.as_secs().clamp(1, LAST_TO_START_WITH) << 20) | (drawn >> 44),
            _ => replaced.saturating_add(1 + (drawn >> 48)),
        };
        self
    }
}

/// In the 22nd century; a clock that is far out leaves room to count.
const LAST_TO_START_WITH: u64 = (1 << 32) - 1;
