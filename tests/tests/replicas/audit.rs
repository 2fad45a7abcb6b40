//! What the server of the store saw: each record that was stored.

/// A record that was stored.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) generation: u64,
    /// The number in the name of its refresh token, if it has one.
    pub(crate) refresh: Option<usize>,
    /// Whether a process of the fleet wrote it, and not the test.
    pub(crate) is_by_replica: bool,
}

/// The number in the name of a token of the servers.
pub(crate) fn number_of(token: &str) -> Option<usize> {
    token.split('-').nth(1)?.parse().ok()
}
