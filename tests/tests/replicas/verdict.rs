//! What must have happened: what the servers answered and what the store was given are one chain for each user.

use std::collections::{BTreeMap, BTreeSet};

use oauth_tests::world::What;

use crate::audit::{Stored, number_of};
use crate::fleet::{Fleet, Group};

/// What came of a run.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Refreshes that brought tokens.
    pub(crate) refreshes: usize,
    /// Those whose tokens were never stored.
    pub(crate) lost: usize,
    /// How often a spent refresh token came: the third time is of one who was killed before it could store that the
    /// grant has ended.
    pub(crate) reused: usize,
    /// Logins after the first ones.
    pub(crate) logins: usize,
    /// Records that the processes wrote.
    pub(crate) writes: usize,
}

/// What the token endpoint of a server did.
struct History {
    /// For each token answer, the refresh token that it was got with. The answer number n brings refresh token n.
    issued: Vec<Option<usize>>,
    /// The refresh tokens that came although they were spent.
    reused: Vec<usize>,
}

impl History {
    fn of(group: &Group) -> Self {
        let world = group.served.world();
        assert_eq!(world.violations, [""; 0]);
        let mut history = Self { issued: Vec::new(), reused: Vec::new() };
        for exchange in world.log.iter().filter(|it| matches!(it.what, What::Token(_))) {
            let from = exchange.parameter("refresh_token").and_then(number_of);
            let note = exchange.note.as_deref().unwrap_or_default();
            match exchange.status {
                200 => history.issued.push(from),
                _ => {
                    assert!(note.contains("reused"), "{note}");
                    history.reused.extend(from);
                }
            }
        }
        assert_eq!(usize::try_from(world.reuses).unwrap(), history.reused.len());
        history
    }

    fn from(&self, answer: usize) -> Option<usize> {
        self.issued[answer - 1]
    }

    /// What a refresh token was spent for.
    fn successor(&self, token: usize) -> Option<usize> {
        (1..=self.issued.len()).find(|answer| self.from(*answer) == Some(token))
    }
}

impl Fleet {
    /// Judges all users. Of a refresh token that comes twice, the first time must have been that of a process that was
    /// killed before its successor was stored, and nobody else has to log in.
    pub(crate) async fn judge(&self) -> Verdict {
        let mut verdict = Verdict::default();
        let mut kills: Vec<_> = self.kills.all.iter().flat_map(|it| it.of_users()).collect();
        let mut reused_of = BTreeMap::<String, usize>::new();
        for group in &self.groups {
            let history = History::of(group);
            let (mut stored_tokens, mut seen) = (BTreeSet::new(), BTreeSet::new());
            for user in &group.users {
                let stored = self.place.stored(user).await;
                verdict.writes += stored.iter().filter(|it| it.is_by_replica).count();
                let chain = chain(&stored);
                stored_tokens.extend(chain.iter().copied());
                self.judge_chain(user, &chain, &history);
                for token in history.reused.iter().filter(|it| chain.contains(it)) {
                    let generations = stored.iter().filter(|it| number(it) == Some(*token));
                    let generations: Vec<_> = generations.map(|it| it.generation).collect();
                    let is_reason = |(_, of, generation): &(usize, String, u64)| {
                        of == user && generations.contains(generation)
                    };
                    let reason = kills.iter().position(is_reason);
                    let reason = reason.unwrap_or_else(|| panic!("{user}: {token} came twice"));
                    let (number, ..) = kills.remove(reason);
                    if !seen.insert(*token) {
                        println!(
                            "{user} stays logged out: replica {number} was killed before the end of its grant \
                             was stored, and {token} came once more"
                        );
                        continue;
                    }
                    let successor = history.successor(*token).unwrap();
                    println!(
                        "{user} is logged out: replica {number} was killed after the server had spent refresh \
                         token {token}, and before its successor {successor} was stored"
                    );
                    *reused_of.entry(user.clone()).or_default() += 1;
                }
            }
            let all: BTreeSet<_> = (1..=history.issued.len()).collect();
            let lost: BTreeSet<_> = all.difference(&stored_tokens).copied().collect();
            let after: BTreeSet<_> =
                history.reused.iter().filter_map(|token| history.successor(*token)).collect();
            assert_eq!(lost, after, "what was never stored, and what follows from what came twice");
            verdict.refreshes += history.issued.iter().flatten().count();
            verdict.lost += lost.len();
            verdict.reused += history.reused.len();
            verdict.logins +=
                history.issued.len() - history.issued.iter().flatten().count() - group.users.len();
        }
        let mut logged_out = BTreeMap::<String, usize>::new();
        self.logged_out
            .iter()
            .for_each(|(user, _)| *logged_out.entry(user.clone()).or_default() += 1);
        assert_eq!(logged_out, reused_of, "who was logged out, and whose token came twice");
        assert_eq!((verdict.logins, verdict.lost), (self.logged_out.len(), self.logged_out.len()));
        println!("{verdict:?}, {} killed, {:?}", self.kills.all.len(), self.begun.elapsed());
        verdict
    }

    /// Each refresh token was got with the one before, or by a login after that came twice.
    fn judge_chain(&self, user: &str, chain: &[usize], history: &History) {
        assert_eq!(history.from(chain[0]), None, "{user}");
        for pair in chain.windows(2) {
            let is_good = match history.from(pair[1]) {
                Some(from) => from == pair[0],
                None => history.reused.contains(&pair[0]),
            };
            assert!(is_good, "{user}: {pair:?}");
        }
    }
}

/// The refresh tokens that were stored, in order.
fn chain(stored: &[Stored]) -> Vec<usize> {
    let mut chain: Vec<_> = stored.iter().filter_map(number).collect();
    chain.dedup();
    chain
}

/// The number in the name of its refresh token.
fn number(stored: &Stored) -> Option<usize> {
    stored.refresh.as_deref().and_then(number_of)
}
