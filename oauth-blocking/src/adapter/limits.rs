//! How long things may take.

use std::time::Duration;

/// How long a login may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For the user, if the host says so.
    pub wait: Option<Duration>,
    /// For all that comes before them.
    pub discovery: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { wait: None, discovery: DISCOVERY }
    }
}

/// As long as a user waits without a word.
const DISCOVERY: Duration = Duration::from_secs(60);
