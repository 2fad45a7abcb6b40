//! Who spent what, and which fault may excuse that it is spent again.
//!
//! Design invariant 2: of each generation of a grant there is one refresh, unless a fault took its
//! outcome away or broke the lock.

use std::collections::HashSet;

/// All that was spent so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    asks: Vec<Ask>,
    /// Refresh tokens that the server which issued them has refused with `invalid_grant`.
    refused: HashSet<String>,
}

/// A request that spends a refresh token or a code.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// Who spends it.
    pub(super) host: usize,
    /// For whom.
    pub(super) profile: usize,
    /// The generation that is refreshed; `None` for a code.
    pub(super) generation: Option<u64>,
    /// The refresh token or code.
    pub(super) credential: String,
    /// The fault because of which it may be spent again.
    pub(super) excuse: Option<&'static str>,
    /// Whether its outcome may still get lost.
    pub(super) open: bool,
}

impl Ledger {
    /// Somebody is about to spend something; the number of the entry.
    ///
    /// # Errors
    ///
    /// It was spent before, and no fault explains why it is again.
    pub(super) fn ask(&mut self, ask: Ask) -> Result<usize, String> {
        let again = |before: &&Ask| {
            before.excuse.is_none()
                && before.profile == ask.profile
                && match ask.generation {
                    Some(_) => before.generation == ask.generation,
                    None => before.credential == ask.credential,
                }
        };
        if ask.excuse.is_none()
            && let Some(before) = self.asks.iter().find(again)
        {
            return Err(format!(
                "invariant 2: h{} spends {} of generation {:?}, which h{} has spent",
                ask.host, ask.credential, ask.generation, before.host
            ));
        }
        self.asks.push(ask);
        Ok(self.asks.len() - 1)
    }

    /// A fault took away what an entry has brought, or may have.
    pub(super) fn excuse(&mut self, ask: Option<usize>, why: &'static str) {
        if let Some(ask) = ask {
            self.asks[ask].excuse.get_or_insert(why);
        }
    }

    /// A fault at a host took away what it has not stored yet.
    pub(super) fn excuse_host(&mut self, host: usize, why: &'static str) {
        for ask in self.asks.iter_mut().filter(|ask| ask.host == host && ask.open) {
            ask.excuse.get_or_insert(why);
        }
    }

    /// What a host has spent is paid for: the outcome is stored.
    pub(super) fn settle(&mut self, host: usize) {
        for ask in self.asks.iter_mut().filter(|ask| ask.host == host) {
            ask.open = false;
        }
    }

    /// The server has seen something spent.
    ///
    /// # Errors
    ///
    /// No fault explains it.
    pub(super) fn reused(&self, credential: &str) -> Result<(), String> {
        let excused = |ask: &Ask| ask.credential == credential && ask.excuse.is_some();
        if self.asks.iter().any(excused) {
            return Ok(());
        }
        Err(format!("invariant 2: {credential} arrived twice, and no fault explains it"))
    }

    /// The fault that explains why a refresh token was lost.
    #[must_use]
    pub(super) fn excuse_for(&self, credential: &str) -> Option<&'static str> {
        let mut asks = self.asks.iter().filter(|ask| ask.credential == credential);
        asks.find_map(|ask| ask.excuse)
    }

    /// The server has refused a refresh token for good.
    pub(super) fn refuse(&mut self, refresh_token: &str) {
        self.refused.insert(refresh_token.into());
    }

    /// Whether it has.
    #[must_use]
    pub(super) fn is_refused(&self, refresh_token: &str) -> bool {
        self.refused.contains(refresh_token)
    }
}
