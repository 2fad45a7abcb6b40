//! Who spent what, and which fault explains that it is spent again, or lost.
//!
//! Design invariant 2: of each generation of a grant there is one refresh. An entry excuses itself and no
//! other: what became of it is written down where it happens, and only these let a login get lost:
//!
//! - the answer, or a process, was lost between the server's deed and the first write;
//! - the request arrived twice;
//! - the store lost the write that it had acknowledged, or showed an old record under the lock;
//! - locks did not exclude: others had the lock, it died with its process, or its holder was frozen for longer
//!   than it is held.
//!
//! That a store cannot be read, locked or written for a while is none of them.

use std::collections::HashSet;

/// All that was spent so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    asks: Vec<Ask>,
    /// Refresh tokens that the server which issued them has refused with `invalid_grant`.
    refused: HashSet<String>,
    /// Whether a store that loses what it has acknowledged is no excuse.
    is_strict: bool,
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
    /// What became of it.
    pub(super) fate: Fate,
}

/// What became of a spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is on its way, or what it brought waits to be stored.
    Open,
    /// What it brought found this generation in the store, which may be as good.
    Met(u64),
    /// What it brought is stored, as this generation.
    Kept(u64),
    /// The server has spent nothing, or will spend it again: it may be asked again, and nothing is lost.
    Unspent(&'static str),
    /// What it brought is lost, or may be: it may be asked again, and the server may end the grant.
    Lost(&'static str),
}

impl Ask {
    /// Whether what it brought may still be stored.
    fn is_open(&self) -> bool {
        matches!(self.fate, Fate::Open | Fate::Met(_))
    }
}

impl Ledger {
    /// One that takes a store at its word.
    pub(super) fn strict() -> Self {
        Self { is_strict: true, ..Self::default() }
    }

    /// Somebody is about to spend something; the number of the entry.
    ///
    /// # Errors
    ///
    /// It was spent before, and no fault explains why it is again.
    pub(super) fn ask(&mut self, ask: Ask) -> Result<usize, String> {
        let again = |before: &&Ask| {
            matches!(before.fate, Fate::Open | Fate::Met(_) | Fate::Kept(_))
                && before.profile == ask.profile
                && match ask.generation {
                    Some(_) => before.generation == ask.generation,
                    None => before.credential == ask.credential,
                }
        };
        if ask.fate == Fate::Open
            && let Some(before) = self.asks.iter().find(again)
        {
            return Err(format!(
                "invariant 2: h{} spends {} of generation {:?}, which h{} has spent ({:?})",
                ask.host, ask.credential, ask.generation, before.host, before.fate
            ));
        }
        self.asks.push(ask);
        Ok(self.asks.len() - 1)
    }

    /// What an entry was to bring will not come.
    pub(super) fn close(&mut self, ask: Option<usize>, fate: Fate) {
        let Some(ask) = ask else { return };
        // What was lost stays lost, and a host that has ended has lost what comes of it.
        if !matches!(self.asks[ask].fate, Fate::Lost(_)) {
            self.asks[ask].fate = fate;
        }
    }

    /// A host has lost what it has not stored yet; whether there was anything.
    pub(super) fn lose(&mut self, host: usize, why: &'static str) -> bool {
        let mut has_any = false;
        for ask in self.asks.iter_mut().filter(|ask| ask.host == host && ask.is_open()) {
            ask.fate = Fate::Lost(why);
            has_any = true;
        }
        has_any
    }

    /// What a host has spent is paid for: the outcome is stored.
    pub(super) fn settle(&mut self, host: usize, generation: u64) {
        for ask in self.asks.iter_mut().filter(|ask| ask.host == host && ask.is_open()) {
            ask.fate = Fate::Kept(generation);
        }
    }

    /// What a host wants to store has found this in its place.
    pub(super) fn meet(&mut self, host: usize, generation: u64) {
        for ask in self.asks.iter_mut().filter(|ask| ask.host == host && ask.is_open()) {
            ask.fate = Fate::Met(generation);
        }
    }

    /// The store has lost what it held of a profile.
    pub(super) fn unsettle(&mut self, profile: usize, generation: u64) {
        if self.is_strict {
            return;
        }
        for ask in self.asks.iter_mut().filter(|ask| ask.profile == profile) {
            if [Fate::Met(generation), Fate::Kept(generation)].contains(&ask.fate) {
                ask.fate = Fate::Lost("the store has lost it");
            }
        }
    }

    /// The server has seen something spent.
    ///
    /// # Errors
    ///
    /// No fault explains it.
    pub(super) fn reused(&self, credential: &str) -> Result<(), String> {
        match self.loss_of(credential) {
            Some(_) => Ok(()),
            None => {
                Err(format!("invariant 2: {credential} arrived twice, and no fault explains it"))
            }
        }
    }

    /// The fault that explains why what came of a credential was lost.
    #[must_use]
    pub(super) fn loss_of(&self, credential: &str) -> Option<&'static str> {
        let mut asks = self.asks.iter().filter(|ask| ask.credential == credential);
        asks.find_map(|ask| match ask.fate {
            Fate::Lost(why) => Some(why),
            _ => None,
        })
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
