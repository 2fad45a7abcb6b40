//! What the server of the store saw: each record that was stored, and the leases that somebody has.

/// A record that was stored.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) generation: u64,
    /// Its refresh token, if it has one.
    pub(crate) refresh: Option<String>,
    /// Whether a process of the fleet wrote it, and not the test.
    pub(crate) is_by_replica: bool,
}

/// A lease that a process has, and of whom.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) user: String,
    /// Whether it may have spent the refresh token.
    pub(crate) is_spending: bool,
}

/// The number in the name of a token of the servers.
pub(crate) fn number_of(token: &str) -> Option<usize> {
    token.split('-').nth(1)?.parse().ok()
}
