//! What must have happened: the generations that the callers saw, and the token requests that the server
//! answered.

use std::collections::{BTreeMap, BTreeSet};

use oauth_tests::world::{What, World};

use crate::callers::Held;

/// The tokens of a generation: token answer n brings access token n and refresh token n.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pair {
    pub(crate) access: usize,
    pub(crate) refresh: Option<usize>,
}

impl Pair {
    /// A generation and its tokens.
    pub(crate) fn parse(record: &str) -> (u64, Self) {
        let words: Vec<_> = record.split(' ').collect();
        let (access, refresh) = (number_of(words[1]).unwrap(), number_of(words[2]));
        (words[0].parse().unwrap(), Self { access, refresh })
    }
}

/// The number in the name of a token.
pub(crate) fn number_of(token: &str) -> Option<usize> {
    token.split('-').nth(1)?.parse().ok()
}

/// Numbers grow by one, and by 16 bits that are drawn.
const LARGEST_STEP: u64 = 1 << 16;

/// What was stored, one after the other.
#[derive(Default)]
pub(crate) struct Generations(BTreeMap<u64, Pair>);

impl Generations {
    /// Notes what somebody saw: a generation is the same for all who see it.
    pub(crate) fn see(&mut self, record: &str) -> Pair {
        let (generation, pair) = Pair::parse(record);
        assert_eq!(*self.0.entry(generation).or_insert(pair), pair, "{generation}");
        pair
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether the last one can be refreshed.
    pub(crate) fn end_whole(&self) -> bool {
        self.0.values().next_back().is_some_and(|pair| pair.refresh.is_some())
    }

    /// Each was made from the one before: by a refresh, by the end of its grant, by a login after that.
    /// How often each was so.
    pub(crate) fn judge(&self, history: &History) -> [usize; 3] {
        let mut counts = [0; 3];
        for ((number, before), (next, after)) in self.0.iter().zip(self.0.iter().skip(1)) {
            assert!((1..=LARGEST_STEP).contains(&(next - number)), "{number}, {next}");
            let is_dead = history.is_dead(before.access);
            let (count, is_good) = match (after.refresh, history.from(after.access)) {
                (None, _) => (1, is_dead && before.access == after.access),
                (_, Some(from)) => (0, before.refresh == Some(from)),
                (_, None) => (2, is_dead),
            };
            let is_whole = after.refresh.is_none_or(|refresh| refresh == after.access);
            assert!(is_good && is_whole, "{next}: {after:?} after {before:?}");
            counts[count] += 1;
        }
        counts
    }

    /// Each reuse has a kill of its own, or sends once more what has ended its grant before, where the store has failed
    /// to keep that. How many refreshes were answered in vain because of a kill.
    pub(crate) fn judge_losses(
        &self,
        lost: &[(Held, usize)],
        history: &History,
        store_fails: bool,
    ) -> usize {
        let mut kills = lost.to_vec();
        kills.retain(|(held, _)| held.lock == "Refresh");
        let mut ended = BTreeSet::new();
        for (token, at) in &history.reused {
            let is_reason =
                |(held, killed_at): &(Held, usize)| held.token == Some(*token) && killed_at <= at;
            let reason = kills.iter().position(is_reason);
            let is_over = !ended.insert(token) && store_fails;
            assert!(reason.is_some() || is_over, "{token} was reused at {at}");
            reason.map(|reason| kills.swap_remove(reason));
        }
        let stored: BTreeSet<_> = self.0.values().map(|pair| pair.access).collect();
        let held: BTreeSet<_> = lost.iter().filter_map(|(held, _)| held.token).collect();
        let is_lost = |token| history.pairs_from(Some(token)).any(|pair| !stored.contains(&pair));
        held.into_iter().filter(|token| is_lost(*token)).count()
    }
}

/// What the token endpoint did.
pub(crate) struct History {
    /// For each pair, the refresh token that it was got with, and the first pair of its grant.
    issued: Vec<(Option<usize>, usize)>,
    /// The refresh tokens that were sent although they were spent, and where in the log.
    pub(crate) reused: Vec<(usize, usize)>,
}

impl History {
    pub(crate) fn of(world: &World) -> Self {
        let mut history = Self { issued: Vec::new(), reused: Vec::new() };
        for (at, exchange) in world.log.iter().enumerate() {
            let What::Token(_) = exchange.what else { continue };
            let from = exchange.parameter("refresh_token").and_then(number_of);
            if exchange.status == 200 {
                let first =
                    from.map_or(history.issued.len() + 1, |from| history.issued[from - 1].1);
                history.issued.push((from, first));
            } else if history.pairs_from(from).next().is_some() {
                history.reused.extend(from.map(|token| (token, at)));
            }
        }
        history
    }

    pub(crate) fn from(&self, pair: usize) -> Option<usize> {
        self.issued[pair - 1].0
    }

    /// How many refreshes brought tokens.
    pub(crate) fn refreshes(&self) -> usize {
        self.issued.iter().filter(|(from, _)| from.is_some()).count()
    }

    /// Whether a reuse has ended the grant of a pair.
    pub(crate) fn is_dead(&self, pair: usize) -> bool {
        let grant = |pair: usize| self.issued[pair - 1].1;
        self.reused.iter().any(|(token, _)| grant(*token) == grant(pair))
    }

    fn pairs_from(&self, token: Option<usize>) -> impl Iterator<Item = usize> {
        let issued = self.issued.iter().zip(1..);
        issued.filter(move |((from, _), _)| *from == token).map(|(_, pair)| pair)
    }
}
